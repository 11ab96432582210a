"""What trace() says and what real packets do are the same, in each case of tests/topology/trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ovnkit.lab import VM, Lab
from ovnkit.lab.addresses import mac_address
from ovnkit.lab.endpoint import Endpoint
from ovnkit.ovsdb import Exactly, Put
from ovnkit.southbound import Chassis, PortBinding, SBGlobal
from ovnkit.topology.trace import trace
from ovnkit.vswitch import OpenVSwitch, VSwitch
from tests.lab.cluster import register
from tests.topology.trace.cases import CASES, SERVICE, VMS, Case, build

pytestmark = pytest.mark.lab

_CONNECT = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3])):
    pass
"""


class InLab:
    """The site of the cases in a lab of two hosts."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.nb = lab.northbound
        self.sb = lab.southbound
        self.gateway = lab.spec.host("ctl").system_id
        self.compute = lab.spec.host("cmp1").system_id
        self._names = {self.gateway: "ctl", self.compute: "cmp1"}

    def start(self) -> None:
        build(self.nb, self.gateway, mac=mac_address)
        for name, (_, address, gateway) in VMS.items():
            host = "ctl" if name in {"vm1", "vm4"} else "cmp1"
            self.lab.add_vm(name, host=host, address=f"{address}/24", gateway=gateway)
        self.sb.wait(PortBinding, logical_port="cr-lrp-r-ext", chassis=self._chassis(self.gateway), timeout=10)
        for case in CASES:
            if case.verdict == "delivered" and case.source == "outside":
                self.lab.outside.wait_ping(case.address)
        self.lab.vm("vm3").wait_ping(self.lab.outside.address)
        # The route of a host to what its router is to turn down.
        self.lab.outside.run(["ip", "route", "replace", "10.0.0.0/8", "via", "203.0.113.2"])

    def endpoint(self, name: str) -> Endpoint:
        return self.lab.outside if name == "outside" else self.lab.vm(name)

    def _chassis(self, name: str) -> Chassis:
        return self.sb.get(Chassis, name=name)

    def _vswitch(self, chassis: str) -> VSwitch:
        return self.lab.host(self._names[chassis]).vswitch

    @contextmanager
    def unbound(self, port: str) -> Iterator[None]:
        vm: VM = self.lab.vm(port)
        attachment = vm._attachment
        attachment.host.unplug(attachment.interface)
        try:
            yield
        finally:
            attachment.host.plug(attachment.interface, port, vm.mac)
            self.sb.wait(PortBinding, logical_port=port, up=True, timeout=10)

    @contextmanager
    def handed_to(self, chassis: str) -> Iterator[None]:
        self.nb.set_gateway("lrp-r-ext", chassis)
        try:
            self.sb.wait(PortBinding, logical_port="cr-lrp-r-ext", chassis=None, timeout=10)
            yield
        finally:
            self.nb.set_gateway("lrp-r-ext", self.gateway)
            self.sb.wait(PortBinding, logical_port="cr-lrp-r-ext", chassis=self._chassis(self.gateway), timeout=10)

    @contextmanager
    def unmapped(self, chassis: str) -> Iterator[None]:
        vswitch = self._vswitch(chassis)
        vswitch.remove_bridge_mapping("physnet1")
        try:
            self._registered(chassis, "ovn-bridge-mappings", "")
            yield
        finally:
            vswitch.add_bridge_mapping("physnet1", "br-ex")
            self._registered(chassis, "ovn-bridge-mappings", "physnet1:br-ex")

    @contextmanager
    def apart(self, chassis: str) -> Iterator[None]:
        with self._vswitch(chassis).transaction() as tx:
            root = tx.get(OpenVSwitch)
            tx.update(root, external_ids=Put({"ovn-transport-zones": "away"}))
        try:
            self.sb.wait(Chassis, name=chassis, transport_zones=["away"], timeout=10)
            yield
        finally:
            with self._vswitch(chassis).transaction() as tx:
                tx.update(tx.get(OpenVSwitch), external_ids=root.external_ids)
            self.sb.wait(Chassis, name=chassis, transport_zones=Exactly([]), timeout=10)

    def _registered(self, chassis: str, key: str, value: str) -> None:
        self.sb.wait(Chassis, name=chassis, other_config={key: value}, timeout=10)


@pytest.fixture(scope="module")
def site(lab_possible: None, records_of_module: Path) -> Iterator[InLab]:
    mappings = {host: {"physnet1": "br-ex"} for host in ("ctl", "cmp1")}
    with Lab(hosts=("ctl", "cmp1"), gateways=("ctl",), bridge_mappings=mappings) as lab, ExitStack() as services:
        register(lab)
        found = InLab(lab)
        found.start()
        for endpoint in (lab.outside, *lab.vms):
            services.enter_context(endpoint.listen(SERVICE))
        yield found


def arrives(endpoint: Endpoint, case: Case) -> bool:
    """Whether real packets are answered; the first one may be lost to the resolution of addresses."""
    patience = 1.5 if case.verdict == "delivered" else 0.5
    if case.tcp is not None:
        argv = ["python3", "-I", "-S", "-c", _CONNECT, case.address, str(case.tcp), str(patience)]
        return endpoint.run(argv, check=False).returncode == 0
    argv = ["ping", "-n", "-q", "-c", "3", "-i", "0.2", "-W", str(patience), "-t", str(case.ttl), case.address]
    return endpoint.run(argv, check=False).returncode == 0


@pytest.mark.parametrize("case", CASES, ids=str)
def test_real_packets_agree_and_the_row_is_the_one_that_was_put_there(site: InLab, case: Case) -> None:
    with case.fault(site) as row:
        site.sb.wait(SBGlobal, nb_cfg=site.nb.sync("hv", timeout=20), timeout=10)
        answered = arrives(site.endpoint(case.source), case)
        found = trace(site.nb, site.sb, case.source, case.target, tcp=case.tcp, ttl=case.ttl)
    assert answered is (case.verdict == "delivered"), found
    assert found.verdict == case.verdict, found
    if not answered:
        assert found.row is not None, found
        assert found.row.uuid == row, found
