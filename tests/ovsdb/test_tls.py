"""TLS: both sides prove who they are, each client with its own certificate; what goes wrong is told in words."""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from ovs.stream import Stream

from ovnkit import Northbound, Southbound, Tls
from ovnkit.errors import ConnectionFailed, InvalidRemote, OvnkitError, Timeout
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb.server import Server
from ovnkit.ovsdb.tls import is_exposed
from ovnkit.remote import NameNotVerified, OpenToAll
from ovnkit.southbound import SBGlobal
from tests.ovsdb.authority import LOOPBACK, Authority, Front, TlsServer, openssl
from tests.ovsdb.conftest import StartServer

AT_ONCE = 3.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """Another CA."""
    return Authority(tmp_path / "stranger", "other-ca")


@pytest.fixture
def server(start_server: StartServer, tmp_path: Path, authority: Authority) -> Iterator[TlsServer]:
    with TlsServer(tmp_path, authority, *LOOPBACK) as running:
        yield running


def insert(nb: Northbound, name: str, *, timeout: float = 20) -> None:
    nb.transact(lambda tx: tx.insert(LogicalSwitch(name=name)), timeout=timeout)


def wait_until(condition: Callable[[], object], what: Callable[[], str], *, timeout: float = 15) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.01)


# -- who is who ------------------------------------------------------------------------------------------------------


def test_both_sides_prove_who_they_are(server: TlsServer, authority: Authority) -> None:
    with Northbound.connect(server.tls_remote, tls=authority.tls("client"), timeout=10) as nb:
        assert nb.state == "ready"
        insert(nb, "Zürich" * 5000)
        assert nb.get(LogicalSwitch).name == "Zürich" * 5000
    with Northbound.connect(f"ssl:localhost:{server.port}", tls=authority.tls("other"), timeout=10) as nb:
        assert len(nb.find(LogicalSwitch)) == 1


def test_a_connection_with_tls_comes_back(server: TlsServer, authority: Authority) -> None:
    with Northbound.connect(server.tls_remote, tls=authority.tls("client"), timeout=10) as nb:
        server.restart()
        insert(nb, "web")
        assert nb.get(LogicalSwitch).name == "web"
        assert not nb.trouble


def test_nothing_of_a_client_stays_in_the_process(server: TlsServer, authority: Authority) -> None:
    before = set(Stream._SOCKET_METHODS)
    with Northbound.connect(server.tls_remote, tls=authority.tls("client"), timeout=10):
        assert set(Stream._SOCKET_METHODS) > before
    assert set(Stream._SOCKET_METHODS) == before


# -- the name --------------------------------------------------------------------------------------------------------


def test_a_server_of_another_name_is_refused_and_the_names_are_told(
    start_server: StartServer, authority: Authority, tmp_path: Path
) -> None:
    with TlsServer(tmp_path, authority, "DNS:elsewhere.example", "IP:192.0.2.1") as server:
        began = time.monotonic()
        with pytest.raises(
            ConnectionFailed, match=r"not for 127\.0\.0\.1 .*mismatch.*; it is for elsewhere\.example, 192\.0\.2\.1"
        ):
            Northbound.connect(server.tls_remote, tls=authority.tls("client"), timeout=30)
        assert time.monotonic() - began < AT_ONCE


@pytest.mark.parametrize("name", ["elsewhere.example", "192.0.2.1", "host.wild.example"])
def test_the_certificate_may_carry_the_name_that_the_client_says(
    start_server: StartServer, authority: Authority, tmp_path: Path, name: str
) -> None:
    names = ("DNS:elsewhere.example", "IP:192.0.2.1", "DNS:*.wild.example")
    with TlsServer(tmp_path, authority, *names) as server:
        for said in (name, {server.tls_remote: name}):
            tls = authority.tls("client", server_name=said)
            with Northbound.connect(server.tls_remote, tls=tls, timeout=10) as nb:
                assert nb.state == "ready"
        with pytest.raises(ConnectionFailed, match="not for nowhere"):
            Northbound.connect(server.tls_remote, tls=authority.tls("client", server_name="nowhere"), timeout=30)


def test_each_member_of_a_cluster_has_its_name_also_where_the_cn_alone_carries_it(
    start_server: StartServer, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    with TlsServer(tmp_path, authority) as server:
        dead = "ssl:127.0.0.1:1"
        right, wrong = ({server.tls_remote: name, dead: "node2"} for name in ("server", "node2"))
        with Northbound.connect(
            f"{dead},{server.tls_remote}", tls=authority.tls("client", server_name=right), timeout=10
        ) as nb:
            server.restart()
            insert(nb, "web")
        with pytest.raises(OvnkitError, match=r"it is for CN=server \(it has no subjectAltName\)"):
            Northbound.connect(server.tls_remote, tls=authority.tls("client", server_name="node2"), timeout=30)
        with pytest.raises(Timeout):
            Northbound.connect(f"{dead},{server.tls_remote}", tls=authority.tls("client", server_name=wrong), timeout=1)


def test_a_host_name_is_sent_to_the_server_and_an_address_is_not(nb_server: Server, authority: Authority) -> None:
    with Front(nb_server.socket, authority, "DNS:nb.example", *LOOPBACK) as front:
        for name in ("nb.example", "127.0.0.1"):
            with Northbound.connect(front.remote, tls=authority.tls("client", server_name=name), timeout=10):
                pass
        assert front.asked_for == ["nb.example", "nb.example", None, None]


def test_a_name_for_a_remote_that_is_not_there_is_refused(authority: Authority) -> None:
    tls = authority.tls("client", server_name={"ssl:10.0.0.1": "a", "ssl:10.0.0.2:6641": "b"})
    with pytest.raises(InvalidRemote, match=r"'ssl:10\.0\.0\.2:6641'.*but the connection has ssl:10\.0\.0\.1:6640"):
        Northbound.connect("ssl:10.0.0.1:6640,tcp:10.0.0.2:6641", tls=tls, timeout=5)


def test_names_that_are_not_verified_are_warned_of_once_where_connect_is_called(
    start_server: StartServer, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    relaxed = authority.tls("client", verify_name=False)
    with TlsServer(tmp_path, authority, "DNS:elsewhere.example") as server:
        with pytest.warns(NameNotVerified, match="can pose as the server") as caught:
            nb = Northbound.connect(server.tls_remote, tls=relaxed, timeout=10)
        with nb:
            server.restart()
            insert(nb, "web")
        assert [warning.filename for warning in caught] == [__file__]
        server.show(stranger, *LOOPBACK)
        server.restart()
        with (
            pytest.warns(NameNotVerified),
            pytest.raises(ConnectionFailed, match="signed by another CA"),
        ):
            Northbound.connect(server.tls_remote, tls=relaxed, timeout=30)


def test_without_ssl_remotes_there_is_nothing_to_warn_of(nb_server: Server, authority: Authority) -> None:
    with Northbound.connect(nb_server.remote, tls=authority.tls("client", verify_name=False), timeout=10) as nb:
        assert nb.state == "ready"


def test_a_key_that_others_can_read_is_refused_unless_it_is_said_to_be_shared(
    tmp_path: Path, authority: Authority
) -> None:
    tls = authority.tls("client")
    with TlsServer(tmp_path, authority, *LOOPBACK) as server:
        for mode in (0o640, 0o604, 0o620):
            tls.key.chmod(mode)
            with pytest.raises(ConnectionFailed, match=rf"with mode 0{mode:o}: whoever reads it .* chmod 0600 .*key"):
                Northbound.connect(server.tls_remote, tls=tls, timeout=5)
        with Northbound.connect(server.tls_remote, tls=attrs.evolve(tls, shared_key=True), timeout=10) as nb:
            assert nb.state == "ready"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_of_another_user_is_refused_though_nobody_else_can_read_it(tmp_path: Path, authority: Authority) -> None:
    tls = authority.tls("client")
    os.chown(tls.key, 12345, 0)
    with pytest.raises(ConnectionFailed, match="belongs to uid 12345"):
        Northbound.connect("ssl:127.0.0.1:1", tls=tls, timeout=5)


@pytest.mark.parametrize(
    ("mode", "owner", "user", "exposed"),
    [
        (0o600, 7, 7, False),
        (0o400, 7, 7, False),
        (0o640, 7, 7, True),
        (0o600, 8, 7, True),
        (0o640, 0, 7, False),
        (0o644, 0, 7, True),
        (0o660, 0, 7, True),
        (0o640, 0, 0, True),
    ],
)
def test_only_root_may_give_a_key_to_a_group(mode: int, owner: int, user: int, *, exposed: bool) -> None:
    assert is_exposed(mode, owner=owner, user=user) is exposed


def test_a_socket_that_any_user_may_connect_to_is_warned_of(nb_server: Server) -> None:
    path = Path(nb_server.remote.removeprefix("unix:"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Northbound.connect(nb_server.remote, timeout=10).close()
    path.chmod(0o777)
    with pytest.warns(OpenToAll, match="it has mode 0777, so that any user of this machine") as caught:
        Northbound.connect(nb_server.remote, timeout=10).close()
    assert [warning.filename for warning in caught] == [__file__]


# -- S15: what can be wrong ------------------------------------------------------------------------------------------

BAD_SERVERS: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"days": (-3, -1)}, r"has expired \(CERTIFICATE_VERIFY_FAILED: certificate has expired\)"),
    "not yet valid": ({"days": (1, 3)}, r"not valid yet.*\(CERTIFICATE_VERIFY_FAILED: certificate is not yet valid"),
    "for clients": ({"extra": "extendedKeyUsage=clientAuth"}, r"not meant for servers.*\(CERTIFICATE_VERIFY_FAILED"),
    "wrong name": ({"names": ["DNS:elsewhere.example"]}, r"not for 127\.0\.0\.1 \(CERTIFICATE_VERIFY_FAILED: IP addr"),
    "other CA": ({"stranger": True}, r"signed by another CA than that in .*ca\.\w+ \(CERTIFICATE_VERIFY_FAILED"),
}


def spoil(server: TlsServer, authority: Authority, stranger: Authority, what: dict[str, Any]) -> None:
    options = dict(what)
    signer = stranger if options.pop("stranger", False) else authority
    server.show(signer, *options.pop("names", LOOPBACK), **options)
    # It must still take the client's certificate.
    shutil.copy(authority.certificate, server.ca)


@pytest.mark.parametrize("case", BAD_SERVERS)
def test_s15_a_server_with_a_bad_certificate_is_refused_at_once_with_the_reason(
    server: TlsServer, authority: Authority, stranger: Authority, case: str
) -> None:
    what, reason = BAD_SERVERS[case]
    spoil(server, authority, stranger, what)
    server.restart()
    began = time.monotonic()
    with pytest.raises(ConnectionFailed, match=f"TLS failed: .*{reason}") as caught:
        Northbound.connect(server.tls_remote, tls=authority.tls("client"), timeout=30)
    assert time.monotonic() - began < AT_ONCE
    assert caught.value.remote == server.tls_remote


BAD_CLIENTS: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"days": (-3, -1)}, r"{cert} has expired \(SSLV3_ALERT_CERTIFICATE_EXPIRED\)"),
    "not yet valid": ({"days": (1, 3)}, r"{cert}; it may not be valid yet \(SSLV3_ALERT_BAD_CERTIFICATE\)"),
    "for servers": (
        {"extra": "extendedKeyUsage=serverAuth"},
        r"{cert} is not meant for clients .* \(SSLV3_ALERT_UNSUPPORTED_CERTIFICATE\)",
    ),
    "other CA": ({"stranger": True}, r"does not know the CA of the certificate in {cert} \(TLSV1_ALERT_UNKNOWN_CA\)"),
}


def bad_client(authority: Authority, stranger: Authority, what: dict[str, Any]) -> Tls:
    options = dict(what)
    if options.pop("stranger", False):
        return attrs.evolve(stranger.tls("client"), ca=authority.certificate)
    return authority.tls("client", **options)


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("case", BAD_CLIENTS)
def test_s15_a_client_with_a_bad_certificate_is_told_at_once_why_the_server_refuses_it(
    start_server: StartServer, authority: Authority, stranger: Authority, tmp_path: Path, case: str, version: str
) -> None:
    what, reason = BAD_CLIENTS[case]
    tls = bad_client(authority, stranger, what)
    options = ("--ssl-protocols=TLSv1.2",) if version == "TLSv1.2" else ()
    with TlsServer(tmp_path, authority, *LOOPBACK, options=options) as server:
        for _ in range(5):
            began = time.monotonic()
            with pytest.raises(ConnectionFailed, match=reason.format(cert=tls.cert)):
                Northbound.connect(server.tls_remote, tls=tls, timeout=30)
            assert time.monotonic() - began < AT_ONCE


def test_s15_a_server_that_demands_a_certificate_says_so_where_none_is_given(authority: Authority) -> None:
    with pytest.raises(InvalidRemote, match="needs tls="):
        Northbound.connect("ssl:127.0.0.1:6641", timeout=5)


def test_s15_a_server_of_tls_1_1_is_refused_at_once(nb_server: Server, authority: Authority) -> None:
    """By a front of Python, because ovsdb-server 4.0 itself has nothing older than 1.2."""
    front = Front(nb_server.socket, authority, *LOOPBACK)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        front.context.minimum_version = front.context.maximum_version = ssl.TLSVersion.TLSv1_1
    front.context.set_ciphers("ALL:@SECLEVEL=0")
    with front:
        began = time.monotonic()
        with pytest.raises(ConnectionFailed, match=r"no TLS of version 1\.2 or later \(\w+\)"):
            Northbound.connect(front.remote, tls=authority.tls("client"), timeout=30)
        assert time.monotonic() - began < AT_ONCE


def test_s15_what_answers_without_tls_is_told_with_the_timeout(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with listener.accept()[0] as client:
                client.sendall(b'{"method":"echo","params":[],"id":"echo"}')

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ConnectionFailed, match="does not speak TLS"):
            Northbound.connect(f"ssl:127.0.0.1:{listener.getsockname()[1]}", tls=authority.tls("client"), timeout=30)
        thread.join()


BAD_FILES: dict[str, tuple[str, Callable[[Path, Tls], object], str]] = {
    "key missing": ("key", lambda path, _: path.unlink(), r"No such file"),
    "certificate missing": ("cert", lambda path, _: path.unlink(), r"No such file"),
    "CA missing": ("ca", lambda path, _: path.unlink(), r"No such file"),
    "certificate empty": ("cert", lambda path, _: path.write_text(""), "no PEM certificate"),
    "key is a certificate": ("key", lambda path, tls: shutil.copy(tls.cert, path), "no PEM private key"),
    "key of another": ("cert", lambda path, tls: shutil.copy(tls.ca, path), r"do not belong together"),
    "CA broken": (
        "ca",
        lambda path, _: path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        r"CA certificate cannot be used",
    ),
    "key broken": (
        "key",
        lambda path, _: path.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        r"cannot be used",
    ),
    "key encrypted": (
        "key",
        lambda path, _: openssl("ec", "-in", path, "-out", path, "-aes128", "-passout", "pass:secret"),
        r"encrypted",
    ),
}


def copied(tls: Tls, directory: Path) -> Tls:
    """The same settings in files that can be spoilt."""
    directory.mkdir()
    files: dict[str, Any] = {
        name: Path(shutil.copy(getattr(tls, name), directory / f"{name}.pem")) for name in ("key", "cert", "ca")
    }
    return attrs.evolve(tls, **files)


@pytest.mark.parametrize("case", BAD_FILES)
def test_s15_a_file_that_cannot_be_used_is_named_at_once(authority: Authority, tmp_path: Path, case: str) -> None:
    name, make_bad, reason = BAD_FILES[case]
    tls = copied(authority.tls("client"), tmp_path / "files")
    make_bad(getattr(tls, name), tls)
    began = time.monotonic()
    with pytest.raises(ConnectionFailed, match=reason) as caught:
        Northbound.connect("ssl:127.0.0.1:1", tls=tls, timeout=30)
    assert time.monotonic() - began < AT_ONCE
    assert str(getattr(tls, name)) in str(caught.value)


@pytest.mark.parametrize("case", ["key missing", "CA missing", "key of another", "key encrypted"])
def test_s15_a_file_that_is_bad_at_a_reconnect_leaves_the_old_one_in_use(
    server: TlsServer, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    name, make_bad, reason = BAD_FILES[case]
    tls = copied(authority.tls("client"), tmp_path / "files")
    with Northbound.connect(server.tls_remote, tls=tls, timeout=10) as nb, caplog.at_level(logging.INFO):
        make_bad(getattr(tls, name), tls)
        for number in range(2):
            server.restart()
            insert(nb, f"web{number}")
        told = [record for record in caplog.records if str(getattr(tls, name)) in record.getMessage()]
        assert len(told) == 1
        assert reason in told[0].getMessage()
        assert len(caplog.records) <= 10


@pytest.mark.parametrize("case", ["file missing", "expired", "other CA", "wrong name", "client refused", "mute"])
def test_s15_while_it_cannot_reconnect_it_says_why_and_keeps_still(
    server: TlsServer,
    authority: Authority,
    stranger: Authority,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    case: str,
) -> None:
    tls = copied(authority.tls("client"), tmp_path / "files")
    with Northbound.connect(server.tls_remote, tls=tls, timeout=10) as nb, caplog.at_level(logging.INFO):
        server.kill()
        what, reason = BAD_SERVERS.get(case, ({}, ""))
        mute = None
        if case == "mute":
            mute = socket.create_server(("127.0.0.1", server.port), reuse_port=True)
            reason = "no answer"
        elif case == "file missing":
            tls.key.unlink()
            reason = "Connection refused"
        else:
            if case == "client refused":
                shutil.copy(stranger.certificate, server.ca)
                reason = r"does not know the CA of the certificate in .*cert\.pem \(TLSV1_ALERT_UNKNOWN_CA\)"
            else:
                spoil(server, authority, stranger, what)
            server.start()
        pattern = re.compile(reason)
        wait_until(lambda: pattern.search(nb.trouble), lambda: f"{reason} in {nb.trouble!r}")
        caplog.clear()
        began, used = time.monotonic(), time.process_time()
        # Several attempts.
        time.sleep(2.5)
        assert (time.process_time() - used) / (time.monotonic() - began) < 0.05
        assert len(caplog.records) <= 10
        assert pattern.search(nb.trouble)
        assert nb.state == "reconnecting"
        if mute is not None:
            mute.close()
        server.show(authority, *LOOPBACK)
        server.restart()
        insert(nb, "web")
        assert not nb.trouble


def test_s15_certificates_are_replaced_under_load_and_no_write_fails(
    server: TlsServer, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    tls = copied(authority.tls("client"), tmp_path / "files")
    both = tmp_path / "both.pem"
    both.write_text(authority.certificate.read_text() + stranger.certificate.read_text())
    written: list[str] = []
    failures: list[BaseException] = []
    ended = threading.Event()

    def write(nb: Northbound, writer: int) -> None:
        number = 0
        while not ended.is_set():
            name = f"{writer}-{number}"
            try:
                insert(nb, name)
            except BaseException as exc:  # noqa: BLE001 - whatever it is, it is a write that failed
                failures.append(exc)
            else:
                written.append(name)
            number += 1

    def more_writes() -> None:
        reached = len(written) + 50
        wait_until(lambda: len(written) >= reached or failures, lambda: f"{len(written)} writes, {nb.trouble}")

    with Northbound.connect(server.tls_remote, tls=tls, timeout=10) as nb:
        threads = [threading.Thread(target=write, args=(nb, writer)) for writer in range(4)]
        for thread in threads:
            thread.start()
        try:
            for signer in (stranger, authority, stranger):
                # First both CAs are trusted, then the certificates change, one file after the other.
                shutil.copy(both, tls.ca)
                server.show(signer, *LOOPBACK)
                shutil.copy(both, server.ca)
                server.restart()
                more_writes()
                key, certificate = signer.sign("client", "DNS:client")
                shutil.copy(key, tls.key)
                server.restart()
                shutil.copy(certificate, tls.cert)
                server.restart()
                more_writes()
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        assert failures == []
        # The last certificate is the one in use: its CA is the only one that is trusted now.
        shutil.copy(stranger.certificate, tls.ca)
        shutil.copy(stranger.certificate, server.ca)
        server.restart()
        insert(nb, "last")
        assert sorted(switch.name for switch in nb.find(LogicalSwitch)) == sorted([*written, "last"])


# -- S16: several certificates in one process ------------------------------------------------------------------------


def test_s16_two_clients_with_two_certificates_live_in_one_process(
    nb_server: Server, sb_server: Server, authority: Authority, stranger: Authority
) -> None:
    with (
        Front(nb_server.socket, authority, *LOOPBACK) as nb_front,
        Front(sb_server.socket, stranger, *LOOPBACK) as sb_front,
        Northbound.connect(nb_front.remote, tls=authority.tls("nb-client"), timeout=10) as nb,
        Southbound.connect(sb_front.remote, tls=stranger.tls("sb-client"), timeout=10) as sb,
    ):
        global_ = sb.transact(lambda tx: tx.insert(SBGlobal()))
        for round_ in range(3):
            before = len(nb_front.clients), len(sb_front.clients)
            nb_front.cut()
            sb_front.cut()
            insert(nb, f"web{round_}")
            sb.transact(lambda tx: tx.update(tx[global_], nb_cfg=tx[global_].nb_cfg + 1), timeout=20)
            assert (len(nb_front.clients), len(sb_front.clients)) > before
        assert len(nb.find(LogicalSwitch)) == sb[global_].nb_cfg == 3
        assert set(nb_front.clients) == {"nb-client"}
        assert set(sb_front.clients) == {"sb-client"}
        with pytest.raises(ConnectionFailed):
            Northbound.connect(nb_front.remote, tls=stranger.tls("wrong-client"), timeout=5)
