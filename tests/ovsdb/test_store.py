"""The rows of the replica under readers in other threads."""

from __future__ import annotations

from collections import UserDict
from collections.abc import ItemsView
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from ovnkit.ovsdb.replica import Store
from ovnkit.ovsdb.schema import DatabaseSchema
from tests.ovsdb.kinds import KINDS, KindsDatabase

ONE, TWO = UUID(int=1), UUID(int=2)
SCHEMA = DatabaseSchema.from_json(KINDS)


class ReadMeanwhile(UserDict[str, Any]):
    """The rows of an update; while they are looked at, another thread reads the store."""

    def __init__(self, store: Store, rows: dict[str, Any]) -> None:
        super().__init__(rows)
        self.store = store
        self.seen: set[UUID] | None = None

    def items(self) -> ItemsView[str, Any]:
        with ThreadPoolExecutor(1) as pool:
            self.seen = {row.uuid for row in pool.submit(self.store.rows, "Kinds").result(5)}
        return super().items()


@pytest.mark.parametrize("afresh", [False, True])
def test_readers_do_not_wait_for_an_update_that_is_being_understood_and_see_none_of_it(afresh: bool) -> None:
    store = Store(KindsDatabase, SCHEMA, {"Kinds": frozenset(SCHEMA.tables["Kinds"].columns)})
    store.apply({"Kinds": {str(ONE): {"initial": {"string": "one"}}}}, afresh=True)
    update = ReadMeanwhile(store, {str(TWO): {"insert": {"string": "two"}}})
    store.apply({"Kinds": update}, afresh=afresh)
    assert update.seen == {ONE}
    assert {row.uuid for row in store.rows("Kinds")} == ({TWO} if afresh else {ONE, TWO})
