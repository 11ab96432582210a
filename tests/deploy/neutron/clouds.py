"""A cluster with Neutron: a controller that is the gateway, and a compute node."""

from __future__ import annotations

from typing import Any

from ovnkit.deploy import Central, HostSpec, MetadataAgent, NeutronSpec, Secret, Spec

MARKER = "Marker-$ecret-4711"


def agent(**changed: Any) -> MetadataAgent:
    fields: dict[str, Any] = {"nova_host": "192.0.2.10", "shared_secret": Secret(MARKER), **changed}
    return MetadataAgent(**fields)


def neutron(**changed: Any) -> NeutronSpec:
    fields: dict[str, Any] = {"servers": ["ctl"], "metadata": agent(), **changed}
    return NeutronSpec(**fields)


def cloud(scheme: str = "tcp", **changed: Any) -> Spec:
    """The fields of Neutron are changed."""
    return Spec(
        central=Central(
            northbound=f"{scheme}:192.0.2.10:6641", southbound=f"{scheme}:192.0.2.10:6642", insecure=scheme == "tcp"
        ),
        hosts=[
            HostSpec(name="ctl", encap_ip="192.0.2.10", ovsdb="unix:/ctl", bridge_mappings={"physnet1": "br-ex"}),
            HostSpec(name="cmp1", encap_ip="192.0.2.11", ovsdb="unix:/cmp1"),
        ],
        neutron=neutron(**changed),
    )
