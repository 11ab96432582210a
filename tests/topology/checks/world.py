"""Real databases of a network with two hosts, and ovn-northd; what ovn-controller would write is written here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import attrs

from ovnkit.northbound import Connection, LogicalSwitchPort, NBGlobal, Northbound
from ovnkit.ovsdb import Put
from ovnkit.ovsdb.server import Process, Server, find_program, find_schema
from ovnkit.southbound import Chassis, ChassisPrivate, Encap, PortBinding, SBGlobal, Southbound
from ovnkit.topology.checks import Findings, check
from ovnkit.vswitch import Interface, OpenVSwitch, VSwitch
from tests.northd import northd_running, skip_without_northd

__all__ = ["World", "world_running"]

KEPT = (NBGlobal, Connection)


@attrs.define(eq=False)
class World:
    """The databases, and what happens in them."""

    nb: Northbound
    sb: Southbound
    hv1: VSwitch
    hv2: VSwitch
    directory: Path
    remotes: dict[str, str]
    lost: set[str] = attrs.field(factory=set)
    """Chassis that follow nb_cfg no more."""
    paused: bool = False
    """Whether ovn-northd does nothing, until everything is taken away."""

    def check(self, **arguments: Any) -> Findings:
        """All findings."""
        return check(self.nb, self.sb, (self.hv1, self.hv2), **arguments)

    def clear(self) -> None:
        """Take everything away."""
        self.lost.clear()
        with self.nb.transaction() as tx:
            for row_class in type(self.nb)._database.tables.values():
                if row_class._root and row_class not in KEPT and self.nb.has(row_class):
                    for row in self.nb.rows(row_class._table):
                        tx.delete(row)
        with self.sb.transaction() as tx:
            for row in (*self.sb.find(Chassis), *self.sb.find(ChassisPrivate)):
                tx.delete(row)
        for host in (self.hv1, self.hv2):
            with host.transaction() as local:
                local.update(local.get(OpenVSwitch), bridges=[], external_ids={})
        # What must not be seen by ovn-northd has gone by now.
        if self.paused:
            self._tell_northd("resume")
            self.paused = False

    def add_chassis(
        self,
        name: str,
        address: str,
        *,
        hostname: str = "",
        type: Literal["geneve", "vxlan"] = "geneve",
        mappings: str = "physnet1:br-ex",
        **columns: Any,
    ) -> None:
        """A chassis as ovn-controller registers it."""
        with self.sb.transaction() as tx:
            encap = tx.insert(Encap(type=type, ip=address, chassis_name=name))
            other = {"ovn-bridge-mappings": mappings} if mappings else {}
            row = Chassis(name=name, hostname=hostname or name, encaps=[encap], other_config=other, **columns)
            tx.insert(ChassisPrivate(name=name, chassis=tx.insert(row)))

    def set_up_host(self, host: VSwitch, name: str, address: str, peer: tuple[str, str]) -> None:
        """Open_vSwitch as it is on a host with ovn-controller and a tunnel to another one."""
        ids = {
            "system-id": name,
            "hostname": name,
            "ovn-remote": "tcp:192.0.2.100:6642",
            "ovn-encap-type": "geneve",
            "ovn-encap-ip": address,
            "ovn-bridge-mappings": "physnet1:br-ex",
        }
        with host.transaction() as tx:
            tx.update(tx.get(OpenVSwitch), external_ids=Put(ids))
            tx.add_bridge("br-int", fail_mode="secure")
            tx.add_bridge("br-ex")
            tx.add_port("br-int", f"ovn-{peer[0]}-0", type="geneve", options={"remote_ip": peer[1], "key": "flow"})

    def attach(self, host: VSwitch, interface: str, port: str) -> None:
        """The interface of a VM, as ovs-vswitchd has opened it."""
        host.add_port("br-int", interface, iface_id=port)
        with host.transaction() as tx:
            tx.update(tx.get(Interface, name=interface), ofport=1)

    def bind(self, chassis: str, *ports: str, up: bool = True) -> None:
        """Have a chassis claim ports, as its ovn-controller does."""
        self.sync()
        with self.sb.transaction() as tx:
            own = tx.get(Chassis, name=chassis)
            for port in ports:
                tx.update(tx.get(PortBinding, logical_port=port), chassis=own.ref, up=up)
        for port in ports if up else ():
            for row in self.nb.find(LogicalSwitchPort, name=port, type=""):
                self.nb.wait(LogicalSwitchPort, name=row.name, up=True, timeout=10)

    def sync(self) -> None:
        """Wait until ovn-northd has done everything, and this is seen here."""
        self.nb.sync(level="sb", timeout=10)
        self.sb.wait(SBGlobal, nb_cfg=self.nb.get(NBGlobal).nb_cfg, timeout=10)

    def settle(self) -> None:
        """The same, and every chassis that is not lost follows. Not while ovn-northd is paused."""
        if self.paused:
            return
        self.sync()
        now = int(time.time() * 1000)
        with self.sb.transaction() as tx:
            for row in tx.find(ChassisPrivate):
                if row.name not in self.lost:
                    tx.update(row, nb_cfg=self.sb.get(SBGlobal).nb_cfg, nb_cfg_timestamp=now)

    def pause(self) -> None:
        """Have ovn-northd do nothing until everything is taken away."""
        self._tell_northd("pause")
        self.paused = True

    def _tell_northd(self, command: str) -> None:
        program = str(find_program("ovs-appctl"))
        argv = [program, "-t", str(self.directory / "northd.ctl"), command]
        Process(argv, log=self.directory / "appctl.log").wait(timeout=10)


@contextmanager
def world_running(directory: Path) -> Iterator[World]:
    """The servers, each once."""
    skip_without_northd()
    schemas = {
        "nb": "ovn-nb.ovsschema",
        "sb": "ovn-sb.ovsschema",
        "hv1": "vswitch.ovsschema",
        "hv2": "vswitch.ovsschema",
    }
    with ExitStack() as stack:
        servers = {
            name: Server(directory / f"{name}.db", find_schema(schema), run_dir=directory, name=name)
            for name, schema in schemas.items()
        }
        for server in servers.values():
            stack.enter_context(server)
        remotes = {name: server.remote for name, server in servers.items()}
        stack.enter_context(northd_running(directory, remotes["nb"], remotes["sb"]))
        nb = stack.enter_context(Northbound.connect(remotes["nb"], timeout=10))
        sb = stack.enter_context(Southbound.connect(remotes["sb"], timeout=10))
        hv1 = stack.enter_context(VSwitch.connect(remotes["hv1"], timeout=10))
        hv2 = stack.enter_context(VSwitch.connect(remotes["hv2"], timeout=10))
        for host in (hv1, hv2):
            with host.transaction() as tx:
                tx.insert(OpenVSwitch())
        yield World(nb, sb, hv1, hv2, directory, remotes)
