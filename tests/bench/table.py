"""The table: a line for each measure, a column for each contestant, and whether the figures to reach are reached."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from tests import tables

__all__ = [
    "COLUMNS",
    "C_PARSER",
    "FLOOR",
    "NBCTL",
    "OURS",
    "OVSDBAPP",
    "Line",
    "Verdict",
    "as_markdown",
    "as_text",
    "ratio",
]

OURS, OVSDBAPP, C_PARSER, NBCTL, FLOOR = "ovnkit", "ovsdbapp", "ovsdbapp, C parser", "ovn-nbctl", "raw floor"
COLUMNS = (OURS, OVSDBAPP, C_PARSER, NBCTL, FLOOR)

_MISSING = "-"


@attrs.frozen
class Verdict:
    """A figure to reach, what was found, and whether that reaches it; None where it was not measured."""

    limit: str
    found: str = ""
    reached: bool | None = None

    @classmethod
    def at_most(cls, limit: float, found: float | None, unit: str) -> Verdict:
        return cls(f"at most {limit:g} {unit}", _number(found), None if found is None else found <= limit)

    @classmethod
    def at_least(cls, limit: float, found: float | None, unit: str) -> Verdict:
        return cls(f"at least {limit:g} {unit}", _number(found), None if found is None else found >= limit)

    @classmethod
    def any_of(cls, *verdicts: Verdict) -> Verdict:
        """One of several figures is enough."""
        known = [verdict for verdict in verdicts if verdict.reached is not None]
        reached = any(verdict.reached for verdict in known) if known else None
        return cls(
            " or ".join(verdict.limit for verdict in verdicts),
            " and ".join(verdict.found for verdict in verdicts),
            reached,
        )

    def __str__(self) -> str:
        if self.reached is None:
            return f"{self.limit}: not measured"
        return f"{self.limit}: {self.found}, {'reached' if self.reached else 'NOT REACHED'}"


@attrs.frozen
class Line:
    """One measure at one size of the data set."""

    measure: str
    unit: str
    values: Mapping[str, float]
    verdicts: tuple[Verdict, ...] = ()
    higher_is_better: bool = False

    def times(self, column: str) -> float | None:
        """How many times worse than ovnkit's a contestant's figure is; below 1 where it is better."""
        ours, theirs = self.values.get(OURS), self.values.get(column)
        if not ours or not theirs:
            return None
        return ours / theirs if self.higher_is_better else theirs / ours

    def cell(self, column: str) -> str:
        if column not in self.values:
            return _MISSING
        value = _number(self.values[column])
        times = None if column == OURS else self.times(column)
        return value if times is None else f"{value} ({_number(times)} x)"


def ratio(values: Mapping[str, float], above: str, below: str) -> float | None:
    """The quotient of two contestants' figures; None where one was not measured."""
    if above not in values or not values.get(below):
        return None
    return values[above] / values[below]


def _number(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return _MISSING
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 1:
        return f"{value:.{2 if abs(value) < 10 else 1}f}"
    return f"{value:#.3g}"


def as_text(sections: Mapping[str, list[Line]]) -> str:
    """For a terminal: the figures to reach stand below each line."""
    every_line = [line for lines in sections.values() for line in lines]
    cells = [[f"  {line.measure}", line.unit, *map(line.cell, COLUMNS)] for line in every_line]
    head = ["", "unit", *COLUMNS]
    widths = [max(map(len, column)) + 2 for column in zip(head, *cells, strict=True)]
    parts = [_row(head, widths)]
    rows = iter(cells)
    for title, lines in sections.items():
        parts += ["", title]
        for line in lines:
            parts.append(_row(next(rows), widths))
            parts += [f"      {verdict}" for verdict in line.verdicts]
    parts += ["", _LEGEND]
    return "\n".join(parts)


def _row(cells: list[str], widths: list[int]) -> str:
    return "".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def as_markdown(sections: Mapping[str, list[Line]], versions: Mapping[str, str], notes: list[str]) -> str:
    """For docs/performance.md."""
    head = ["measure", "unit", *COLUMNS, "figures to reach"]
    rows: list[list[str]] = []
    for title, lines in sections.items():
        rows.append([f"**{title}**", *("" for _ in head[1:])])
        rows += [
            [line.measure, line.unit, *map(line.cell, COLUMNS), "; ".join(map(str, line.verdicts))] for line in lines
        ]
    measured = ", ".join(f"{name} {version}" for name, version in versions.items())
    return "\n\n".join([tables.markdown(head, rows), _LEGEND, *notes, f"Measured with {measured}."]) + "\n"


_LEGEND = (
    "In parentheses: how many times ovnkit's figure it is, or for rates how many times lower; below 1 is better than"
    " ovnkit."
)
