"""A cluster with two gateways, and a virtual machine that goes outside by its floating IP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from ovnkit import deploy
from ovnkit.lab import Lab
from tests.lab.gaps import pings

__all__ = ["FLOATING_IP", "GATEWAYS", "PORT", "carrier", "kill", "move_uplink", "renamed", "system_id", "two_gateways"]

GATEWAYS = ("gw1", "gw2")
FLOATING_IP = "203.0.113.100"
PORT = "r-out"
"""The router port that the first gateway carries, as long as it can."""


@contextmanager
def two_gateways() -> Iterator[Lab]:
    """Four hosts; packets flow when the block begins."""
    with Lab(hosts=("ctl", *GATEWAYS, "cmp1"), gateways=GATEWAYS) as lab:
        report = deploy.plan(lab.spec).apply()
        assert report, str(report)
        nb = lab.northbound
        nb.add_switch("web", subnet="10.0.0.0/24")
        nb.add_router("r")
        nb.connect_router("web", "r", networks=["10.0.0.1/24"])
        nb.add_provider_network("physnet1", port="provnet")
        nb.connect_router("physnet1", "r", networks=["203.0.113.10/24"], router_port=PORT)
        nb.set_gateway(PORT, *(system_id(lab, name) for name in GATEWAYS))
        lab.add_vm("vm1", host="cmp1", switch="web", address="10.0.0.5/24", gateway="10.0.0.1")
        nb.add_floating_ip("r", external_ip=FLOATING_IP, logical_ip="10.0.0.5")
        nb.sync("hv", timeout=20)
        with pings(lab.vm("vm1"), lab.outside.address):
            """Until answers come."""
        assert carrier(lab) == system_id(lab, "gw1")
        yield lab


def system_id(lab: Lab, host: str) -> str:
    """The chassis of a host."""
    return lab.spec.host(host).system_id


def carrier(lab: Lab) -> str | None:
    """The chassis that carries the router port."""
    return lab.southbound.location(f"cr-{PORT}").chassis


def kill(lab: Lab, host: str) -> None:
    """As if its power failed, but for its database, which has nothing to say."""
    lab.host(host).controller.kill()
    lab.host(host).vswitchd.kill()


def move_uplink(lab: Lab, host: str, before: str, after: str) -> None:
    """As somebody does who moves the network card: the bridge below is the host's affair."""
    (uplink,) = (name for name in lab.host(host).vsctl("list-ports", before).split() if name.startswith("up-"))
    lab.host(host).vsctl("del-port", before, uplink, "--", "add-port", after, uplink)


def renamed(spec: deploy.Spec, host: str, system_id: str) -> deploy.Spec:
    """The spec with another name for the chassis of a host."""
    hosts = (attrs.evolve(one, system_id=system_id) if one.name == host else one for one in spec.hosts)
    return attrs.evolve(spec, hosts=tuple(hosts))
