"""Byte streams of our own for `ovs`, each belonging to one client: its TLS, its probes, and why it failed last.

``ovs.stream`` keeps TLS settings in class attributes for the whole process, looks host names up where everybody waits,
and takes a TLS error for an ``errno``. All of that is mended here by schemes beside its own, without changing what
others in the process use.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import select
import socket
import ssl
import threading
from collections.abc import Iterable
from typing import Any, ClassVar

from ovs import socket_util
from ovs.poller import POLLIN, POLLOUT, Poller
from ovs.stream import Stream, TCPStream, UnixStream

from ovnkit.ovsdb.dialer import Dialer
from ovnkit.ovsdb.guard import new_lock
from ovnkit.remote import Remote, parse_remotes

__all__ = ["StreamName", "forget", "stream_names"]

StreamName = str
_numbers = itertools.count(1)
_registering = threading.Lock()
"""Held while the schemes of `ovs` are exchanged: other threads walk through them at any time, so none is changed."""

_LOOK_UP_SECONDS = 0.02
"""How long the engine waits for a resolver: enough for the hosts file or a cache nearby."""
_RECORD = 1 << 14
"""The most that one TLS record carries."""
_CHUNK = 1 << 16
_AGAIN = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _OfClient(Stream):  # type: ignore[misc]
    """Tells the client's dialer why it failed."""

    scheme: ClassVar[str]
    dialer: ClassVar[Dialer]
    _has_said_something = False
    _unanswered = False

    def __init__(self, sock: socket.socket | None, name: str, status: int) -> None:
        super().__init__(sock, name, status)
        self.socket: Any = sock
        self.remote = self._remote(name.partition(":")[2])
        if status not in {0, errno.EAGAIN}:
            self._fail(status)

    @staticmethod
    def needs_probes() -> bool:
        """Also on a Unix socket: a server that is stopped or hangs does not close it."""
        return True

    @classmethod
    def _remote(cls, suffix: str) -> Remote:
        return parse_remotes(f"{cls.scheme}:{suffix}")[0]

    def connect(self) -> int:
        error: int = super().connect()
        self._unanswered = error == errno.EAGAIN
        return error if error in {0, errno.EAGAIN} else self._fail(error)

    def close(self) -> None:
        if self._unanswered:
            self.dialer.trouble = f"{self.remote}: no answer"
        if self.socket is not None:
            # A child that was forked has the socket as well, and with that alone the session would go on.
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
        super().close()

    def recv(self, n: int) -> tuple[int, bytes | str]:
        error, data = super().recv(n)
        if error == errno.EAGAIN:
            return error, data
        if error:
            self._fail(error)
        elif not data and n:
            self.dialer.trouble = f"{self.remote}: the server closed the connection"
        elif not self._has_said_something:
            self._has_said_something = True
            self.dialer.trouble = ""
        return error, data

    def _fail(self, error: int) -> int:
        # Whoever closed it has told why.
        if error != errno.EBADF:
            self.dialer.trouble = f"{self.remote}: {os.strerror(error)}"
        return error


class _Unix(_OfClient, UnixStream):  # type: ignore[misc]
    scheme = "unix"

    @classmethod
    def _open(cls, suffix: str, dscp: int) -> tuple[int, socket.socket | None]:
        error, sock = UnixStream._open(suffix, dscp)
        if error:
            cls.dialer.trouble = f"unix:{suffix}: {os.strerror(error)}"
        return error, sock


class _Network(_OfClient, TCPStream):  # type: ignore[misc]
    @classmethod
    def _open(cls, suffix: str, dscp: int) -> tuple[int, socket.socket | None]:
        remote = cls._remote(suffix)
        try:
            addresses = cls.dialer.addresses(remote.host, remote.port, patience=_LOOK_UP_SECONDS)
        except OSError as exc:
            cls.dialer.trouble = f"{remote}: {exc}"
            return errno.EHOSTUNREACH, None
        error = 0
        for family, kind, protocol, address in addresses:
            sock = socket.socket(family, kind, protocol)
            if cls.scheme == "ssl":
                sock = cls.dialer.secured(sock, remote)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            error = socket_util.inet_connect_active(sock, address, family, dscp)
            if not error:
                return 0, sock
        cls.dialer.trouble = f"{remote}: {os.strerror(error)}"
        return error, None

    @staticmethod
    def check_connection_completion(sock: socket.socket) -> int:
        # That of `ovs` sends a byte to learn why there is no connection.
        poll = select.poll()
        poll.register(sock, select.POLLOUT)
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if poll.poll(0) else errno.EAGAIN


class _Tcp(_Network):
    scheme = "tcp"


class _Tls(_Network):
    """The handshake begins when the connection is there; its failures are told in words, and come as EPROTO.

    One thread may read while others write.
    """

    scheme = "ssl"
    _greeted = False
    _handshake_needs: int | None = None
    _end: tuple[int, bytes] | None = None

    def __init__(self, sock: socket.socket | None, name: str, status: int) -> None:
        # A connection of OpenSSL is for one thread at a time, and not every release of Python sees to that.
        self._one_thread = new_lock()
        super().__init__(sock, name, status)

    def connect(self) -> int:
        if self._greeted:
            return 0
        error = super().connect()
        if error:
            return error
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            return self._go_on_when(POLLIN)
        except ssl.SSLWantWriteError:
            return self._go_on_when(POLLOUT)
        except OSError as exc:
            return self._refused(exc)
        self._greeted = True
        return 0

    def _go_on_when(self, events: int) -> int:
        self._handshake_needs = events
        self._unanswered = True
        return errno.EAGAIN

    def wait(self, poller: Poller, wait: int) -> None:
        if self._handshake_needs is not None and not self._greeted:
            # A socket that waits for the server's part of the handshake can be written to at any time.
            poller.fd_wait(self.socket, self._handshake_needs)
        elif wait == Stream.W_RECV and self._greeted and (self._end is not None or self.socket.pending()):
            # What was decrypted with the last read makes no socket readable.
            poller.immediate_wake()
        else:
            super().wait(poller, wait)

    def _recv(self, n: int) -> tuple[int, bytes]:
        error = self.connect()
        if error or not n:
            return error, b""
        parts: list[bytes] = []
        left = n
        while left and self._end is None:
            # A read gives one record at most, so that a larger buffer is only allocated in vain.
            try:
                with self._one_thread:
                    part = self.socket.recv(min(left, _RECORD))
            except _AGAIN:
                break
            except OSError as exc:
                # What came before it is given first.
                self._end = self._refused(exc), b""
                break
            if part:
                parts.append(part)
                left -= len(part)
            else:
                self._end = 0, b""
        if parts:
            return 0, parts[0] if len(parts) == 1 else b"".join(parts)
        return self._end or (errno.EAGAIN, b"")

    def _send(self, buf: bytes | str) -> int:
        error = self.connect()
        if error or not buf:
            return -error
        # Of a message, or what is left of it, OpenSSL takes all or nothing.
        chunk = buf[:_CHUNK]
        try:
            with self._one_thread:
                sent: int = self.socket.send(chunk.encode() if isinstance(chunk, str) else chunk)
        except _AGAIN:
            return -errno.EAGAIN
        except OSError as exc:
            return -self._refused(self._alert() or exc)
        return sent

    def close(self) -> None:
        with self._one_thread:
            super().close()

    def _alert(self) -> ssl.SSLError | None:
        """What the server said before it ended the connection: with TLS 1.3, that it refuses our certificate."""
        try:
            with self._one_thread:
                while self.socket.recv(_RECORD):
                    pass
        except ssl.SSLError as exc:
            return None if isinstance(exc, _AGAIN) else exc
        except OSError:
            pass
        return None

    def _fail(self, error: int) -> int:
        # Already told, in words.
        return error if error == errno.EPROTO else super()._fail(error)

    def _refused(self, exc: OSError) -> int:
        if self._greeted and isinstance(exc, ssl.SSLEOFError):
            return self._fail(errno.ECONNRESET)
        if not isinstance(exc, ssl.SSLError):
            return self._fail(exc.errno or errno.EPROTO)
        self.dialer.trouble = f"{self.remote}: {self.dialer.explained(exc, self.remote)}"
        return errno.EPROTO


_CLASSES: dict[str, type[_OfClient]] = {"unix": _Unix, "tcp": _Tcp, "ssl": _Tls}


def stream_names(remotes: Iterable[Remote], dialer: Dialer) -> list[StreamName]:
    """What `ovs` is to be given for these servers, until ``forget(names)``."""
    number = next(_numbers)
    names = []
    schemes: dict[str, type[_OfClient]] = {}
    for remote in remotes:
        scheme = f"ovnkit-{number}-{remote.scheme}"
        schemes.setdefault(f"{scheme}:", _CLASSES[remote.scheme])
        names.append(f"{scheme}:{str(remote).partition(':')[2]}")
    with _registering:
        own = {scheme: type(base.__name__, (base,), {"dialer": dialer}) for scheme, base in schemes.items()}
        Stream._SOCKET_METHODS = {**Stream._SOCKET_METHODS, **own}
    return names


def forget(names: Iterable[StreamName]) -> None:
    """Take a client's own schemes out of the registry of `ovs` again."""
    gone = {f"{name.partition(':')[0]}:" for name in names}
    with _registering:
        kept = {scheme: stream for scheme, stream in Stream._SOCKET_METHODS.items() if scheme not in gone}
        Stream._SOCKET_METHODS = kept
