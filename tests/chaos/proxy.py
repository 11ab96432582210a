"""A proxy that sees messages, and cuts a connection where a client waits for the reply to what it has sent."""

from __future__ import annotations

import json
import random
import re
import selectors
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

__all__ = ["CuttingProxy", "Framer"]

_CHUNK = 1 << 18
_POLL_SECONDS = 0.05
_SEND_SECONDS = 10.0
_QUESTIONS = {"select", "comment", "wait"}
_LIFE_SECONDS = (0.12, 0.3)
_SHORT_LIVED = 0.1
# A whole string, a brace, or the quote of a string whose end has not come yet.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}]|"', re.DOTALL)


class Framer:
    """Finds the ends of JSON objects in a stream of bytes, wherever it was split."""

    def __init__(self) -> None:
        self._data = b""
        self._scanned = 0
        self._depth = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole now."""
        self._data += data
        messages: list[bytes] = []
        start = 0
        for token in _TOKEN.finditer(self._data, self._scanned):
            word = token[0]
            if word == b'"':
                self._scanned = token.start()
                break
            self._scanned = token.end()
            if word == b"{":
                self._depth += 1
            elif word == b"}":
                self._depth -= 1
                if self._depth == 0:
                    messages.append(self._data[start : token.end()])
                    start = token.end()
        self._data = self._data[start:]
        self._scanned -= start
        return messages


class CuttingProxy:
    """Between clients and servers, on a Unix socket for each server.

    While ``budget`` lasts, connections are cut: most between the server's answer and the client (``replies_cut``), some
    before the request is passed on or in the middle of it (``requests_cut``), some before the answer to a question.
    """

    def __init__(self, listeners: Mapping[Path, Path], *, seed: str) -> None:
        self.budget = 0
        self.replies_cut = 0
        self.requests_cut = 0
        self.questions_cut = 0
        self._upstreams = dict(listeners)
        self._rng = random.Random(seed)
        self._selector = selectors.DefaultSelector()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="chaos-proxy", daemon=True)

    @property
    def remote(self) -> str:
        return ",".join(f"unix:{path}" for path in self._upstreams)

    def __enter__(self) -> Self:
        for path, upstream in self._upstreams.items():
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            listener.listen(64)
            self._selector.register(listener, selectors.EVENT_READ, upstream)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _run(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select(_POLL_SECONDS):
                if isinstance(key.data, Path):
                    self._accept(key.fileobj, key.data)
                else:
                    self._pass_on(key.fileobj, key.data)

    def _accept(self, listener: Any, upstream: Path) -> None:
        client, _ = listener.accept()
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(upstream))
        except OSError:
            client.close()
            server.close()
            return
        session = _Session(client, server, time.monotonic() + self._life())
        for sock in (client, server):
            sock.settimeout(_SEND_SECONDS)
            self._selector.register(sock, selectors.EVENT_READ, session)

    def _life(self) -> float:
        """How long a connection is spared: a client that is dropped at once every time may take its time."""
        return 0.0 if self._rng.random() < _SHORT_LIVED else self._rng.uniform(*_LIFE_SECONDS)

    def _pass_on(self, sock: Any, session: _Session) -> None:
        if sock.fileno() < 0:
            # The other end was cut in this same round.
            return
        try:
            data = sock.recv(_CHUNK)
            alive = bool(data) and (
                self._from_client(session, data) if sock is session.client else self._from_server(session, data)
            )
        except OSError:
            alive = False
        if not alive:
            for end in (session.client, session.server):
                with suppress(KeyError):
                    self._selector.unregister(end)
                end.close()

    def _from_client(self, session: _Session, data: bytes) -> bool:
        for message in session.said.feed(data):
            if b'"transact"' in message and self.budget > 0 and not self._transact(session, message):
                return False
            session.server.sendall(message)
        return True

    def _transact(self, session: _Session, message: bytes) -> bool:
        """Whether the request is passed on."""
        request = json.loads(message)
        is_write = any(operation["op"] not in _QUESTIONS for operation in request["params"][1:])
        if not is_write:
            if self._rng.random() < 0.1:
                session.swallow_until(request["id"], is_write=False)
            return True
        if time.monotonic() < session.spared_until or session.cut_at is not None:
            return True
        draw = self._rng.random()
        if draw < 0.1:
            self.requests_cut += 1
            if draw < 0.05:
                session.server.sendall(message[: len(message) // 2])
            return False
        session.swallow_until(request["id"], is_write=True)
        return True

    def _from_server(self, session: _Session, data: bytes) -> bool:
        messages = session.answered.feed(data)
        if session.cut_at is None:
            # As it came: where a message ends does not matter to who is not cut.
            session.client.sendall(data)
            return True
        # Nothing more reaches the client, neither the reply nor the news of the change.
        (wanted,) = session.cut_at
        for message in messages:
            if b'"result"' in message and json.loads(message).get("id") == wanted:
                if session.cuts_write:
                    self.replies_cut += 1
                    self.budget -= 1
                else:
                    self.questions_cut += 1
                return False
        return True


class _Session:
    def __init__(self, client: socket.socket, server: socket.socket, spared_until: float) -> None:
        self.client = client
        self.server = server
        self.said = Framer()
        self.answered = Framer()
        self.spared_until = spared_until
        self.cut_at: tuple[Any] | None = None
        self.cuts_write = False

    def swallow_until(self, request_id: Any, *, is_write: bool) -> None:
        self.cut_at = (request_id,)
        self.cuts_write = is_write
