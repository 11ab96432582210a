"""What the database holds against what the writers were told: lost, doubled, false failures. Pure logic."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Self

import attrs

from tests.chaos.content import Content
from tests.chaos.model import COUNT, AddressSet, Change, State, Switch, applied

if TYPE_CHECKING:
    from tests.chaos.writer import Oracle

__all__ = ["Findings", "Refusal", "judge", "judge_row", "switches"]

_MOST_REFUSALS = 10


@attrs.frozen
class Refusal:
    """A change that was reported as not applied, and by what word."""

    change: Change
    word: str


@attrs.define
class Findings:
    """What is wrong, each with its words."""

    lost: list[str] = attrs.field(factory=list[str])
    doubled: list[str] = attrs.field(factory=list[str])
    false_failures: list[str] = attrs.field(factory=list[str])

    def __iadd__(self, other: Findings) -> Self:
        self.lost += other.lost
        self.doubled += other.doubled
        self.false_failures += other.false_failures
        return self

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.false_failures)


def judge_row(name: str, expected: State | None, actual: State | None, refused: Sequence[Refusal]) -> Findings:
    """One row. Changes that were refused and explain the difference are false failures."""
    findings = Findings()
    if expected == actual:
        return findings
    words = f"{name}: {expected} is {actual}"
    explained = _explained(expected, actual, refused[-_MOST_REFUSALS:])
    if explained:
        findings.false_failures += [
            f"{words}; {refusal.change} was reported as not applied: {refusal.word}" for refusal in explained
        ]
        return findings
    if actual is not None and (expected is None or _count(actual) > _count(expected)):
        findings.doubled.append(words)
    else:
        findings.lost.append(words)
    return findings


def _explained(expected: State | None, actual: State | None, refused: Sequence[Refusal]) -> list[Refusal]:
    """The fewest refused changes that make the one state of the other; none where nothing does."""
    for number in range(1, len(refused) + 1):
        for chosen in combinations(refused, number):
            state = expected
            for refusal in chosen:
                state = _after(state, refusal.change)
            if state == actual:
                return list(chosen)
    return []


def _after(state: State | None, change: Change) -> State | None:
    try:
        return applied(state, change)
    except TypeError:
        return state


def _count(state: State) -> int:
    return int(state.ids.get(COUNT, "0")) if isinstance(state, Switch) else 0


def judge(oracles: Iterable[Oracle], content: Content) -> Findings:
    """All rows of all writers: each acknowledged one is there once, as it was acknowledged, and nothing else is."""
    findings = Findings()
    found: dict[str, list[tuple[str, State]]] = defaultdict(list)
    for uuid, row in content["Logical_Switch"].items():
        found[_text(row["name"])].append((uuid, _switch(row, content)))
    for uuid, row in content["Address_Set"].items():
        found[_text(row["name"])].append((uuid, AddressSet(frozenset(map(_atom, row["addresses"])))))
    for oracle in oracles:
        findings += oracle.findings
        own = {name for name in found if name.rpartition(".")[0] == oracle.writer}
        for name in sorted((own | oracle.rows.keys()) - oracle.unresolved):
            findings += _judge_name(oracle, name, found.get(name, []))
        for name in own:
            del found[name]
    findings.doubled += [f"{name}: nobody wrote it" for name in found]
    return findings


def switches(content: Content) -> list[tuple[str, Switch]]:
    """The names and columns of all switches."""
    return [(_text(row["name"]), _switch(row, content)) for row in content["Logical_Switch"].values()]


def _judge_name(oracle: Oracle, name: str, rows: list[tuple[str, State]]) -> Findings:
    expected = oracle.rows.get(name)
    refused = oracle.refused.get(name, [])
    uuid = str(oracle.uuids.get(name))
    findings = Findings()
    findings.doubled += [f"{name}: once more as {other}" for other, _ in rows[1:]]
    if not rows:
        return judge_row(name, expected, None, refused)
    # Of several the one that was acknowledged, where it is among them.
    actual = next((state for other, state in rows if other == uuid), rows[0][1])
    if name in oracle.deleted and all(other != uuid for other, _ in rows):
        findings.doubled.append(f"{name}: deleted as {uuid}, and there as {rows[0][0]}")
        return findings
    if name in oracle.deleted:
        findings.lost.append(f"{name}: its deletion was acknowledged")
        return findings
    findings += judge_row(name, expected, actual, refused)
    return findings


def _switch(row: dict[str, Any], content: Content) -> Switch:
    ports = content["Logical_Switch_Port"]
    uuids = [_atom(member)[1] for member in row["ports"]]
    return Switch(
        ids=dict(map(_atom, row["external_ids"])),
        config=dict(map(_atom, row["other_config"])),
        ports=frozenset(_text(ports[uuid]["name"]) if uuid in ports else "(missing)" for uuid in uuids),
    )


def _atom(member: str) -> Any:
    return json.loads(member)


def _text(column: tuple[str, ...]) -> str:
    return str(_atom(column[0]))
