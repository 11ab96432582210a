"""What ovnkit refuses is what ovn-northd would complain of in its log, and what it accepts northd takes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ovnkit import Northbound
from ovnkit.errors import InvalidValue
from ovnkit.formats import Verbatim
from ovnkit.lab.binaries import versions
from ovnkit.northbound import (
    NAT,
    DHCPOptions,
    GatewayChassis,
    LoadBalancer,
    LogicalRouter,
    LogicalRouterPolicy,
    LogicalRouterPort,
    LogicalRouterStaticRoute,
    LogicalSwitch,
    LogicalSwitchPort,
)
from ovnkit.northbound.client import NorthboundTransaction
from ovnkit.ovsdb import Add, Ref
from ovnkit.ovsdb.server import Process, Server, find_schema
from tests.northd import northd_running, skip_without_northd

pytestmark = pytest.mark.timeout(120)

MAC = "80:fa:5b:06:72:b7"
Write = Callable[[NorthboundTransaction, str], Ref[object]]


def _v6(text: str) -> bool:
    return "fd" in text


def _port(tx: NorthboundTransaction, **columns: object) -> Ref[object]:
    ref = tx.insert(LogicalSwitchPort(name="t", **columns))  # type: ignore[arg-type]
    tx.update(tx.get(LogicalSwitch, name="s"), ports=Add(ref))
    return ref


def _router_port(tx: NorthboundTransaction, mac: str, network: str) -> Ref[object]:
    ref = tx.insert(LogicalRouterPort(name="t", mac=mac, networks=[network]))
    tx.update(tx.get(LogicalRouter, name="r"), ports=Add(ref))
    return ref


def _route(tx: NorthboundTransaction, prefix: str, nexthop: str) -> Ref[object]:
    ref = tx.insert(LogicalRouterStaticRoute(ip_prefix=prefix, nexthop=nexthop))
    tx.update(tx.get(LogicalRouter, name="r"), static_routes=Add(ref))
    return ref


def _nat(tx: NorthboundTransaction, row: NAT) -> Ref[object]:
    ref = tx.insert(row)
    tx.update(tx.get(LogicalRouter, name="r"), nat=Add(ref))
    return ref


def _balancer(tx: NorthboundTransaction, vip: str, backends: str) -> Ref[object]:
    ref = tx.insert(LoadBalancer(name="t", vips={vip: backends}, protocol="tcp"))
    tx.update(tx.get(LogicalSwitch, name="s"), load_balancer=Add(ref))
    return ref


def _policy(tx: NorthboundTransaction, nexthop: str) -> Ref[object]:
    match = "ip6" if _v6(nexthop) else "ip4"
    ref = tx.insert(LogicalRouterPolicy(priority=5, match=match, action="reroute", nexthops=[nexthop]))
    tx.update(tx.get(LogicalRouter, name="r"), policies=Add(ref))
    return ref


def _backends_for(vip: str) -> str:
    if _v6(vip):
        return "[fd00::4]:80" if "]:" in vip else "fd00::4"
    return "10.0.0.4:80" if ":" in vip else "10.0.0.4"


def _vip_for(backends: str) -> str:
    if _v6(backends):
        return "[fd30::1]:80"
    return "30.0.0.1:80" if ":" in backends or backends in ("", "x") else "30.0.0.1"


WRITES: dict[str, Write] = {
    "addresses": lambda tx, text: _port(tx, addresses=[text]),
    "port_security": lambda tx, text: _port(tx, addresses=[MAC], port_security=[text]),
    "networks": lambda tx, text: _router_port(tx, "0a:00:00:00:00:01", text),
    "mac": lambda tx, text: _router_port(tx, text, "10.9.0.1/24"),
    "ip_prefix": lambda tx, text: _route(tx, text, "fd00::9" if _v6(text) else "10.0.0.9"),
    "nexthop": lambda tx, text: _route(tx, "fd01::/64" if _v6(text) else "10.1.0.0/16", text),
    "external_ip": lambda tx, text: _nat(
        tx, NAT(type="dnat_and_snat", external_ip=text, logical_ip="fd00::5" if _v6(text) else "10.0.0.5")
    ),
    "logical_ip": lambda tx, text: _nat(tx, NAT(type="snat", external_ip="172.16.0.9", logical_ip=text)),
    "external_mac": lambda tx, text: _nat(
        tx,
        NAT(
            type="dnat_and_snat",
            external_ip="172.16.0.9",
            logical_ip="10.0.0.77",
            logical_port="p",
            external_mac=text,
        ),
    ),
    "vips": lambda tx, text: _balancer(tx, text, _backends_for(text)),
    "backends": lambda tx, text: _balancer(tx, _vip_for(text), text),
    "nexthops": _policy,
    "subnet": lambda tx, text: tx.insert(LogicalSwitch(name="t", other_config={"subnet": text})),
    "exclude_ips": lambda tx, text: tx.insert(
        LogicalSwitch(name="t", other_config={"subnet": "10.0.0.0/24", "exclude_ips": text})
    ),
    "cidr": lambda tx, text: tx.insert(DHCPOptions(cidr=text)),
}

TAKEN = {
    "addresses": [
        MAC, "0:1:2:3:4:5", f"{MAC} 10.0.0.4/24", f"{MAC} 10.0.0.4/255.255.255.0", f"{MAC} 10.0.0.4 fd00::1/64",
        "unknown", "router", "dynamic", "dynamic 10.0.0.3", "dynamic  10.0.0.3", f"{MAC} dynamic", f"{MAC}  dynamic",
    ],
    "port_security": [MAC, f"{MAC} 192.168.1.0/24 fd00::1", f"{MAC} 192.168.1.0/255.255.255.0"],
    "networks": ["10.0.0.1/24", "10.0.0.1", "fd00::1/64", "fd00::1", "10.0.0.1/255.255.255.0"],
    "mac": ["0a:00:00:00:00:01", "a:0:0:0:0:1"],
    "ip_prefix": ["10.1.0.0/16", "10.1.0.5/16", "10.1.0.5", "fd01::/64", "10.1.0.0/255.255.0.0"],
    "nexthop": ["10.0.0.9", "fd00::9", "discard"],
    "external_ip": ["172.16.0.9", "172.16.0.9/32", "fd00::9", "fd00::9/128"],
    "logical_ip": ["10.0.0.0/24", "10.0.0.5/24", "10.0.0.5", "10.0.0.0/255.255.255.0"],
    "external_mac": ["0a:00:00:00:00:02"],
    "vips": ["30.0.0.1:80", "30.0.0.1", "[fd30::1]:80", "fd30::1", "[fd30::1]"],
    "backends": ["10.0.0.4:80", "10.0.0.4:80,10.0.0.5:80", "10.0.0.4", "", "[fd00::4]:80"],
    "nexthops": ["10.0.0.9", "fd00::9"],
    "subnet": ["10.0.0.0/24", "10.0.0.5/24", "10.0.0.0/255.255.255.0"],
    "exclude_ips": ["10.0.0.2", "10.0.0.2 10.0.0.5..10.0.0.9"],
    "cidr": ["10.0.0.0/24", "fd00::/64"],
}  # fmt: skip

COMPLAINED_OF = {
    "addresses": [
        "", "10.0.0.4", "Unknown", " unknown", " dynamic", f"{MAC},10.0.0.4", f"{MAC} 10.0.0.4 ", f"{MAC} 10.0.0.4/33",
        f"{MAC} 10.0.0.4/0.0.0.255", f"{MAC} fe80::1%eth0", f"{MAC} dynamic 10.0.0.9", f"{MAC} 10.0.0.4,10.0.0.5",
    ],
    "port_security": ["", "x", "10.0.0.4", f"{MAC} web", f"{MAC}, 10.0.0.4,10.0.0.5", f"{MAC} 192.168.1.0/255.0.255.0"],
    "networks": ["", "x", "10.0.0", "10.0.0.1/33", "10.0.0.1/255.0.255.0", "10.0.0.1/0.0.0.255"],
    "mac": ["x", "0a-00-00-00-00-01", "0a:00:00:00:00"],
    "ip_prefix": ["x", "^a", "10.1.0.0/33", "10.1.0.0/0.0.255.255"],
    "nexthop": ["x", "Discard", "10.0.0.9/24", "10.0.0.9/32"],
    "external_ip": ["x", "172.16.0.0/24"],
    "logical_ip": ["x"],
    "external_mac": ["x"],
    "vips": ["x", "30.0.0.1:0", "30.0.0.1:x", "30.0.0.1:70000", "30.0.0.1:80:90", "30.0.0.1:", "[fd30::1]:x"],
    "backends": ["x", "10.0.0.4:x", "10.0.0.4:80 10.0.0.5:80", "10.0.0.4:80, 10.0.0.5:80"],
    "nexthops": ["x", "10.0.0.9/24", "10.0.0.9/32"],
    "subnet": ["x", "10.0.0.0", "fd00::/64"],
    "exclude_ips": ["x", "10.0.0.9..10.0.0.5", "10.0.0.2,10.0.0.3", "10.0.0.2..x"],
}  # fmt: skip

NEVER = (99, 0)
SILENT_SINCE = {
    # It takes the address of the network for the external address.
    ("external_ip", "172.16.0.0/24"): (25, 3),
    # It leaves them to ovn-controller, which logs them on each host.
    ("port_security", ""): (26, 3),
}
"""The release in which northd was seen to say nothing of what is as wrong as before; "": of the whole column."""


class Northd:
    """A router between two switches, and what ovn-northd says of what is added to it."""

    def __init__(self, nb: Northbound, process: Process, log: Path) -> None:
        self.nb = nb
        self._process = process
        self._log = log
        major, minor, *_ = versions(os.environ)[0].split(".")
        self.version = int(major), int(minor)

    def complaint_of(self, write: Write, text: str) -> str:
        """What northd logs when this is written, and no longer there afterwards."""
        if not self._process.running:
            pytest.fail(f"ovn-northd has died: {self._log.read_text(encoding='utf-8').splitlines()[-1]}")
        begin = self._log.stat().st_size
        with self.nb.transaction() as tx:
            ref = write(tx, Verbatim(text))
        self.nb.sync(level="sb", timeout=20)
        with self._log.open(encoding="utf-8") as log:
            log.seek(begin)
            complaints = [line for line in log if "|WARN|" in line or "|ERR|" in line or "invalid syntax" in line]
        with self.nb.transaction() as tx:
            tx.delete(ref)  # type: ignore[arg-type]
        # The northd of 26.03.1 ends with an assertion (ods_assign_array_index) where it sees one switch go and the next
        # one come at once.
        self.nb.sync(level="sb", timeout=20)
        return "".join(complaints)


@pytest.fixture(scope="module")
def northd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Northd]:
    skip_without_northd()
    directory = tmp_path_factory.mktemp("f")
    with (
        Server(directory / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=directory, name="nb") as north,
        Server(directory / "sb.db", find_schema("ovn-sb.ovsschema"), run_dir=directory, name="sb") as south,
        northd_running(directory, north.remote, south.remote) as process,
        Northbound.connect(north.remote) as nb,
    ):
        nb.add_switch("s", subnet="10.0.0.0/24")
        nb.add_switch_port("s", "p", addresses=["80:fa:5b:06:72:b9 10.0.0.77"])
        nb.add_switch("out")
        nb.add_router("r")
        nb.connect_router("s", "r", networks=["10.0.0.1/24", "fd00::1/64"])
        outer = nb.connect_router("out", "r", networks=["172.16.0.1/24"])
        with nb.transaction() as tx:
            chassis = tx.insert(GatewayChassis(name="g", chassis_name="hv", priority=1))
            assert outer.ref is not None
            (port,) = (port for port in tx.find(LogicalRouterPort) if "172.16.0.1/24" in port.networks)
            tx.update(port, gateway_chassis=[chassis])
        nb.sync(level="sb", timeout=20)
        control = ["ovs-appctl", "-t", str(directory / "northd.ctl"), "vlog/disable-rate-limit"]
        subprocess.run(control, check=True, stdout=subprocess.DEVNULL)
        yield Northd(nb, process, directory / "northd.log")


@pytest.mark.parametrize(("column", "text"), [(column, text) for column, texts in TAKEN.items() for text in texts])
def test_what_is_accepted_northd_takes_without_a_word(northd: Northd, column: str, text: str) -> None:
    # Without Verbatim it is accepted as well.
    with northd.nb.transaction() as tx:
        WRITES[column](tx, text)
        tx.discard()

    assert northd.complaint_of(WRITES[column], text) == ""


@pytest.mark.parametrize(
    ("column", "text"), [(column, text) for column, texts in COMPLAINED_OF.items() for text in texts]
)
def test_what_is_refused_northd_would_only_have_logged(northd: Northd, column: str, text: str) -> None:
    with pytest.raises(InvalidValue), northd.nb.transaction() as tx:
        WRITES[column](tx, text)

    says_nothing = northd.version >= SILENT_SINCE.get((column, text), SILENT_SINCE.get((column, ""), NEVER))
    assert (northd.complaint_of(WRITES[column], text) == "") is says_nothing
