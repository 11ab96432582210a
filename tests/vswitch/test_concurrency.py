"""Several deployers at one host at the same moment: each finds done what another has done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ovnkit.errors import Conflict
from ovnkit.ovsdb import Changes
from ovnkit.ovsdb.server import Server
from ovnkit.vswitch import Bridge, Interface, OpenVSwitch, Port, VSwitch
from tests.operations import snapshot

pytestmark = pytest.mark.filterwarnings("ignore::ovnkit.ovsdb.OpenToAll")

WRITERS = 4
ROUNDS = 5

Operation = Callable[[VSwitch, int], Changes]

OPERATIONS: list[Operation] = [
    lambda vs, number: vs.add_bridge(f"br{number}", fail_mode="secure"),
    lambda vs, number: vs.add_port("br-int", f"p{number}", type="internal", iface_id=f"vm{number}"),
    lambda vs, number: vs.add_manager(f"ptcp:{6640 + number}:127.0.0.1"),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=["add_bridge", "add_port", "add_manager"])
def test_what_several_add_is_there_once_and_one_of_them_has_added_it(
    vs: VSwitch, vs_server: Server, operation: Operation
) -> None:
    vs.add_bridge("br-int")
    together = threading.Barrier(WRITERS)

    def add(client: VSwitch) -> list[Changes]:
        made = []
        for number in range(ROUNDS):
            together.wait(20)
            made.append(operation(client, number))
        return made

    clients = [VSwitch.connect(vs_server.remote, timeout=20) for _ in range(WRITERS)]
    try:
        with ThreadPoolExecutor(WRITERS) as pool:
            results = list(pool.map(add, clients))
    finally:
        for client in clients:
            client.close()
    for rounds in zip(*results, strict=True):
        assert [bool(changes) for changes in rounds].count(True) == 1
        assert len({changes.ref for changes in rounds}) == 1
    # What the others have done has reached this client once its own write is done.
    vs.add_bridge("br-int", external_ids={"read": "after all"})
    before = snapshot(vs)
    assert not any(operation(vs, number) for number in range(ROUNDS))
    assert snapshot(vs) == before


def test_of_two_interfaces_that_are_bound_at_the_same_moment_one_gets_the_logical_port(vs: VSwitch) -> None:
    vs.add_bridge("br-int")
    vs.add_port("br-int", "p1", type="internal")
    vs.add_port("br-int", "p2", type="internal")
    late = vs.transaction()
    late.bind_interface("p2", "vm1")
    vs.bind_interface("p1", "vm1")
    with pytest.raises(Conflict):
        late.commit()
    assert [row.name for row in vs.find(Interface, external_ids={"iface-id": "vm1"})] == ["p1"]


def test_a_bridge_that_gets_a_port_at_the_same_moment_stays(vs: VSwitch) -> None:
    vs.add_bridge("br-int")
    late = vs.transaction()
    late.remove_bridge("br-int")
    vs.add_port("br-int", "p1", type="internal")
    with pytest.raises(Conflict):
        late.commit()
    assert vs.get(Port, name="p1").ref in vs.get(Bridge, name="br-int").ports
    assert len(vs.get(OpenVSwitch).bridges) == 1
