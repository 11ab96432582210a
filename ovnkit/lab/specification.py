"""The deployment spec of a lab: what was asked for, at the addresses that the lab has given it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from ovnkit.deploy.spec import Central, HostSpec, Spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ovnkit.lab.host import Host

__all__ = ["lab_spec"]

# The kernel's datapath would need a module; ovn-controller(8) has ovn-controller make br-int of this type.
_DATAPATH = {"ovn-bridge-datapath-type": "netdev"}
# The options whose value is the tunnel address of the host.
_ENCAP_ADDRESSES = ("ovn-encap-ip-default",)


def lab_spec(
    hosts: Mapping[str, Host],
    *,
    northbound: str,
    southbound: str,
    gateways: tuple[str, ...],
    mappings: Mapping[str, Mapping[str, str]],
    wanted: Spec | None,
) -> Spec:
    """The spec of a lab; what is not an address stays as it is in the spec that the lab was made from."""
    central = Central(northbound=northbound, southbound=southbound, insecure=True)
    if wanted is not None:
        moved = tuple(_moved(host, hosts[host.name]) for host in wanted.hosts)
        return attrs.evolve(wanted, central=central, hosts=moved)
    made = (
        HostSpec(
            name=name,
            encap_ip=host.encap_address,
            ovsdb=host.remote,
            access=host.access,
            gateway=name in gateways,
            bridge_mappings=mappings[name],
            options=_DATAPATH,
        )
        for name, host in hosts.items()
    )
    return Spec(central=central, hosts=tuple(made))


def _moved(spec: HostSpec, host: Host) -> HostSpec:
    options = {key: host.encap_address if key in _ENCAP_ADDRESSES else value for key, value in spec.options.items()}
    return attrs.evolve(
        spec, encap_ip=host.encap_address, ovsdb=host.remote, access=host.access, options={**options, **_DATAPATH}
    )
