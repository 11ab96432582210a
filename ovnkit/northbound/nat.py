"""Network address translation on routers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ovnkit.errors import InvalidValue
from ovnkit.northbound.addresses import ip_address, ip_network, mac_address, same_network
from ovnkit.northbound.base import NorthboundOperations
from ovnkit.northbound.columns import given, marked
from ovnkit.northbound.identity import check_name, conflict, find_router, one, the_router
from ovnkit.northbound.rows import NAT, LogicalRouter
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["NATOperations"]

_ADDRESSES = ("external_ip", "logical_ip")


class NATOperations(NorthboundOperations):
    """Add and remove source NAT and floating IPs."""

    def add_snat(self, router: str, *, external_ip: str, logical_ip: str, dry_run: bool = False) -> Changes:
        """Translate the source of what leaves a router (NAT of type snat in ovn-nb(5)).

        Identity: the router's name and ``logical_ip``, an address or a network such as ``"10.0.0.0/24"``;
        ``external_ip``, an address of the same family, is set.

        Raises InvalidValue, NotFound (no such router), and NotUnique.
        """
        inner = ip_network(logical_ip, table="NAT", column="logical_ip", single=True)
        _check_family(external_ip, inner.version)
        text = logical_ip if "/" not in logical_ip else str(inner)
        columns = {"type": "snat", "logical_ip": text, "external_ip": external_ip}
        return self._operate(lambda tx: _put(tx, router, "logical_ip", columns), dry_run=dry_run)

    def remove_snat(self, router: str, *, logical_ip: str, dry_run: bool = False) -> Changes:
        """Remove the source NAT of an address or network. Identity: as for add_snat().

        Nothing changes where there is none. Raises InvalidValue, and NotUnique.
        """
        ip_network(logical_ip, table="NAT", column="logical_ip", single=True)
        return self._operate(lambda tx: _remove(tx, router, "snat", "logical_ip", logical_ip), dry_run=dry_run)

    def add_floating_ip(
        self,
        router: str,
        external_ip: str,
        logical_ip: str,
        *,
        logical_port: str | None = None,
        external_mac: str | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """Give an inner address an outer one, in both directions (NAT of type dnat_and_snat in ovn-nb(5)).

        Identity: the router's name and ``external_ip``; ``logical_ip``, an address of the same family, is set. With
        ``logical_port`` (the switch port that has ``logical_ip``) and ``external_mac`` (unique on the outer switch),
        both or neither, each chassis translates for its own ports; without, the gateway chassis does. What is None is
        left as it is.

        Raises InvalidValue, NotFound (no such router), NotUnique, and Conflict where the port that is there would
        belong to another ``logical_ip`` than the one that is asked for.
        """
        inner = ip_address(logical_ip, table="NAT", column="logical_ip")
        _check_family(external_ip, inner.version)
        if (logical_port is None) != (external_mac is None):
            column, value = ("external_mac", external_mac) if external_mac is None else ("logical_port", logical_port)
            allowed = "logical_port and external_mac together, or neither: distributed NAT needs both"
            raise InvalidValue(table="NAT", column=column, value=value, allowed=allowed)
        if logical_port is not None and external_mac is not None:
            check_name(logical_port, table="NAT", column="logical_port")
            mac_address(external_mac, table="NAT", column="external_mac")
        columns = given(
            type="dnat_and_snat",
            external_ip=external_ip,
            logical_ip=logical_ip,
            logical_port=logical_port,
            external_mac=external_mac,
        )
        return self._operate(lambda tx: _put(tx, router, "external_ip", columns), dry_run=dry_run)

    def remove_floating_ip(self, router: str, external_ip: str, *, dry_run: bool = False) -> Changes:
        """Remove a floating IP. Identity: as for add_floating_ip(); nothing changes where there is none.

        Raises InvalidValue, and NotUnique.
        """
        ip_address(external_ip, table="NAT", column="external_ip")
        return self._operate(
            lambda tx: _remove(tx, router, "dnat_and_snat", "external_ip", external_ip), dry_run=dry_run
        )


def _check_family(external_ip: str, version: int) -> None:
    if ip_address(external_ip, table="NAT", column="external_ip").version != version:
        allowed = f"an IPv{version} address, as logical_ip is one"
        raise InvalidValue(table="NAT", column="external_ip", value=external_ip, allowed=allowed)


def _find(tx: NorthboundTransaction, router: LogicalRouter, type: str, column: str, value: str) -> NAT | None:
    rows = [
        row for row in (tx[ref] for ref in router.nat) if row.type == type and same_network(getattr(row, column), value)
    ]
    return one(rows, "NAT", router=router.name, type=type, **{column: value})


def _put(tx: NorthboundTransaction, router: str, key: str, columns: dict[str, Any]) -> Ref[Any]:
    own = the_router(tx, router)
    row = _find(tx, own, columns["type"], key, columns[key])
    if row is None:
        new = tx.insert(NAT(**marked(columns)))
        # The whole set, so that the same rule, added at the same moment, is a conflict.
        tx.update(own, nat=own.nat | {new})
        return new
    same = {name for name in _ADDRESSES if same_network(getattr(row, name), columns[name])}
    if row.logical_port is not None and "logical_port" not in columns and "logical_ip" not in same:
        raise conflict(
            f"{row.external_ip} is translated where port {row.logical_port!r} is, which has {row.logical_ip}; give"
            f" logical_port and external_mac for {columns['logical_ip']} as well, or remove_floating_ip() first"
        )
    tx.update(row, **{name: value for name, value in columns.items() if name not in same})
    return row.ref


def _remove(tx: NorthboundTransaction, router: str, type: str, key: str, value: str) -> None:
    own = find_router(tx, router)
    row = None if own is None else _find(tx, own, type, key, value)
    if row is not None:
        tx.delete(row)
