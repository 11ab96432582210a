"""Imports go one way: ground, engine, databases from left to right, composition, lab, face; codegen stands beside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DATABASES = ("northbound", "southbound", "vswitch")
UNTYPED = ("ovs", "ovsdbapp")

# What each part of ovnkit may import of the others. "" is the top level itself, which hands on the clients.
GROUND = {"errors", "formats", "ini", "places", "remote"}
ENGINE = GROUND | {"ovsdb"}
COMPOSITION = ENGINE | set(DATABASES)
FACE = COMPOSITION | {"deploy", "topology", "lab", ""}
MAY_IMPORT = {
    "errors": GROUND,
    "formats": GROUND,
    "ini": GROUND,
    "places": GROUND,
    "remote": GROUND,
    "ovsdb": GROUND,
    "northbound": ENGINE,
    "southbound": ENGINE | {"northbound"},
    "vswitch": ENGINE | {"northbound", "southbound"},
    "deploy": COMPOSITION,
    "topology": COMPOSITION,
    "lab": COMPOSITION | {"deploy", "topology"},
    "cli": FACE,
    "ipython": ENGINE,
    "__main__": FACE | {"cli"},
    "": FACE,
    "codegen": ENGINE,
}


@cache
def modules() -> dict[str, Path]:
    """Every module of ovnkit by its dotted name."""
    found: dict[str, Path] = {}
    for path in sorted((ROOT / "ovnkit").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, source: str, *, package: bool) -> Iterator[tuple[int, str]]:
    """Line and absolute name of all that a module imports, at its top, under TYPE_CHECKING, or inside a function."""
    home = name.split(".") if package else name.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = home[: len(home) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                yield node.lineno, str(node.args[0].value)


@cache
def parts() -> frozenset[str]:
    """The packages and modules right below the top level."""
    return frozenset(name.split(".")[1] for name in modules() if "." in name)


def part(name: str) -> str:
    """The part of ovnkit that a dotted name belongs to: the name's second word if that is a module, else the top."""
    words = name.split(".")
    return words[1] if len(words) > 1 and words[1] in parts() else ""


def faults(name: str, source: str, *, package: bool = False) -> list[str]:
    """What is wrong with the imports of a module, each as one sentence."""
    here = part(name)
    if here not in MAY_IMPORT:
        return [f"{name} is in no layer; say in {Path(__file__).name} what it may import"]
    found: list[str] = []
    for line, imported in imports(name, source, package=package):
        top = imported.split(".")[0]
        if top in UNTYPED:
            last = name.rsplit(".", maxsplit=1)[-1]
            allowed = here == "ovsdb" or (here in DATABASES and last == "_ovsdbapp" and top == "ovsdbapp")
            if not allowed:
                found.append(f"{name}:{line} imports {top}, which only ovnkit.ovsdb may")
        elif top == "ovnkit" and part(imported) != here and part(imported) not in MAY_IMPORT[here]:
            found.append(f"{name}:{line} imports {imported}, which is not above it")
    return found


@pytest.mark.parametrize("name", modules())
def test_a_module_imports_only_from_the_layers_above_its_own(name: str) -> None:
    path = modules()[name]
    assert not faults(name, path.read_text(encoding="utf-8"), package=path.name == "__init__.py")


def test_every_layer_is_there() -> None:
    assert {part(name) for name in modules()} == MAY_IMPORT.keys()


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("ovnkit.errors", "from ovnkit.ovsdb import Row"),
        ("ovnkit.errors", "import ovnkit.ovsdb.row"),
        ("ovnkit.errors", "from ovnkit import ovsdb"),
        ("ovnkit.errors", "from .ovsdb import Row"),
        ("ovnkit.remote", "from . import cli"),
        ("ovnkit.ovsdb.row", "from ..northbound import rows"),
        ("ovnkit.ovsdb.row", "def read():\n    import ovnkit.northbound"),
        ("ovnkit.ovsdb.row", "if TYPE_CHECKING:\n    from ovnkit.northbound import ACL"),
        ("ovnkit.ovsdb.row", "importlib.import_module('ovnkit.northbound')"),
        ("ovnkit.ovsdb.row", "from ovnkit import Northbound"),
        ("ovnkit.northbound.rows", "from ovnkit.southbound import Chassis"),
        ("ovnkit.southbound.rows", "from ovnkit.vswitch import Bridge"),
        ("ovnkit.deploy.plan", "from ovnkit.topology import of"),
        ("ovnkit.topology.tree", "from ovnkit.lab import Lab"),
        ("ovnkit.lab.vm", "from ovnkit.cli import main"),
        ("ovnkit.cli", "from ovnkit.codegen import facts"),
        ("ovnkit.codegen.facts", "from ovnkit.northbound import rows"),
        ("ovnkit.northbound.client", "import ovs.db.idl"),
        ("ovnkit.northbound.client", "from ovsdbapp.schema.ovn_northbound import impl_idl"),
        ("ovnkit.northbound._ovsdbapp", "from ovs.db import idl"),
        ("ovnkit.lab._ovsdbapp", "import ovsdbapp"),
    ],
)
def test_an_import_that_goes_the_wrong_way_is_found(name: str, source: str) -> None:
    assert len(faults(name, source)) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("ovnkit.ovsdb.row", "import ovs.db.idl\nfrom ovnkit import errors\nfrom . import codec"),
        ("ovnkit.vswitch.client", "from ovnkit.southbound import Chassis\nfrom ovnkit.northbound import ACL"),
        ("ovnkit.northbound._ovsdbapp", "from ovsdbapp.schema.ovn_northbound import impl_idl"),
        ("ovnkit.lab.demo", "from ovnkit import deploy, topology\nimport json"),
        ("ovnkit.__main__", "from ovnkit.cli import main"),
    ],
)
def test_an_import_that_goes_the_right_way_is_not(name: str, source: str) -> None:
    assert faults(name, source) == []
