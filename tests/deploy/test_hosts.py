"""Work on many hosts: in parallel, in order, each with its own outcome."""

from __future__ import annotations

import threading

import pytest

from ovnkit.deploy import HostSpec
from ovnkit.deploy.hosts import on_each
from ovnkit.errors import NotFound, OvnkitError

HOSTS = [HostSpec(name=f"h{number}", encap_ip=f"192.0.2.{number}") for number in range(1, 9)]


def test_outcomes_come_in_the_order_of_the_hosts_whichever_is_done_first() -> None:
    turns = {host.name: threading.Event() for host in HOSTS}
    turns["h8"].set()

    def work(host: HostSpec) -> str:
        assert turns[host.name].wait(10)
        number = int(host.name[1:])
        if number > 1:
            turns[f"h{number - 1}"].set()
        return host.name

    assert on_each(HOSTS, work) == [host.name for host in HOSTS]


def test_an_error_is_the_outcome_of_its_host_alone() -> None:
    def work(host: HostSpec) -> str:
        if host.name == "h2":
            raise NotFound("Chassis", {"name": host.name})
        return host.name

    outcomes = on_each(HOSTS, work)
    assert [outcome for outcome in outcomes if isinstance(outcome, str)] == [h.name for h in HOSTS if h.name != "h2"]
    assert isinstance(outcomes[1], NotFound)


def test_a_fault_of_ours_is_not_taken_for_the_host_s() -> None:
    def work(host: HostSpec) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        on_each(HOSTS, work)


def test_no_hosts_no_outcomes() -> None:
    def work(host: HostSpec) -> str:
        raise OvnkitError

    assert on_each([], work) == []
