"""Byte streams of our own for `ovs`: complete UTF-8 characters, and TLS settings that belong to one client.

``ovs.stream`` keeps TLS settings in class attributes for the whole process, and its readers drop a connection where a
read ends within a character. Both are mended here by schemes beside its own, without changing what others in the
process use.
"""

from __future__ import annotations

import errno
import itertools
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any

from ovs import socket_util
from ovs.stream import SSLStream, Stream, TCPStream, UnixStream

from ovnkit.errors import ConnectionFailed
from ovnkit.remote import Remote, Tls

__all__ = ["StreamName", "forget", "stream_names", "tls_context"]

StreamName = str
_numbers = itertools.count(1)


def tls_context(tls: Tls) -> ssl.SSLContext:
    """A context from key, certificate and CA. Raises ConnectionFailed naming the file that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = tls.verify_hostname
    try:
        context.load_verify_locations(tls.ca)
    except (OSError, ssl.SSLError) as exc:
        raise ConnectionFailed(str(tls.ca), f"this CA certificate cannot be used: {exc}") from exc
    try:
        context.load_cert_chain(tls.cert, tls.key)
    except (OSError, ssl.SSLError) as exc:
        raise ConnectionFailed(str(tls.cert), f"this certificate with key {tls.key} cannot be used: {exc}") from exc
    return context


class _WholeCharacters(Stream):  # type: ignore[misc]
    """Holds back the first bytes of a character until the rest has come."""

    _held = b""

    def recv(self, n: int) -> tuple[int, bytes | str]:
        while True:
            error, data = super().recv(n)
            if error or not data:
                return error, data
            data = self._held + data
            end = len(data) - _incomplete(data)
            self._held = data[end:]
            if end:
                return 0, data[:end]


def _incomplete(data: bytes) -> int:
    """How many bytes at the end of ``data`` begin a character that is not complete."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte < 0x80:
            return 0
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < needed else 0
    return 0


class _Unix(_WholeCharacters, UnixStream):  # type: ignore[misc]
    pass


def _connect(suffix: str, dscp: int, prepare: Callable[[socket.socket, str], Any]) -> tuple[int, Any]:
    """A socket on its way to HOST:PORT: an error number and None, or 0 and what ``prepare(socket, host)`` made of it.

    ``ovs`` asks a resolver of its own, which is not always there and gives one address only.
    """
    host, _, port = suffix.rpartition(":")
    host = host.strip("[]")
    try:
        addresses = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except OSError:
        return errno.EHOSTUNREACH, None
    error = 0
    # Each attempt begins with another address, because one that does not answer is only found out later.
    first = next(_numbers) % len(addresses)
    for family, kind, protocol, _, address in addresses[first:] + addresses[:first]:
        sock = socket.socket(family, kind, protocol)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        prepared = prepare(sock, host)
        error = socket_util.inet_connect_active(prepared, address, family, dscp)
        if not error:
            return 0, prepared
    return error, None


class _Tcp(_WholeCharacters, TCPStream):  # type: ignore[misc]
    @staticmethod
    def _open(suffix: str, dscp: int) -> tuple[int, Any]:
        return _connect(suffix, dscp, lambda sock, _host: sock)


class _Tls(_WholeCharacters, SSLStream):  # type: ignore[misc]
    context: ssl.SSLContext

    @classmethod
    def _open(cls, suffix: str, dscp: int) -> tuple[int, Any]:
        def wrap(sock: socket.socket, host: str) -> ssl.SSLSocket:
            return cls.context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=host)

        return _connect(suffix, dscp, wrap)


Stream.register_method("ovnkit-unix", _Unix)
Stream.register_method("ovnkit-tcp", _Tcp)


def stream_names(remotes: Iterable[Remote], context: ssl.SSLContext | None) -> list[StreamName]:
    """What `ovs` is to be given for these servers."""
    scheme = ""
    if context is not None:
        scheme = f"ovnkit-tls-{next(_numbers)}"
        Stream.register_method(scheme, type("_TlsOfOneClient", (_Tls,), {"context": context}))
    names = []
    for remote in remotes:
        _, _, rest = str(remote).partition(":")
        names.append(f"{scheme}:{rest}" if remote.scheme == "ssl" else f"ovnkit-{remote.scheme}:{rest}")
    return names


def forget(names: list[StreamName]) -> None:
    """Take a client's own TLS scheme out of the registry of `ovs` again."""
    for name in names:
        scheme, _, _ = name.partition(":")
        if scheme.startswith("ovnkit-tls-"):
            Stream._SOCKET_METHODS.pop(f"{scheme}:", None)
