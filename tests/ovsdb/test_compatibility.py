"""The `ovs` that is installed: whether it has what the engine uses of it, and a clear word where it has not."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ovs.db.idl
import ovs.jsonrpc
import ovs.stream
import ovs.version
import pytest

from ovnkit.errors import UnsupportedOvs
from ovnkit.ovsdb import compatibility
from ovnkit.ovsdb.replica import Idl

ROOT = Path(__file__).parents[2]
MANGLED = re.compile(r"_(?:Idl|Session|Connection|Message|Stream|Row|Transaction|Reconnect|Parser)__\w*[a-z0-9]")


@pytest.fixture(autouse=True)
def unchecked() -> Iterator[None]:
    """The check is made once in a process; here for each test, and again after it."""
    compatibility.check.cache_clear()
    yield
    compatibility.check.cache_clear()


def test_the_installed_ovs_has_all_that_the_engine_uses() -> None:
    assert compatibility.missing() == []
    compatibility.check()


def test_a_method_that_went_is_told_with_the_release_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ovs.db.idl.Idl, "_Idl__clear")
    monkeypatch.setattr(ovs.version, "VERSION", "9.1.0")
    with pytest.raises(UnsupportedOvs, match=r"ovs 9\.1\.0 .*_Idl__clear.*install another release") as caught:
        compatibility.check()
    assert caught.value.missing == ("ovs.db.idl:Idl._Idl__clear",)
    assert isinstance(caught.value, ImportError)


@pytest.mark.parametrize(
    ("holder", "name", "now"),
    [
        (ovs.db.idl.Idl, "_Idl__clear", lambda self, tables: None),
        (ovs.db.idl.Idl, "cond_change", lambda self, table, cond: None),
        (ovs.db.idl.Idl, "run", lambda self, limit: None),
        (ovs.jsonrpc.Session, "recv_wait", lambda self, *, poller, urgent: None),
        (ovs.jsonrpc.Message, "create_notify", staticmethod(lambda params, method: None)),
        (ovs.stream.TCPStream, "_open", staticmethod(lambda suffix: None)),
    ],
)
def test_a_function_with_other_parameters_is_told(
    holder: type[Any], name: str, now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holder, name, now)
    (lacking,) = compatibility.missing()
    assert f"{holder.__name__}.{name}(" in lacking


def test_a_function_that_takes_more_if_it_is_given_more_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ovs.db.idl.Idl, "run", lambda self, limit=50, *more, **named: None)
    assert compatibility.missing() == []


def test_an_attribute_that_objects_no_longer_have_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made = ovs.db.idl.Idl.__init__

    def make(self: Any, remote: Any, schema_helper: Any, probe_interval: Any = None, leader_only: Any = True) -> None:
        made(self, remote, schema_helper, probe_interval, leader_only)
        del self._monitor_request_id
        del self._session.remotes

    monkeypatch.setattr(ovs.db.idl.Idl, "__init__", make)
    assert compatibility.missing() == ["ovs.db.idl:Idl._monitor_request_id", "ovs.jsonrpc:Session.remotes"]


def test_an_idl_that_cannot_be_made_lacks_all_that_objects_have(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(self: Any, remote: Any, schema_helper: Any, probe_interval: Any = None, leader_only: Any = True) -> None:
        raise RuntimeError("made in another way now")

    monkeypatch.setattr(ovs.db.idl.Idl, "__init__", make)
    lacking = compatibility.missing()
    assert "ovs.db.idl:Idl._session" in lacking
    assert "ovs.jsonrpc:Session.reconnect" in lacking
    assert "ovs.db.idl:Row._data" in lacking


def test_a_constant_that_went_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ovs.db.idl, "ROW_UPDATE")
    assert compatibility.missing() == ["ovs.db.idl:ROW_UPDATE"]


def test_a_replica_is_not_made_on_an_ovs_that_lacks_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ovs.db.idl.Idl, "_Idl__clear")
    helper = ovs.db.idl.SchemaHelper(None, {"name": "A", "version": "1.0.0", "tables": {}})
    with pytest.raises(UnsupportedOvs):
        Idl("unix:/nonexistent", helper)


def test_the_oldest_release_is_the_one_that_the_package_requires() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    assert f"ovs>={compatibility.OLDEST}" in settings["options"]["install_requires"].split()


def named() -> set[str]:
    """The private members that compatibility.py names."""
    functions = {name.rpartition(".")[2] for name in compatibility.FUNCTIONS}
    attributes = {name for names in compatibility.ATTRIBUTES.values() for name in names}
    return {name for name in functions | attributes if name.startswith("_") and not name.startswith("__")}


def sources() -> list[ast.Module]:
    directory = ROOT / "ovnkit" / "ovsdb"
    return [ast.parse(path.read_text()) for path in directory.glob("*.py") if path.name != "compatibility.py"]


def used(trees: list[ast.Module]) -> set[str]:
    """The private members of `ovs` that the engine uses.

    These are all whose names say which class of `ovs` they are private to, and all that are read and nowhere made.
    """
    read: set[str] = set()
    made: set[str] = set()
    mangled: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Attribute):
            (read if isinstance(node.ctx, ast.Load) else made).add(node.attr)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            made.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            made.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            made.add(node.value)
    mangled = {name for name in read | made if MANGLED.fullmatch(name)}
    foreign = {name for name in read - made if name.startswith("_") and not name.startswith("__")}
    return mangled | foreign


def test_every_private_member_of_ovs_that_the_engine_uses_is_named() -> None:
    assert used(sources()) <= named()


def test_no_private_member_is_named_that_the_engine_does_not_use() -> None:
    # Those that are stored in a stream or an Idl by the engine itself are not told from its own.
    text = "".join(path.read_text() for path in (ROOT / "ovnkit" / "ovsdb").glob("*.py") if path.name[:4] != "comp")
    assert {name for name in named() if name not in text} == set()


@pytest.mark.parametrize(
    "source",
    [
        "class Own(Idl):\n    def _Idl__clear(self): pass",
        "Idl._Idl__clear(own)",
        "own._Idl__txns = {}",
        "own._somewhere.hidden",
    ],
)
def test_a_private_member_is_found_in_source(source: str) -> None:
    assert len(used([ast.parse(source)])) == 1
