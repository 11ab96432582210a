"""All that was found: a sequence that prints itself in a terminal and in a notebook."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Final, overload

import attrs

from ovnkit.errors import MissingExtra
from ovnkit.topology.checks.rule import SEVERITIES, Finding, Severity

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Findings"]

_WIDTH: Final = 100
_MOST_OF_A_RULE: Final = 10
_MOST_ROWS: Final = 200
_PLURALS: Final[dict[Severity, str]] = {
    "error": "errors",
    "warning": "warnings",
    "info": "infos",
    "unknown": "unknown",
}


@attrs.frozen(repr=False)
class Findings(Sequence[Finding]):
    """What was found, worst first, then by rule. Truthy when anything was found; ``ok`` when no rule says error.

    ``unasked``: the rules that were not asked, and why. In a terminal it prints as a table, with why each rule matters
    and what mends it below; in Jupyter as a table.
    """

    found: tuple[Finding, ...]
    unasked: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> Findings: ...
    def __getitem__(self, index: int | slice) -> Finding | Findings:
        return Findings(self.found[index], self.unasked) if isinstance(index, slice) else self.found[index]

    def __len__(self) -> int:
        return len(self.found)

    @property
    def ok(self) -> bool:
        """Whether no rule says error."""
        return not self.errors

    @property
    def errors(self) -> Findings:
        """What stops traffic, or something that was asked for."""
        return self.of_severity("error")

    @property
    def warnings(self) -> Findings:
        """What may do so later, or in some cases."""
        return self.of_severity("warning")

    def of_severity(self, severity: Severity) -> Findings:
        """Those of one severity."""
        return Findings(tuple(one for one in self.found if one.severity == severity), self.unasked)

    def of_rule(self, id: str) -> Findings:
        """Those of one rule, or of all whose ids begin so."""
        return Findings(tuple(one for one in self.found if one.rule.startswith(id)), self.unasked)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {"findings": [one.to_dict() for one in self.found], "unasked": dict(self.unasked)}

    def to_frame(self) -> pd.DataFrame:
        """A table of pandas with a line for each finding. Raises MissingExtra where pandas is not installed."""
        try:
            import pandas as pd
        except ImportError as exc:
            raise MissingExtra("pandas", "topology") from exc
        lines = [{**one.to_dict(), "rows": tuple(map(str, one.rows))} for one in self.found]
        columns = [own.name for own in attrs.fields(Finding)]
        return pd.DataFrame(lines, columns=columns)

    def __repr__(self) -> str:
        return f"<Findings {self._counted()}>"

    def __str__(self) -> str:
        return "\n".join((*_table(self.found), *_explained(self.found), self._counted(), *self._left_out()))

    def to_html(self) -> str:
        """A table for a web page; everything that is from the databases is escaped."""
        return "".join(_html(self.found, self._counted(), list(self._left_out())))

    def _repr_html_(self) -> str:
        return self.to_html()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.to_html()}

    def _counted(self) -> str:
        counts = Counter(one.severity for one in self.found)
        some = (
            f"{counts[severity]} {severity if counts[severity] == 1 else _PLURALS[severity]}"
            for severity in SEVERITIES
            if counts[severity]
        )
        return ", ".join(some) or "nothing was found"

    def _left_out(self) -> Iterator[str]:
        for why in dict.fromkeys(self.unasked.values()):
            ids = [id for id, own in self.unasked.items() if own == why]
            yield f"not asked: {', '.join(ids) if len(ids) <= 3 else f'{len(ids)} rules'}: {why}"


def _shortened(found: Sequence[Finding]) -> tuple[list[Finding], dict[str, int]]:
    """The findings to show, and by rule the number of those that are left out."""
    shown: list[Finding] = []
    left: dict[str, int] = {}
    taken: Counter[str] = Counter()
    for one in found:
        taken[one.rule] += 1
        if taken[one.rule] <= _MOST_OF_A_RULE and len(shown) < _MOST_ROWS:
            shown.append(one)
        else:
            left[one.rule] = left.get(one.rule, 0) + 1
    return shown, left


def _table(found: Sequence[Finding]) -> Iterator[str]:
    if not found:
        return
    shown, left = _shortened(found)
    yield f"{'':<7}  {'rule':<6}  found"
    for one in shown:
        yield from _wrapped(f"{one.severity:<7}  {one.rule:<6}  ", one.text)
    for id, number in left.items():
        yield f"{'…':<7}  {id:<6}  and {number} more"


def _explained(found: Sequence[Finding]) -> Iterator[str]:
    """Why each rule matters, and the remedies of its findings."""
    for id in dict.fromkeys(one.rule for one in found):
        own = [one for one in found if one.rule == id]
        yield ""
        yield from _wrapped(f"{id} {own[0].title}: ", own[0].why, further="  ")
        yield from _wrapped("  See ", f"{own[0].source}.", further="  ")
        remedies = list(dict.fromkeys(one.remedy for one in own))
        for remedy in remedies[:_MOST_OF_A_RULE]:
            yield from _wrapped("  > ", remedy, further="    ")
        if len(remedies) > _MOST_OF_A_RULE:
            yield f"  > and {len(remedies) - _MOST_OF_A_RULE} more"
    if found:
        yield ""


def _html(found: Sequence[Finding], counted: str, left_out: Sequence[str]) -> Iterator[str]:
    yield f"<p>{escape(counted)}</p>"
    if found:
        shown, left = _shortened(found)
        heads = "".join(f"<th>{head}</th>" for head in ("severity", "rule", "found", "remedy"))
        yield f'<table class="dataframe"><thead><tr>{heads}</tr></thead>'
        for one in shown:
            rule = f'<td title="{escape(one.title)}. {escape(one.why)}">{escape(one.rule)}</td>'
            remedy = f"<td><code>{escape(one.remedy)}</code></td>"
            yield f"<tr><td>{escape(one.severity)}</td>{rule}<td>{escape(one.text)}</td>{remedy}</tr>"
        for id, number in left.items():
            yield f"<tr><td>…</td><td>{escape(id)}</td><td>and {number} more</td><td></td></tr>"
        yield "</table>"
    yield from (f"<p>{escape(line)}</p>" for line in left_out)


def _wrapped(head: str, text: str, *, further: str | None = None) -> list[str]:
    """A line with its further lines below where its text begins."""
    indent = " " * len(head) if further is None else further
    wrapper = textwrap.TextWrapper(
        _WIDTH, initial_indent=head, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return wrapper.wrap(text) or [head.rstrip()]
