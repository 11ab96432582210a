"""The facts in words, for the docstrings of row classes."""

from __future__ import annotations

import textwrap

from ovnkit.codegen.facts import ColumnFacts, TableFacts
from ovnkit.codegen.names import class_name
from ovnkit.ovsdb.wording import column_in_words, span_in_words

__all__ = ["column_line", "table_docstring"]


def table_docstring(table: TableFacts, product: str, *, width: int) -> list[str]:
    """The lines of a row class's docstring, without indentation and quotes."""
    span = span_in_words(table.since, table.until, product)
    paragraphs = [f"A row of {table.name}{f' ({span})' if span else ''}."]
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
    return column_in_words(
        column.type,
        class_name,
        product,
        since=column.since,
        until=column.until,
        immutable=column.immutable,
        ephemeral=column.ephemeral,
        gone=column.gone,
    )


def _wrap(text: str, width: int, *, hanging: str = "") -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)
