"""The errors: one tree, drawn as it is, on one page, and each travels with what it names."""

from __future__ import annotations

import inspect
import pickle
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ovnkit import errors
from ovnkit.errors import OutcomeUnknown, OvnkitError

ROOT = Path(__file__).parent.parent
CLASSES: list[type[OvnkitError]] = [getattr(errors, name) for name in errors.__all__]
ARGUMENTS: dict[str, Any] = {
    "allowed": "an integer",
    "column": "tag",
    "columns": {"name": "web"},
    "command": "ovs-appctl exit",
    "extra": "deploy",
    "file": "cluster.toml",
    "found": "7.0.0",
    "hint": "find() lists those that there are",
    "host": "cmp1",
    "install": "apt-get install x",
    "key": "host.a.name",
    "limit": 3,
    "missing": ("ovs.db.idl:Idl.run",),
    "names": ("ovn-northd",),
    "near": ("vm1", "vm2"),
    "oldest": "3.6",
    "output": "No such file\nor directory " * 50,
    "operation": {"op": "insert", "table": "T"},
    "package": "cryptography",
    "path": "/var/lib/ovn/ovnnb_db.db",
    "reason": "Connection refused",
    "remedy": "modprobe tun",
    "remote": "tcp:127.0.0.1:6641",
    "row": UUID(int=1),
    "seconds": 1.5,
    "since": "26.03",
    "status": 2,
    "table": "Logical_Switch_Port",
    "tried": ("OVN_Northbound: OVN_NB_DB, unix:/nowhere: ENOENT: there is no such socket",),
    "uuids": (UUID(int=1), UUID(int=2)),
    "value": "x" * 500,
    "waited_for": "a row",
    "what": "graceful exit",
}


def made(error: type[OvnkitError]) -> tuple[OvnkitError, dict[str, Any]]:
    """An error with all its arguments, and those of them that have to be its attributes."""
    if error.__init__ is OvnkitError.__init__:
        return error("what has failed"), {}
    texts = {"error": "timed out", "details": "why"}
    given = {
        name: (ARGUMENTS | texts)[name]
        for name, parameter in inspect.signature(error).parameters.items()
        if parameter.kind is not parameter.VAR_POSITIONAL and name not in ("args", "kwargs", "resolve")
    }
    return error(**given), given


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    branches: list[str] = []
    drawn: dict[str, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"([│├└─ ]*)([A-Z]\w+)", line)
        if found and ("─" in found[1] or found[2] == "OvnkitError"):
            depth = len(found[1]) // 4
            branches[depth:] = [found[2]]
            drawn[found[2]] = branches[depth - 1] if depth else "Exception"
    # The kinds of TransactionFailed and the rest have the parents that they are drawn under, beside Python's own.
    assert drawn == {error.__name__: error.__bases__[0].__name__ for error in CLASSES}


def test_what_is_drawn_beside_an_error_in_brackets_is_what_python_takes_it_for() -> None:
    for name, builtin in re.findall(r"(\w+) \((\w+Error)\)", errors.__doc__ or ""):
        assert builtin in [base.__name__ for base in getattr(errors, name).__mro__]


def test_every_error_has_its_place_on_the_page() -> None:
    page = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    assert [error.__name__ for error in CLASSES if f"`{error.__name__}`" not in page] == []


@pytest.mark.parametrize("error", CLASSES)
def test_an_error_carries_what_it_names_also_to_another_process(error: type[OvnkitError]) -> None:
    instance, given = made(error)
    again = pickle.loads(pickle.dumps(instance))
    assert (type(again), str(again)) == (error, str(instance))
    for one in (instance, again):
        assert {name: getattr(one, name) for name in given} == given


@pytest.mark.parametrize("error", CLASSES)
def test_an_error_is_one_line_that_stays_readable(error: type[OvnkitError]) -> None:
    text = str(made(error)[0])
    assert "\n" not in text
    assert len(text) < 400


def test_an_unknown_outcome_cannot_be_looked_up_without_its_connection() -> None:
    there = OutcomeUnknown("cut", lambda timeout: timeout > 1)
    assert there.resolve(timeout=2)
    away = pickle.loads(pickle.dumps(there))
    with pytest.raises(OutcomeUnknown):
        away.resolve()
