"""Finding the databases of a network: what is taken, in which order, and what is said of the rest."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

import ovnkit
from ovnkit import Network, Northbound, Southbound, connect
from ovnkit.errors import ConnectionFailed, InvalidRemote, NotReached
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import DatapathBinding
from ovnkit.topology.attempt import Attempt
from ovnkit.vswitch import OpenVSwitch, VSwitch
from tests.ovsdb.authority import Authority, TlsServer, free_port

VARIABLES = ("OVN_NB_DB", "OVN_SB_DB", "OVN_RUNDIR", "OVS_RUNDIR", "OVN_NBCTL_OPTIONS", "OVN_SBCTL_OPTIONS")
SCHEMAS = {"nb": "ovn-nb.ovsschema", "sb": "ovn-sb.ovsschema", "local": "vswitch.ovsschema"}


@attrs.frozen
class Servers:
    """One server for each database, listening at these sockets."""

    directory: Path

    def __getitem__(self, name: str) -> str:
        return f"unix:{self.directory / name}.sock"

    def put(self, name: str, path: Path) -> None:
        """Have the socket of a server at another place as well."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(self.directory / f"{name}.sock")


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    # Short: the path of a Unix socket in it has at most 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    started = [
        Server(directory / f"{name}.db", find_schema(schema), run_dir=directory, name=name)
        for name, schema in SCHEMAS.items()
    ]
    try:
        for server in started:
            server.launch()
        for server in started:
            server.wait_ready()
        with VSwitch.connect(started[2].remote) as vswitch, vswitch.transaction() as tx:
            tx.insert(OpenVSwitch(external_ids={"ovn-remote": started[1].remote}))
        yield Servers(directory)
    finally:
        for server in started:
            server.stop()
        shutil.rmtree(directory)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A system without any database, and an environment that says nothing of one."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    directory = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    yield directory
    shutil.rmtree(directory)


def outcome(network: Network, database: str) -> Attempt:
    """The last thing that was tried for a database."""
    return [one for one in network.tried if isinstance(one, Attempt) and one.database == database][-1]


def test_the_sockets_of_the_distribution_are_found(servers: Servers, root: Path) -> None:
    servers.put("nb", root / "run/ovn/ovnnb_db.sock")
    servers.put("sb", root / "var/run/ovn/ovnsb_db.sock")
    servers.put("local", root / "usr/local/var/run/openvswitch/db.sock")
    with connect(root=root) as net:
        assert (type(net.nb), type(net.sb), net.vswitches) == (Northbound, Southbound, (net.vswitch,))
        assert repr(net) == (
            f"<Network nb=unix:{root}/run/ovn/ovnnb_db.sock sb=unix:{root}/var/run/ovn/ovnsb_db.sock"
            f" vswitch=unix:{root}/usr/local/var/run/openvswitch/db.sock>"
        )
        assert str(outcome(net, "OVN_Northbound")) == (
            f"OVN_Northbound: /run/ovn, unix:{root}/run/ovn/ovnnb_db.sock: connected"
        )
        assert str(net.topology()) == "an empty network"
        clients = net.clients
    assert [client.state for client in clients] == ["closed"] * 3


def test_what_is_not_there_is_told(servers: Servers, root: Path) -> None:
    servers.put("sb", root / "run/ovn/ovnsb_db.sock")
    with connect(root=root) as net:
        assert [client.schema.name for client in net.clients] == ["OVN_Southbound"]
        with pytest.raises(NotReached, match="Northbound") as error:
            print(net.nb)
        assert any("there is no such socket" in note for note in error.value.__notes__)
        with pytest.raises(NotReached, match=r"with connect\(vswitch=…\), --vswitch, or OVS_RUNDIR"):
            print(net.vswitch)
        told = [one for one in net.tried if isinstance(one, Attempt) and one.database == "OVN_Northbound"]
        assert [one.source for one in told] == [
            *("/var/run/ovn", "/run/ovn", "/usr/local/var/run/ovn", "MicroOVN", "Neutron")
        ]
        assert {one.errno for one in told} == {errno.ENOENT}
        assert told[0].trouble == "ENOENT: there is no such socket"
        assert str(net.topology()) == "an empty network"


def test_the_environment_comes_first_and_then_nothing_else_is_taken(
    servers: Servers, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers.put("nb", root / "run/ovn/ovnnb_db.sock")
    servers.put("sb", root / "run/ovn/ovnsb_db.sock")
    monkeypatch.setenv("OVN_NB_DB", servers["nb"])
    monkeypatch.setenv("OVN_SB_DB", f"unix:{root}/gone.sock")
    monkeypatch.setenv("OVS_RUNDIR", str(root))
    with connect(root=root) as net:
        assert [client.remote for client in net.clients] == [servers["nb"]]
        assert [str(one) for one in net.tried] == [
            f"OVN_Northbound: OVN_NB_DB, {servers['nb']}: connected",
            f"OVN_Southbound: OVN_SB_DB, unix:{root}/gone.sock: ENOENT: there is no such socket",
            f"Open_vSwitch: OVS_RUNDIR, unix:{root}/db.sock: ENOENT: there is no such socket",
        ]


def test_microovn_is_found(servers: Servers, root: Path) -> None:
    home = root / "var/snap/microovn/common"
    servers.put("local", home / "run/switch/db.sock")
    (home / "data/env").mkdir(parents=True)
    (home / "data/env/ovn.env").write_text(f'OVN_NB_CONNECT="{servers["nb"]}"\nOVN_SB_CONNECT="{servers["sb"]}"\n')
    with connect(root=root) as net:
        assert len(net.clients) == 3
        assert outcome(net, "OVN_Southbound").source == f"MicroOVN's {home}/data/env/ovn.env"


def test_neutron_names_the_members_of_a_cluster_and_one_that_answers_is_enough(servers: Servers, root: Path) -> None:
    dead = free_port()
    path = root / "etc/neutron/plugins/ml2/ml2_conf.ini"
    path.parent.mkdir(parents=True)
    path.write_text(
        f"[ovn]\novn_nb_connection = tcp:127.0.0.1:{dead},{servers['nb']}\novn_sb_connection = tcp:127.0.0.1:{dead}\n"
    )
    with connect(root=root) as net:
        assert [client.remote for client in net.clients] == [f"tcp:127.0.0.1:{dead},{servers['nb']}"]
        failed = outcome(net, "OVN_Southbound")
        assert (failed.source, failed.errno) == (f"[ovn] ovn_sb_connection of {path}", errno.ECONNREFUSED)
        assert failed.trouble.startswith("ECONNREFUSED: no server listens there; set-connection of ovn-nbctl")


def test_the_files_for_tls_are_those_that_are_named_beside_the_server(root: Path) -> None:
    authority = Authority(root / "ca")
    client = authority.tls("client")
    path = root / "etc/neutron/plugins/ml2/ml2_conf.ini"
    path.parent.mkdir(parents=True)
    with TlsServer(root, authority, "DNS:localhost") as server:
        path.write_text(
            f"[ovn]\novn_nb_connection = ssl:localhost:{server.port}\novn_nb_private_key = {client.key}\n"
            f"ovn_nb_certificate = {client.cert}\novn_nb_ca_cert = {client.ca}\n"
        )
        with connect(root=root) as net:
            assert net.nb.remote == f"ssl:localhost:{server.port}"
        path.write_text(path.read_text().replace(str(client.ca), str(root / "gone.pem")))
        with pytest.raises(NotReached) as caught:
            connect(root=root)
    (told,) = [line for line in caught.value.tried if "ml2_conf.ini" in line and "ssl:" in line]
    assert "gone.pem" in told


def test_southbound_is_found_at_last_where_the_local_controller_finds_it(servers: Servers, root: Path) -> None:
    servers.put("local", root / "run/openvswitch/db.sock")
    with connect(root=root) as net:
        assert net.sb.remote == servers["sb"]
        assert outcome(net, "OVN_Southbound").source == "ovn-remote of the local switch"


@pytest.mark.parametrize("database", ["nb", "sb", "vswitch"])
def test_an_argument_that_fails_is_an_error_at_once(database: str, servers: Servers, root: Path) -> None:
    servers.put("nb", root / "run/ovn/ovnnb_db.sock")
    servers.put("sb", root / "run/ovn/ovnsb_db.sock")
    began = time.monotonic()
    with pytest.raises(ConnectionFailed) as caught:
        connect(**{database: f"unix:{root}/gone.sock"}, root=root)  # type: ignore[arg-type]
    assert str(caught.value) == f"unix:{root}/gone.sock: ENOENT: there is no such socket"
    assert time.monotonic() - began < 10


def test_an_argument_that_is_no_connection_string_is_an_error(root: Path) -> None:
    with pytest.raises(InvalidRemote, match="begin with tcp:, ssl: or unix:"):
        connect(nb="10.0.0.1", root=root)
    with socket.create_server(("127.0.0.1", 0)) as there, pytest.raises(InvalidRemote, match="needs tls=Tls"):
        connect(nb=f"ssl:127.0.0.1:{there.getsockname()[1]}", root=root)


def test_several_switches_and_none_can_be_given(servers: Servers, root: Path) -> None:
    servers.put("local", root / "run/openvswitch/db.sock")
    with connect(servers["nb"], servers["sb"], [servers["local"], f"unix:{root}/run/openvswitch/db.sock"]) as net:
        assert [vswitch.remote for vswitch in net.vswitches] == [
            servers["local"],
            f"unix:{root}/run/openvswitch/db.sock",
        ]
    with connect(servers["nb"], servers["sb"], (), root=root) as net:
        assert net.vswitches == ()


def test_another_database_at_the_place_is_told(servers: Servers, root: Path) -> None:
    servers.put("sb", root / "run/ovn/ovnnb_db.sock")
    servers.put("sb", root / "run/ovn/ovnsb_db.sock")
    with connect(root=root) as net:
        told = [str(one) for one in net.tried if "/run/ovn/ovnnb_db.sock" in str(one) and f"{root}/run" in str(one)]
        assert [client.schema.name for client in net.clients] == ["OVN_Southbound"]
        assert ["no database OVN_Northbound here" in one for one in told] == [True]


def test_where_nothing_can_be_reached_the_error_tells_all_that_was_tried(root: Path) -> None:
    with pytest.raises(NotReached, match="say where it is, with connect") as caught:
        connect(root=root)
    notes: list[str] = caught.value.__notes__
    assert notes == list(caught.value.tried)
    for database in ("OVN_Northbound", "OVN_Southbound", "Open_vSwitch"):
        assert sum(line.startswith(f"{database}: ") for line in notes) == 5
    assert f"OVN_Northbound: MicroOVN: ENOENT: there is no {root}/var/snap/microovn/common" in notes


def test_a_server_that_has_ended_is_told_from_one_that_never_was(root: Path) -> None:
    path = root / "run/ovn/ovnnb_db.sock"
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    with pytest.raises(NotReached) as caught:
        connect(root=root)
    assert f"unix:{path}: ECONNREFUSED: no server listens at this socket any more; start it again" in str(
        caught.value.tried
    )


@pytest.fixture
def nobody() -> Iterator[None]:
    """Not root, as long as the test lasts."""
    if os.geteuid() != 0:
        pytest.skip("files of another user can be made by root only")
    groups, group = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    yield
    os.seteuid(0)
    os.setegid(group)
    os.setgroups(groups)


@pytest.mark.parametrize(
    ("mode_of_directory", "mode_of_socket", "part", "remedy"),
    [
        (0o750, 0o755, "run/ovn", "mode 0750; run as root, with sudo, or join the group "),
        (0o700, 0o755, "run/ovn", "mode 0700; run as root, with sudo"),
        (0o755, 0o700, "run/ovn/ovnnb_db.sock", "mode 0700; run as root, with sudo"),
        (0o755, 0o660, "run/ovn/ovnnb_db.sock", "mode 0660; run as root, with sudo, or join the group "),
    ],
)
def test_a_socket_of_others_is_told_with_its_owner_and_who_may(
    mode_of_directory: int, mode_of_socket: int, part: str, remedy: str, root: Path, request: pytest.FixtureRequest
) -> None:
    path = root / "run/ovn/ovnnb_db.sock"
    path.parent.mkdir(parents=True)
    root.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        path.chmod(mode_of_socket)
        path.parent.chmod(mode_of_directory)
        request.getfixturevalue("nobody")
        with pytest.raises(ConnectionFailed) as caught:
            connect(nb=f"unix:{path}", root=root)
    reason = caught.value.reason
    assert reason.startswith(f"EACCES: {root / part} belongs to ")
    assert remedy in reason
    assert ("join" in reason) == ("join" in remedy)


def test_a_southbound_of_another_network_is_not_taken(servers: Servers, root: Path) -> None:
    """One was named, and what the machine has beside it belongs to somebody else's."""
    servers.put("sb", root / "run/ovn/ovnsb_db.sock")
    with Northbound.connect(servers["nb"]) as nb, Southbound.connect(servers["sb"]) as sb:
        switch = nb.add_switch("web").ref
        with sb.transaction() as tx:
            tx.insert(DatapathBinding(tunnel_key=7, external_ids={"logical-switch": str(root)}))
        with connect(servers["nb"], vswitch=(), root=root) as net:
            assert net.clients == (net.nb,)
            assert outcome(net, "OVN_Southbound").trouble == f"this is another network than that of {servers['nb']}"
        with connect(servers["nb"], servers["sb"], ()) as net:
            assert net.sb.state == "ready"
        assert switch is not None
        with sb.transaction() as tx:
            tx.insert(DatapathBinding(tunnel_key=8, external_ids={"logical-switch": str(switch.uuid)}))
        with connect(servers["nb"], vswitch=(), root=root) as net:
            assert net.clients == (net.nb, net.sb)
            assert str(net.topology()) == "switch web"
        with nb.transaction() as nb_tx:
            nb_tx.delete(switch)
        with sb.transaction() as tx:
            for row in tx.find(DatapathBinding):
                tx.delete(row)


def test_it_is_at_the_top() -> None:
    assert (ovnkit.connect, ovnkit.Network) == (connect, Network)
