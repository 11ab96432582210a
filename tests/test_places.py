"""Where databases are looked for: in which order, and what files of other software say."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ovnkit.places import Place, default_remote, places
from ovnkit.remote import Tls

VARIABLES = ("OVN_NB_DB", "OVN_SB_DB", "OVN_RUNDIR", "OVS_RUNDIR", "OVN_NBCTL_OPTIONS", "OVN_SBCTL_OPTIONS")


@pytest.fixture(autouse=True)
def nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def found(database: str, root: Path) -> list[Place]:
    """The places that could be found out."""
    return [place for place in places(database, root=root) if place.remote]


@pytest.mark.parametrize(
    ("database", "socket"),
    [
        ("OVN_Northbound", "unix:/var/run/ovn/ovnnb_db.sock"),
        ("OVN_Southbound", "unix:/var/run/ovn/ovnsb_db.sock"),
        ("Open_vSwitch", "unix:/var/run/openvswitch/db.sock"),
    ],
)
def test_where_nothing_is_said_it_is_the_socket_of_the_distribution(database: str, socket: str) -> None:
    assert default_remote(database) == socket


def test_the_environment_comes_before_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVN_RUNDIR", "/run/a")
    monkeypatch.setenv("OVS_RUNDIR", "/run/b")
    monkeypatch.setenv("OVN_NB_DB", "tcp:10.0.0.1:6641")
    monkeypatch.setenv("OVN_SB_DB", "")
    assert default_remote("OVN_Northbound") == "tcp:10.0.0.1:6641"
    assert default_remote("OVN_Southbound") == "unix:/run/a/ovnsb_db.sock"
    assert default_remote("Open_vSwitch") == "unix:/run/b/db.sock"


def test_what_the_environment_names_is_the_only_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OVN_NB_DB", "tcp:10.0.0.1:6641")
    assert list(places("OVN_Northbound", root=tmp_path)) == [Place("OVN_NB_DB", "tcp:10.0.0.1:6641", last=True)]


@pytest.mark.parametrize(
    "options",
    [
        "--db=ssl:10.0.0.1:6641 -p k -c c -C a",
        "--db ssl:10.0.0.1:6641 --no-leader-only --private-key=k --certificate c -Ca",
    ],
)
def test_options_of_the_native_tools_say_where_it_is_and_with_which_files(
    options: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVN_NB_DB", "tcp:10.0.0.9:6641")
    monkeypatch.setenv("OVN_NBCTL_OPTIONS", options)
    (place,) = places("OVN_Northbound")
    assert place == Place("OVN_NBCTL_OPTIONS", "ssl:10.0.0.1:6641", Tls("k", "c", "a"), last=True)


def test_the_files_of_the_options_are_for_the_variable_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVN_SB_DB", "ssl:10.0.0.1:6642")
    monkeypatch.setenv("OVN_SBCTL_OPTIONS", "-p k -c c -C a --timeout=5")
    (place,) = places("OVN_Southbound")
    assert place == Place("OVN_SB_DB", "ssl:10.0.0.1:6642", Tls("k", "c", "a"), last=True)


@pytest.mark.parametrize("options", ["--db='tcp:10.0.0.1:6641", "", "-p k -c c"])
def test_options_that_say_nothing_of_it_change_nothing(options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVN_NBCTL_OPTIONS", options)
    assert next(iter(places("OVN_Northbound"))) == Place("/var/run/ovn", "unix:/var/run/ovn/ovnnb_db.sock")


def test_sockets_of_distributions_come_before_those_of_other_software(tmp_path: Path) -> None:
    (tmp_path / "var/snap/microovn/common").mkdir(parents=True)
    write(tmp_path / "etc/neutron/plugins/ml2/ml2_conf.ini", "[ovn]\novn_sb_connection = tcp:10.0.0.1:6642\n")
    assert [place.remote for place in found("OVN_Southbound", tmp_path)] == [
        f"unix:{tmp_path}/var/run/ovn/ovnsb_db.sock",
        f"unix:{tmp_path}/run/ovn/ovnsb_db.sock",
        f"unix:{tmp_path}/usr/local/var/run/ovn/ovnsb_db.sock",
        f"unix:{tmp_path}/var/snap/microovn/common/run/ovn/ovnsb_db.sock",
        "tcp:10.0.0.1:6642",
    ]


def test_a_directory_with_two_names_is_one_place(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "var").mkdir()
    (tmp_path / "var/run").symlink_to(tmp_path / "run")
    sources = [place.source for place in found("OVN_Northbound", tmp_path)]
    assert sources == ["/var/run/ovn", "/usr/local/var/run/ovn"]


def test_microovn_says_where_its_servers_are_and_has_files_for_tls(tmp_path: Path) -> None:
    home = tmp_path / "var/snap/microovn/common"
    env = home / "data/env/ovn.env"
    write(env, '# Generated.\nOVN_LOCAL_IP="10.0.0.1"\nexport OVN_NB_CONNECT="ssl:10.0.0.1:6641,ssl:10.0.0.2:6641"\n')
    socket, named = found("OVN_Northbound", tmp_path)[-2:]
    assert socket.remote == f"unix:{home}/run/ovn/ovnnb_db.sock"
    pki = home / "data/pki"
    tls = Tls(pki / "client-privkey.pem", pki / "client-cert.pem", pki / "cacert.pem")
    assert named == Place(f"MicroOVN's {env}", "ssl:10.0.0.1:6641,ssl:10.0.0.2:6641", tls)
    assert found("Open_vSwitch", tmp_path)[-1].remote == f"unix:{home}/run/switch/db.sock"
    (unset,) = [place for place in places("OVN_Southbound", root=tmp_path) if place.source == named.source]
    assert unset.trouble == "it does not set OVN_SB_CONNECT"


ML2 = """\
[ml2]
mechanism_drivers = ovn
[ovn]
ovn_nb_connection = tcp:10.0.0.9:6641
ovn_nb_connection = "ssl:10.0.0.1:6641, ssl:10.0.0.2:6641,
    ssl:10.0.0.3:6641"
ovn_nb_private_key = /k.pem
ovn_nb_certificate = /c.pem
ovn_nb_ca_cert = /ca.pem
ovn_sb_connection = ssl:10.0.0.1:6642
"""


def test_neutron_names_servers_and_files_and_its_last_value_counts(tmp_path: Path) -> None:
    path = tmp_path / "etc/neutron/plugins/ml2/ml2_conf.ini"
    write(path, ML2.replace('"', ""))
    (nb,) = [place for place in found("OVN_Northbound", tmp_path) if "ml2" in place.source]
    remote = "ssl:10.0.0.1:6641,ssl:10.0.0.2:6641,ssl:10.0.0.3:6641"
    assert nb == Place(f"[ovn] ovn_nb_connection of {path}", remote, Tls("/k.pem", "/c.pem", "/ca.pem"))
    (sb,) = [place for place in found("OVN_Southbound", tmp_path) if "ml2" in place.source]
    assert (sb.remote, sb.tls) == ("ssl:10.0.0.1:6642", None)


def test_the_metadata_agent_of_neutron_names_the_local_database(tmp_path: Path) -> None:
    agent = tmp_path / "etc/neutron/neutron_ovn_metadata_agent.ini"
    write(agent, "[ovs]\novsdb_connection = tcp:127.0.0.1:6640\n[ovn]\novn_sb_connection = tcp:10.0.0.1:6642\n")
    assert found("Open_vSwitch", tmp_path)[-1].remote == "tcp:127.0.0.1:6640"
    assert found("OVN_Southbound", tmp_path)[-1].remote == "tcp:10.0.0.1:6642"
    assert not any("agent" in place.source for place in places("OVN_Northbound", root=tmp_path))


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("[ovn]\n", "it is not set there"),
        ("nonsense\n", "line 1: an option is NAME = VALUE"),
        ("[ovn]\novn_nb_connection = \xe9\n", "can't decode"),
    ],
)
def test_a_file_that_says_nothing_of_use_is_a_place_with_its_reason(text: str, trouble: str, tmp_path: Path) -> None:
    path = tmp_path / "etc/neutron/plugins/ml2/ml2_conf.ini"
    write(path, "")
    path.write_bytes(text.encode("latin-1"))
    (place,) = [place for place in places("OVN_Northbound", root=tmp_path) if "ml2" in place.source]
    assert (place.remote, isinstance(place.trouble, str)) == ("", True)
    assert trouble in str(place.trouble)


def test_software_that_is_not_there_is_one_place_each(tmp_path: Path) -> None:
    absent = [place for place in places("OVN_Southbound", root=tmp_path) if not place.remote]
    assert [place.source for place in absent] == ["MicroOVN", "Neutron"]
    assert {place.trouble.errno for place in absent if isinstance(place.trouble, OSError)} == {errno.ENOENT}
