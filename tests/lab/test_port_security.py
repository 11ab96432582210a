"""Port security since OVN 26.03, where ovn-controller reads it: what ovnkit accepts it takes, the rest it only logs."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ovnkit import deploy
from ovnkit.errors import InvalidValue
from ovnkit.formats import Verbatim
from ovnkit.lab import Host, Lab
from ovnkit.lab.binaries import versions
from ovnkit.northbound import LogicalSwitchPort
from tests.northbound.test_northd_formats import COMPLAINED_OF, MAC, TAKEN

pytestmark = [pytest.mark.lab, pytest.mark.may_skip, pytest.mark.usefixtures("lab_possible", "records")]

VRRP = f"VRRPv3 {MAC}"


class Port:
    """A port that is bound, and what its ovn-controller says of its port security."""

    def __init__(self, lab: Lab, host: Host) -> None:
        self.nb = lab.northbound
        self._log = host.controller.log

    def complaint_of(self, text: str) -> str:
        begin = self._log.stat().st_size
        with self.nb.transaction() as tx:
            tx.update(tx.get(LogicalSwitchPort, name="vm1"), port_security=[Verbatim(text)])
        self.nb.sync("hv", timeout=20)
        with self._log.open(encoding="utf-8") as log:
            log.seek(begin)
            return "".join(line for line in log if "port security" in line)


@pytest.fixture(scope="module")
def port(lab_possible: None, records_of_module: object) -> Iterator[Port]:
    if tuple(map(int, versions(os.environ)[0].split(".")[:2])) < (26, 3):
        pytest.skip("ovn-northd of this release reads port security itself")
    with Lab(hosts=("ctl",), gateways=()) as lab:
        assert deploy.plan(lab.spec).apply()
        lab.northbound.add_switch("web")
        lab.add_vm("vm1", host="ctl", switch="web", address="10.0.0.4/24")
        host = lab.host("ctl")
        host.run("ovn-appctl -t ovn-controller vlog/disable-rate-limit")
        yield Port(lab, host)


@pytest.mark.parametrize(
    "text",
    [
        *TAKEN["port_security"],
        VRRP,
        f"{VRRP} 00:00:5e:00:01:05",
        f"{VRRP} 00:00:5e:00:01:00/40 0:0:5E:0:2:7/48 10.0.0.5/24 fd00::1",
        f"{VRRP} 10.0.0.5 00:00:5e:00:01:05",
        f"{VRRP} 10.0.0.5",
    ],
)
def test_what_is_accepted_ovn_controller_takes_without_a_word(port: Port, text: str) -> None:
    with port.nb.transaction() as tx:
        tx.update(tx.get(LogicalSwitchPort, name="vm1"), port_security=[text])
        tx.discard()
    assert port.complaint_of(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        *COMPLAINED_OF["port_security"],
        "VRRPv3",
        f"vrrpv3 {MAC}",
        f"{MAC} {MAC}",
        f"{VRRP} x",
        f"{VRRP} 00:00:5e:00:03:05",
        f"{VRRP} 00:00:5e:00:01:00/39",
        f"{VRRP} 00:00:5e:00:01:00/49",
    ],
)
def test_what_is_refused_ovn_controller_would_only_have_logged(port: Port, text: str) -> None:
    with pytest.raises(InvalidValue), port.nb.transaction() as tx:
        tx.update(tx.get(LogicalSwitchPort, name="vm1"), port_security=[text])
    assert port.complaint_of(text) != ""
