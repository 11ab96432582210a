"""Where the snippets of the pages run: real databases and ovn-northd, or a lab."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ovsdbapp.schema.ovn_northbound.impl_idl import OvnNbApiIdlImpl

from ovnkit import deploy, lab
from ovnkit.errors import LabError
from ovnkit.ovsdb.server import Server, find_program, find_schema
from ovnkit.vswitch import OpenVSwitch, VSwitch
from tests.cluster import Cluster
from tests.docs.pages import Place
from tests.lab.roots import fill
from tests.northd import northd_running, skip_without_northd
from tests.ovsdb.authority import Authority, TlsServer, free_port
from tests.topology.trace.site import standing_in


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class of ovsdbapp keeps one connection for all its objects: that of a page is not for the tests after it."""
    monkeypatch.setattr(OvnNbApiIdlImpl, "_ovsdb_connection", None)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory for Unix sockets, whose paths have at most 107 bytes."""
    directory = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def nothing() -> Place:
    """Snippets that need no server."""
    return Place()


@pytest.fixture
def central(short_path: Path) -> Iterator[Place]:
    """NB, SB and a host's Open_vSwitch as they are before anything is configured, and ovn-northd."""
    skip_without_northd()
    servers = [
        Server(short_path / f"{name}.db", find_schema(schema), run_dir=short_path, name=name)
        for name, schema in (
            ("ovnnb_db", "ovn-nb.ovsschema"),
            ("ovnsb_db", "ovn-sb.ovsschema"),
            ("db", "vswitch.ovsschema"),
        )
    ]
    for server in servers:
        server.launch()
    for server in servers:
        server.wait_ready()
    nb, sb, local = (server.remote for server in servers)
    try:
        with northd_running(short_path, nb, sb):
            with VSwitch.connect(local) as vswitch, vswitch.transaction() as tx:
                tx.insert(OpenVSwitch())
            yield Place({"OVN_NB_DB": nb, "OVN_SB_DB": sb, "OVS_RUNDIR": str(short_path)})
    finally:
        for server in servers:
            server.stop()


@pytest.fixture
def placed(short_path: Path) -> Iterator[Place]:
    """NB and SB with the network that traces are tried on, whose ports are bound to chassis."""
    with standing_in(short_path) as site:
        yield Place({"OVN_NB_DB": site.nb.remote, "OVN_SB_DB": site.sb.remote, "OVS_RUNDIR": str(short_path)})


@pytest.fixture
def clustered(short_path: Path) -> Iterator[Place]:
    """A Northbound database on three servers, at the addresses that a page gives to them."""
    if find_program("ovsdb-server") is None and "CI" not in os.environ:
        pytest.skip("ovsdb-server is not installed")
    with Cluster(short_path) as members:
        addresses = {"b7a1c3f0-52d4-4e0b-9a55-6f2f0c9d1e11": str(members.cluster_id)}
        for number, server in enumerate(members.servers, start=10):
            addresses[f"tcp:192.0.2.{number}:6641"] = server.remote
            addresses[f"/var/run/ovn/nb{number}.ctl"] = str(server.control)
        yield Place({"OVN_NB_DB": members.remote}, addresses)


@pytest.fixture
def secure(short_path: Path) -> Iterator[Place]:
    """A Northbound database with TLS, whose certificate is for a name that no resolver knows, and files of a client."""
    if find_program("ovsdb-server") is None and "CI" not in os.environ:
        pytest.skip("ovsdb-server is not installed")
    authority = Authority(short_path / "ca")
    client = authority.tls("client")
    with TlsServer(short_path, authority, "DNS:nb1.example", "DNS:localhost") as server:
        yield Place(
            addresses={
                "ssl:192.0.2.10:6641": server.tls_remote,
                "ssl:nb1.example:6641": f"ssl:localhost:{server.port}",
                "192.0.2.10": "127.0.0.1",
                "ssl:192.0.2.11:6641": f"ssl:127.0.0.1:{free_port()}",
                "ssl:192.0.2.12:6641": f"ssl:127.0.0.1:{free_port()}",
                "/etc/ovn/client-privkey.pem": str(client.key),
                "/etc/ovn/client-cert.pem": str(client.cert),
                "/etc/ovn/cacert.pem": str(client.ca),
            }
        )


@pytest.fixture
def labs(short_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A machine where labs can be started; what a page leaves running is removed."""
    try:
        lab.check()
    except LabError as error:
        pytest.skip(f"no lab here: {error}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVNKIT_LAB_DIR", str(short_path))
        root = tmp_path_factory.mktemp("root")
        fill(root)
        yield Place(addresses={"/srv/trixie": str(root)})
        lab.down()


@pytest.fixture
def running(labs: Place) -> Iterator[lab.Lab]:
    """Three machines as before deployment: with Open vSwitch, a provider bridge on ctl, and ovn-controller waiting."""
    with lab.Lab() as machines:
        for host in machines.hosts:
            # ovn-controller takes the integration bridge that is there; the one that it makes needs a kernel module.
            host.vswitch.add_bridge("br-int", datapath_type="netdev", fail_mode="secure")
        yield machines


@pytest.fixture
def machines(running: lab.Lab) -> Place:
    """The three machines; the local database is that of ctl, at the addresses that a page gives to them."""
    central = running.hosts[0]
    addresses = {
        "tcp:192.0.2.10:6641": running.northbound.remote,
        "tcp:192.0.2.10:6642": running.southbound.remote,
    }
    for number, host in enumerate(running.hosts, start=10):
        addresses[f"tcp:192.0.2.{number}:6640"] = host.remote
        addresses[f"192.0.2.{number}"] = host.encap_address
        addresses[f'"ssh://root@192.0.2.{number}"'] = json.dumps(host.access)
    environment = {
        "OVN_NB_DB": running.northbound.remote,
        "OVN_SB_DB": running.southbound.remote,
        "OVS_RUNDIR": str(central.directory),
    }
    return Place(environment, addresses)


@pytest.fixture
def cluster(running: lab.Lab, machines: Place) -> Place:
    """The three machines, deployed: ctl is the gateway."""
    report = deploy.plan(running.spec).apply()
    assert report.ok, report
    seen = deploy.verify(running.spec, timeout=20)
    assert seen.ok, seen
    return machines


@pytest.fixture
def controllers(short_path: Path) -> Iterator[Place]:
    """Three hosts for the central services, at the addresses of the page; nothing runs there yet."""
    try:
        lab.check()
    except LabError as error:
        pytest.skip(f"no lab here: {error}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVNKIT_LAB_DIR", str(short_path))
        names = ("ctl1", "ctl2", "ctl3")
        with lab.Lab(hosts=names, gateways=(), members=names) as hosts:
            addresses = {}
            for number, host in enumerate(hosts.hosts, start=1):
                addresses[f'"ssh://root@192.0.2.{number}"'] = json.dumps(host.access)
                addresses[f"192.0.2.{number}"] = host.management_address
            yield Place(addresses=addresses)
