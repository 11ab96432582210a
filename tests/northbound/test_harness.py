"""The check of operations catches operations that break their promises."""

from __future__ import annotations

from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.errors import InvalidValue
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb import Changes
from tests.operations import check_operation


def doubling(on: Any, dry_run: bool) -> Changes:
    changes: Changes = on._operate(lambda tx: tx.insert(LogicalSwitch(name="again")), dry_run=dry_run)
    return changes


def silent(on: Any, dry_run: bool) -> Changes:
    on.add_switch("web", dry_run=dry_run)
    return Changes()


def eager(on: Any, dry_run: bool) -> Changes:
    changes: Changes = on.add_switch("web")
    return changes


def boasting(on: Any, dry_run: bool) -> Changes:
    changes: Changes = on.add_switch("web", external_ids={"dry": "yes"} if dry_run else None, dry_run=dry_run)
    return changes


def refusing_late(on: Any, dry_run: bool) -> Changes:
    if not dry_run:
        on.add_switch("web")
        raise InvalidValue(table="", column="", value="", allowed="")
    changes: Changes = on.add_switch("", dry_run=True)
    return changes


@pytest.mark.parametrize("broken", [doubling, silent, eager, boasting])
def test_a_broken_promise_is_seen(nb: Northbound, broken: Any) -> None:
    with pytest.raises(AssertionError):
        check_operation(nb, broken)


def test_a_refusal_that_leaves_something_is_seen(nb: Northbound) -> None:
    with pytest.raises(AssertionError):
        check_operation(nb, refusing_late)
