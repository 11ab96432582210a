"""What ovn-controller itself does with patch ports, against what ovnkit says of them. Needs no privilege."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ovnkit.ovsdb.server import Process, Server, find_program, find_schema
from ovnkit.southbound import Chassis, Southbound
from ovnkit.southbound.provider_ports import provider_ports
from ovnkit.vswitch import Interface, Port, VSwitch
from tests.operations import check_operation


class Host:
    """A chassis of its own, with simulated devices."""

    def __init__(self, stack: ExitStack, directory: Path, name: str, southbound: str, number: int) -> None:
        self.name = name
        directory.mkdir()
        schema = find_schema("vswitch.ovsschema")
        server = stack.enter_context(Server(directory / "conf.db", schema, run_dir=directory, name="db"))
        self.vs = stack.enter_context(VSwitch.connect(server.remote, timeout=20))
        self.vs.register_chassis(name, encap_ip=f"192.0.2.{number}", remote=southbound)
        self.vs.add_bridge("br-ex")
        self.vs.add_bridge_mapping("physnet1", "br-ex")
        simulated = ["--enable-dummy=override", "--disable-system"]
        for program, options in (("ovs-vswitchd", simulated), ("ovn-controller", [])):
            start(stack, directory, program, server.remote, *options)

    def marked(self) -> set[str]:
        """The logical ports that ovn-controller has made patch ports for, with port numbers at both ends."""
        ports = [port for port in self.vs.find(Port) if "ovn-localnet-port" in port.external_ids]
        up = {row.ref for row in self.vs.find(Interface, type="patch") if (row.ofport or 0) > 0}
        names = [port.external_ids["ovn-localnet-port"] for port in ports if port.interfaces <= up]
        return {name for name in names if names.count(name) == 2}


def start(stack: ExitStack, directory: Path, program: str, *arguments: str) -> None:
    path = find_program(program)
    assert path is not None, f"{program} is not installed"
    variables = [f"{kind}_{which}" for kind in ("OVS", "OVN") for which in ("RUNDIR", "LOGDIR", "DBDIR", "SYSCONFDIR")]
    quiet = ["--no-chdir", "-vconsole:info", "-vsyslog:off", f"--pidfile={directory / program}.pid"]
    process = Process(
        [path, *arguments, *quiet],
        log=directory / f"{program}.log",
        env={**os.environ, **dict.fromkeys(variables, str(directory))},
    )
    stack.callback(process.stop)


class Cloud:
    """Two chassis, ctl and cmp, that both map physnet1."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        servers = [
            stack.enter_context(Server(directory / f"{name}.db", find_schema(schema), run_dir=directory, name=name))
            for name, schema in (("nb", "ovn-nb.ovsschema"), ("sb", "ovn-sb.ovsschema"))
        ]
        self.northbound, southbound = (server.remote for server in servers)
        self.sb = stack.enter_context(Southbound.connect(southbound, timeout=20))
        start(stack, directory, "ovn-northd", f"--ovnnb-db={self.northbound}", f"--ovnsb-db={southbound}")
        self.hosts = {
            name: Host(stack, directory / name, name, southbound, number + 1)
            for number, name in enumerate(("ctl", "cmp"))
        }
        for name in self.hosts:
            self.sb.wait(Chassis, name=name, timeout=20)

    def nbctl(self, commands: str) -> None:
        program = find_program("ovn-nbctl")
        assert program is not None
        subprocess.run([program, f"--db={self.northbound}", "--timeout=20", "--wait=hv", *commands.split()], check=True)

    def settle(self, name: str, wanted: set[str]) -> set[str]:
        """Wait until ovn-controller has connected these provider networks, and no other; what ovnkit says."""
        host = self.hosts[name]
        deadline = time.monotonic() + 20
        while host.marked() != wanted:
            assert time.monotonic() < deadline, f"{name}: ovn-controller has connected {host.marked()}, not {wanted}"
            time.sleep(0.02)
        self.nbctl("sync")
        assert host.marked() == wanted
        return set(provider_ports(self.sb, name))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A VM on cmp behind a router whose gateway is ctl; a VM of cmp right on a provider network; one without any."""
    with ExitStack() as stack:
        made = Cloud(stack, tmp_path_factory.mktemp("live"))
        for switch in ("ext", "flat", "unused"):
            made.nbctl(
                f"ls-add {switch} -- lsp-add {switch} provnet-{switch} -- lsp-set-type provnet-{switch} localnet"
                f" -- lsp-set-options provnet-{switch} network_name=physnet1"
                f" -- lsp-set-addresses provnet-{switch} unknown"
            )
        made.nbctl("set Logical_Switch_Port provnet-flat tag=7 -- set Logical_Switch_Port provnet-unused tag=8")
        made.nbctl("ls-add web -- lsp-add web vm1 -- lsp-set-addresses vm1 02:00:00:00:00:01")
        made.nbctl("lsp-add flat vm2 -- lr-add r -- lrp-add r r-web 02:00:00:00:01:01 10.1.0.1/24")
        made.nbctl("lrp-add r r-ext 02:00:00:00:01:02 198.51.100.2/24 -- lrp-set-gateway-chassis r-ext ctl 10")
        for switch in ("web", "ext"):
            made.nbctl(
                f"lsp-add {switch} {switch}-r -- lsp-set-type {switch}-r router -- lsp-set-addresses {switch}-r router"
                f" -- lsp-set-options {switch}-r router-port=r-{switch}"
            )
        made.nbctl("lr-nat-add r snat 198.51.100.2 10.1.0.0/24")
        for port in ("vm1", "vm2"):
            made.hosts["cmp"].vs.add_port("br-int", port, type="internal", iface_id=port)
        yield made


def test_ovnkit_knows_which_provider_networks_ovn_controller_connects(cloud: Cloud) -> None:
    assert cloud.settle("ctl", {"provnet-ext"}) == {"provnet-ext"}
    assert cloud.settle("cmp", {"provnet-flat"}) == {"provnet-flat"}
    cloud.nbctl("lr-nat-add r dnat_and_snat 198.51.100.9 10.1.0.5 vm1 02:00:00:00:01:03")
    assert cloud.settle("cmp", {"provnet-ext", "provnet-flat"}) == {"provnet-ext", "provnet-flat"}
    cloud.nbctl("lr-nat-del r dnat_and_snat 198.51.100.9")


def test_the_agents_pair_goes_from_under_a_running_controller_and_ovns_numbers_stay(cloud: Cloud) -> None:
    vs = cloud.hosts["ctl"].vs
    assert cloud.settle("ctl", {"provnet-ext"}) == {"provnet-ext"}
    vs.add_port("br-int", "int-br-ex", type="patch", options={"peer": "phy-br-ex"})
    vs.add_port("br-ex", "phy-br-ex", type="patch", options={"peer": "int-br-ex"})
    vs.sync(timeout=10)
    before = {port.port: (port.kind, port.ofport) for port in vs.patch_ports(cloud.sb)}
    assert sorted(kind for kind, _ in before.values()) == ["agent", "agent", "ovn-live", "ovn-live"]
    assert check_operation(vs, lambda on, dry: on.reconcile_patch_ports(cloud.sb, dry_run=dry))
    vs.sync(timeout=10)
    after = {port.port: (port.kind, port.ofport) for port in vs.patch_ports(cloud.sb)}
    assert after == {name: found for name, found in before.items() if found[0] == "ovn-live"}


def test_a_mapping_that_goes_takes_ovns_pair_with_it_and_comes_back(cloud: Cloud) -> None:
    host = cloud.hosts["ctl"]
    host.vs.remove_bridge_mapping("physnet1")
    host.vs.wait_gone(Interface, name="patch-br-int-to-provnet-ext", timeout=40)
    assert host.vs.patch_ports(cloud.sb) == ()
    host.vs.add_bridge_mapping("physnet1", "br-ex")
    assert cloud.settle("ctl", {"provnet-ext"}) == {"provnet-ext"}
