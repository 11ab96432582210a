"""How one client reaches its servers: addresses of host names, TLS, and why the last attempt failed."""

from __future__ import annotations

import itertools
import socket
import ssl
import stat
import threading
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ovnkit.errors import InvalidRemote
from ovnkit.ovsdb.tls import Credentials, explain
from ovnkit.remote import NameNotVerified, OpenToAll, Remote, Tls, format_remotes

__all__ = ["Address", "Dialer"]

Address = tuple[int, int, int, Any]
"""Family, type, protocol and address of a socket."""


class _LookUp:
    """One question to the resolver, which may take its time, in a thread."""

    def __init__(self, host: str, port: int) -> None:
        self.found: list[Address] = []
        self.error = f"the look-up of {host} is not answered yet"
        self.done = threading.Event()
        thread = threading.Thread(target=self._run, args=(host, port), name=f"ovnkit looks up {host}", daemon=True)
        thread.start()

    def _run(self, host: str, port: int) -> None:
        try:
            self.found = _resolve(host, port)
        except (OSError, UnicodeError) as exc:
            self.error = f"the look-up of {host} failed: {(isinstance(exc, OSError) and exc.strerror) or exc}"
        finally:
            self.done.set()


def _warn_of_sockets(remotes: Collection[Remote]) -> None:
    """Of those that others may connect to, which is to write; ovsdb-server makes them for owner and group (0770)."""
    for remote in remotes:
        if remote.scheme != "unix":
            continue
        try:
            mode = stat.S_IMODE(Path(remote.path).stat().st_mode)
        except OSError:
            continue
        if mode & 0o002:
            what = f"it has mode {mode:04o}, so that any user of this machine may do what this client may"
            warnings.warn(f"{remote}: {what}. chmod o= {remote.path}", OpenToAll, stacklevel=4)


class Dialer:
    """Shared by all connections of one client. Made in the call of connect(), which is the second one above.

    Raises InvalidRemote, and ConnectionFailed naming a TLS file that cannot be used. Gives the warnings NameNotVerified
    and OpenToAll.
    """

    def __init__(self, remotes: Collection[Remote], tls: Tls | None = None) -> None:
        self.trouble = ""
        """Why the last attempt failed or the last connection ended; empty once a server has said something."""
        self.tls = tls
        self._credentials = None if tls is None else Credentials(tls)
        self._look_ups: dict[tuple[str, int], _LookUp] = {}
        self._found: dict[tuple[str, int], list[Address]] = {}
        self._turns = itertools.count()
        _warn_of_sockets(remotes)
        secure = [remote for remote in remotes if remote.scheme == "ssl"]
        if tls is None:
            if secure:
                raise InvalidRemote(format_remotes(tuple(remotes)), "ssl: needs tls=Tls(key, cert, ca)")
            return
        tls.check_names(remotes)
        if secure and not tls.verify_name:
            warnings.warn(
                f"the names of {format_remotes(tuple(secure))} are not verified: whoever holds a certificate of the CA "
                f"in {tls.ca}, a chassis for example, can pose as the server. Tls(server_name=…) names what their "
                "certificates carry",
                NameNotVerified,
                stacklevel=3,
            )

    def addresses(self, host: str, port: int, *, patience: float) -> list[Address]:
        """Where a host is; each call begins with another address, because one that is dead is found out late.

        Each call asks the resolver anew and waits no longer than ``patience`` seconds; then, and where the resolver
        fails, the last good answer serves, and the next call has the new one. Raises OSError where there is none.
        """
        found = self._numeric(host, port) or self._looked_up(host, port, patience)
        first = next(self._turns) % len(found)
        return found[first:] + found[:first]

    @staticmethod
    def _numeric(host: str, port: int) -> list[Address]:
        try:
            return _resolve(host, port, socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            return []

    def _looked_up(self, host: str, port: int, patience: float) -> list[Address]:
        key = (host, port)
        look_up = self._look_ups.get(key)
        if look_up is None or look_up.done.is_set():
            if look_up is not None and look_up.found:
                self._found[key] = look_up.found
            look_up = self._look_ups[key] = _LookUp(host, port)
        if look_up.done.wait(patience) and look_up.found:
            self._found[key] = look_up.found
        if key not in self._found:
            raise OSError(look_up.error)
        return self._found[key]

    def secured(self, sock: socket.socket, remote: Remote, *, any_name: bool = False) -> ssl.SSLSocket:
        """The socket, which is not connected yet, in TLS; connecting it does not begin the handshake.

        Python loses a socket that its server resets while it is put into TLS.
        """
        assert self._credentials is not None
        context = self._credentials.context_for_any_name() if any_name else self._credentials.context()
        name = self._credentials.tls.name_of(remote)
        return context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)

    def explained(self, exc: Exception, remote: Remote) -> str:
        """Why TLS with a server failed, in words."""
        assert self._credentials is not None
        text = explain(exc, self._credentials.tls, self._credentials.tls.name_of(remote))
        fault = self._credentials.fault
        return f"{text}; and of the TLS files, what was read before was used, because {fault}" if fault else text


def _resolve(host: str, port: int, flags: int = 0) -> list[Address]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, kind, protocol, address) for family, kind, protocol, _, address in answers]
