"""Asking a server without a replica: blocking exchanges on a connection of their own, with a deadline."""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ovnkit.errors import ConnectionFailed, OvnkitError, Timeout
from ovnkit.ovsdb import wire
from ovnkit.ovsdb.dialer import Dialer
from ovnkit.ovsdb.tls import certificate_names, is_wrong_name
from ovnkit.remote import Remote, format_remotes

__all__ = ["Exchange", "ask", "fetch_schema", "unreachable"]

S = TypeVar("S", bound=socket.socket)
T = TypeVar("T")

_RETRY_AFTER = 0.05
_PATIENCE = 2.0
_SHORTEST = 0.001
_READ = 1 << 20
_HOPELESS = (errno.EACCES, errno.EPERM)
_MAY_PASS = (ssl.SSLEOFError, ssl.SSLSyscallError, ssl.SSLZeroReturnError, ssl.SSLWantReadError)
"""What a server that is just starting or ending may cause."""


def fetch_schema(
    remotes: Sequence[Remote], database: str, dialer: Dialer, *, timeout: float
) -> tuple[Remote, Mapping[str, Any]]:
    """The first server that answers, and its schema of ``database``. Raises what ask() raises."""

    def question(exchange: Exchange) -> tuple[Remote, Mapping[str, Any]]:
        schema = exchange.call("get_schema", [database], database)
        if not isinstance(schema, dict):
            raise ValueError(f"a schema that is {schema!r:.80}")  # noqa: TRY004 - of a value, not of a type in Python
        return exchange.remote, schema

    return ask(remotes, dialer, question, f"the schema of {database}", timeout=timeout)


def ask(
    remotes: Sequence[Remote], dialer: Dialer, question: Callable[[Exchange], T], what: str, *, timeout: float
) -> T:
    """What ``question(exchange)`` gives with the first server that answers; asked again where a connection is lost.

    Raises Timeout, for ``what``, when none did within ``timeout`` seconds (it names the last failure), and
    ConnectionFailed at once where waiting for any of them cannot help: no permission for a socket, a certificate that
    is refused, a server that does not have this database. Other errors of ovnkit that ``question`` raises pass.
    """
    deadline = time.monotonic() + timeout
    pause = _RETRY_AFTER
    patience = _PATIENCE
    failure: str = "nothing was tried"
    while True:
        hopeless: list[ConnectionFailed] = []
        for remote in remotes:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Timeout(f"{what} from {format_remotes(tuple(remotes))}; last failure: {failure}", timeout)
            try:
                # One server that does not answer must not use up the time of the others.
                return _ask(remote, question, dialer, left if len(remotes) == 1 else min(left, patience))
            except (OSError, ValueError) as exc:
                if isinstance(exc, OvnkitError) and not isinstance(exc, ConnectionFailed):
                    raise
                hopeless += _hopeless(remote, exc)
                failure = f"{remote}: {_explained(exc)}"
        if len(hopeless) == len(remotes):
            raise hopeless[0]
        time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
        pause = min(pause * 2, 1.0)
        patience *= 2


def unreachable(remotes: Sequence[Remote], dialer: Dialer, *, timeout: float) -> dict[Remote, OSError]:
    """Why no connection can be opened to any of these servers; empty where one can. Nothing is sent to it.

    ``timeout`` in seconds is for each. Each is tried once, so that a server that is about to start is not waited for.
    """
    failures: dict[Remote, OSError] = {}
    for remote in remotes:
        try:
            _connected(remote, dialer, time.monotonic() + timeout).close()
        except OSError as exc:
            failures[remote] = exc
        else:
            return {}
    return failures


class Exchange:
    """A connection on which one question after another is asked, each with its answer, until a deadline."""

    def __init__(self, sock: socket.socket, remote: Remote, deadline: float) -> None:
        self.remote = remote
        self._sock = sock
        self._deadline = deadline
        self._framer = wire.Framer()
        self._number = -1

    def call(self, method: str, params: Sequence[Any], database: str) -> Any:
        """The result of one request about ``database`` (RFC 7047 4.1).

        Raises OSError where the connection is lost or no answer comes in time, and ConnectionFailed where the server
        does not have the database.
        """
        self._number += 1
        request = json.dumps({"method": method, "params": params, "id": self._number}).encode()
        # What keeps this from being sent, such as a certificate that is refused, is said by the server and read below.
        with contextlib.suppress(ConnectionError, ssl.SSLEOFError):
            self._sock.settimeout(_left(self._deadline))
            self._sock.sendall(request)
        while True:
            if time.monotonic() > self._deadline:
                raise TimeoutError("the server has not finished its answer")
            self._sock.settimeout(_left(self._deadline))
            part = self._sock.recv(_READ)
            if not part:
                raise OSError("the server closed the connection; is it an OVSDB server?")
            try:
                for message in self._framer.feed(part):
                    head = wire.head(message)
                    if head.method is None and bytes(head.id) == b"%d" % self._number:
                        return self._result(head, database)
            except ValueError as exc:
                raise OSError(f"the answer is not that of an OVSDB server: {exc}") from exc

    def _result(self, head: wire.Head, database: str) -> Any:
        error = wire.value(head.error) if head.error else None
        if _comes_later(error):
            raise OSError(f"it has no content of {database} yet: it has just been started, or reaches no other server")
        if error:
            told = "" if "unknown database" in repr(error) else f": {error!r:.200}"
            asking = f"`ovsdb-client list-dbs {self.remote}` names those that there are"
            raise ConnectionFailed(str(self.remote), f"no database {database} here{told}; {asking}")
        return wire.value(head.result) if head.result else None


def _explained(exc: OSError | ValueError) -> str:
    if isinstance(exc, (FileNotFoundError, ConnectionRefusedError)):
        return f"{exc.strerror}; does the server run, and does it listen there?"
    return exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)


def _hopeless(remote: Remote, exc: Exception) -> list[ConnectionFailed]:
    """The error for a failure that waiting cannot help; none for another."""
    if isinstance(exc, ConnectionFailed):
        return [exc]
    if isinstance(exc, OSError) and exc.errno in _HOPELESS:
        failed = ConnectionFailed(str(remote), f"{exc.strerror}: {_who_may(remote)}")
    else:
        return []
    failed.__cause__ = exc
    return [failed]


def _who_may(remote: Remote) -> str:
    if remote.scheme == "unix":
        return "the socket belongs to another user; run as that user or root, or join the group of the socket"
    return "this connection is not permitted"


def _ask(remote: Remote, question: Callable[[Exchange], T], dialer: Dialer, timeout: float) -> T:
    deadline = time.monotonic() + timeout
    if remote.scheme != "ssl":
        with _connected(remote, dialer, deadline) as sock:
            return question(Exchange(sock, remote, deadline))
    try:
        with _secured(remote, dialer, deadline) as secure:
            return question(Exchange(secure, remote, deadline))
    except _MAY_PASS as exc:
        raise OSError(dialer.explained(exc, remote)) from exc
    except ssl.SSLError as exc:
        reason = dialer.explained(exc, remote)
        if is_wrong_name(exc):
            reason += _names(remote, dialer, deadline)
        raise ConnectionFailed(str(remote), reason) from exc


def _connected(remote: Remote, dialer: Dialer, deadline: float) -> socket.socket:
    if remote.scheme == "unix":
        return _connect(socket.socket(socket.AF_UNIX), remote.path, deadline)
    return _connect_any(remote, dialer, deadline, lambda sock: sock)


def _secured(remote: Remote, dialer: Dialer, deadline: float, *, any_name: bool = False) -> ssl.SSLSocket:
    secure = _connect_any(remote, dialer, deadline, lambda sock: dialer.secured(sock, remote, any_name=any_name))
    try:
        secure.settimeout(_left(deadline))
        secure.do_handshake()
    except BaseException:
        secure.close()
        raise
    return secure


def _connect_any(remote: Remote, dialer: Dialer, deadline: float, prepare: Callable[[socket.socket], S]) -> S:
    failure = OSError("no address")
    for family, _, _, address in dialer.addresses(remote.host, remote.port, patience=_left(deadline)):
        try:
            return _connect(prepare(socket.socket(family)), address, deadline)
        except OSError as exc:
            failure = exc
    raise failure


def _connect(sock: S, address: Any, deadline: float) -> S:
    try:
        sock.settimeout(_left(deadline))
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _names(remote: Remote, dialer: Dialer, deadline: float) -> str:
    """Which names a certificate carries; OpenSSL only says which one it does not."""
    try:
        with _secured(remote, dialer, deadline, any_name=True) as secure:
            certificate = secure.getpeercert() or {}
    except OSError:
        return ""
    return f"; it is for {certificate_names(certificate)}. Tls(server_name=…) says which name is right"


def _left(deadline: float) -> float:
    return max(_SHORTEST, deadline - time.monotonic())


def _comes_later(error: object) -> bool:
    """What a relay says before it has the content of its source, and a member that joins its cluster."""
    return isinstance(error, dict) and error.get("error") == "database not available"
