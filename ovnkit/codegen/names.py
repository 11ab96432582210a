"""The Python names of tables and enumerations."""

from __future__ import annotations

import re

__all__ = ["alias_name", "class_name", "column_class_name", "constant_name"]

_EXCEPTIONS = {"Open_vSwitch": "OpenVSwitch", "sFlow": "SFlow"}


def class_name(table: str) -> str:
    """The row class of a table: its name without underscores."""
    return _EXCEPTIONS.get(table) or table.replace("_", "")


def alias_name(table: str, column: str) -> str:
    """The alias for a column's enumeration: ``ACLAction``."""
    return class_name(table) + "".join(word[:1].upper() + word[1:] for word in column.split("_"))


def column_class_name(table: str, column: str) -> str:
    """The class of a column whose keys have constants: ``LogicalSwitchPortOptionsColumn``."""
    return f"{alias_name(table, column)}Column"


def constant_name(key: str) -> str:
    """The constant for a key of a map: ``ROUTER_PORT`` for ``router-port``."""
    return re.sub(r"\W", "_", key).upper()
