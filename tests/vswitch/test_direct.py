"""The keys of a chassis without a replica: the same operations, and each write once or not at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ovnkit.errors import (
    ConnectionFailed,
    ConstraintViolation,
    InvalidValue,
    OutcomeUnknown,
    OvnkitError,
    Timeout,
)
from ovnkit.ovsdb.server import Server
from ovnkit.vswitch import OpenVSwitch, VSwitch
from ovnkit.vswitch.direct import ChassisDraft, DirectChassis
from tests.operations import clear
from tests.ovsdb.proxy import Proxy


def ids(vs: VSwitch) -> dict[str, str]:
    with VSwitch.connect(vs.remote, timeout=10) as fresh:
        return dict(fresh.get(OpenVSwitch).external_ids)


def register(draft: ChassisDraft) -> None:
    draft.register_chassis("hv1", encap_ip="10.0.0.2", remote="tcp:10.0.0.1:6642", hostname="h")
    draft.enable_gateway()
    draft.add_bridge_mapping("physnet1", "br-ex")


EXPECTED = {
    "hostname": "h",
    "ovn-bridge-mappings": "physnet1:br-ex",
    "ovn-cms-options": "enable-chassis-as-gw",
    "ovn-encap-ip": "10.0.0.2",
    "ovn-encap-type": "geneve",
    "ovn-remote": "tcp:10.0.0.1:6642",
    "ovnkit-managed": (
        "hostname,ovn-bridge-mappings/physnet1,ovn-cms-options/enable-chassis-as-gw,ovn-encap-ip,ovn-encap-type,"
        "ovn-remote,system-id"
    ),
    "system-id": "hv1",
}


@pytest.fixture
def direct(vs: VSwitch) -> DirectChassis:
    return DirectChassis(vs.remote)


@pytest.fixture
def proxy(vs_server: Server, tmp_path: Path) -> Iterator[Proxy]:
    with Proxy(tmp_path / "p.sock", vs_server.socket) as proxy:
        yield proxy


def test_it_writes_what_the_client_would_write_and_says_the_same(vs: VSwitch, direct: DirectChassis) -> None:
    with vs.transaction() as tx:
        tx.register_chassis("hv1", encap_ip="10.0.0.2", remote="tcp:10.0.0.1:6642", hostname="h")
        tx.enable_gateway()
        tx.add_bridge_mapping("physnet1", "br-ex")
        expected = tx.changes()
        tx.discard()
    changes = direct.edit(register, comment="x", timeout=5)
    assert changes == expected
    assert str(changes) == str(expected)
    assert changes.ref == vs.get(OpenVSwitch).ref
    assert ids(vs) == EXPECTED
    assert direct.edit(register, comment="x", timeout=5) == []


def test_a_draft_shows_what_it_would_make_and_sends_nothing(vs: VSwitch, direct: DirectChassis) -> None:
    draft = direct.read(timeout=5)
    assert draft.operations("x") == []
    assert draft.enable_gateway(dry_run=True)
    assert draft.changes() == []
    added = draft.enable_gateway()
    assert [change.after["ovn-cms-options"] for change in added] == ["enable-chassis-as-gw"]
    assert draft.chassis_config().gateway
    assert draft.edited["ovn-cms-options"] == (None, "enable-chassis-as-gw")
    draft.disable_gateway()
    assert draft.changes() == []
    assert draft.edited == {}
    assert ids(vs) == {}


def test_a_database_without_its_row_gets_it_once(vs: VSwitch, direct: DirectChassis) -> None:
    clear(vs)
    assert direct.edit(lambda draft: None, comment="x", timeout=5) == []
    assert vs.find(OpenVSwitch) == []
    threads = [
        threading.Thread(target=direct.edit, args=(register,), kwargs={"comment": "x", "timeout": 10}) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ids(vs) == EXPECTED


def test_a_bad_value_is_refused_before_anything_is_sent(vs: VSwitch, proxy: Proxy) -> None:
    def edit(draft: ChassisDraft) -> None:
        draft.enable_gateway()
        draft.set_option("ovn-monitor-all", "yes")

    with pytest.raises(InvalidValue):
        DirectChassis(proxy.remote).edit(edit, comment="x", timeout=5)
    assert proxy.writes == []
    assert ids(vs) == {}


def test_a_write_is_durable_and_guards_each_key_that_it_changes(vs: VSwitch, proxy: Proxy) -> None:
    vs.enable_gateway()
    DirectChassis(proxy.remote).edit(lambda draft: draft.add_cms_option("x"), comment="why", timeout=5)
    (operations,) = proxy.writes
    assert operations[-1] == {"op": "commit", "durable": True}
    assert {"op": "comment", "comment": "why"} in operations
    waits = [operation for operation in operations if operation["op"] == "wait"]
    assert all(operation["timeout"] == 0 for operation in waits)
    assert any("enable-chassis-as-gw" in str(operation["where"]) for operation in waits)


# -- what may happen on the way --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", ["before", "half", "after"])
def test_a_connection_that_is_lost_leaves_it_written_once_and_reported(vs: VSwitch, proxy: Proxy, cut: Any) -> None:
    proxy.cuts = [cut]
    changes = DirectChassis(proxy.remote).edit(register, comment="x", timeout=10)
    assert {change.column for change in changes} == {"external_ids"}
    assert ids(vs) == EXPECTED
    assert len(proxy.writes) == (1 if cut == "after" else 2) or cut == "half"


def test_what_another_has_written_meanwhile_is_read_again(vs: VSwitch, proxy: Proxy) -> None:
    others = iter(["a", "b"])

    def meanwhile() -> None:
        item = next(others, None)
        if item is not None:
            vs.add_cms_option(item)

    proxy.before_write = meanwhile
    DirectChassis(proxy.remote).edit(lambda draft: draft.add_cms_option("mine"), comment="x", timeout=10)
    assert ids(vs)["ovn-cms-options"] == "a,b,mine"
    assert len(proxy.writes) == 3


def test_another_key_is_no_conflict(vs: VSwitch, proxy: Proxy) -> None:
    proxy.before_write = lambda: vs.set_option("ovn-monitor-all", "true")
    DirectChassis(proxy.remote).edit(lambda draft: draft.put({"k": "v"}), comment="x", timeout=10)
    assert len(proxy.writes) == 1
    assert ids(vs)["k"] == "v"


def test_without_an_answer_the_outcome_is_unknown_and_can_be_found_out(vs: VSwitch, proxy: Proxy) -> None:
    chassis = DirectChassis(proxy.remote)
    proxy.keeping = True
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown) as caught:
        chassis.edit(register, comment="x", timeout=1)
    assert time.monotonic() - began < 2
    proxy.keeping = False
    assert caught.value.resolve(5) is False
    DirectChassis(vs.remote).edit(register, comment="x", timeout=5)
    # Other keys are no matter of this write; those that others have changed since leave it unknown.
    vs.set_option("ovn-monitor-all", "true")
    assert caught.value.resolve(5) is True
    vs.add_cms_option("theirs")
    with pytest.raises(OutcomeUnknown, match="others have changed"):
        caught.value.resolve(5)
    proxy.refusing = True
    with pytest.raises(OutcomeUnknown, match="keys of the chassis") as again:
        caught.value.resolve(0.3)
    proxy.refusing = False
    vs.remove_cms_option("theirs")
    assert again.value.resolve(5) is True


def test_what_was_not_sent_is_a_timeout(vs: VSwitch, proxy: Proxy) -> None:
    proxy.refusing = True
    with pytest.raises(Timeout, match="keys of the chassis"):
        DirectChassis(proxy.remote).edit(register, comment="x", timeout=0.5)
    assert ids(vs) == {}


def test_what_is_about_to_be_sent_is_told_before_each_time(vs: VSwitch, proxy: Proxy) -> None:
    told: list[dict[str, Any]] = []

    def before(draft: ChassisDraft) -> None:
        assert len(proxy.writes) == len(told)
        told.append(dict(draft.edited))

    proxy.cuts = ["before"]
    DirectChassis(proxy.remote).edit(register, comment="x", timeout=10, before_sending=before)
    assert [entry["system-id"] for entry in told] == [(None, "hv1")] * 2


@pytest.mark.parametrize("fault", [OSError("disk full"), ValueError("x"), ZeroDivisionError()], ids=repr)
def test_a_fault_of_what_is_called_passes_at_once_and_nothing_is_sent(
    vs: VSwitch, proxy: Proxy, fault: Exception
) -> None:
    def fail(_draft: ChassisDraft) -> None:
        raise fault

    for calls in ({"edit": fail}, {"edit": register, "before_sending": fail}):
        began = time.monotonic()
        with pytest.raises(type(fault)) as caught:
            DirectChassis(proxy.remote).edit(comment="x", timeout=20, **calls)
        assert caught.value is fault
        assert time.monotonic() - began < 2
    assert proxy.writes == []


@pytest.mark.parametrize(
    "result",
    [
        None, 5, "x", {}, [], [None], [{}], [{"rows": None}], [{"rows": [5]}], [{"rows": [{}]}],
        [{"rows": [{"_uuid": ["uuid", "x"], "external_ids": ["map", []]}]}],
        [{"rows": [{"_uuid": ["uuid", "0f9b3c3e-3f9e-4b8e-8d3a-0d8a3a1f6f5e"], "external_ids": 5}]}],
        [{"error": "permission error"}],
    ],
    ids=str,
)  # fmt: skip
def test_a_server_that_answers_nonsense_is_a_typed_error_at_the_deadline(
    vs: VSwitch, proxy: Proxy, result: object
) -> None:
    def tamper(message: dict[str, Any]) -> None:
        if message.get("result") is not None:
            message["result"] = result

    proxy.tamper = tamper
    began = time.monotonic()
    with pytest.raises(OvnkitError):
        DirectChassis(proxy.remote).read(timeout=0.5)
    assert time.monotonic() - began < 2


def test_another_database_is_refused_at_once(sb_client: Any) -> None:
    with pytest.raises(ConnectionFailed, match="no database Open_vSwitch"):
        DirectChassis(sb_client.remote).read(timeout=5)


def test_what_the_server_refuses_is_its_error(vs: VSwitch, proxy: Proxy) -> None:
    def tamper(message: dict[str, Any]) -> None:
        result = message.get("result")
        if isinstance(result, list) and len(result) > 1:
            message["result"] = [*result, {"error": "constraint violation", "details": "of some kind"}]

    proxy.tamper = tamper
    with pytest.raises(ConstraintViolation, match="of some kind"):
        DirectChassis(proxy.remote).edit(register, comment="x", timeout=5)
