"""The API reference: columns as a list, constants as well, and no public name left out."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from docutils import nodes
from sphinx.errors import PycodeError
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PACKAGES = (
    "ovnkit",
    "ovnkit.northbound",
    "ovnkit.southbound",
    "ovnkit.vswitch",
    "ovnkit.ovsdb",
    "ovnkit.deploy",
    "ovnkit.deploy.central",
    "ovnkit.deploy.kolla",
    "ovnkit.deploy.pki",
    "ovnkit.deploy.preflight",
    "ovnkit.topology",
    "ovnkit.topology.checks",
    "ovnkit.topology.checks",
    "ovnkit.lab",
    "ovnkit.errors",
    "ovnkit.remote",
)

_COLUMN = re.compile(r"^([a-z]\w*): (.+)$")
_DRAWN = re.compile("[│├└]")
_log = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("autodoc-process-docstring", shape)
    app.connect("autodoc-skip-member", skip)
    app.add_directive("constants", Constants)
    app.connect("env-check-consistency", check_complete)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Constants(SphinxDirective):
    """Those public names of a module that autodoc passes over: what is neither a class nor a function."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The names, each with its value or what is said of it."""
        text = "\n".join(_constants(self.arguments[0]))
        return self.parse_text_to_nodes(text)


def _constants(home: str) -> Iterator[str]:
    module = importlib.import_module(home)
    said = _said_of_constants(home)
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isroutine(thing) or inspect.ismodule(thing):
            continue
        yield f".. py:data:: {name}\n   :module: {home}\n"
        if get_origin(thing) is Literal:
            yield f"   One of {', '.join(f'``{word!r}``' for word in get_args(thing))}.\n"
        yield from (f"   {line}" for line in said.get(name, ()))
        yield ""


def _said_of_constants(home: str) -> dict[str, list[str]]:
    """What stands below the assignments of the modules that make up this one."""
    found: dict[str, list[str]] = {}
    seen = {
        home,
        *(value.__module__ for value in vars(importlib.import_module(home)).values() if inspect.isclass(value)),
    }
    for name in sorted(seen):
        try:
            comments = ModuleAnalyzer.for_module(name).find_attr_docs()
        except PycodeError:
            continue
        found.update({constant: lines for (owner, constant), lines in comments.items() if not owner})
    return found


def shape(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """What reStructuredText would run together: the columns of a row class, a line each, and what is drawn."""
    if _is_row_class(thing):
        lines[:] = [_COLUMN.sub(r"- ``\1``: \2", line) for line in lines]
    drawn = [number for number, line in enumerate(lines) if _DRAWN.match(line)]
    if drawn:
        # The root of a tree stands on the line above.
        first, end = drawn[0] - 1, drawn[-1] + 1
        lines[first:end] = ["::", "", *(f"    {line}" for line in lines[first:end]), ""]


def skip(app: Sphinx, what: str, name: str, thing: Any, skipped: bool, options: Any) -> bool | None:
    """A column has its line in the docstring of its class."""
    from ovnkit.ovsdb.column import Column

    return True if isinstance(thing, Column) else None


def check_complete(app: Sphinx, env: Any) -> None:
    """Warn of a public name that no page has."""
    known = env.domains.python_domain.objects
    for package in PACKAGES:
        module = importlib.import_module(package)
        # A package hands on what is documented where it comes from.
        homes = [home for home in PACKAGES if package == "ovnkit" or home.startswith(package)]
        for name in module.__all__:
            if not isinstance(getattr(module, name), ModuleType) and not any(
                f"{home}.{name}" in known for home in homes
            ):
                _log.warning("no page has %s.%s", package, name)


def _is_row_class(thing: Any) -> bool:
    from ovnkit.ovsdb import Row

    return isinstance(thing, type) and issubclass(thing, Row) and thing is not Row
