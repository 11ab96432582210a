"""From the flows that ovn-trace names to the rows of Northbound that they come from."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from ovnkit.errors import NotMonitored, OvnkitError
from ovnkit.northbound.rows import (
    ACL,
    NAT,
    DHCPOptions,
    LoadBalancer,
    LogicalRouter,
    LogicalRouterPolicy,
    LogicalRouterPort,
    LogicalRouterStaticRoute,
    LogicalSwitch,
    LogicalSwitchPort,
    QoS,
)
from ovnkit.ovsdb.dialer import Dialer
from ovnkit.ovsdb.exchange import Exchange, ask
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.values import Ref
from ovnkit.remote import Remote, Tls
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import DatapathBinding, LogicalFlow
from ovnkit.topology.tables import Tables
from ovnkit.topology.trace.hops import Hop

__all__ = ["resolved"]

_HINTED: tuple[type[Row[Any]], ...] = (
    ACL,
    LogicalRouterStaticRoute,
    LogicalRouterPolicy,
    NAT,
    LoadBalancer,
    QoS,
    DHCPOptions,
    LogicalSwitchPort,
    LogicalRouterPort,
    LogicalSwitch,
    LogicalRouter,
)
"""The tables that northd names in ``stage-hint``, those first that say more."""

_DEVICES: tuple[tuple[str, type[LogicalSwitch | LogicalRouter]], ...] = (
    ("logical-switch", LogicalSwitch),
    ("logical-router", LogicalRouter),
)
_DIGITS = 8
_DATABASE = "OVN_Southbound"
_COLUMNS = ["_uuid", "external_ids"]


def resolved(
    tables: Tables, sb: Southbound, hops: Iterable[Hop], *, remotes: Sequence[Remote], tls: Tls | None, timeout: float
) -> tuple[Hop, ...]:
    """The hops with their switch or router, their ``hint`` and the row that it names.

    The hints are asked of the server, since clients leave Logical_Flow out; where that fails they stay empty.
    """
    hops = tuple(hops)
    bindings = _bindings(tables)
    hints = _hints(sb, hops, bindings, remotes, tls, timeout)
    devices = {datapath: _device(tables, row) for datapath, row in bindings.items()}
    rows = _rows_by_prefix(tables)
    return tuple(
        attrs.evolve(
            hop,
            hint=hints.get(hop.flow, ""),
            device=devices.get(hop.datapath),
            row=rows.get(hints.get(hop.flow, "")),
        )
        for hop in hops
    )


def _bindings(tables: Tables) -> dict[str, DatapathBinding]:
    """The datapaths by what ovn-trace calls them: their own uuid, or that of their switch or router in NB."""
    found: dict[str, DatapathBinding] = {}
    for row in tables.sb(DatapathBinding).values():
        for name in (str(row.uuid), *(row.external_ids.get(key) for key, _ in _DEVICES)):
            if name:
                found[name] = row
    return found


def _device(tables: Tables, datapath: DatapathBinding) -> LogicalSwitch | LogicalRouter | None:
    """The switch or router of a datapath (ovn-sb(5), Datapath_Binding:external_ids)."""
    for key, row_class in _DEVICES:
        try:
            found = uuid.UUID(datapath.external_ids.get(key, ""))
        except ValueError:
            continue
        return tables.nb(row_class).get(Ref(row_class, found))
    return None


def _rows_by_prefix(tables: Tables) -> dict[str, Row[Any]]:
    found: dict[str, Row[Any]] = {}
    for row_class in _HINTED:
        for row in tables.nb(row_class).values():
            found.setdefault(str(row.uuid)[:_DIGITS], row)
    return found


def _hints(
    sb: Southbound,
    hops: Sequence[Hop],
    bindings: Mapping[str, DatapathBinding],
    remotes: Sequence[Remote],
    tls: Tls | None,
    timeout: float,
) -> dict[str, str]:
    wanted = {hop.flow for hop in hops if hop.flow}
    try:
        flows = [(str(row.uuid), row.external_ids.get("stage-hint", "")) for row in sb.find(LogicalFlow)]
    except NotMonitored:
        try:
            flows = _asked(hops, bindings, remotes, tls, timeout)
        except OvnkitError:
            return {}
    return {flow[:_DIGITS]: hint for flow, hint in flows if flow[:_DIGITS] in wanted}


def _asked(
    hops: Sequence[Hop],
    bindings: Mapping[str, DatapathBinding],
    remotes: Sequence[Remote],
    tls: Tls | None,
    timeout: float,
) -> list[tuple[str, str]]:
    """The flows that may be those of the hops: of their datapath, or of a group of datapaths, in the same place."""
    places = sorted(
        {
            (str(bindings[hop.datapath].uuid), hop.pipeline, hop.table, hop.priority or 0)
            for hop in hops
            if hop.flow and hop.datapath in bindings
        }
    )
    operations = []
    for datapath, pipeline, table, priority in places:
        where = [["pipeline", "==", pipeline], ["table_id", "==", table], ["priority", "==", priority]]
        for of in (["uuid", datapath], ["set", []]):
            one = [*where, ["logical_datapath", "==", of]]
            operations.append({"op": "select", "table": "Logical_Flow", "where": one, "columns": _COLUMNS})

    def question(exchange: Exchange) -> list[Any]:
        results: list[Any] = exchange.call("transact", [_DATABASE, *operations], _DATABASE)
        return results

    results = ask(remotes, Dialer(remotes, tls), question, "the flows of a trace", timeout=timeout)
    rows = [row for result in results if isinstance(result, dict) for row in result.get("rows", ())]
    return [(row["_uuid"][1], dict(row["external_ids"][1]).get("stage-hint", "")) for row in rows]
