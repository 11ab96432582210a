"""Looking at a network by all rules, or by some."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from ovnkit.errors import InvalidValue, NotMonitored, ReadOnly, Timeout
from ovnkit.northbound.client import Northbound
from ovnkit.northbound.rows import NBGlobal
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import SBGlobal
from ovnkit.topology.checks.findings import Findings
from ovnkit.topology.checks.rule import SEVERITIES, Finding, Rule
from ovnkit.topology.checks.rules import RULES, ids_like
from ovnkit.topology.tables import Tables
from ovnkit.vswitch.client import VSwitch

__all__ = ["check", "chosen", "judge"]

_PATIENCE = 1.0
"""Seconds."""


def check(
    nb: Northbound | None,
    sb: Southbound | None = None,
    vswitches: Iterable[VSwitch] = (),
    *,
    only: Iterable[str] = (),
    ignore: Iterable[str] = (),
) -> Findings:
    """What is wrong with a network, or may be. Reads each table once, and writes nothing.

    Rules that need a database that is not given are not asked, and ``unasked`` of what is returned names them.
    ``only`` and ``ignore`` are ids of rules, or their beginnings: ``ignore=["OVN806", "OVN2"]``. Raises InvalidValue
    where no rule has such an id.
    """
    rules = chosen(only, ignore)
    if nb is not None and sb is not None:
        _catch_up(nb, sb)
    return judge(rules, Tables(nb, sb, vswitches))


def chosen(only: Iterable[str] = (), ignore: Iterable[str] = ()) -> list[Rule]:
    """The rules that ``check()`` asks. Raises InvalidValue where no rule has such an id."""
    asked, left_out = _all(only), _all(ignore)
    return [one for one in RULES if (not asked or one.id.startswith(asked)) and not one.id.startswith(left_out)]


def judge(rules: Iterable[Rule], tables: Tables) -> Findings:
    """What these rules find in tables that have been read. Pure."""
    findings: list[Finding] = []
    unasked: dict[str, str] = {}
    for one in rules:
        if missing := one.missing(tables):
            unasked[one.id] = f"needs {missing}"
            continue
        try:
            findings += one.findings(tables)
        except NotMonitored as exc:
            unasked[one.id] = str(exc)
    findings.sort(key=_order)
    return Findings(tuple(findings), unasked)


def _catch_up(nb: Northbound, sb: Southbound) -> None:
    """Wait a moment for what ovn-northd has told Northbound of: it is in Southbound, perhaps not yet in the replica."""
    with suppress(NotMonitored, Timeout, ReadOnly):
        told = max((row.sb_cfg for row in nb.find(NBGlobal)), default=0)
        if all(row.nb_cfg < told for row in sb.find(SBGlobal)):
            sb.wait(SBGlobal, nb_cfg=told, timeout=_PATIENCE)


def _order(finding: Finding) -> tuple[int, str, str, tuple[str, ...]]:
    rows = tuple(str(row.uuid) for row in finding.rows)
    return SEVERITIES.index(finding.severity), finding.rule, finding.text, rows


def _all(given: Iterable[str]) -> tuple[str, ...]:
    ids = (given,) if isinstance(given, str) else tuple(given)
    for one in ids:
        if not one or not any(known.id.startswith(one) for known in RULES):
            allowed = f"ids of rules, or their beginnings: {ids_like(one)}"
            raise InvalidValue(table="check()", column="only, ignore", value=one, allowed=allowed)
    return ids
