"""A server that can be stopped and goes on in any case."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import pytest

from ovnkit.ovsdb.server import Server


class Stopped(Protocol):
    """``with stopped(server):`` the server does not run, but its connections stay open."""

    def __call__(self, server: Server) -> AbstractContextManager[None]: ...


@pytest.fixture
def stopped() -> Stopped:
    @contextmanager
    def stop(server: Server) -> Iterator[None]:
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            if server.running:
                os.kill(server.process.pid, signal.SIGCONT)

    return stop
