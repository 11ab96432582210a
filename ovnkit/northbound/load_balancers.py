"""Load balancers, on switches and routers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ovnkit.errors import InvalidValue
from ovnkit.northbound.addresses import members
from ovnkit.northbound.base import NorthboundOperations
from ovnkit.northbound.columns import given, marked, string_map, update
from ovnkit.northbound.identity import check_name, one, the_router, the_switch
from ovnkit.northbound.rows import LoadBalancer, LoadBalancerProtocol
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.edits import Add, Remove
from ovnkit.ovsdb.row import SetOf
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["LoadBalancerOperations"]

_TABLE = "Load_Balancer"


class LoadBalancerOperations(NorthboundOperations):
    """Add and remove load balancers."""

    def add_load_balancer(
        self,
        name: str,
        *,
        vips: Mapping[str, list[str] | tuple[str, ...] | str] | None = None,
        protocol: LoadBalancerProtocol | None = None,
        switches: SetOf[str] | None = None,
        routers: SetOf[str] | None = None,
        options: Mapping[str, str] | None = None,
        external_ids: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """Distribute connections to virtual addresses among backends (Load_Balancer in ovn-nb(5)). Identity: its name.

        ``vips``: from ``"IP"`` or ``"IP:PORT"`` (``"[IPv6]:PORT"``) to its backends in that form, as a list or
        comma-separated without blanks; of it, of ``options`` and of ``external_ids`` the given keys are set.
        ``protocol``: ``"tcp"`` (what OVN takes without one), ``"udp"`` or ``"sctp"``, for addresses with a port.
        ``switches`` and ``routers``: names of those that it works on; others that it works on stay. On a router it
        needs a gateway. What is None is left as it is.

        Raises InvalidValue, NotFound (no such switch or router), and NotUnique where two load balancers, switches or
        routers have one name.
        """
        check_name(name, table=_TABLE)
        columns = given(
            vips=None if vips is None else _vips(vips),
            protocol=protocol,
            options=string_map(options, table=_TABLE, column="options"),
            external_ids=string_map(external_ids, table=_TABLE, column="external_ids"),
        )
        # Refused at once, also where nothing would be written.
        LoadBalancer(name=name, **columns)
        on_switches, on_routers = _names(switches, "switches"), _names(routers, "routers")

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            parents: list[Any] = [the_switch(tx, switch) for switch in on_switches]
            parents += [the_router(tx, router) for router in on_routers]
            row = _find(tx, name)
            if row is None:
                tx.check_none(LoadBalancer, name=name)
                ref: Ref[Any] = tx.insert(LoadBalancer(name=name, **marked(columns)))
            else:
                update(tx, row, columns)
                ref = row.ref
            for parent in parents:
                tx.update(parent, load_balancer=Add(ref))
            return ref

        return self._operate(body, dry_run=dry_run)

    def remove_load_balancer(
        self,
        name: str,
        *,
        vips: SetOf[str] | None = None,
        switches: SetOf[str] | None = None,
        routers: SetOf[str] | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """Remove a load balancer, or some of its virtual addresses, or take it from switches and routers.

        Identity: its name; nothing changes where there is none. With ``vips``, ``switches`` or ``routers`` only these
        are removed from it, and it stays.

        Raises InvalidValue, NotFound (no such switch or router), and NotUnique.
        """
        check_name(name, table=_TABLE)
        keys = _names(vips, "vips")
        from_switches, from_routers = _names(switches, "switches"), _names(routers, "routers")
        whole = vips is None and switches is None and routers is None

        def body(tx: NorthboundTransaction) -> Ref[Any] | None:
            row = _find(tx, name)
            if row is None:
                return None
            if whole:
                tx.delete(row)
                return None
            tx.update(row, vips=Remove(*keys))
            parents: list[Any] = [the_switch(tx, switch) for switch in from_switches]
            parents += [the_router(tx, router) for router in from_routers]
            for parent in parents:
                tx.update(parent, load_balancer=Remove(row.ref))
            return row.ref

        return self._operate(body, dry_run=dry_run)


def _find(tx: NorthboundTransaction, name: str) -> LoadBalancer | None:
    return one(tx.find(LoadBalancer, name=name), _TABLE, name=name)


def _names(values: SetOf[str] | None, column: str) -> list[str]:
    found = members(() if values is None else values, table=_TABLE, column=column, allowed="a list of strings")
    return [check_name(value, table=_TABLE, column=column) for value in sorted(found)]


def _vips(vips: Mapping[str, list[str] | tuple[str, ...] | str]) -> dict[str, str]:
    allowed = "a mapping from an address to a list of backends, or to a comma-separated string"
    if not isinstance(vips, Mapping):
        raise InvalidValue(table=_TABLE, column="vips", value=vips, allowed=allowed)
    found: dict[str, str] = {}
    for vip, backends in vips.items():
        texts: object = [backends] if isinstance(backends, str) else backends
        if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
            raise InvalidValue(table=_TABLE, column="vips", value=backends, allowed=allowed)
        found[vip] = ",".join(texts)
    return found
