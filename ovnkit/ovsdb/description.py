"""What a table or a column is: its facts, and what the installed man page says."""

from __future__ import annotations

import inspect
from typing import Any

import attrs

from ovnkit.ovsdb.column import Column
from ovnkit.ovsdb.manual import installed_sections
from ovnkit.ovsdb.row import Row

__all__ = ["Description", "describe"]


@attrs.frozen(repr=False)
class Description:
    """What ``describe()`` found out; it prints itself.

    ``manual`` is the text of the installed man page, which may be of another release than the models: None where the
    page ``page`` is not installed or does not have it.
    """

    subject: str
    facts: str
    page: str
    manual: str | None
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        manual = f"{self.page} is not installed or does not describe this." if self.manual is None else self.manual
        between = "\n\n" if "\n" in self.facts else ": " if self.facts else ""
        parts = [f"{self.subject}{between}{self.facts}", manual]
        if self.keys:
            parts.append("Documented keys:\n" + "\n".join(f"    {key}" for key in self.keys))
        return "\n\n".join(part for part in parts if part)

    def __repr__(self) -> str:
        # As text, because a notebook and a prompt show just this.
        return str(self)


def describe(subject: type[Row[Any]] | Column[Any], key: str | None = None) -> Description:
    """What a table (``LogicalSwitch``), a column (``LogicalSwitchPort.addresses``) or a key of one is.

    The facts are those of the models: type, limits, target, releases. The text is that of the installed man page:
    ovn-nb(5), ovn-sb(5) or ovs-vswitchd.conf.db(5). ``describe(LogicalSwitchPort.options, "router-port")`` is about
    one key. Raises TypeError for anything else, ValueError for a key of a column that is no map.
    """
    if isinstance(subject, Column):
        return _of_column(subject, key)
    anything: object = subject
    if not (isinstance(anything, type) and issubclass(anything, Row) and anything._table):
        raise TypeError(f"describe() takes a row class or a column of one, not {subject!r:.100}")
    if key is not None:
        raise ValueError("a table has no keys; give a column that is a map")
    facts = inspect.cleandoc(subject.__doc__ or "").partition("\n")[2].strip()
    return _description(subject, subject._table, facts=facts)


def _of_column(column: Column[Any], key: str | None) -> Description:
    name = f"{column.table}.{column.name}"
    if key is None:
        return _description(
            column.row_class, name, column=column.name, facts=column.in_words, keys=tuple(column.documented_keys)
        )
    if not column.type.is_map:
        raise ValueError(f"{name} is no map, so it has no key {key!r}")
    return _description(column.row_class, f"{name}:{key}", column=column.name, key=key)


def _description(
    row_class: type[Row[Any]],
    subject: str,
    *,
    facts: str = "",
    column: str | None = None,
    key: str | None = None,
    keys: tuple[str, ...] = (),
) -> Description:
    page = row_class._database.manual
    texts = installed_sections(page) or {}
    text = texts.get((row_class._table, column, key)) or None
    return Description(subject, facts, f"{page}(5)", text, keys)
