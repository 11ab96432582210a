"""The facts in words, for the docstrings of row classes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from ovnkit.codegen.facts import ColumnFacts, TableFacts
from ovnkit.codegen.names import class_name
from ovnkit.ovsdb.schema import BaseType, ColumnType

__all__ = ["column_line", "table_docstring"]


def table_docstring(table: TableFacts, product: str, *, width: int) -> list[str]:
    """The lines of a row class's docstring, without indentation and quotes."""
    paragraphs = [f"A row of {table.name}{_span(table.since, table.until, product)}."]
    if not table.root:
        paragraphs.append("Not a root table: the server deletes a row that no other row refers to.")
    if table.max_rows is not None:
        paragraphs.append(f"It has at most {table.max_rows} row{'s' if table.max_rows != 1 else ''}.")
    if table.indexes:
        unique = [index[0] if len(index) == 1 else f"({', '.join(index)})" for index in table.indexes]
        paragraphs.append(f"Unique: {', '.join(unique)}.")
    lines = [paragraphs[0]]
    if paragraphs[1:]:
        lines += ["", *_wrap(" ".join(paragraphs[1:]), width)]
    lines.append("")
    for column in table.columns:
        lines += _wrap(f"{column.name}: {column_line(column, product)}", width, hanging="    ")
    return lines


def column_line(column: ColumnFacts, product: str) -> str:
    """What a column holds, and since when."""
    notes = [_type(column.type)]
    if column.is_required:
        notes.append("required")
    if column.immutable:
        notes.append("cannot change after insertion")
    if column.ephemeral:
        notes.append("not kept on disk")
    if span := _span(column.since, column.until, product):
        notes.append(span.strip(" ()"))
    notes += [f"{word!r} gone in {product} {release}" for word, release in column.gone.items()]
    return "; ".join(notes)


def _type(type: ColumnType) -> str:
    if type.value is not None:
        text = f"map of {_base(type.key, plural=True)} to {_base(type.value, plural=True)}"
    elif type.is_scalar:
        return _base(type.key, plural=False)
    elif type.is_optional:
        return f"{_base(type.key, plural=False)}, or None"
    else:
        text = f"set of {_base(type.key, plural=True)}"
    if type.min > 0:
        text += f", at least {type.min}"
    if type.max is not None:
        text += f", at most {type.max}"
    return text


def _base(base: BaseType, *, plural: bool) -> str:
    if base.ref_table is not None:
        noun = "weak reference" if base.ref_type == "weak" else "reference"
        return f"{noun}{'s' if plural else ''} to {class_name(base.ref_table)}"
    if base.enum is not None:
        return ("words " if plural else "") + _alternatives(sorted(map(repr, base.enum)))
    text = {"real": "number", "uuid": "UUID"}.get(base.type, base.type) + ("s" if plural else "")
    if base.minimum is not None and base.maximum is not None:
        text += f" {base.minimum} to {base.maximum}"
    elif base.minimum is not None:
        text += f" from {base.minimum}"
    elif base.maximum is not None:
        text += f" up to {base.maximum}"
    if base.min_length:
        text += f" of at least {base.min_length} characters"
    if base.max_length is not None:
        text += f" of at most {base.max_length} characters"
    return text


def _alternatives(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _span(since: str | None, until: str | None, product: str) -> str:
    notes = ([f"since {product} {since}"] if since else []) + ([f"gone in {product} {until}"] if until else [])
    return f" ({', '.join(notes)})" if notes else ""


def _wrap(text: str, width: int, *, hanging: str = "") -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)
