"""What is different between two states of a network: rows that came, went and changed, and how that is shown."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, overload
from uuid import UUID

import attrs

from ovnkit.errors import MissingExtra, NotMonitored, _is_secret
from ovnkit.ovsdb.changes import ColumnChange
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.values import Ref
from ovnkit.topology.building import built
from ovnkit.topology.source import Source
from ovnkit.topology.text import printable, shortened

if TYPE_CHECKING:
    import pandas as pd

    from ovnkit.topology.graph import Topology

__all__ = ["Difference", "RowDifference"]

_Action = Literal["added", "removed", "changed"]

_SIGNS: Mapping[_Action, str] = {"added": "+", "removed": "-", "changed": "~"}
_COLOURS: Mapping[_Action, str] = {"added": "#1a7f37", "removed": "#cf222e", "changed": "#9a6700"}
_LONGEST_CELL = 200


@attrs.frozen(repr=False)
class RowDifference:
    """One row that came, went or changed.

    ``key`` is the uuid of the row as text, of one that was matched by its name that of the row after; ``name`` what
    people call it, ``host`` the system-id of the host whose database it is in, empty for Northbound and Southbound.
    """

    action: _Action
    database: str
    host: str
    table: str
    name: str
    key: str
    before: Row[Any] | None = attrs.field(hash=False)
    after: Row[Any] | None = attrs.field(hash=False)
    changes: tuple[ColumnChange, ...] = attrs.field(hash=False)

    def __repr__(self) -> str:
        return f"<{self.action} {self.table} {printable(self.name)!r}>"

    def lines(self, names: Mapping[Ref[Any], str]) -> Iterator[str]:
        """The row as a diff has it, one line for each thing that is different."""
        for change in self.changes:
            yield from attrs.evolve(change, name=printable(self.name)).text(names).splitlines()


class Difference(Sequence[RowDifference]):
    """The rows that are different, by table. Falsy when there are none; prints as a diff, shows a table in Jupyter.

    ``added``, ``removed`` and ``changed`` are the keys of these rows, which are the keys of a topology's nodes as well.
    ``left_out`` names what was not compared, because one side does not have it.
    """

    def __init__(
        self,
        rows: Iterable[RowDifference],
        *,
        names: Mapping[Ref[Any], str],
        left_out: Iterable[str],
        drawings: tuple[Source | Topology, ...] = (),
    ) -> None:
        self._rows = tuple(rows)
        self._names = names
        self._drawings = drawings
        self.left_out = tuple(left_out)

    @overload
    def __getitem__(self, index: int) -> RowDifference: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[RowDifference, ...]: ...
    def __getitem__(self, index: int | slice) -> RowDifference | tuple[RowDifference, ...]:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def added(self) -> frozenset[str]:
        """The keys of the rows that came."""
        return self._keys("added")

    @property
    def removed(self) -> frozenset[str]:
        """The keys of the rows that went."""
        return self._keys("removed")

    @property
    def changed(self) -> frozenset[str]:
        """The keys of the rows that changed."""
        return self._keys("changed")

    def _keys(self, action: _Action) -> frozenset[str]:
        return frozenset(row.key for row in self if row.action == action)

    @cached_property
    def topology(self) -> Topology:
        """Both states in one graph, with what came, went and changed as the states of its nodes, to draw and to save.

        It shows what is of interest: the switches, routers and hosts where something is different and those next to
        them, of the ports those that are different or lead on. Raises NotMonitored where a client does not replicate
        what the graph needs.
        """
        from ovnkit.topology.compare import compare
        from ovnkit.topology.graph import Topology

        before, after = (one if isinstance(one, Topology) else built(one) for one in self._drawings)
        whole = compare(before, after)
        differ = [node.key for node in whole if node.state]
        for edge in whole.edges:
            differ += (edge.source, edge.target) if edge.state in _SIGNS else ()
        return whole.focus(*dict.fromkeys(differ), depth=1)

    def __str__(self) -> str:
        lines: list[str] = []
        heading = ""
        for row in self:
            place = f"{row.database} {printable(row.host)}".rstrip()
            if place != heading:
                heading = place
                lines.append(f"# {place}")
            lines += row.lines(self._names)
        return "\n".join(lines) or "no differences"

    def __repr__(self) -> str:
        return f"<Difference {self._counts}>"

    @property
    def _counts(self) -> str:
        return f"{len(self.added)} added, {len(self.removed)} removed, {len(self.changed)} changed"

    # -- other forms -----------------------------------------------------------------------------------------------

    def _cells(self) -> Iterator[tuple[RowDifference, str, Any, Any]]:
        for row in self:
            for change in row.changes:
                yield row, change.column or "", change.before, change.after

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: of each row what it is, and its columns with their values before and after."""
        return {
            "rows": [
                {
                    "action": row.action,
                    "database": row.database,
                    "host": row.host,
                    "table": row.table,
                    "name": row.name,
                    "key": row.key,
                    "columns": {
                        change.column: {"before": _plain(change.before), "after": _plain(change.after)}
                        for change in row.changes
                        if change.column is not None
                    },
                }
                for row in self
            ],
            "left_out": list(self.left_out),
        }

    def to_frame(self) -> pd.DataFrame:
        """A pandas.DataFrame, a row for each column that is different. Raises MissingExtra (``topology``)."""
        try:
            import pandas as pd
        except ImportError as exc:
            raise MissingExtra("pandas", "topology") from exc

        headings = ["action", "database", "host", "table", "name", "key", "column", "before", "after"]
        cells = [
            (row.action, row.database, row.host, row.table, row.name, row.key, column, _plain(before), _plain(after))
            for row, column, before, after in self._cells()
        ]
        return pd.DataFrame(cells, columns=headings)

    def to_html(self) -> str:
        """A piece of HTML: a table with a row for each column that is different."""

        def cell(text: str, colour: str = "") -> str:
            style = f"text-align:left;{colour and f'color:{colour};font-weight:bold;'}"
            return f'<td style="{style}">{html.escape(shortened(printable(text), _LONGEST_CELL))}</td>'

        def row(one: RowDifference, column: str, before: Any, after: Any) -> str:
            place = [one.host or one.database, one.table, one.name, column, self._text(before), self._text(after)]
            return f"<tr>{cell(_SIGNS[one.action], _COLOURS[one.action])}{''.join(map(cell, place))}</tr>"

        head = "".join(f"<th>{word}</th>" for word in ("", "where", "table", "row", "column", "before", "after"))
        body = "".join(row(*cells) for cells in self._cells())
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""
        return f"<div><p>{html.escape(self._counts)}</p>{self._picture()}{table}</div>"

    def _picture(self) -> str:
        """The drawing, where there is something to draw: not every row is a thing of the network."""
        try:
            return self.topology.to_svg() if self._drawings and len(self.topology) else ""
        except NotMonitored:
            return ""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.to_html()}

    def _text(self, value: Any) -> str:
        """A value in a cell of the table; what a key calls a secret is not shown."""
        if value is None:
            return ""
        if isinstance(value, Mapping):
            pairs = ((key, "***" if _is_secret(key) else self._text(item)) for key, item in value.items())
            return ", ".join(sorted(f"{self._text(key)}={item}" for key, item in pairs))
        if isinstance(value, Set):
            return ", ".join(sorted(map(self._text, value)))
        if isinstance(value, Ref):
            return f"{value.row_class._table} {self._names.get(value) or str(value.uuid)[:8]}"
        return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(_plain(key)): "***" if _is_secret(key) else _plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted((_plain(member) for member in value), key=repr)
    if isinstance(value, Ref):
        return str(value.uuid)
    return str(value) if isinstance(value, UUID) else value
