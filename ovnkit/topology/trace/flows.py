"""From the flows that ovn-trace names to the rows of Northbound that they come from."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
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


def resolved(
    tables: Tables, sb: Southbound, hops: Iterable[Hop], *, remotes: Sequence[Remote], tls: Tls | None, timeout: float
) -> tuple[Hop, ...]:
    """The hops with their switch or router, their ``hint`` and the row that it names.

    The hints are asked of the server, since clients leave Logical_Flow out; where that fails they stay empty.
    """
    hops = tuple(hops)
    bindings = _bindings(tables)
    hints = _hints(sb, hops, remotes, tls, timeout)
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
    sb: Southbound, hops: Sequence[Hop], remotes: Sequence[Remote], tls: Tls | None, timeout: float
) -> dict[str, str]:
    wanted = {hop.flow for hop in hops if hop.flow}
    try:
        flows = [(str(row.uuid), row.external_ids.get("stage-hint", "")) for row in sb.find(LogicalFlow)]
    except NotMonitored:
        try:
            flows = _asked(hops, remotes, tls, timeout)
        except OvnkitError:
            return {}
    return {flow[:_DIGITS]: hint for flow, hint in flows if flow[:_DIGITS] in wanted}


def _asked(hops: Sequence[Hop], remotes: Sequence[Remote], tls: Tls | None, timeout: float) -> list[tuple[str, str]]:
    """The flows that match as those of the hops do, by looking through the table once.

    Several selects would each do that, and the table may be large. A monitor is told several conditions at once, any of
    which will do; it ends with its connection. Flows that match everything have no row of NB behind them.
    """
    matches = sorted({hop.match for hop in hops if hop.flow} - {"1"})
    if not matches:
        return []
    monitor = {
        "columns": ["external_ids"],
        "where": [["match", "==", match] for match in matches],
        "select": {"initial": True, "insert": False, "delete": False, "modify": False},
    }

    def question(exchange: Exchange) -> Any:
        return exchange.call("monitor_cond", [_DATABASE, None, {"Logical_Flow": monitor}], _DATABASE)

    found = ask(remotes, Dialer(remotes, tls), question, "the flows of a trace", timeout=timeout)
    flows: dict[str, dict[str, dict[str, Any]]] = found.get("Logical_Flow", {}) if isinstance(found, dict) else {}
    rows = ((flow, update["initial"].get("external_ids", ["map", []])[1]) for flow, update in flows.items())
    return [(flow, dict(pairs).get("stage-hint", "")) for flow, pairs in rows]
