"""The network of the cases on databases and northd, with rows of Southbound in the place of ovn-controllers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ovnkit import Northbound, Southbound
from ovnkit.northbound import LogicalSwitchPort
from ovnkit.ovsdb.server import Process, Server, find_schema
from ovnkit.southbound import Chassis, ChassisPrivate, Encap, MACBinding, PortBinding, SBGlobal
from tests.northd import northd_running, skip_without_northd
from tests.ovsdb.authority import Authority, TlsServer
from tests.topology.trace.cases import OUTSIDE, VMS, build

OUTSIDE_MAC = "02:00:00:00:ee:01"


def mac(name: str) -> str:
    return f"02:00:00:00:00:0{name[-1]}"


class StoodIn:
    """A site without ovn-controllers: their rows are written here."""

    gateway = "ctl"
    compute = "cmp1"
    authority: Authority
    """Of the certificates of Southbound."""

    def __init__(self, nb: Northbound, sb: Southbound, northd: Process, south: TlsServer) -> None:
        self.nb = nb
        self.sb = sb
        self.northd = northd
        self.south = south

    def start(self) -> None:
        with self.sb.transaction() as tx:
            for number, name in enumerate((self.gateway, self.compute), start=1):
                encap = tx.insert(Encap(type="geneve", ip=f"192.0.2.{number}", chassis_name=name))
                mappings = {"ovn-bridge-mappings": "physnet1:br-ex", "ct-no-masked-label": "true"}
                chassis = tx.insert(Chassis(name=name, hostname=name, encaps=[encap], other_config=mappings))
                tx.insert(ChassisPrivate(name=name, chassis=chassis))
        build(self.nb, self.gateway, mac=mac)
        self.sync()
        for name in VMS:
            self.bind(name, self.gateway if name in {"vm1", "vm4"} else self.compute)
        self.bind("cr-lrp-r-ext", self.gateway)
        binding = self.sb.get(PortBinding, logical_port="lrp-r-ext")
        with self.sb.transaction() as tx:
            tx.insert(
                MACBinding(logical_port="lrp-r-ext", ip=OUTSIDE, mac=OUTSIDE_MAC, datapath=tx[binding.datapath].ref)
            )
        self.nb.wait(LogicalSwitchPort, name="vm4", up=True, timeout=10)

    def sync(self) -> None:
        """Wait until northd has done what is in NB, and the client of SB has seen it."""
        self.sb.wait(SBGlobal, nb_cfg=self.nb.sync(timeout=10), timeout=10)

    def bind(self, port: str, chassis: str | None) -> None:
        row = None if chassis is None else self.sb.get(Chassis, name=chassis)
        with self.sb.transaction() as tx:
            tx.update(tx.get(PortBinding, logical_port=port), chassis=row, up=row is not None)

    @contextmanager
    def unbound(self, port: str) -> Iterator[None]:
        bound = self.sb.get(PortBinding, logical_port=port).chassis
        self.bind(port, None)
        try:
            yield
        finally:
            assert bound is not None
            self.bind(port, self.sb[bound].name)

    @contextmanager
    def handed_to(self, chassis: str) -> Iterator[None]:
        for gateway, claimed_by in ((chassis, None), (self.gateway, self.gateway)):
            self.nb.set_gateway("lrp-r-ext", gateway)
            self.sync()
            self.bind("cr-lrp-r-ext", claimed_by)
            if claimed_by is None:
                yield

    @contextmanager
    def unmapped(self, chassis: str) -> Iterator[None]:
        with self._chassis(chassis, other_config={"ovn-bridge-mappings": "", "ct-no-masked-label": "true"}):
            yield

    @contextmanager
    def apart(self, chassis: str) -> Iterator[None]:
        with self._chassis(chassis, transport_zones=["away"]):
            yield

    @contextmanager
    def _chassis(self, name: str, **columns: Any) -> Iterator[None]:
        row = self.sb.get(Chassis, name=name)
        before = {column: getattr(row, column) for column in columns}
        with self.sb.transaction() as tx:
            tx.update(row, **columns)
        try:
            yield
        finally:
            with self.sb.transaction() as tx:
                tx.update(tx[row.ref], **before)


@contextmanager
def standing_in(directory: Path) -> Iterator[StoodIn]:
    """The network of the cases, with its files in ``directory``."""
    skip_without_northd()
    authority = Authority(directory / "ca")
    with (
        Server(directory / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=directory, name="nb") as north,
        TlsServer(directory, authority, "IP:127.0.0.1", schema="ovn-sb.ovsschema") as south,
        northd_running(directory, north.remote, south.remote) as northd,
        Northbound.connect(north.remote, timeout=10) as nb,
        Southbound.connect(south.remote, timeout=10) as sb,
    ):
        found = StoodIn(nb, sb, northd, south)
        found.authority = authority
        found.start()
        yield found
