"""A socket that sends operations and reads bytes, and does nothing else: what no client can be faster than."""

from __future__ import annotations

import itertools
import json
import socket
from collections import deque
from collections.abc import Iterable
from typing import Any

from tests.bench.dataset import DATABASE, Operation

_READ = 1 << 20


class Raw:
    """One connection. Replies are told apart by counting braces, which the data set has in no string."""

    def __init__(self, remote: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(remote.removeprefix("unix:"))
        self._ids = itertools.count(1)

    def request(self, method: str, params: list[Any]) -> bytes:
        """The bytes of a request."""
        return json.dumps({"method": method, "params": params, "id": next(self._ids)}).encode()

    def transaction(self, operations: list[Operation]) -> bytes:
        """The bytes of a transaction."""
        return self.request("transact", [DATABASE, *operations])

    def exchange(self, request: bytes) -> bytes:
        """One request, and the bytes of its reply."""
        self.socket.sendall(request)
        data = self.socket.recv(_READ)
        depth = data.count(b"{") - data.count(b"}")
        if not depth:
            return data
        parts = [data]
        while depth:
            parts.append(self._more())
            depth += parts[-1].count(b"{") - parts[-1].count(b"}")
        return b"".join(parts)

    def call(self, method: str, params: list[Any]) -> Any:
        """The result of one request."""
        reply = json.loads(self.exchange(self.request(method, params)))
        if reply["error"] is not None:
            raise RuntimeError(reply["error"])
        return reply["result"]

    def transact(self, *operations: Operation) -> list[Any]:
        """The results of one transaction, which must succeed."""
        results: list[Any] = self.call("transact", [DATABASE, *operations])
        for result in results:
            if result and result.get("error"):
                raise RuntimeError(result)
        return results

    def stream(self, requests: Iterable[bytes], in_flight: int) -> None:
        """Send requests, never more than ``in_flight`` of them unanswered, and read all replies."""
        if in_flight == 1:
            for request in requests:
                _check(self.exchange(request))
            return
        todo = deque(requests)
        total, answered, sent, depth = len(todo), 0, 0, 0
        while answered < total:
            free = min(in_flight - (sent - answered), len(todo))
            if free:
                self.socket.sendall(b"".join(todo.popleft() for _ in range(free)))
                sent += free
            data = self._more()
            _check(data)
            for brace in data.translate(None, _BUT_BRACES):
                depth += 1 if brace == _OPEN else -1
                answered += not depth

    def read_until(self, mark: bytes) -> int:
        """Read until the mark is among the last bytes; returns how many bytes came."""
        total, tail = 0, b""
        while mark not in tail:
            data = self._more()
            total += len(data)
            tail = (tail + data)[-256:]
        return total

    def _more(self) -> bytes:
        data = self.socket.recv(_READ)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def close(self) -> None:
        self.socket.close()


def _check(reply: bytes) -> None:
    """The error of an operation has details."""
    if b'"details"' in reply:
        raise RuntimeError(reply.decode())


_OPEN = ord("{")
_BUT_BRACES = bytes(set(range(256)) - set(b"{}"))
