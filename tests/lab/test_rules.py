"""What the rules of Northbound do to real packets: ACLs, QoS, routes, policies, static MACs, load balancers, DNS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ovnkit import Northbound
from ovnkit.lab import VM, Lab
from ovnkit.northbound import ACLAction
from tests.lab.cluster import register

pytestmark = pytest.mark.lab

CLIENT, SERVER, FAR = "10.1.0.11", "10.1.0.12", "10.2.0.11"
BEYOND = "10.9.0.1"
VIP = "192.0.2.80"

_ASK = """
import socket, struct, sys
question = b"".join(bytes([len(part)]) + part.encode() for part in sys.argv[1].split(".")) + bytes(1)
query = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + question + struct.pack(">2H", 1, 1)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
    asking.settimeout(2)
    asking.sendto(query, ("10.1.0.1", 53))
    answer = asking.recv(512)
print(socket.inet_ntoa(answer[-4:]))
"""
_HEAR_TOS = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
    heard.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    heard.settimeout(10)
    heard.bind(("", 5005))
    print("bound", flush=True)
    _, ancillary, _, _ = heard.recvmsg(64, 64)
    print(ancillary[0][2][0], flush=True)
"""
_SEND_UDP = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
    sending.sendto(b"x", (sys.argv[1], 5005))
"""


@pytest.fixture(scope="module")
def cluster(lab_possible: None, records_of_module: Path) -> Iterator[Lab]:
    """Two hosts, two switches of 10.1.0.0/24 and 10.2.0.0/24, and a router between them."""
    with Lab(hosts=("ctl", "cmp1"), gateways=("ctl",)) as lab:
        register(lab)
        nb = lab.northbound
        nb.add_router("r")
        for switch, network in (("near", "10.1.0.1/24"), ("far", "10.2.0.1/24")):
            nb.add_switch(switch)
            nb.connect_router(switch, "r", networks=[network])
        lab.add_vm("client", host="ctl", switch="near", address=f"{CLIENT}/24", gateway="10.1.0.1")
        lab.add_vm("server", host="cmp1", switch="near", address=f"{SERVER}/24", gateway="10.1.0.1")
        far = lab.add_vm("far", host="cmp1", switch="far", address=f"{FAR}/24", gateway="10.2.0.1")
        for vm in (lab.vm("server"), far):
            vm.run(["ip", "address", "add", f"{BEYOND}/32", "dev", "lo"])
            # It says nothing of that address when it is asked who has it.
            vm.run(["sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1"])
        lab.vm("client").wait_ping(SERVER)
        lab.vm("client").wait_ping(FAR)
        yield lab


@pytest.fixture
def nb(cluster: Lab) -> Northbound:
    return cluster.northbound


@pytest.fixture
def client(cluster: Lab) -> VM:
    return cluster.vm("client")


@pytest.fixture
def server(cluster: Lab) -> VM:
    return cluster.vm("server")


@pytest.fixture
def far(cluster: Lab) -> VM:
    return cluster.vm("far")


def reaches(nb: Northbound, vm: VM, address: str) -> bool:
    """Whether pings are answered, once every hypervisor has what is in NB."""
    nb.sync("hv", timeout=20)
    return bool(vm.ping(address, count=2))


def test_an_acl_drops_and_allows(nb: Northbound, client: VM) -> None:
    def add(priority: int, action: ACLAction) -> None:
        match = 'outport == "server" && icmp4'
        nb.add_acl(switch="near", direction="to-lport", priority=priority, match=match, action=action)

    add(1000, "drop")
    assert not reaches(nb, client, SERVER)
    add(1001, "allow-related")
    assert reaches(nb, client, SERVER)
    for priority in (1001, 1000):
        nb.remove_acl(switch="near", direction="to-lport", priority=priority, match='outport == "server" && icmp4')
    assert reaches(nb, client, SERVER)


def test_an_acl_of_a_port_group_drops_what_an_address_set_names(nb: Northbound, client: VM, far: VM) -> None:
    nb.add_port_group("servers", ports=["server"])
    nb.add_address_set("clients", addresses=[CLIENT])
    rule = {"match": "outport == @servers && ip4.src == $clients", "direction": "to-lport", "priority": 1000}
    nb.add_acl(port_group="servers", action="drop", **rule)  # type: ignore[arg-type]
    assert not reaches(nb, client, SERVER)
    assert reaches(nb, far, SERVER)
    nb.add_address_set("clients", addresses=[])
    assert reaches(nb, client, SERVER)
    nb.remove_acl(port_group="servers", **rule)  # type: ignore[arg-type]
    nb.remove_port_group("servers")
    nb.remove_address_set("clients")
    assert reaches(nb, client, SERVER)


def test_a_route_routes(nb: Northbound, client: VM) -> None:
    assert not reaches(nb, client, BEYOND)
    nb.add_route("r", "10.9.0.0/16", FAR)
    assert reaches(nb, client, BEYOND)
    nb.add_route("r", "10.9.0.0/16", "discard")
    assert not reaches(nb, client, BEYOND)
    nb.remove_route("r", "10.9.0.0/16")
    assert not reaches(nb, client, BEYOND)


def test_a_policy_drops_and_reroutes(nb: Northbound, client: VM, server: VM, far: VM) -> None:
    nb.add_route("r", "10.9.0.0/16", FAR)
    rule = {"priority": 100, "match": f"ip4.src == {CLIENT} && ip4.dst == 10.9.0.0/16"}
    nb.add_policy("r", action="drop", **rule)  # type: ignore[arg-type]
    assert not reaches(nb, client, BEYOND)
    with server.serve("server"), far.serve("far"):
        nb.add_policy("r", action="reroute", nexthops=[SERVER], **rule)  # type: ignore[arg-type]
        nb.sync("hv", timeout=20)
        assert client.wait_http(f"http://{BEYOND}/") == "server"
        nb.remove_policy("r", **rule)  # type: ignore[arg-type]
        nb.sync("hv", timeout=20)
        assert client.wait_http(f"http://{BEYOND}/") == "far"
    nb.remove_route("r", "10.9.0.0/16")


def test_a_static_mac_makes_asking_unnecessary(nb: Northbound, client: VM, far: VM) -> None:
    far.run(["ip", "address", "add", "10.2.0.50/32", "dev", "lo"])
    assert not reaches(nb, client, "10.2.0.50")
    nb.add_static_mac("lrp-r-far", "10.2.0.50", far.mac)
    assert reaches(nb, client, "10.2.0.50")
    nb.remove_static_mac("lrp-r-far", "10.2.0.50")
    assert not reaches(nb, client, "10.2.0.50")


def test_a_load_balancer_balances(nb: Northbound, client: VM, server: VM, far: VM) -> None:
    with server.serve("server"), far.serve("far"):
        nb.add_load_balancer("lb", vips={f"{VIP}:80": [f"{SERVER}:80", f"{FAR}:80"]}, switches=["near"])
        nb.sync("hv", timeout=20)
        client.wait_http(f"http://{VIP}/")
        assert {client.http(f"http://{VIP}/") for _ in range(30)} == {"server", "far"}
        nb.add_load_balancer("lb", vips={f"{VIP}:80": [f"{FAR}:80"]})
        nb.sync("hv", timeout=20)
        assert {client.http(f"http://{VIP}/") for _ in range(10)} == {"far"}
        nb.remove_load_balancer("lb")
        nb.sync("hv", timeout=20)
        assert client.run(["curl", "--version"], check=False) is not None


def test_dns_answers(nb: Northbound, client: VM) -> None:
    nb.add_dns("near", {"Server.example.org": SERVER})
    nb.sync("hv", timeout=20)
    assert client.run(["python3", "-c", _ASK, "server.example.org"]).stdout.strip() == SERVER
    nb.add_dns("near", {"server.example.org": FAR})
    nb.sync("hv", timeout=20)
    assert client.run(["python3", "-c", _ASK, "SERVER.example.org"]).stdout.strip() == FAR
    nb.remove_dns("near", "server.example.org")
    nb.sync("hv", timeout=20)
    assert "timed out" in client.run(["python3", "-c", _ASK, "server.example.org"], check=False).stderr


def test_qos_marks(nb: Northbound, client: VM, server: VM) -> None:
    rule = {"direction": "from-lport", "priority": 10, "match": 'inport == "client" && udp'}
    nb.add_qos("near", dscp=46, **rule)  # type: ignore[arg-type]
    nb.sync("hv", timeout=20)
    assert heard_tos(client, server) == 46 << 2
    nb.remove_qos("near", **rule)  # type: ignore[arg-type]
    nb.sync("hv", timeout=20)
    assert heard_tos(client, server) == 0


def heard_tos(client: VM, server: VM) -> int:
    """The type of service of a packet that the client sends and the server receives."""
    hearing = server.start(["python3", "-c", _HEAR_TOS])
    try:
        while "bound" not in hearing.last_words():
            assert hearing.running
        client.run(["python3", "-c", _SEND_UDP, SERVER])
        hearing.wait(10)
        return int(hearing.last_words().split()[-1])
    finally:
        hearing.stop()


def test_qos_limits(nb: Northbound, client: VM, server: VM) -> None:
    rule = {"direction": "from-lport", "priority": 10, "match": 'inport == "client" && tcp'}
    with server.listen(5001):
        free = client.tcp(SERVER, 5001, size=400_000).megabits_per_second
        nb.add_qos("near", rate=2000, burst=200, **rule)  # type: ignore[arg-type]
        nb.sync("hv", timeout=20)
        assert client.tcp(SERVER, 5001, size=400_000).megabits_per_second < min(4.0, free / 2)
        nb.remove_qos("near", **rule)  # type: ignore[arg-type]
        nb.sync("hv", timeout=20)
        assert client.tcp(SERVER, 5001, size=400_000).megabits_per_second > 4.0
