"""Rules about the central services: whether Southbound is what ovn-northd would make of Northbound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from ovnkit.northbound.rows import LogicalRouter, LogicalRouterPort, LogicalSwitch, LogicalSwitchPort, NBGlobal
from ovnkit.ovsdb.row import Row
from ovnkit.southbound.rows import DatapathBinding, PortBinding, SBGlobal
from ovnkit.topology.checks.life import target_of
from ovnkit.topology.checks.rule import Found, Rule, found, rule
from ovnkit.topology.checks.wording import listed, name_of
from ovnkit.topology.tables import Tables

__all__ = ["CENTRAL_RULES"]

_DERIVED: Final = frozenset({"chassisredirect", "mirror"})
"""The types of ports that ovn-northd makes besides those of Northbound."""
_STATUS: Final = "ovn-appctl -t ovn-northd status"


@rule(
    "OVN601",
    severity="warning",
    title="ovn-northd is behind",
    why="What was written to Northbound since then is not in force. For a moment that is so after every write; if it"
    " stays, ovn-northd is dead, paused, or cannot write to Southbound.",
    remedy="`ovn-appctl -t ovn-northd status`; `ovn-appctl -t ovn-northd resume`",
    source="ovn-nb(5), NB_Global, nb_cfg and sb_cfg; ovn-northd(8)",
    example="nb_cfg is …, and Southbound has …",
    needs=("nb", "sb"),
)
def _northd_behind(tables: Tables) -> Iterator[Found]:
    globals_ = [*tables.nb(NBGlobal).values()]
    wanted, there = max((row.nb_cfg for row in globals_), default=0), target_of(tables)
    if there < wanted:
        rows = [*globals_, *tables.sb(SBGlobal).values()]
        yield found(f"nb_cfg is {wanted}, and Southbound has {there}", *rows, remedy=_STATUS)


@rule(
    "OVN602",
    severity="warning",
    title="Southbound has what Northbound has not",
    why="ovn-northd removes what has no row in Northbound any more. Where it stays, ovn-northd does not run, or the two"
    " databases are not of one network: one was restored from a backup and the other was not.",
    remedy="`ovn-appctl -t ovn-northd status`",
    source="ovn-sb(5), Datapath_Binding and Port_Binding; ovn-northd(8)",
    example="in Southbound alone: 1 datapath (old), 1 port (old-port)",
    needs=("nb", "sb"),
)
def _only_southbound(tables: Tables) -> Iterator[Found]:
    if _is_older(tables):
        return
    known = {ref.uuid for ref in (*tables.nb(LogicalSwitch), *tables.nb(LogicalRouter))}
    datapaths = [row for row in tables.sb(DatapathBinding).values() if (uuid := _source(row)) and uuid not in known]
    names = {port.name for port in tables.nb(LogicalSwitchPort).values()}
    names.update(port.name for port in tables.nb(LogicalRouterPort).values())
    ports = [
        row
        for row in tables.sb(PortBinding).values()
        if row.logical_port not in names and row.type not in _DERIVED and row.mirror_port is None
    ]
    if datapaths or ports:
        seen = ", ".join(filter(None, (_counted("datapath", datapaths), _counted("port", ports))))
        yield found(f"in Southbound alone: {seen}", *datapaths, *ports, remedy=_STATUS)


@rule(
    "OVN603",
    severity="warning",
    title="Northbound has what Southbound has not",
    why="A switch, router or port without its row in Southbound exists on paper: no chassis knows it. For a moment that"
    " is so after every write; if it stays, ovn-northd does not run, or cannot write.",
    remedy="`ovn-appctl -t ovn-northd status`",
    source="ovn-sb(5), Datapath_Binding and Port_Binding; ovn-fake-multinode #67",
    example="in Northbound alone: 1 switch (new), 1 port (new-port)",
    needs=("nb", "sb"),
)
def _only_northbound(tables: Tables) -> Iterator[Found]:
    if _is_older(tables):
        return
    there = {_source(row) for row in tables.sb(DatapathBinding).values()}
    switches = [switch for switch in tables.switches if switch.uuid not in there]
    routers = [router for router in tables.routers if router.enabled is not False and router.uuid not in there]
    ports = [
        port
        for switch in tables.switches
        for port in tables.members(LogicalSwitchPort, switch.ports)
        if port.name not in tables.bindings
    ]
    if switches or routers or ports:
        counts = (_counted("switch", switches), _counted("router", routers), _counted("port", ports))
        seen = ", ".join(filter(None, counts))
        yield found(f"in Northbound alone: {seen}", *switches, *routers, *ports, remedy=_STATUS)


def _is_older(tables: Tables) -> bool:
    """Whether Southbound is from before what Northbound knows of it: nothing can be compared then."""
    return target_of(tables) < max((row.sb_cfg for row in tables.nb(NBGlobal).values()), default=0)


def _source(datapath: DatapathBinding) -> UUID | None:
    """The switch or router of a datapath, by its uuid in Northbound."""
    if datapath.nb_uuid is not None:
        return datapath.nb_uuid
    text = datapath.external_ids.get("logical-switch") or datapath.external_ids.get("logical-router") or ""
    try:
        return UUID(text)
    except ValueError:
        return None


def _counted(what: str, rows: list[Any]) -> str:
    plural = what + ("es" if what.endswith("ch") else "s")
    return f"{len(rows)} {what if len(rows) == 1 else plural} ({listed(map(_known_as, rows))})" if rows else ""


def _known_as(row: Row[Any]) -> str:
    return row.external_ids.get("name", "") if isinstance(row, DatapathBinding) else name_of(row)


CENTRAL_RULES: Final[tuple[Rule, ...]] = (_northd_behind, _only_southbound, _only_northbound)
