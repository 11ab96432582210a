"""The client of the OVN Northbound database, and its transaction."""

from __future__ import annotations

from typing import Any, TypeVar

from ovnkit.northbound.acls import ACLOperations
from ovnkit.northbound.dhcp import DHCPOperations
from ovnkit.northbound.dns import DNSOperations
from ovnkit.northbound.gateways import GatewayOperations
from ovnkit.northbound.groups import GroupOperations
from ovnkit.northbound.listeners import ListenerOperations
from ovnkit.northbound.load_balancers import LoadBalancerOperations
from ovnkit.northbound.metadata import MetadataOperations
from ovnkit.northbound.nat import NATOperations
from ovnkit.northbound.providers import ProviderOperations
from ovnkit.northbound.routers import RouterOperations
from ovnkit.northbound.routes import RouteOperations
from ovnkit.northbound.rows import NB
from ovnkit.northbound.switches import SwitchOperations
from ovnkit.northbound.sync import Level, sync
from ovnkit.ovsdb.client import Client
from ovnkit.ovsdb.operate import ClientOperations, TransactionOperations
from ovnkit.ovsdb.row import Row
from ovnkit.ovsdb.transaction import Transaction
from ovnkit.ovsdb.values import Ref

__all__ = ["Northbound", "NorthboundTransaction"]

R = TypeVar("R", bound=Row[NB])


class NorthboundTransaction(
    Transaction[NB],
    TransactionOperations[NB, Any],
    SwitchOperations,
    RouterOperations,
    ProviderOperations,
    GatewayOperations,
    NATOperations,
    RouteOperations,
    DHCPOperations,
    DNSOperations,
    MetadataOperations,
    GroupOperations,
    ACLOperations,
    LoadBalancerOperations,
    ListenerOperations,
):
    """A transaction of the OVN Northbound database."""

    def insert(self, row: R) -> Ref[R]:
        """Insert a row made in Python; returns its reference with its final uuid. Raises InvalidValue, NotOnServer."""
        return self._insert(row)


class Northbound(
    Client[NB, NorthboundTransaction],
    ClientOperations[NB, Any],
    SwitchOperations,
    RouterOperations,
    ProviderOperations,
    GatewayOperations,
    NATOperations,
    RouteOperations,
    DHCPOperations,
    DNSOperations,
    MetadataOperations,
    GroupOperations,
    ACLOperations,
    LoadBalancerOperations,
    ListenerOperations,
):
    """A client of the OVN Northbound database."""

    _database = NB
    _transaction_class = NorthboundTransaction
    _ovsdbapp = "ovnkit.northbound._ovsdbapp"

    def sync(self, level: Level = "sb", *, timeout: float | None = None) -> int:
        """Wait until what is in NB now has reached SB (level "sb") or every hypervisor's flows ("hv").

        Raises ``NB_Global:nb_cfg`` by one and waits until ``sb_cfg`` or ``hv_cfg`` is there (ovn-nb(5), NB_Global; as
        ``ovn-nbctl --wait=sb sync``). Returns that number. ``timeout`` in seconds, the client's own without it.

        With one dead chassis "hv" never returns, since it waits for all of them: there wait for nb_cfg in
        Chassis_Private of the chassis concerned. Raises Timeout, which names who did not answer; what was written
        stays.
        """
        return sync(self, level, self._timeout if timeout is None else timeout)
