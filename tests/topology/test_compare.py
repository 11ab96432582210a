"""Two states of a network in one picture."""

from __future__ import annotations

import attrs

from ovnkit import topology
from ovnkit.northbound import LogicalSwitch, LogicalSwitchPort, Northbound
from ovnkit.topology import Edge, Topology
from ovnkit.topology.compare import compare

from . import plain
from .plain import node


def states(found: Topology) -> dict[str, str]:
    return {each.name: each.state for each in found}


def test_what_came_went_and_changed_is_told_and_the_rest_is_not(nb: Northbound) -> None:
    nb.add_switch("web")
    for name, address in (("stays", "10.0.0.1"), ("goes", "10.0.0.2"), ("moves", "10.0.0.3")):
        nb.add_switch_port("web", name, addresses=[f"02:00:00:00:00:01 {address}"])
    before = topology.of(nb)
    nb.remove_switch_port("web", "goes")
    nb.add_switch_port("web", "comes")
    with nb.transaction() as tx:
        tx.update(tx.get(LogicalSwitchPort, name="moves"), addresses=["02:00:00:00:00:01 10.0.0.9"])
    found = compare(before, topology.of(nb))
    assert states(found) == {"web": "", "stays": "", "goes": "removed", "comes": "added", "moves": "changed"}
    assert found["moves"].facts["addresses"] == "02:00:00:00:00:01 10.0.0.3 → 02:00:00:00:00:01 10.0.0.9"
    assert found["goes"].parent == found["web"].key
    assert 'data-key="' in found.to_svg()


def test_of_two_databases_things_are_the_same_by_name_and_place(nb: Northbound) -> None:
    def rekeyed(old: Topology) -> Topology:
        nodes = {
            f"x{key}": attrs.evolve(each, key=f"x{key}", parent=each.parent and f"x{each.parent}")
            for key, each in old.nodes.items()
        }
        edges = tuple(attrs.evolve(edge, source=f"x{edge.source}", target=f"x{edge.target}") for edge in old.edges)
        return attrs.evolve(old, nodes=nodes, edges=edges)

    with nb.transaction() as tx:
        tx.insert(LogicalSwitch(name="web", ports=[tx.insert(LogicalSwitchPort(name="vm1"))]))
        for _ in range(2):
            tx.insert(LogicalSwitch(name="of one name"))
    found = compare(rekeyed(topology.of(nb)), topology.of(nb))
    assert [each.state for each in found] == [""] * 4


def test_links_that_came_and_went_are_told() -> None:
    nodes = [node("switch", "a"), node("switch", "b"), node("chassis", "c")]
    old = plain.topology(nodes, [Edge("link", "switch a", "switch b"), Edge("tunnel", "chassis c", "switch a")])
    new = plain.topology(nodes, [Edge("link", "switch a", "switch b"), Edge("binding", "switch a", "chassis c")])
    assert {(edge.kind, edge.state) for edge in compare(old, new).edges} == {
        ("link", ""),
        ("tunnel", "removed"),
        ("binding", "added"),
    }


def test_a_second_of_the_same_name_is_added() -> None:
    web = node("switch", "web")
    found = compare(plain.topology([web]), plain.topology([attrs.evolve(web, key="another"), web]))
    assert {each.key: each.state for each in found} == {"another": "added", web.key: ""}


def test_of_several_edges_between_the_same_two_none_is_lost() -> None:
    nodes = [node("router port", "rp"), node("chassis", "c")]
    first, second = (Edge("gateway", nodes[0].key, nodes[1].key, f"priority {number}") for number in (2, 1))
    found = compare(plain.topology(nodes, [first]), plain.topology(nodes, [first, second]))
    assert [(edge.label, edge.state) for edge in found.edges] == [("priority 2", ""), ("priority 1", "added")]
