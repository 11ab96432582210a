"""``%load_ext ovnkit``: names of rows are completed in IPython and Jupyter, as columns and keys are by themselves."""

from __future__ import annotations

import re
from typing import Any

from ovnkit.ovsdb.client import Client
from ovnkit.ovsdb.column import Column
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.transaction import Transaction

__all__ = ["completions", "load_ipython_extension", "unload_ipython_extension"]

_CALLS = "get|find|wait|wait_gone|watch|check_none"
_CALL = re.compile(rf"""([\w.]+)\.(?:{_CALLS})\(\s*([\w.]+)\s*,(.*)$""", re.DOTALL)
_VALUE = re.compile(r"""(?:^|[,\s])(\w+)\s*=\s*(["'])([^"']*)$""")
_NAME = re.compile(r"(?:^|[,\s])(\w*)$")
_MOST = 200


def load_ipython_extension(shell: Any) -> None:
    """Complete columns in ``nb.get(LogicalSwitch, na…)``, and their values in ``nb.get(LogicalSwitch, name="w…)``."""

    def complete(context: Any) -> dict[str, Any]:
        from IPython.core.completer import SimpleCompletion

        found = [SimpleCompletion(text) for text in completions(context.text_until_cursor, shell.user_ns)]
        return {"completions": found, "suppress": bool(found)}

    complete.matcher_identifier = "ovnkit"  # type: ignore[attr-defined]
    complete.matcher_api_version = 2  # type: ignore[attr-defined]
    shell.Completer.custom_matchers.append(complete)


def unload_ipython_extension(shell: Any) -> None:
    """Take that back."""
    matchers = shell.Completer.custom_matchers
    matchers[:] = [matcher for matcher in matchers if getattr(matcher, "matcher_identifier", "") != "ovnkit"]


def completions(line: str, names: dict[str, Any]) -> list[str]:
    """What the end of ``line`` may become: columns of a row class, or values that a column of it has now."""
    call = _CALL.search(line)
    if call is None:
        return []
    client, row_class = _named(call[1], names), _named(call[2], names)
    if not isinstance(client, (Client, Transaction)) or not (
        isinstance(row_class, type) and issubclass(row_class, Row)
    ):
        return []
    if value := _VALUE.search(call[3]):
        return _values(client, row_class, value[1], value[3])
    begun = _NAME.search(call[3])
    return [] if begun is None else [f"{name}=" for name in row_class._columns if name.startswith(begun[1])]


def _values(client: Any, row_class: type[Row[Any]], name: str, begun: str) -> list[str]:
    column = row_class._columns.get(name)
    if column is None or column.type.is_map or column.type.key.type != "string":
        return []
    found: set[str] = {str(word) for word in column.type.key.enum or ()}
    for row in client.find(row_class):
        value = getattr(row, name)
        found.update(value if isinstance(value, frozenset) else () if value is None else (value,))
    return sorted(text for text in found if text.startswith(begun))[:_MOST]


def _named(path: str, names: dict[str, Any]) -> Any:
    """What a name stands for, without calling anything but attributes of modules and of ours."""
    first, *rest = path.split(".")
    found = names.get(first)
    for part in rest:
        found = vars(found).get(part) if found is not None and not isinstance(found, Column) else None
    return found
