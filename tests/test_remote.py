"""Connection strings: what is understood, what is refused and why, and where a database is when nothing is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.errors import InvalidRemote
from ovnkit.remote import Remote, Tls, default_remote, format_remotes, lacks_port, parse_remotes

GOOD = {
    "tcp:10.0.0.1:6641": Remote("tcp", "10.0.0.1", 6641),
    "ssl:nb.example.org:6641": Remote("ssl", "nb.example.org", 6641),
    "ssl:[fd00::1]:6641": Remote("ssl", "fd00::1", 6641),
    "unix:/run/ovn/ovnnb_db.sock": Remote("unix", path="/run/ovn/ovnnb_db.sock"),
}


@pytest.mark.parametrize("text", GOOD)
def test_a_remote_is_read_and_written_alike(text: str) -> None:
    assert parse_remotes(text) == (GOOD[text],)
    assert format_remotes(parse_remotes(text)) == text


def test_several_remotes_stand_with_commas_and_keep_their_order() -> None:
    text = ",".join(GOOD)
    assert parse_remotes(text.replace(",", " , ")) == tuple(GOOD.values())
    assert format_remotes(parse_remotes(text)) == text


def test_an_address_becomes_canonical() -> None:
    assert format_remotes(parse_remotes("tcp:[FD00:0::0001]:1")) == "tcp:[fd00::1]:1"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty element"),
        ("tcp:10.0.0.1:1,", "empty element"),
        ("10.0.0.1:6641", "begin with tcp:, ssl: or unix:"),
        ("/run/db.sock", "begin with tcp:, ssl: or unix:"),
        ("ptcp:6641", "begin with tcp:, ssl: or unix:"),
        ("unix:", "a path must follow"),
        ("unix:/run/\x07", "a path must follow"),
        ("tcp:", "host is missing"),
        ("tcp::6641", "host is missing"),
        ("tcp:fd00::1:6641", "needs brackets"),
        ("tcp:[fd00::1:6641", "written as [address]:port"),
        ("tcp:[fd00::1]6641", "written as [address]:port"),
        ("tcp:[10.0.0.1]:6641", "not an IPv6 address"),
        ("tcp:10.0.0.256:6641", "not an IPv4 address"),
        ("tcp:10.0.1:6641", "not an IPv4 address"),
        ("tcp:a b:6641", "not a host name or address"),
        ("tcp:a..b:6641", "not a host name or address"),
        ("tcp:h:0", "not a number from 1 to 65535"),
        ("tcp:h:65536", "not a number from 1 to 65535"),
        ("tcp:h:+1", "not a number from 1 to 65535"),
        ("tcp:h:²", "not a number from 1 to 65535"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidRemote) as caught:
        parse_remotes(text)
    assert reason in caught.value.reason
    assert repr(caught.value.remote) in str(caught.value)


@given(st.text(st.sampled_from("tcpslunix:[],.0123456789abf /")))
def test_whatever_the_text_it_is_understood_or_refused(text: str) -> None:
    try:
        remotes = parse_remotes(text)
    except InvalidRemote:
        return
    assert parse_remotes(format_remotes(remotes)) == remotes


def test_a_missing_port_is_that_of_ovsdb_and_can_be_asked_for() -> None:
    assert parse_remotes("tcp:10.0.0.1,ssl:[fd00::1]") == (
        Remote("tcp", "10.0.0.1", 6640),
        Remote("ssl", "fd00::1", 6640),
    )
    assert lacks_port("tcp:10.0.0.1")
    assert lacks_port("tcp:10.0.0.1:6642,ssl:[fd00::6640]")
    assert not lacks_port("tcp:10.0.0.1:6640, ssl:[fd00::1]:6642 ,unix:/run/db.sock")


@pytest.mark.parametrize("text", ["unix:/run/db.sock", "tcp:127.0.0.9:1", "tcp:[::1]:1", "tcp:localhost:1"])
def test_what_stays_on_this_machine(text: str) -> None:
    assert parse_remotes(text)[0].is_loopback


@pytest.mark.parametrize("text", ["tcp:10.0.0.1:1", "ssl:[fd00::1]:1", "tcp:localhost.example.org:1", "tcp:0.0.0.0:1"])
def test_what_leaves_it(text: str) -> None:
    assert not parse_remotes(text)[0].is_loopback


@pytest.mark.parametrize(
    ("database", "socket"),
    [
        ("OVN_Northbound", "unix:/var/run/ovn/ovnnb_db.sock"),
        ("OVN_Southbound", "unix:/var/run/ovn/ovnsb_db.sock"),
        ("Open_vSwitch", "unix:/var/run/openvswitch/db.sock"),
    ],
)
def test_where_nothing_is_said_it_is_the_socket_of_the_distribution(
    monkeypatch: pytest.MonkeyPatch, database: str, socket: str
) -> None:
    for variable in ("OVN_NB_DB", "OVN_SB_DB", "OVN_RUNDIR", "OVS_RUNDIR"):
        monkeypatch.delenv(variable, raising=False)
    assert default_remote(database) == socket


def test_the_environment_comes_before_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVN_RUNDIR", "/run/a")
    monkeypatch.setenv("OVS_RUNDIR", "/run/b")
    monkeypatch.setenv("OVN_NB_DB", "tcp:10.0.0.1:6641")
    monkeypatch.setenv("OVN_SB_DB", "")
    assert default_remote("OVN_Northbound") == "tcp:10.0.0.1:6641"
    assert default_remote("OVN_Southbound") == "unix:/run/a/ovnsb_db.sock"
    assert default_remote("Open_vSwitch") == "unix:/run/b/db.sock"


def test_tls_takes_paths_as_text() -> None:
    assert Tls("k.pem", "c.pem", "ca.pem") == Tls(key=Path("k.pem"), cert=Path("c.pem"), ca=Path("ca.pem"))
