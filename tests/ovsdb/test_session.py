"""The session: who reads, who writes, and who closes."""

from __future__ import annotations

import errno
import threading
from typing import Any

from ovnkit.ovsdb.session import _Rpc


class Broken:
    """A stream whose other end is gone."""

    name = "broken"
    socket = None
    closed = False

    def send(self, data: bytes) -> int:
        return -errno.EPIPE

    def close(self) -> None:
        self.closed = True


def test_a_write_that_fails_leaves_closing_to_the_thread_that_reads() -> None:
    stream = Broken()
    rpc: Any = _Rpc(stream, threading.RLock())
    # It may have left: the answer is that of the connection's end.
    assert rpc.write(b"{}") == 0
    assert rpc.get_backlog()
    assert not stream.closed
    assert rpc.write(b"{}") == errno.EPIPE
    assert not stream.closed
    rpc.run()
    assert stream.closed
    assert rpc.get_status() == errno.EPIPE
