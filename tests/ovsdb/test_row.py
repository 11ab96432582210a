"""Rows: lazy, immutable, comparable, picklable, and printed on one line."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from ovnkit.errors import InvalidValue, NotMonitored, NotStored
from ovnkit.northbound import ACL, LogicalSwitch, LogicalSwitchPort, Meter
from ovnkit.ovsdb import Map, Ref, Row, wire
from ovnkit.ovsdb.row import ReplicatedTable
from ovnkit.ovsdb.schema import DatabaseSchema
from tests.ovsdb.kinds import KINDS, Child, Kinds, KindsDatabase, kinds

TABLES = DatabaseSchema.from_json(KINDS).tables
SCHEMA = TABLES["Kinds"]
UUID_1 = UUID(int=1)


def stored(raw: Mapping[str, Any], monitored: frozenset[str] = frozenset(SCHEMA.columns), uuid: UUID = UUID_1) -> Kinds:
    return Kinds._stored(uuid, wire.encode(raw), ReplicatedTable(SCHEMA, monitored))


def test_a_column_is_decoded_when_it_is_first_read_and_only_once() -> None:
    row = stored({"string": "web", "strings": ["set", ["a"]]})
    assert row.__dict__ == {}
    assert row.strings == {"a"}
    assert row.__dict__ == {"strings": {"a"}}
    assert row.strings is row.strings


def test_looking_through_rows_keeps_nothing() -> None:
    row = stored({"string": "web"})
    assert row._peek("string") == "web"
    assert row.__dict__ == {}


def test_columns_that_were_not_sent_have_their_defaults() -> None:
    row = stored({})
    assert (row.string, row.optional_string, row.strings, row.texts) == ("", None, frozenset(), Map())


def test_a_row_cannot_be_changed() -> None:
    row: Any = stored({"string": "web", "strings": "a", "texts": ["map", [["k", "v"]]]})
    with pytest.raises(AttributeError, match=r"transaction\.update"):
        row.string = "other"
    with pytest.raises(AttributeError):
        del row.string
    with pytest.raises(TypeError):
        row.texts["k"] = "w"
    with pytest.raises(AttributeError):
        row.strings.add("b")
    with pytest.raises(AttributeError):
        row.brand_new = 1
    assert row.string == "web"


def test_rows_are_equal_by_class_uuid_and_columns() -> None:
    row = stored({"strings": ["set", ["a", "b"]], "string": ""})
    assert row == stored({"strings": ["set", ["b", "a"]]})
    assert hash(row) == hash(stored({"strings": ["set", ["b", "a"]]}))
    assert row != stored({"strings": "a"})
    assert row != stored({"strings": ["set", ["a", "b"]]}, uuid=UUID(int=2))
    assert row != Child(name="x")
    assert kinds(string="a") == kinds(string="a")
    assert kinds(string="a") != kinds(string="b")
    assert row != "row"


@pytest.mark.parametrize(
    "row",
    [stored({"strings": "a", "texts": ["map", [["k", "v"]]]}), kinds(string="new", children=[Ref(Child, uuid4())])],
)
def test_a_row_travels_by_pickle_and_copy(row: Kinds) -> None:
    assert row.texts is not None
    for again in (pickle.loads(pickle.dumps(row)), copy.copy(row), copy.deepcopy(row)):
        assert again == row
        assert again is not row
        assert again.strings == row.strings


def test_a_row_made_here_has_no_uuid_yet() -> None:
    row = LogicalSwitch(name="web")
    for attribute in ("uuid", "ref"):
        with pytest.raises(NotStored, match=r"Logical_Switch.*transaction\.insert"):
            getattr(row, attribute)


def test_a_row_prints_on_one_line_what_is_set() -> None:
    row = LogicalSwitch(name="web\nside", external_ids={"b": "2", "a": "1"})
    assert repr(row) == r"<LogicalSwitch 'web\nside' external_ids={'a': '1', 'b': '2'}>"
    port = LogicalSwitchPort(name="p", addresses=["unknown", "dynamic"], tag=7)
    assert repr(port) == "<LogicalSwitchPort 'p' tag=7 addresses=['dynamic', 'unknown']>"
    assert "\n" not in repr(stored({"string": "a\nb", "strings": ["set", ["c\nd"]]}))
    assert repr(stored({}, monitored=frozenset({"string"}))) == "<Kinds '00000000'>"


def test_an_unknown_column_is_a_type_error_with_the_nearest_name() -> None:
    make: Any = LogicalSwitchPort
    with pytest.raises(TypeError, match=r"no column 'adresses'; did you mean addresses\?"):
        make(name="p", adresses=[])


def test_a_lone_string_is_no_set() -> None:
    make: Any = LogicalSwitchPort
    with pytest.raises(InvalidValue, match=r"Logical_Switch_Port\.addresses: 'dynamic'.*a set, list or tuple"):
        make(name="p", addresses="dynamic")


def test_a_bool_is_no_int() -> None:
    make: Any = LogicalSwitchPort
    with pytest.raises(InvalidValue, match="an integer"):
        make(name="p", tag=True)


def test_a_constructor_requires_what_has_no_legal_default() -> None:
    make: Any = ACL
    with pytest.raises(TypeError, match=r"ACL\(\) needs action, direction"):
        make(match="ip4")
    make = Meter
    with pytest.raises(TypeError, match="bands"):
        make(name="m", unit="kbps")
    assert LogicalSwitch().name == ""


def test_a_row_may_stand_for_its_reference() -> None:
    child = Child._stored(uuid4(), b'{"name":"c"}', ReplicatedTable(TABLES["Child"], frozenset()))
    assert kinds(children=[child]).children == {child.ref}
    with pytest.raises(NotStored):
        kinds(children=[Child(name="new")])


def test_what_is_not_monitored_cannot_be_read() -> None:
    row = stored({"string": "a"}, monitored=frozenset({"string"}))
    assert row.string == "a"
    with pytest.raises(NotMonitored) as caught:
        _ = row.integer
    assert (caught.value.table, caught.value.column) == ("Kinds", "integer")


def test_replace_gives_another_snapshot() -> None:
    row = stored({"string": "a", "integer": 7})
    other = row.__replace__(string="b")
    assert (other.string, other.integer, other.uuid) == ("b", 7, row.uuid)
    assert row.string == "a"


def test_a_column_on_the_class_tells_of_itself() -> None:
    assert LogicalSwitch.ports.table == "Logical_Switch"
    assert LogicalSwitch.ports.name == "ports"
    assert repr(LogicalSwitch.ports) == "<Column Logical_Switch.ports>"
    assert KindsDatabase.row_class("Kinds") is Kinds
    assert KindsDatabase.row_class("Newer") is Row


def test_a_map_is_a_hashable_mapping_that_prints_in_order() -> None:
    map_ = Map({"b": 1, "a": 2})
    assert map_ == {"a": 2, "b": 1}
    assert hash(map_) == hash(Map([("a", 2), ("b", 1)]))
    assert repr(map_) == "{'a': 2, 'b': 1}"
    assert pickle.loads(pickle.dumps(map_)) == map_
    assert "a" in map_


def test_a_reference_is_its_class_and_uuid() -> None:
    one, other = Ref(Child, UUID_1), Ref(Kinds, UUID_1)
    assert one == Ref(Child, UUID_1)
    assert one != other
    assert pickle.loads(pickle.dumps(one)) == one
    make: Any = Ref
    with pytest.raises(TypeError):
        make(Child, str(UUID_1))
    with pytest.raises(AttributeError):
        one.uuid = uuid4()
