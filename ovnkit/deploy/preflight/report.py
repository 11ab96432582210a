"""What preflight has found: the findings of each host, and all of them as a table."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from ovnkit.deploy.hosts import Results
from ovnkit.deploy.preflight.rule import Finding, State
from ovnkit.errors import OvnkitError

__all__ = ["HostPreflight", "PreflightReport"]

_WIDTH: Final = 88
_NARROWEST: Final = 40
_PLURALS: Final[dict[State, str]] = {
    "error": "errors",
    "warning": "warnings",
    "info": "infos",
    "unknown": "unknown",
    "ok": "ok",
    "not needed": "not needed",
}
_SHOWN: Final[tuple[State, ...]] = ("error", "warning", "info", "unknown")


@attrs.frozen
class HostPreflight:
    """What was found on one host. ``problem``: why the host could not be looked at, beyond its database.

    Prints as PreflightReport does.
    """

    host: str
    findings: tuple[Finding, ...]
    problem: OvnkitError | None = None

    @property
    def ok(self) -> bool:
        """Whether it could be looked at, and no rule says error."""
        return self.problem is None and not self.found("error")

    def found(self, state: State) -> tuple[Finding, ...]:
        """The findings in one state."""
        return tuple(finding for finding in self.findings if finding.state == state)

    def finding(self, rule: str) -> Finding:
        """What a rule says. Raises KeyError for a rule that was not asked."""
        for finding in self.findings:
            if finding.rule == rule:
                return finding
        raise KeyError(f"no rule {rule!r} was asked")

    def __str__(self) -> str:
        return str(PreflightReport((self,)))


@attrs.frozen
class PreflightReport(Results[HostPreflight]):
    """What was found on all hosts. Truthy, and ``ok``, when each could be looked at and no rule says error.

    Prints as a table of what does not hold or could not be read, worst first. Below it, for each rule that does not
    hold, why it matters, and what mends it.
    """

    @property
    def failed(self) -> tuple[HostPreflight, ...]:
        """The hosts that are not ready, or could not be looked at."""
        return tuple(host for host in self.hosts if not host.ok)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those of all hosts."""
        return tuple(finding for host in self.hosts for finding in host.findings)

    def __str__(self) -> str:
        shown = [finding for state in _SHOWN for finding in self.findings if finding.state == state]
        problems = (_wrapped(f"! {host.host}: ", str(host.problem)) for host in self.hosts if host.problem is not None)
        hosts = "1 host" if len(self.hosts) == 1 else f"{len(self.hosts)} hosts"
        return "\n".join(
            (
                *(line for lines in problems for line in lines),
                *_table(shown),
                *_explained([finding for finding in shown if finding.state != "unknown"]),
                f"{hosts}: {_counted(self.findings)}",
            )
        )


def _table(shown: Sequence[Finding]) -> Iterator[str]:
    if not shown:
        return
    rows = [("", "host", "rule", "seen"), *((one.state, one.host, one.rule, one.seen) for one in shown)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        head = "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=False))
        yield from _wrapped(head, row[-1])


def _explained(broken: Sequence[Finding]) -> Iterator[str]:
    """Why each rule matters, and its remedies, each with the hosts that it is for."""
    for rule in dict.fromkeys(finding.rule for finding in broken):
        found = [finding for finding in broken if finding.rule == rule]
        yield ""
        yield from _wrapped(f"{rule}: ", found[0].why, further="  ")
        yield f"  See {found[0].document}."
        for remedy in dict.fromkeys(finding.remedy for finding in found):
            hosts = ", ".join(finding.host for finding in found if finding.remedy == remedy)
            yield from _wrapped(f"  > {hosts}: ", remedy, further="    ")
    if broken:
        yield ""


def _counted(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.state for finding in findings)
    found: list[State] = [state for state in _PLURALS if counts[state]]
    named = (f"{counts[state]} {state if counts[state] == 1 else _PLURALS[state]}" for state in found)
    return ", ".join(named) or "nothing was looked at"


def _wrapped(head: str, text: str, *, further: str | None = None) -> list[str]:
    """A line with its further lines below where its text begins. Others wrote much of the text."""
    shown = text if text.isprintable() else repr(text)
    indent = " " * len(head) if further is None else further
    wrapper = textwrap.TextWrapper(
        max(_WIDTH, len(head) + _NARROWEST),
        initial_indent=head,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapper.wrap(shown) or [head.rstrip()]
