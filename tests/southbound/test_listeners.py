"""Connection rows come and go one by one."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ovnkit.errors import InvalidValue
from ovnkit.ovsdb import OpenToAll
from ovnkit.ovsdb.targets import check_target
from ovnkit.southbound import Connection, SBGlobal, Southbound
from tests.operations import check_operation, clear

pytestmark = pytest.mark.filterwarnings("ignore::ovnkit.ovsdb.OpenToAll")

TARGET = "pssl:6642"
WRITERS = 4


def test_a_listener_is_added_beside_others_and_removed(sb: Southbound) -> None:
    sb.add_listener("ptcp:6642:127.0.0.1", inactivity_probe=0)
    changes = check_operation(
        sb, lambda on, dry: on.add_listener(TARGET, inactivity_probe=60000, role="ovn-controller", dry_run=dry)
    )
    row = sb.get(Connection, target=TARGET)
    assert changes.ref == row.ref
    assert (row.inactivity_probe, row.role, row.read_only, row.max_backoff) == (60000, "ovn-controller", False, None)
    assert len(sb.get(SBGlobal).connections) == 2
    check_operation(sb, lambda on, dry: on.remove_listener(TARGET, dry_run=dry))
    (left,) = sb.find(Connection)
    assert (left.target, left.inactivity_probe) == ("ptcp:6642:127.0.0.1", 0)


def test_of_a_listener_that_is_there_only_what_is_said_changes(sb: Southbound) -> None:
    sb.add_listener(TARGET, role="ovn-controller", inactivity_probe=5000)
    check_operation(sb, lambda on, dry: on.add_listener(TARGET, read_only=True, role="", dry_run=dry))
    row = sb.get(Connection, target=TARGET)
    assert (row.inactivity_probe, row.role, row.read_only) == (5000, "", True)


def test_a_listener_that_several_add_at_the_same_moment_is_there_once(sb: Southbound) -> None:
    together = threading.Barrier(WRITERS)

    def add(client: Southbound) -> list[bool]:
        made = []
        for port in range(6700, 6705):
            together.wait(20)
            made.append(bool(client.add_listener(f"pssl:{port}")))
        return made

    clients = [Southbound.connect(sb.remote, timeout=20) for _ in range(WRITERS)]
    try:
        with ThreadPoolExecutor(WRITERS) as pool:
            results = list(pool.map(add, clients))
    finally:
        for client in clients:
            client.close()
    assert [rounds.count(True) for rounds in zip(*results, strict=True)] == [1] * 5


@pytest.mark.parametrize("target", ["ptcp:6642", "ptcp:6642:0.0.0.0", "ptcp:6642:10.0.0.1", "ptcp:6642:[fd00::1]"])
def test_plain_tcp_off_loopback_needs_to_be_asked_for(sb: Southbound, target: str) -> None:
    with pytest.raises(InvalidValue, match="insecure=True"):
        check_operation(sb, lambda on, dry: on.add_listener(target, dry_run=dry))
    assert sb.add_listener(target, insecure=True)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "6642",
        "tcp:10.0.0.1:6642",
        "unix:/x",
        "punix:/x",
        "pssl:0",
        "pssl:65536",
        "pssl:6642:host",
        "pssl:6642:::1",
        7,
    ],
)
def test_what_is_no_listener_is_refused(sb: Southbound, target: Any) -> None:
    with pytest.raises(InvalidValue, match=r"Connection\.target.*pssl:PORT"):
        sb.add_listener(target)


@pytest.mark.parametrize("target", ["pssl:6642", "pssl:", "ptcp:6642:127.0.0.1", "ptcp:6642:[::1]", "pssl:6642:[::]"])
def test_these_targets_are_fine(target: str) -> None:
    check_target(target, table="Connection")


TARGETS = st.sampled_from([TARGET, "ptcp:6642:127.0.0.1", "pssl:6643"])
ROLES = st.sampled_from([None, "", "ovn-controller"])
PROBES = st.sampled_from([None, 0, 5000])


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.dictionaries(TARGETS, st.tuples(ROLES, PROBES)), target=TARGETS, role=ROLES, probe=PROBES)
def test_whatever_is_there_the_promises_hold_and_the_others_stay(
    sb: Southbound, start: dict[str, tuple[str | None, int | None]], target: str, role: str | None, probe: int | None
) -> None:
    clear(sb)
    for there, (own_role, own_probe) in start.items():
        sb.add_listener(there, role=own_role, inactivity_probe=own_probe)
    others = {row.target: row for row in sb.find(Connection) if row.target != target}
    check_operation(sb, lambda on, dry: on.add_listener(target, role=role, inactivity_probe=probe, dry_run=dry))
    check_operation(sb, lambda on, dry: on.remove_listener(target, dry_run=dry))
    assert {row.target: row for row in sb.find(Connection)} == others


def test_a_listener_that_lets_every_certificate_do_everything_is_warned_of(sb: Southbound) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sb.add_listener(TARGET, role="ovn-controller")
        sb.add_listener("pssl:16642", role="")
    with pytest.warns(OpenToAll, match="role='ovn-controller'"):
        sb.add_listener("pssl:26642")
