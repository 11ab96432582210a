"""A proxy on a Unix socket that sees every message, and cuts, holds, chops or falsifies it where it is told to."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Self

__all__ = ["Proxy"]

Cut = Literal["before", "half", "after"]

_DECODER = json.JSONDecoder()
_QUESTIONS = {"select", "comment"}


class Proxy:
    """Between clients and a server. ``transacts`` holds the operations of each transaction that a client has sent."""

    def __init__(self, path: Path, upstream: Path) -> None:
        self.path = path
        self.transacts: list[list[dict[str, Any]]] = []
        self.cuts: list[Cut | None] = []
        """What happens to the next writes: nothing (None), or the connection is cut before the server has any of it,
        when it has half of it, or after it has answered.
        """
        self.before_write: Callable[[], object] = lambda: None
        """Called before each write is passed on."""
        self.before_cut: Callable[[], object] = lambda: None
        """Called when the answer is there after which the connection is cut."""
        self.tamper: Callable[[dict[str, Any]], object] | None = None
        """Called with each message of the server, which it may change."""
        self.holding = False
        """Keep back what the server says from now on, until this is False again."""
        self.chop: int | None = None
        """Pass on what the server says in pieces of so many bytes."""
        self.split_at: int | None = None
        """Pass on what the server says in two pieces, the first of so many bytes."""
        self.keeping = False
        """Keep writes back until this is False again, and pass on questions, as a member of a cluster may do that
        forwards writes to the leader. They go with their connection.
        """
        self.refusing = False
        """Close each new connection as soon as it is there; those that are there already stay."""
        self.connections = 0
        self._upstream = upstream
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._listener.settimeout(0.02)
        self._ended = False
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def remote(self) -> str:
        return f"unix:{self.path}"

    @property
    def writes(self) -> list[list[dict[str, Any]]]:
        """Those of the transactions that change or guard something."""
        return [operations for operations in self.transacts if _is_write(operations)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            if self.refusing:
                client.close()
                continue
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        with client, server, contextlib.suppress(OSError):
            server.connect(str(self._upstream))
            _Session(self, client, server).run(lambda: self._ended)


class _Session:
    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._said = ""
        self._answered = ""
        self._cut_at: Any = None
        self._kept: list[bytes] = []

    def run(self, ended: Callable[[], bool]) -> None:
        while not ended():
            while self._kept and not self._proxy.keeping:
                self._server.sendall(self._kept.pop(0))
            heard = [self._client] if self._proxy.holding else [self._client, self._server]
            ready, _, _ = select.select(heard, [], [], 0.02)
            for sock in ready:
                data = sock.recv(1 << 16)
                if not data or not (self._from_client if sock is self._client else self._from_server)(data):
                    return

    def _from_client(self, data: bytes) -> bool:
        self._said, messages = _split(self._said + data.decode())
        for message in messages:
            if message.get("method") == "transact" and not self._transact(message):
                return False
            data = json.dumps(message).encode()
            if self._proxy.keeping and message.get("method") == "transact" and _is_write(message["params"][1:]):
                self._kept.append(data)
            else:
                self._server.sendall(data)
        return True

    def _transact(self, message: dict[str, Any]) -> bool:
        operations = message["params"][1:]
        self._proxy.transacts.append(operations)
        if not _is_write(operations):
            return True
        self._proxy.before_write()
        cut = self._proxy.cuts.pop(0) if self._proxy.cuts else None
        if cut == "after":
            self._cut_at = message["id"]
        elif cut == "half":
            request = json.dumps(message).encode()
            self._server.sendall(request[: len(request) // 2])
        return cut in (None, "after")

    def _from_server(self, data: bytes) -> bool:
        if self._cut_at is not None:
            # Nothing more reaches the client, neither the reply nor the news of the change.
            self._answered, messages = _split(self._answered + data.decode())
            if any(message.get("id") == self._cut_at for message in messages):
                self._proxy.before_cut()
                return False
            return True
        if self._proxy.tamper is not None:
            self._answered, messages = _split(self._answered + data.decode())
            for message in messages:
                self._proxy.tamper(message)
            data = "".join(map(json.dumps, messages)).encode()
        for piece in self._pieces(data):
            self._client.sendall(piece)
            if len(piece) < len(data):
                time.sleep(0.0002)
        return True

    def _pieces(self, data: bytes) -> list[bytes]:
        if self._proxy.split_at is not None:
            pieces = [data[: self._proxy.split_at], data[self._proxy.split_at :]]
            return [piece for piece in pieces if piece]
        step = self._proxy.chop or len(data) or 1
        return [data[start : start + step] for start in range(0, len(data), step)]


def _is_write(operations: list[dict[str, Any]]) -> bool:
    return any(operation["op"] not in _QUESTIONS for operation in operations)


def _split(text: str) -> tuple[str, list[dict[str, Any]]]:
    """Whole messages, and the beginning of the next one."""
    messages = []
    while text:
        try:
            message, end = _DECODER.raw_decode(text)
        except ValueError:
            break
        messages.append(message)
        text = text[end:].lstrip()
    return text, messages
