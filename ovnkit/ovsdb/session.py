"""The session with a server: that of ``ovs`` (reconnecting, probes), on faster reading and writing of messages."""

from __future__ import annotations

import errno
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import ovs.jsonrpc
from ovs import timeval
from ovs.jsonrpc import Message

from ovnkit.ovsdb import wire
from ovnkit.ovsdb.guard import new_lock

__all__ = ["Answer", "Session", "fast_session", "plain"]

Answer = Callable[[wire.Head | None], object]
"""What is called with the reply to a request, or with None where the connection is lost before it."""

_PRESENT: Any = object()
"""In place of a connection: that which is there."""
_READ = 1 << 18
_READS_AT_ONCE = 64
"""After so many full reads others get their turn, however fast the server sends."""
_MESSAGES_AT_ONCE = 500
"""So many messages that nothing is left to do for, and others get their turn."""
_LOOK_AFTER = 2.0
"""Seconds after which a message that has not ended is looked at, and again after twice as long each time."""
_LONGEST_ID = 1000
_ECHOES = 1 << 20
"""Bytes of answers to echoes that may wait for a server that does not read them."""


class _Rpc(ovs.jsonrpc.Connection):  # type: ignore[misc]
    """A connection whose messages are bytes, taken apart by a Framer.

    It is read by one thread; any thread may write.
    """

    stream: Any

    def __init__(self, stream: Any, lock: threading.RLock) -> None:
        super().__init__(stream)
        self.status: int
        self._lock = lock
        self._framer = wire.Framer()
        self._inbox: deque[tuple[wire.Head | None, bytes | bytearray]] = deque()
        self._outbox = bytearray()
        self._more = False
        self._drained = False
        self._look_at = 0.0
        self._patience = _LOOK_AFTER
        self._echoes = 0
        self._broken = 0
        self.trouble = ""

    def run(self) -> None:
        self._drained = False
        if self._outbox:
            with self._lock:
                self._flush()
        if self._broken:
            self.error(self._broken)

    def _flush(self) -> None:
        while self._outbox and not self.status and not self._broken:
            sent = self.stream.send(self._outbox)
            if sent < 0:
                if sent != -errno.EAGAIN:
                    # The thread that reads closes it: it may be waiting for this socket just now.
                    self._broken = -sent
                return
            del self._outbox[:sent]

    def close(self) -> None:
        with self._lock:
            # For another thread that is about to write.
            self._broken = self._broken or errno.ENOTCONN
            super().close()

    def error(self, error: int) -> None:
        with self._lock:
            super().error(error)

    def wait(self, poller: Any) -> None:
        if not self.status:
            self.stream.run_wait(poller)
            if self._outbox:
                self.stream.send_wait(poller)

    def get_backlog(self) -> int:
        return 0 if self.status else len(self._outbox)

    def send(self, msg: Any) -> int:
        return self.write(wire.encode(msg.to_json()))

    def write(self, data: bytes) -> int:
        """Send an encoded message; an error number where the connection was down before, and nothing is sent."""
        with self._lock:
            if self.status or self._broken:
                return int(self.status) or self._broken
            self._outbox += data
            if len(self._outbox) == len(data):
                self._flush()
            return 0

    def echo(self, data: bytes) -> None:
        """Answer an echo. Raises ValueError where too many answers have not been read."""
        with self._lock:
            self._echoes = self._echoes + len(data) if self._outbox else 0
            if self._echoes > _ECHOES:
                raise ValueError("the server asks for more echoes than it reads")
            self.write(data)

    def read(self) -> tuple[wire.Head, bytes | bytearray] | None:
        """The next message, and what it was read from; None where there is none yet."""
        for _ in range(_READS_AT_ONCE):
            try:
                if self._inbox:
                    head, data = self._inbox.popleft()
                    if head is None:
                        wire.check_text(data)
                        head = wire.head(data)
                    return head, data
                self._more = False
                if self.status or self._drained:
                    return None
                self._receive()
            except ValueError as exc:
                self.reject(exc)
        self._more = True
        return None

    def _receive(self) -> None:
        error, data = self.stream.recv(_READ)
        if error:
            if error != errno.EAGAIN:
                self.error(error)
            else:
                self._drained = True
            return
        if not data:
            self.error(ovs.jsonrpc.EOF)
            return
        self.received_bytes += len(data)
        # Less than was asked for: there is no more at the moment, but for what TLS has decrypted already.
        self._drained = len(data) < _READ and not getattr(self.stream.socket, "pending", int)()
        found = wire.whole(data) if self._drained and not self._framer.buffered else None
        if found is None:
            self._inbox.extend((None, message) for message in self._framer.feed(data))
        else:
            self._inbox.extend(found)
        self._look()

    def yields(self) -> None:
        """Have others get their turn before the next message is read."""
        self._more = True

    def _look(self) -> None:
        """Find out that a message will not end, because bytes of it were lost and what follows seems to be its rest."""
        if self._inbox or not self._framer.buffered:
            self._look_at = 0.0
            self._patience = _LOOK_AFTER
            return
        now = time.monotonic()
        if self._look_at and now >= self._look_at:
            self._framer.check()
            self._patience *= 2
            self._look_at = 0.0
        if not self._look_at:
            self._look_at = now + self._patience

    @property
    def has_more(self) -> bool:
        """Whether there is something to do without waiting for the socket."""
        return bool(self._inbox or self._more or self._outbox)

    def reject(self, exc: Exception) -> None:
        """Drop the connection, because what the server says is not JSON-RPC."""
        self.trouble = f"the server says what is not OVSDB: {exc}"
        self.error(errno.EPROTO)

    def recv_wait(self, poller: Any) -> None:
        if self.status or self._inbox or self._more:
            poller.immediate_wake()
        else:
            self.stream.recv_wait(poller)


class Session(ovs.jsonrpc.Session):  # type: ignore[misc]
    """A session that takes apart only what is needed, and hands replies to whoever asked.

    ``understand`` makes of a Head the message that ``ovs.db.idl.Idl.run()`` expects. Made by fast_session().
    """

    understand: Callable[[wire.Head, bytes | bytearray], Any]
    requests: dict[bytes, tuple[float, Answer]]
    trouble: str
    probes_answered: int
    lock: threading.RLock
    """Held while something is written, or ``requests`` is exchanged."""

    rpc: Any
    put_back: tuple[Any, Any] | None
    """A message that recv() gives again, and the connection that it came on."""
    silent: set[str]
    """The servers that are passed over the next time that it is their turn."""

    def run(self) -> None:
        """As in `ovs`, with connections of our own."""
        rpc, name = self.rpc, self.get_name()
        silent = rpc is not None and not rpc.status and self.reconnect.state.name == "IDLE"
        super().run()
        if rpc is not None and self.rpc is not rpc:
            self.trouble = rpc.trouble or ("the server did not answer a probe" if silent else "")
            if silent:
                self.silent.add(name)
        if self.rpc is not None and not isinstance(self.rpc, _Rpc):
            # Made in a moment ago, and nothing was read or written on it yet.
            self.rpc = _Rpc(self.rpc.stream, self.lock)

    def pick_remote(self) -> None:
        """As in `ovs`, the next one in turn, but not the one that was silent: stopped, it still accepts connections."""
        super().pick_remote()
        if self.get_name() in self.silent and len(self.remotes) > 1:
            # Once, so that nobody is left out for long, whatever the others turn out to be.
            self.silent.remove(self.get_name())
            super().pick_remote()

    def recv(self) -> Any:
        """The next message that is left to do for `ovs`."""
        if self.put_back is not None:
            (came_on, message), self.put_back = self.put_back, None
            if came_on is self.rpc:
                return message
        for _ in range(_MESSAGES_AT_ONCE):
            rpc = self.rpc
            if rpc is None:
                return None
            received = rpc.received_bytes
            found = rpc.read()
            if found is None or received != rpc.received_bytes:
                now = timeval.msec()
                self.reconnect.receive_attempted(now)
                if received != rpc.received_bytes:
                    self.reconnect.activity(now)
            if found is None:
                return None
            try:
                message = self._taken_apart(*found)
            except ValueError as exc:
                rpc.reject(exc)
                return None
            if message is not None:
                return message
        if self.rpc is not None:
            self.rpc.yields()
        return None

    def _taken_apart(self, head: wire.Head, data: bytes | bytearray) -> Any:
        """What there is left to do for `ovs`, None where it is done."""
        if len(memoryview(head.id)) > _LONGEST_ID:
            raise ValueError("an id that no client would give")
        key = bytes(head.id)
        if head.method is None:
            request = self.requests.pop(key, None)
            if request is not None:
                _, answer = request
                answer(head)
                return None
            if key == b'"echo"':
                self.probes_answered += 1
                return None
        elif head.method == "echo" and key not in (b"", b"null"):
            self.rpc.echo(b'{"error":null,"id":%b,"result":%b}' % (key, bytes(head.params) or b"[]"))
            return None
        return self.understand(head, data)

    def write(self, data: bytes) -> int:
        """Send an encoded message; returns an error number where there is no connection, and nothing is sent."""
        rpc = self.rpc
        return int(rpc.write(data)) if isinstance(rpc, _Rpc) else errno.ENOTCONN

    def request(self, *requests: tuple[bytes, bytes, Answer], rpc: Any = _PRESENT) -> bool:
        """Send requests, each an id, the message and whom to call: with the reply, or with None where it was lost.

        False where there is no connection, or no longer the ``rpc`` that was meant, and nothing is sent. Any thread
        may call this.
        """
        rpc = self.rpc if rpc is _PRESENT else rpc
        now = time.monotonic()
        with self.lock:
            for key, _, answer in requests:
                self.requests[key] = now, answer
            data = requests[0][1] if len(requests) == 1 else b"".join([data for _, data, _ in requests])
            if isinstance(rpc, _Rpc) and not rpc.write(data):
                return True
            for key, _, _ in requests:
                del self.requests[key]
            return False

    def abandon(self) -> None:
        """Tell everybody who waits for a reply that it will not come."""
        with self.lock:
            waiting, self.requests = self.requests, {}
        for _, answer in waiting.values():
            answer(None)

    @property
    def waiting_since(self) -> float | None:
        """When the oldest request was sent that has not been answered (``time.monotonic()``); None without one."""
        with self.lock:
            sent, _ = next(iter(self.requests.values()), (None, None))
            return sent

    @property
    def received_bytes(self) -> int:
        """What has been received on the present connection."""
        return 0 if self.rpc is None else int(self.rpc.received_bytes)


def fast_session(session: Any, understand: Callable[[wire.Head, bytes | bytearray], Any]) -> Session:
    """Have a session of `ovs` that was just opened work like this one."""
    session.__class__ = Session
    fast: Session = session
    fast.understand = understand
    fast.requests = {}
    fast.lock = new_lock()
    fast.trouble = ""
    fast.probes_answered = 0
    fast.put_back = None
    fast.silent = set()
    return fast


def plain(data: bytes | bytearray) -> Message:
    """A message as `ovs` has them. Raises ValueError where it is none."""
    json = wire.value(data)
    if not isinstance(json, dict):
        raise ValueError("a message is no JSON object")  # noqa: TRY004 - of a value, not of a type in Python
    message = Message.from_json(json)
    if not isinstance(message, Message):
        raise ValueError(str(message))  # noqa: TRY004 - as above
    return message
