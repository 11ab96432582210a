"""Looking up by an index finds what looking through all rows finds, whatever happens meanwhile."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ovnkit import Northbound, Southbound
from ovnkit.errors import NotFound, NotMonitored, NotUnique
from ovnkit.northbound import NAT, LogicalRouter, LogicalRouterStaticRoute, LogicalSwitch, LogicalSwitchPort
from ovnkit.ovsdb import Put, Ref, wire
from ovnkit.ovsdb.filter import Filter
from ovnkit.ovsdb.index import IndexKey
from ovnkit.ovsdb.schema import DatabaseSchema
from ovnkit.ovsdb.server import Server
from ovnkit.ovsdb.store import Store
from ovnkit.southbound import DatapathBinding, PortBinding
from tests.ovsdb.kinds import KINDS, Child, Kinds, KindsClient, KindsDatabase, kinds

PORT_NAME = "neutron:port_name"


def indexes(client: Any, table: str) -> set[IndexKey]:
    return set(client._store.tables[table].indexes)


def add_ports(nb: Northbound, count: int) -> None:
    with nb.transaction() as tx:
        ports = [
            tx.insert(LogicalSwitchPort(name=f"p{number}", external_ids={PORT_NAME: f"vm{number % 7}"}))
            for number in range(count)
        ]
        tx.insert(LogicalSwitch(name="web", ports=ports))


# -- which indexes there are ---------------------------------------------------------------------------------------


def test_the_indexes_of_the_schema_and_names_are_used_without_being_declared(nb: Northbound, sb: Southbound) -> None:
    add_ports(nb, 20)
    assert nb.get(LogicalSwitchPort, name="p7").external_ids[PORT_NAME] == "vm0"
    assert indexes(nb, "Logical_Switch_Port") == {IndexKey(("name",))}
    # `name` of a switch is not unique, and looked up by all the same.
    nb.get(LogicalSwitch, name="web")
    assert indexes(nb, "Logical_Switch") == {IndexKey(("name",))}
    with sb.transaction() as tx:
        path = tx.insert(DatapathBinding(tunnel_key=5))
        tx.insert(PortBinding(logical_port="vm1", datapath=path, tunnel_key=9))
    found = sb.get(PortBinding, datapath=path, tunnel_key=9)
    assert found.logical_port == "vm1"
    assert IndexKey(("datapath", "tunnel_key")) in indexes(sb, "Port_Binding")
    assert sb.get(PortBinding, logical_port="vm1") == found
    assert sb.find(PortBinding, datapath=path, tunnel_key=10) == []
    # Half of an index is none, but a reference is looked up by itself.
    assert sb.find(PortBinding, datapath=path) == [found]


def test_a_declared_column_is_looked_up(nb: Northbound) -> None:
    nb.index(NAT.external_ip)
    with nb.transaction() as tx:
        nats = [
            tx.insert(NAT(type="snat", external_ip=f"10.0.0.{number % 3}", logical_ip=f"192.168.0.{number}"))
            for number in range(12)
        ]
        tx.insert(LogicalRouter(name="r", nat=nats))
    assert {nat.logical_ip for nat in nb.find(NAT, external_ip="10.0.0.1")} == {
        f"192.168.0.{number}" for number in (1, 4, 7, 10)
    }
    assert IndexKey(("external_ip",)) in indexes(nb, "NAT")
    assert nb.get(NAT, external_ip="10.0.0.1", logical_ip="192.168.0.4").type == "snat"
    with pytest.raises(NotUnique):
        nb.get(NAT, external_ip="10.0.0.1")
    with pytest.raises(NotFound):
        nb.get(NAT, external_ip="10.0.0.9")


def test_a_declared_key_of_a_map_is_looked_up(nb: Northbound) -> None:
    nb.index(LogicalSwitchPort.external_ids, key=PORT_NAME)
    add_ports(nb, 21)
    found = nb.find(LogicalSwitchPort, external_ids={PORT_NAME: "vm3"})
    assert {port.name for port in found} == {"p3", "p10", "p17"}
    assert IndexKey(("external_ids",), PORT_NAME) in indexes(nb, "Logical_Switch_Port")
    with nb.transaction() as tx:
        tx.update(nb.get(LogicalSwitchPort, name="p3"), external_ids=Put({PORT_NAME: "vm9"}))
        tx.update(nb.get(LogicalSwitchPort, name="p10"), external_ids={})
    assert [port.name for port in nb.find(LogicalSwitchPort, external_ids={PORT_NAME: "vm3"})] == ["p17"]
    assert [port.name for port in nb.find(LogicalSwitchPort, external_ids={PORT_NAME: "vm9"})] == ["p3"]
    # A filter without that key does not go by the index.
    assert [port.name for port in nb.find(LogicalSwitchPort, external_ids={"other": "vm9"})] == []


def test_an_unset_column_is_looked_up_as_well(nb: Northbound) -> None:
    nb.index(LogicalRouterStaticRoute.output_port)
    with nb.transaction() as tx:
        routes = [
            tx.insert(LogicalRouterStaticRoute(ip_prefix=f"10.0.{n}.0/24", nexthop="10.0.0.1", output_port=port))
            for n, port in enumerate([None, "a", None, "b"])
        ]
        tx.insert(LogicalRouter(name="r", static_routes=routes))
    found = nb.find(LogicalRouterStaticRoute, output_port=None)
    assert {route.ip_prefix for route in found} == {"10.0.0.0/24", "10.0.2.0/24"}
    assert IndexKey(("output_port",)) in indexes(nb, "Logical_Router_Static_Route")


def test_lookups_take_no_longer_in_a_large_table(nb: Northbound) -> None:
    add_ports(nb, 3000)
    nb.get(LogicalSwitchPort, name="p0")
    began = time.perf_counter()
    for number in range(0, 3000, 3):
        assert nb.get(LogicalSwitchPort, name=f"p{number}")._uuid is not None
    assert time.perf_counter() - began < 1


# -- what is refused -----------------------------------------------------------------------------------------------


def test_what_cannot_be_an_index_is_refused(nb: Northbound) -> None:
    with pytest.raises(TypeError, match="holds a set"):
        nb.index(LogicalSwitch.ports)
    with pytest.raises(TypeError, match="needs key="):
        nb.index(LogicalSwitchPort.external_ids)
    with pytest.raises(TypeError, match="has no keys"):
        nb.index(LogicalSwitchPort.name, key="a")
    with pytest.raises(TypeError, match="OVN_Southbound"):
        nb.index(PortBinding.logical_port)
    with pytest.raises(AttributeError):
        nb.index(LogicalSwitchPort.colour)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="external_ids"):
        nb.index(LogicalSwitchPort.external_ids, key=5)


def test_a_table_or_column_that_is_not_monitored_is_refused(nb_server: Server) -> None:
    monitor: Any = {LogicalSwitchPort: [LogicalSwitchPort.type, LogicalSwitchPort.external_ids]}
    with Northbound.connect(nb_server.remote, timeout=5, monitor=monitor) as nb:
        with pytest.raises(NotMonitored):
            nb.index(LogicalSwitch.name)
        with pytest.raises(NotMonitored):
            nb.index(LogicalSwitchPort.dhcpv4_options)
        nb.index(LogicalSwitchPort.external_ids, key="a")
        # The index by name cannot be kept here, and is not asked for.
        with Northbound.connect(nb_server.remote, timeout=5) as writer:
            add_ports(writer, 3)
        nb.index(LogicalSwitchPort.type)
        nb.wait(LogicalSwitchPort, type="", timeout=5)
        assert len(nb.find(LogicalSwitchPort, type="")) == 3
        with pytest.raises(NotMonitored):
            nb.find(LogicalSwitchPort, name="p1")


# -- in transactions -----------------------------------------------------------------------------------------------


def test_a_transaction_looks_up_in_one_moment_and_sees_its_own_writes(nb: Northbound, other_nb: Northbound) -> None:
    nb.index(LogicalSwitchPort.external_ids, key=PORT_NAME)
    add_ports(nb, 14)
    other_nb.wait(LogicalSwitchPort, name="p13", timeout=5)
    where: Any = {"external_ids": {PORT_NAME: "vm3"}}
    with nb.transaction() as tx:
        assert {port.name for port in tx.find(LogicalSwitchPort, **where)} == {"p3", "p10"}
        with other_nb.transaction() as other:
            other.update(other.get(LogicalSwitchPort, name="p10"), external_ids=Put({PORT_NAME: "vm9"}))
            other.update(other.get(LogicalSwitchPort, name="p4"), external_ids=Put({PORT_NAME: "vm3"}))
            new = other.insert(LogicalSwitchPort(name="new", external_ids={PORT_NAME: "vm3"}))
            switch = other.get(LogicalSwitch, name="web")
            other.update(switch, ports=switch.ports | {new})
        nb.wait(LogicalSwitchPort, name="new", timeout=5)
        assert {port.name for port in nb.find(LogicalSwitchPort, **where)} == {"p3", "p4", "new"}
        assert {port.name for port in tx.find(LogicalSwitchPort, **where)} == {"p3", "p10"}
        with pytest.raises(NotFound):
            tx.get(LogicalSwitchPort, name="new")
        tx.update(tx.get(LogicalSwitchPort, name="p3"), external_ids=Put({PORT_NAME: "vm0"}))
        tx.update(tx.get(LogicalSwitchPort, name="p5"), external_ids=Put({PORT_NAME: "vm3"}), up=True)
        assert {port.name for port in tx.find(LogicalSwitchPort, **where)} == {"p5", "p10"}
        tx.discard()


# -- beside writers ------------------------------------------------------------------------------------------------

_NAMES = [f"s{number}" for number in range(6)]
_OWNERS = ["a", "b", "c"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["insert", "rename", "own", "delete"]), st.integers(0, 99), st.integers(0, 99)),
        max_size=12,
    )
)
def test_lookups_give_what_looking_through_all_rows_gives(
    nb: Northbound, other_nb: Northbound, steps: list[tuple[str, int, int]]
) -> None:
    nb.index(LogicalSwitch.external_ids, key="owner")
    for kind, which, what in steps:
        with other_nb.transaction() as tx:
            rows = sorted(tx.find(LogicalSwitch), key=lambda row: row.uuid)
            name, owner = _NAMES[what % len(_NAMES)], _OWNERS[what % len(_OWNERS)]
            if kind == "insert" or not rows:
                tx.insert(LogicalSwitch(name=name, external_ids={"owner": owner}))
            elif kind == "rename":
                tx.update(rows[which % len(rows)], name=name)
            elif kind == "own":
                tx.update(rows[which % len(rows)], external_ids={"owner": owner} if what % 4 else {})
            else:
                tx.delete(rows[which % len(rows)])
    # What the other has is here as well once a later change is.
    with other_nb.transaction() as tx:
        mark = tx.insert(LogicalRouter(name="mark"))
    deadline = time.monotonic() + 5
    while not any(router.uuid == mark.uuid for router in nb.find(LogicalRouter)):
        assert time.monotonic() < deadline
    every = nb.find(LogicalSwitch)
    with nb.transaction() as tx:
        for reader in (nb, tx):
            for name in _NAMES:
                assert set(reader.find(LogicalSwitch, name=name)) == {row for row in every if row.name == name}
            for owner in _OWNERS:
                found = reader.find(LogicalSwitch, external_ids={"owner": owner})
                assert set(found) == {row for row in every if row.external_ids.get("owner") == owner}
        tx.discard()


def test_readers_beside_writers_find_rows_that_are_as_they_asked(kinds_server: Server) -> None:
    over = threading.Event()

    def write(seed: int) -> int:
        choose = random.Random(seed)
        with KindsClient.connect(kinds_server.remote, timeout=10) as client:
            own: list[Ref[Kinds]] = []
            turns = 0
            while not over.is_set():
                with client.transaction() as tx:
                    own.append(tx.insert(kinds(string=choose.choice("abc"), texts={"k": choose.choice("xyz")})))
                    if len(own) > 30:
                        tx.delete(own.pop(0))
                    elif len(own) > 5:
                        row = tx[choose.choice(own[:-1])]
                        tx.update(row, string=choose.choice("abc"), texts={"k": choose.choice("xyz")})
                turns += 1
            return turns

    def read(client: KindsClient, seed: int) -> int:
        choose = random.Random(seed)
        found = 0
        while not over.is_set():
            text, letter = choose.choice("xyz"), choose.choice("abc")
            for row in client.find(Kinds, texts={"k": text}):
                assert row.texts["k"] == text
                found += 1
            with client.transaction() as tx:
                # Of one moment: by index, and by looking through what the snapshot has.
                by_index = set(tx.find(Kinds, string=letter))
                assert by_index == {row for row in tx.find(Kinds) if row.string == letter}
                assert set(tx.find(Kinds, texts={"k": text})) == {
                    row for row in tx.find(Kinds) if row.texts["k"] == text
                }
                tx.discard()
        return found

    with KindsClient.connect(kinds_server.remote, timeout=10) as client, ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, seed) for seed in range(2)]
        client.wait(Kinds, timeout=10)
        # Made while updates arrive.
        client.index(Kinds.string)
        client.index(Kinds.texts, key="k")
        readers = [pool.submit(read, client, seed) for seed in range(2)]
        time.sleep(2)
        over.set()
        assert all(writer.result(10) > 20 for writer in writers)
        assert all(reader.result(10) > 20 for reader in readers)


# -- without a server ----------------------------------------------------------------------------------------------

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))
SCHEMA = DatabaseSchema.from_json(KINDS)


def update(store: Store, uuid: UUID, **columns: Any) -> None:
    row = wire.RowUpdate(insert=wire.Raw(wire.encode(columns)))
    store.apply({"Kinds": {uuid: row}}, afresh=False)


@pytest.fixture
def store() -> Store:
    store = Store(KindsDatabase, SCHEMA, {name: frozenset(table.columns) for name, table in SCHEMA.tables.items()})
    store.declare_index("Kinds", IndexKey(("string",)))
    for uuid in (ONE, TWO, THREE):
        update(store, uuid, string="a")
    assert len(store.find(Filter(Kinds, {"string": "a"}))) == 3
    return store


class Meanwhile(Filter):
    """Something happens when the first row is looked at, or before an index is."""

    def __init__(self, columns: dict[str, Any], happens: Any, *, at_once: bool = False) -> None:
        super().__init__(Kinds, columns)
        self.happens = happens
        self.at_once = at_once

    def _happen(self) -> None:
        happens, self.happens = self.happens, lambda: None
        happens()

    def __call__(self, row: Any) -> bool:
        self._happen()
        return super().__call__(row)

    def lookups(self, keys: tuple[IndexKey, ...]) -> Any:
        if self.at_once:
            self._happen()
        yield from super().lookups(keys)


def test_a_snapshot_that_is_read_misses_no_row_that_changes_meanwhile(store: Store) -> None:
    snapshot = store.snapshot()
    update(store, THREE, string="b")

    def happens() -> None:
        update(store, ONE, string="b")
        update(store, TWO, string="b")

    found = snapshot.find(Meanwhile({"string": "a"}, happens))
    assert {row.uuid for row in found} == {ONE, TWO, THREE}


def test_a_snapshot_sees_its_moment_where_the_first_change_comes_while_it_begins_to_look(store: Store) -> None:
    snapshot = store.snapshot()
    matches = Meanwhile({"string": "a"}, lambda: update(store, ONE, string="b"), at_once=True)
    assert {row.uuid for row in snapshot.find(matches)} == {ONE, TWO, THREE}
    assert {row.uuid for row in store.find(Filter(Kinds, {"string": "a"}))} == {TWO, THREE}


def test_referrers_in_a_snapshot_are_of_its_moment_while_another_thread_makes_the_index(store: Store) -> None:
    child = Ref(Child, UUID(int=9))
    update(store, ONE, string="a", child=["uuid", str(child.uuid)])
    snapshot = store.snapshot()
    update(store, ONE, string="a")
    update(store, TWO, string="a", child=["uuid", str(child.uuid)])
    key = IndexKey(("child",), references=True)
    begun, go_on = threading.Event(), threading.Event()

    class Slow(IndexKey):
        def values(self, row: Any) -> Any:
            begun.set()
            assert go_on.wait(5)
            return super().values(row)

        def __hash__(self) -> int:
            return hash(key)

        def __eq__(self, other: object) -> bool:
            return isinstance(other, IndexKey) and (self.columns, self.references) == (other.columns, other.references)

    table = store.tables["Kinds"]
    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(store._index, table, Slow(("child",), references=True))
        assert begun.wait(5)
        try:
            found = snapshot.referrers(Kinds, "child", child)
            assert [row.uuid for row in found] == [ONE]
        finally:
            go_on.set()
        making.result(5)
    assert [row.uuid for row in snapshot.referrers(Kinds, "child", child)] == [ONE]
