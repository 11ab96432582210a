"""The deployment spec of a lab: what was asked for, at the addresses that the lab has given it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from ovnkit.deploy.spec import Central as CentralSpec
from ovnkit.deploy.spec import HostSpec, Member, Spec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ovnkit.lab.host import Host

__all__ = ["CentralSpec", "lab_spec", "member_spec"]

# The kernel's datapath would need a module; ovn-controller(8) has ovn-controller make br-int of this type.
_DATAPATH = {"ovn-bridge-datapath-type": "netdev"}
# The options whose value is the tunnel address of the host.
_ENCAP_ADDRESSES = ("ovn-encap-ip-default",)


def lab_spec(
    hosts: Mapping[str, Host],
    *,
    central: CentralSpec,
    gateways: tuple[str, ...],
    mappings: Mapping[str, Mapping[str, str]],
    wanted: Spec | None,
) -> Spec:
    """The spec of a lab; what is not an address stays as it is in the spec that the lab was made from."""
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


def member_spec(members: Sequence[Host], wanted: CentralSpec | None) -> CentralSpec:
    """What the central services on these hosts of a lab are to be."""
    made = [Member(host=host.name, address=host.management_address) for host in members]
    if wanted is None:
        return CentralSpec(members=made, insecure=True)
    timer = wanted.election_timer if "election_timer" in wanted.given else None
    return CentralSpec(
        members=made,
        tls=wanted.tls,
        rbac=wanted.rbac,
        insecure=wanted.tls is None,
        clustered=wanted.clustered,
        election_timer=timer,
        start=wanted.start,
    )


def _moved(spec: HostSpec, host: Host) -> HostSpec:
    options = {key: host.encap_address if key in _ENCAP_ADDRESSES else value for key, value in spec.options.items()}
    return attrs.evolve(
        spec, encap_ip=host.encap_address, ovsdb=host.remote, access=host.access, options={**options, **_DATAPATH}
    )
