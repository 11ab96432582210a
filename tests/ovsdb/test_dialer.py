"""Look-ups of host names never hold up what does not need them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import Timeout
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb.dialer import Dialer
from ovnkit.ovsdb.server import Server, find_schema
from tests.ovsdb.authority import free_port
from tests.ovsdb.conftest import StartServer

SOON = 1.0


class Resolver:
    """Knows one host by what is said here, and does not answer while it is told not to."""

    def __init__(self, ask: Callable[..., Any]) -> None:
        self._ask = ask
        self.answers: list[str] | None = ["127.0.0.1"]
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.questions = 0

    def __call__(self, host: str, port: int, **options: Any) -> list[Any]:
        if host != "nb.example" or options.get("flags"):
            return list(self._ask(host, port, **options))
        self.questions += 1
        self.may_answer.wait()
        if self.answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.answers]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    resolver = Resolver(socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver
    resolver.may_answer.set()


def hosts(dialer: Dialer, *, patience: float = SOON) -> set[str]:
    return {address[0] for *_, address in dialer.addresses("nb.example", 6641, patience=patience)}


def test_an_address_asks_no_resolver_and_no_thread(resolver: Resolver) -> None:
    threads = threading.active_count()
    for host in ("127.0.0.1", "::1"):
        assert Dialer([]).addresses(host, 6641, patience=0)[0][3][:2] == (host, 6641)
    assert threading.active_count() == threads
    assert resolver.questions == 0


def test_an_answer_that_is_late_serves_the_next_attempt(resolver: Resolver) -> None:
    dialer = Dialer([])
    resolver.may_answer.clear()
    began = time.monotonic()
    with pytest.raises(OSError, match=r"look-up of nb\.example is not answered yet"):
        hosts(dialer, patience=0)
    with pytest.raises(OSError, match="not answered yet"):
        hosts(dialer, patience=0.1)
    assert time.monotonic() - began < SOON
    assert resolver.questions == 1
    resolver.may_answer.set()
    assert hosts(dialer) == {"127.0.0.1"}
    resolver.may_answer.clear()
    assert hosts(dialer, patience=0) == {"127.0.0.1"}


def test_a_new_answer_takes_the_place_of_the_old_one(resolver: Resolver) -> None:
    dialer = Dialer([])
    assert hosts(dialer) == {"127.0.0.1"}
    resolver.answers = ["127.0.0.2", "127.0.0.3"]
    assert hosts(dialer) == {"127.0.0.2", "127.0.0.3"}
    first = {dialer.addresses("nb.example", 6641, patience=SOON)[0][3][0] for _ in range(2)}
    assert first == {"127.0.0.2", "127.0.0.3"}


def test_where_the_resolver_fails_the_last_good_answer_serves(resolver: Resolver) -> None:
    dialer = Dialer([])
    assert hosts(dialer) == {"127.0.0.1"}
    resolver.answers = None
    assert hosts(dialer) == {"127.0.0.1"}
    with pytest.raises(OSError, match=r"look-up of nb\.example failed: Name or service not known"):
        hosts(Dialer([]))


def test_a_resolver_that_hangs_does_not_break_the_deadline_of_connect(resolver: Resolver) -> None:
    resolver.may_answer.clear()
    began = time.monotonic()
    with pytest.raises(Timeout, match=r"look-up of nb\.example is not answered yet"):
        Northbound.connect("tcp:nb.example:6641", timeout=0.5)
    assert time.monotonic() - began < 0.5 + SOON


def test_a_resolver_that_hangs_holds_up_neither_the_engine_nor_a_reconnect(
    start_server: StartServer, resolver: Resolver, tmp_path: Any
) -> None:
    port = free_port()
    schema = find_schema("ovn-nb.ovsschema")
    with (
        Server(tmp_path / "n.db", schema, run_dir=tmp_path, name="n", listen=[f"ptcp:{port}:127.0.0.1"]) as server,
        Northbound.connect(f"tcp:nb.example:{port}", timeout=10) as nb,
    ):
        resolver.may_answer.clear()
        lost = threading.Event()
        states = nb.on_state(lambda state: lost.set() if state == "reconnecting" else None)
        server.kill()
        # What is sent before would have an unknown outcome.
        assert lost.wait(5)
        states.close()
        began = time.monotonic()
        with pytest.raises(Timeout):
            nb.transact(lambda tx: tx.insert(LogicalSwitch(name="early")), timeout=0.5)
        assert time.monotonic() - began < 0.5 + SOON
        server.start()
        nb.transact(lambda tx: tx.insert(LogicalSwitch(name="web")), timeout=10)
        assert resolver.questions > 1
        assert [switch.name for switch in nb.find(LogicalSwitch)] == ["web"]
