"""Connection strings: what is understood, what is refused and why."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.errors import InvalidRemote, InvalidValue
from ovnkit.remote import Remote, Tls, format_remotes, lacks_port, parse_remotes

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


def test_a_host_name_that_no_resolver_takes_is_refused() -> None:
    label = "a" * 62
    assert parse_remotes(f"tcp:{label}.{label}.{label}.{label}:6641")
    with pytest.raises(InvalidRemote, match="not a host name"):
        parse_remotes(f"tcp:{label}.{label}.{label}.{label}.abc:6641")


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
        (f"tcp:{'a' * 64}:6641", "not a host name or address"),
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


def test_tls_takes_paths_as_text() -> None:
    assert Tls("k.pem", "c.pem", "ca.pem") == Tls(key=Path("k.pem"), cert=Path("c.pem"), ca=Path("ca.pem"))


def tls(server_name: Any) -> Tls:
    return Tls("k.pem", "c.pem", "ca.pem", server_name=server_name)


def name_of(settings: Tls, text: str) -> str:
    return settings.name_of(parse_remotes(text)[0])


def test_without_a_server_name_it_is_that_of_the_remote() -> None:
    settings = tls(None)
    assert name_of(settings, "ssl:nb.example.org:6641") == "nb.example.org"
    assert name_of(settings, "ssl:[fd00::1]:6641") == "fd00::1"


def test_one_server_name_is_for_all_remotes() -> None:
    settings = tls("nb.example.org")
    assert name_of(settings, "ssl:10.0.0.1:6641") == name_of(settings, "ssl:10.0.0.2:6641") == "nb.example.org"


def test_a_server_name_for_one_remote_is_found_however_the_remote_is_written() -> None:
    settings = tls({"ssl:[FD00:0::1]": "nb1", "ssl:10.0.0.2:6641": "FD00:0::2"})
    assert name_of(settings, "ssl:[fd00::1]:6640") == "nb1"
    assert name_of(settings, "ssl:10.0.0.2:6641") == "fd00::2"
    assert name_of(settings, "ssl:10.0.0.3:6641") == "10.0.0.3"


@pytest.mark.parametrize("name", ["", "a b", "a..b", "*.example.org", "ssl:nb1:6641", "x" * 64, "nb1:6641"])
def test_a_server_name_that_is_none_is_refused(name: str) -> None:
    for said in (name, {"ssl:10.0.0.1:6641": name}):
        with pytest.raises(InvalidValue) as caught:
            tls(said)
        assert (caught.value.column, caught.value.value) == ("server_name", name)


@pytest.mark.parametrize(
    ("remote", "reason"),
    [
        ("10.0.0.1", "begin with"),
        ("tcp:10.0.0.1:6641", "is one ssl: remote"),
        ("ssl:10.0.0.1:6641,ssl:10.0.0.2:6641", "is one ssl: remote"),
    ],
)
def test_a_server_name_for_what_is_no_ssl_remote_is_refused(remote: str, reason: str) -> None:
    with pytest.raises(InvalidRemote, match=reason):
        tls({remote: "nb1"})


def test_two_server_names_for_one_remote_are_refused() -> None:
    with pytest.raises(InvalidRemote, match="twice"):
        tls({"ssl:10.0.0.1": "nb1", "ssl:10.0.0.1:6640": "nb2"})


def test_server_names_are_for_the_remotes_that_there_are() -> None:
    names = {"ssl:10.0.0.1:6641": "nb1", "ssl:10.0.0.2:6641": "nb2"}
    settings = tls(names)
    settings.check_names(parse_remotes(",".join(names)))
    with pytest.raises(InvalidRemote, match=r"ssl:10\.0\.0\.2:6641"):
        settings.check_names(parse_remotes("ssl:10.0.0.1:6641,tcp:10.0.0.2:6641"))
    limited = settings.limited_to(parse_remotes("ssl:10.0.0.1:6641"))
    limited.check_names(parse_remotes("ssl:10.0.0.1:6641"))
    assert limited == tls({"ssl:10.0.0.1:6641": "nb1"})
    for same in (tls("nb1"), tls(None)):
        assert same.limited_to(()) == same


def test_tls_settings_are_hashable_and_travel() -> None:
    settings = tls({"ssl:10.0.0.1:6641": "nb1"})
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert len({settings, tls({"ssl:10.0.0.1:6641": "nb1"})}) == 1
