"""Databases of a cluster before anything runs in it: Northbound, Southbound, and each host's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from ovnkit.deploy import Central, HostSpec, Spec
from ovnkit.northbound import Northbound
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import Chassis, Encap, Southbound
from ovnkit.vswitch import OpenVSwitch, VSwitch
from tests.operations import Snapshot, snapshot


@attrs.frozen
class Site:
    """A real ovsdb-server for each database; ``hosts`` are those of the machines, by name."""

    directory: Path
    northbound: Server
    southbound: Server
    hosts: Mapping[str, Server]

    def spec(self, **changed: Mapping[str, Any]) -> Spec:
        """A spec of all hosts, each named and numbered; ``ctl={"gateway": True}`` changes fields of one."""
        hosts: list[HostSpec] = []
        for number, (name, server) in enumerate(self.hosts.items(), 1):
            fields: dict[str, Any] = {"system_id": name, "encap_ip": f"192.0.2.{number}", "ovsdb": server.remote}
            hosts.append(HostSpec(name=name, **{**fields, **changed.get(name, {})}))
        return Spec(central=Central(northbound=self.northbound.remote, southbound=self.southbound.remote), hosts=hosts)

    @contextmanager
    def vswitch(self, host: str) -> Iterator[VSwitch]:
        with VSwitch.connect(self.hosts[host].remote, timeout=10) as client:
            yield client

    def ids(self, host: str) -> dict[str, str]:
        """What is in the external_ids of a host now."""
        with self.vswitch(host) as client:
            return dict(client.get(OpenVSwitch).external_ids)

    def put(self, host: str, external_ids: Mapping[str, str]) -> None:
        with self.vswitch(host) as client, client.transaction() as tx:
            tx.update(tx.get(OpenVSwitch), external_ids=external_ids)

    def add_chassis(self, name: str, *, encap_ip: str, hostname: str = "") -> None:
        """As an ovn-controller registers itself."""
        with Southbound.connect(self.southbound.remote, timeout=10) as client, client.transaction() as tx:
            encap = tx.insert(Encap(type="geneve", ip=encap_ip, chassis_name=name))
            tx.insert(Chassis(name=name, hostname=hostname, encaps=[encap]))

    def remove_chassis(self, name: str) -> None:
        """As an ovn-controller that ends."""
        with Southbound.connect(self.southbound.remote, timeout=10) as client:
            client.remove_chassis(name)

    def everything(self) -> list[Snapshot]:
        """All rows of all databases."""
        with Northbound.connect(self.northbound.remote, timeout=10) as client:
            found = [snapshot(client)]
        with Southbound.connect(self.southbound.remote, timeout=10) as client:
            found.append(snapshot(client))
        for name in self.hosts:
            with self.vswitch(name) as client:
                found.append(snapshot(client))
        return found


@contextmanager
def running(directory: Path, hosts: Sequence[str]) -> Iterator[Site]:
    """The servers of a site, until the block ends."""
    schemas = {"nb": "ovn-nb", "sb": "ovn-sb", **dict.fromkeys(hosts, "vswitch")}
    servers = {
        name: Server(directory / f"{name}.db", find_schema(f"{schema}.ovsschema"), run_dir=directory, name=name)
        for name, schema in schemas.items()
    }
    try:
        for server in servers.values():
            server.launch()
        for server in servers.values():
            server.wait_ready()
        for name in hosts:
            _initialise(servers[name])
        yield Site(directory, servers["nb"], servers["sb"], {name: servers[name] for name in hosts})
    finally:
        for server in servers.values():
            server.stop()


def _initialise(server: Server) -> None:
    """As ``ovs-vsctl init`` does when a machine starts."""
    with VSwitch.connect(server.remote, timeout=10) as client, client.transaction() as tx:
        tx.insert(OpenVSwitch())
