"""What in OVN_Northbound names a chassis besides its places in lists of gateways (ovn-nb(5)).

``requested-chassis`` of switch ports, which may also be the name of its host, ``l2gateway-chassis`` of ports to a
physical network, ``chassis`` of gateway routers, and the chassis' own template variables.
"""

from __future__ import annotations

from typing import Final

from ovnkit.deploy.seats import is_neutrons
from ovnkit.northbound.client import Northbound, NorthboundTransaction
from ovnkit.northbound.rows import ChassisTemplateVar, LogicalRouter, LogicalSwitchPort
from ovnkit.ovsdb.edits import Put, Remove

__all__ = ["drop_mentions", "is_mentioned", "rename_mentions", "requests"]

_REQUESTED: Final = "requested-chassis"
_L2GATEWAY: Final = "l2gateway-chassis"
_PINNED: Final = "chassis"


def requests(on: Northbound | NorthboundTransaction, chassis: str) -> list[str]:
    """The ports and routers that ask for it, in words; what Neutron keeps is left to it."""
    routers = sorted(router.name for router in on.find(LogicalRouter, options={_PINNED: chassis}))
    return [*(f"port {port.name}" for port in _ports(on, chassis)), *(f"router {name}" for name in routers)]


def is_mentioned(on: Northbound | NorthboundTransaction, chassis: str) -> bool:
    """Whether anything of this names it."""
    return bool(requests(on, chassis) or on.find(ChassisTemplateVar, chassis=chassis))


def _ports(on: Northbound | NorthboundTransaction, chassis: str) -> list[LogicalSwitchPort]:
    def named(port: LogicalSwitchPort) -> bool:
        return chassis in (port.options.get(_L2GATEWAY), *port.options.get(_REQUESTED, "").split(","))

    found = (port for port in on.find(LogicalSwitchPort) if named(port) and not is_neutrons(port))
    return sorted(found, key=lambda port: port.name)


def rename_mentions(tx: NorthboundTransaction, chassis: str, name: str) -> None:
    """Let all of them name the chassis by its new name."""
    for port in _ports(tx, chassis):
        options = {
            key: ",".join(name if item == chassis else item for item in port.options[key].split(","))
            for key in (_REQUESTED, _L2GATEWAY)
            if key in port.options
        }
        tx.update(port, options=Put(options))
    for router in tx.find(LogicalRouter, options={_PINNED: chassis}):
        tx.update(router, options=Put({_PINNED: name}))
    for row in tx.find(ChassisTemplateVar, chassis=chassis):
        tx.update(row, chassis=name)


def drop_mentions(tx: NorthboundTransaction, chassis: str) -> None:
    """Let none of them name it."""
    for port in _ports(tx, chassis):
        rest = [item for item in port.options.get(_REQUESTED, "").split(",") if item not in ("", chassis)]
        gone = {_REQUESTED} if not rest else set[str]()
        if port.options.get(_L2GATEWAY) == chassis:
            gone.add(_L2GATEWAY)
        if rest:
            tx.update(port, options=Put({_REQUESTED: ",".join(rest)}))
        tx.update(tx[port.ref], options=Remove(*gone))
    for router in tx.find(LogicalRouter, options={_PINNED: chassis}):
        tx.update(router, options=Remove(_PINNED))
    for row in tx.find(ChassisTemplateVar, chassis=chassis):
        tx.delete(row)
