"""Connection strings, and settings for TLS."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, Self, get_args

import attrs

from ovnkit.errors import InvalidRemote, InvalidValue

__all__ = [
    "NameNotVerified",
    "OpenToAll",
    "Remote",
    "Scheme",
    "Tls",
    "format_remotes",
    "is_host_name",
    "lacks_port",
    "parse_remotes",
]

Scheme = Literal["tcp", "ssl", "unix"]
_DEFAULT_PORT = 6640
_LONGEST_NAME = 253
_LONGEST_LABEL = 63


@attrs.frozen
class Remote:
    """One server: ``tcp:HOST:PORT``, ``ssl:HOST:PORT`` or ``unix:PATH`` (ovsdb(7), Connection Methods)."""

    scheme: Scheme
    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}:{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the traffic stays on this machine."""
        if self.scheme == "unix" or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class OpenToAll(UserWarning):
    """A server lets in whoever gets there, or does not notice who has gone; the message says which."""


class NameNotVerified(UserWarning):
    """A client takes any server whose certificate its CA has signed: ``Tls(verify_name=False)``."""


def _server_names(given: str | Mapping[str, str] | None) -> str | dict[str, str] | None:
    if given is None:
        return None
    if isinstance(given, str):
        return _server_name(given)
    names: dict[str, str] = {}
    for text, name in given.items():
        remote, *more = parse_remotes(text)
        if more or remote.scheme != "ssl":
            raise InvalidRemote(text, "a key of Tls(server_name=…) is one ssl: remote")
        if str(remote) in names:
            raise InvalidRemote(text, "Tls(server_name=…) names this remote twice")
        names[str(remote)] = _server_name(name)
    return names


def _server_name(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        if is_host_name(name):
            return name
    raise InvalidValue(table="Tls", column="server_name", value=name, allowed="a host name or an IP address")


@attrs.frozen
class Tls:
    """What a client needs for ``ssl:`` remotes, as PEM files: its key and certificate, and the CA of the servers'.

    A server's certificate has to name the host or the address of its remote. ``server_name`` is the name (or IP
    address) that it has to name instead: one for all remotes, or a mapping from remotes, each written as in the
    connection string, to names. Host names are also sent to the server (SNI).

    ``verify_name=False`` takes any name, so that whoever holds any certificate of this CA can pose as the server;
    connecting then gives the warning NameNotVerified. The CA is checked always.

    A key that others can read, or that belongs to somebody else but root, is refused: who has it can pose as this
    client. ``shared_key=True`` takes it.

    The files are read again for each connection, so that they can be replaced while the client runs.
    """

    key: Path = attrs.field(converter=Path)
    cert: Path = attrs.field(converter=Path)
    ca: Path = attrs.field(converter=Path)
    server_name: str | Mapping[str, str] | None = attrs.field(
        default=None, kw_only=True, converter=_server_names, hash=False
    )
    verify_name: bool = attrs.field(default=True, kw_only=True)
    shared_key: bool = attrs.field(default=False, kw_only=True)

    def name_of(self, remote: Remote) -> str:
        """What the certificate of this server has to name."""
        names = self.server_name
        return names if isinstance(names, str) else (names or {}).get(str(remote), remote.host)

    def check_names(self, remotes: Iterable[Remote]) -> None:
        """Raise InvalidRemote where ``server_name`` has a name for a remote that is not among these."""
        if isinstance(self.server_name, Mapping):
            secure = [str(remote) for remote in remotes if remote.scheme == "ssl"]
            for text in self.server_name.keys() - set(secure):
                known = ", ".join(secure) or "none that begins with ssl:"
                raise InvalidRemote(text, f"Tls(server_name=…) names this remote, but the connection has {known}")

    def limited_to(self, remotes: Iterable[Remote]) -> Self:
        """The same, but of ``server_name`` only what is for these: for one connection of several."""
        if not isinstance(self.server_name, Mapping):
            return self
        texts = {str(remote) for remote in remotes}
        names = {text: name for text, name in self.server_name.items() if text in texts}
        return attrs.evolve(self, server_name=names)


def parse_remotes(text: str) -> tuple[Remote, ...]:
    """The servers that a comma-separated connection string names.

    Raises InvalidRemote, which says what is wrong. A ``tcp:`` or ``ssl:`` remote without a port means 6640, as in
    ovsdb(7).
    """
    items = [item.strip() for item in text.split(",")]
    if not all(items):
        raise InvalidRemote(text, "it has an empty element")
    return tuple(_parse_remote(item) for item in items)


def format_remotes(remotes: tuple[Remote, ...]) -> str:
    """The comma-separated form, canonical."""
    return ",".join(str(remote) for remote in remotes)


def lacks_port(text: str) -> bool:
    """Whether a server of a connection string has no port, which then is not that of an OVN database but 6640.

    Raises InvalidRemote, as parse_remotes() does.
    """
    items = [item.strip() for item in text.split(",")]
    return any(
        remote.scheme != "unix" and not item.endswith(f":{remote.port}")
        for item, remote in zip(items, parse_remotes(text), strict=True)
    )


def is_host_name(text: str) -> bool:
    """Whether a text can be the name of a host (RFC 1123; underscores are taken as well)."""
    labels = text.split(".")
    return len(text) <= _LONGEST_NAME and all(
        label.isascii() and label.replace("-", "").replace("_", "").isalnum() and len(label) <= _LONGEST_LABEL
        for label in labels
    )


def _parse_remote(text: str) -> Remote:
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in get_args(Scheme):
        raise InvalidRemote(text, "it must begin with tcp:, ssl: or unix:")
    if scheme == "unix":
        if not rest or not rest.isprintable():
            raise InvalidRemote(text, "a path must follow unix:")
        return Remote("unix", path=rest)
    host, port = _split_host(text, rest)
    return Remote("tcp" if scheme == "tcp" else "ssl", host=host, port=port)


def _split_host(text: str, rest: str) -> tuple[str, int]:
    if rest.startswith("["):
        host, bracket, tail = rest[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            raise InvalidRemote(text, "an IPv6 address is written as [address]:port")
        port = tail[1:]
        try:
            host = str(ipaddress.IPv6Address(host))
        except ValueError:
            raise InvalidRemote(text, f"{host!r} is not an IPv6 address") from None
    else:
        host, _, port = rest.partition(":")
        if ":" in port:
            raise InvalidRemote(text, "an IPv6 address needs brackets: [address]:port")
        _check_host(text, host)
    if not port:
        return host, _DEFAULT_PORT
    if not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
        raise InvalidRemote(text, f"the port is {port!r}, not a number from 1 to 65535")
    return host, int(port)


def _check_host(text: str, host: str) -> None:
    if not host:
        raise InvalidRemote(text, "the host is missing")
    labels = host.split(".")
    if all(label.isdigit() for label in labels):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise InvalidRemote(text, f"{host!r} is not an IPv4 address") from None
    elif not is_host_name(host):
        raise InvalidRemote(text, f"{host!r} is not a host name or address")
