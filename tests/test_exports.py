"""Public names: every module says in one sorted `__all__` what it gives, and hides the rest."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import ovnkit

ROOT = Path(ovnkit.__file__).parent


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_public(name: str) -> bool:
    return not any(word.startswith("_") for word in name.split("."))


MODULES = {dotted(path): path for path in sorted(ROOT.rglob("*.py")) if is_public(dotted(path))}
PACKAGES = [name for name, path in MODULES.items() if path.name == "__init__.py"]


def rank(name: str) -> tuple[int, str]:
    """The order of ruff's RUF022: constants, classes, the rest."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)


def exported(module: ModuleType) -> list[str]:
    return list(getattr(module, "__all__", []))


def literals(source: str) -> list[list[str]]:
    """The lists that a module assigns or adds to `__all__`, as written."""
    found: list[list[str]] = []
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        is_all = any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)
        if is_all and isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and isinstance(node.value, ast.List):
            found.append([item.value for item in node.value.elts if isinstance(item, ast.Constant)])  # type: ignore[misc]
    return found


def is_scaffolding(value: ast.expr | None) -> bool:
    called = value.func if isinstance(value, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in ("TypeVar", "ParamSpec", "getLogger")


def defined(source: str) -> set[str]:
    """The names that a module defines at its top level; not imports, type variables, and its logger."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and not is_scaffolding(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
    return names


@pytest.mark.parametrize("name", MODULES)
def test_all_is_sorted_and_names_nothing_twice_or_in_vain(name: str) -> None:
    module = importlib.import_module(name)
    assert len(set(exported(module))) == len(exported(module))
    assert [export for export in exported(module) if not hasattr(module, export)] == []
    lists = literals(MODULES[name].read_text(encoding="utf-8"))
    assert lists == [sorted(names, key=rank) for names in lists]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_shows_what_is_in_all_and_its_modules_only(name: str) -> None:
    module = importlib.import_module(name)
    shown = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and key not in ("annotations", "TYPE_CHECKING", "Any")
        if not isinstance(value, ModuleType)
    }
    assert shown <= set(exported(module))


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_defines_is_in_all_or_private(name: str) -> None:
    names = defined(MODULES[name].read_text(encoding="utf-8"))
    hidden = {one for one in names if not one.startswith("_") and one != "TYPE_CHECKING"} - set(
        exported(importlib.import_module(name))
    )
    assert hidden == set()


@pytest.mark.parametrize("name", MODULES)
def test_a_public_module_says_what_it_is_for(name: str) -> None:
    assert (importlib.import_module(name).__doc__ or "").strip()


def test_importing_ovnkit_alone_imports_next_to_nothing() -> None:
    code = "import sys; before = set(sys.modules); import ovnkit; print(*sorted(sys.modules.keys() - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"ovnkit", "ovnkit.errors"} <= set(done.stdout.split()) <= {"__future__", "ovnkit", "ovnkit.errors"}
