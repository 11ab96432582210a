"""Certificates in use: by a real ovsdb-server, by ovnkit, and by OVN's programs in C."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ovnkit import Northbound, Tls
from ovnkit.deploy import pki
from ovnkit.errors import ConnectionFailed, OvnkitError
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb.server import Server, find_program, find_schema
from tests.ovsdb.authority import free_port

ADDRESS = "127.0.0.1"


class TlsServer(Server):
    """Northbound with TLS, whose files are those of a pair."""

    def __init__(self, directory: Path, tls: Tls) -> None:
        self.port = free_port()
        self.tls_remote = f"ssl:{ADDRESS}:{self.port}"
        super().__init__(
            directory / "nb.db",
            find_schema("ovn-nb.ovsschema"),
            run_dir=directory,
            name="nb",
            listen=[f"pssl:{self.port}:{ADDRESS}"],
            options=[f"-p{tls.key}", f"-c{tls.cert}", f"-C{tls.ca}"],
        )

    def shows(self, client: Tls) -> str:
        """The serial number of the certificate that it has now."""
        context = ssl.create_default_context(cafile=client.ca)
        context.load_cert_chain(client.cert, client.key)
        with (
            socket.create_connection((ADDRESS, self.port), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname=ADDRESS) as connection,
        ):
            found = connection.getpeercert()
            assert found is not None
            return str(found["serialNumber"]).lower().zfill(40)


@attrs.frozen
class Cluster:
    """All certificates of a small cluster, in a directory."""

    directory: Path

    @property
    def wanted(self) -> tuple[pki.Subject, ...]:
        return pki.subjects(chassis={"cmp1": "cmp1"}, members={"ctl": [ADDRESS]})

    def issue(self) -> dict[str, pki.Identity]:
        return {identity.name: identity for identity in pki.issue_all(self.directory, self.wanted)}

    def tls(self, name: str) -> Tls:
        return self.issue()[name].tls


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    if find_program("ovsdb-server") is None and "CI" not in os.environ:
        pytest.skip("ovsdb-server is not installed")
    return Cluster(tmp_path / "pki")


@pytest.fixture
def server(tmp_path: Path, cluster: Cluster) -> Iterator[TlsServer]:
    with TlsServer(tmp_path, cluster.tls("central-ctl")) as running:
        yield running


def nbctl(remote: str, tls: Tls) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["ovn-nbctl", "--timeout=5", f"--db={remote}", f"-p{tls.key}", f"-c{tls.cert}", f"-C{tls.ca}", "ls-list"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def connects(remote: str, tls: Tls) -> None:
    with Northbound.connect(remote, tls=tls, timeout=20) as nb:
        assert nb.state == "ready"


def wait_until_shown(server: TlsServer, client: Tls, serial: str) -> None:
    deadline = time.monotonic() + 30
    while (shown := server.shows(client)) != serial:
        assert time.monotonic() < deadline, f"the server shows {shown}, not {serial}"
        time.sleep(0.02)


@pytest.mark.parametrize("name", ["chassis-cmp1", "client-ovnkit", "central-ctl"])
def test_both_sides_prove_who_they_are(server: TlsServer, cluster: Cluster, name: str) -> None:
    connects(server.tls_remote, cluster.tls(name))
    done = nbctl(server.tls_remote, cluster.tls(name))
    assert done.returncode == 0, done.stderr


def test_a_client_of_another_authority_is_refused(server: TlsServer, cluster: Cluster, tmp_path: Path) -> None:
    stranger = attrs.evolve(Cluster(tmp_path / "other").tls("client-ovnkit"), ca=cluster.tls("client-ovnkit").ca)
    with pytest.raises(ConnectionFailed, match="does not know the CA"):
        Northbound.connect(server.tls_remote, tls=stranger, timeout=30)
    assert nbctl(server.tls_remote, stranger).returncode != 0


def test_a_chassis_cannot_pose_as_a_server(tmp_path: Path, cluster: Cluster) -> None:
    client = attrs.evolve(cluster.tls("client-ovnkit"), server_name="cmp1")
    with TlsServer(tmp_path, cluster.tls("chassis-cmp1")) as server:
        # Its CN is the name that is asked for: what is wrong with it is what it is for.
        with pytest.raises(ConnectionFailed, match="purpose"):
            Northbound.connect(server.tls_remote, tls=client, timeout=30)
        done = nbctl(server.tls_remote, client)
        assert done.returncode != 0
        assert "certificate verify failed" in done.stderr


def test_a_new_pair_is_taken_up_while_the_server_runs(server: TlsServer, cluster: Cluster) -> None:
    client = cluster.tls("client-ovnkit")
    for _ in range(5):
        new = pki.issue(cluster.directory, "central-ctl", names=[ADDRESS], usage=["server", "client"], renew=True)
        wait_until_shown(server, client, new.certificate.serial)
        connects(server.tls_remote, client)
    assert "mismatch" not in server.log.read_text()


@pytest.mark.parametrize("restarted", [False, True])
def test_files_that_are_copied_take_the_certificate_before_the_key_and_always_both(
    tmp_path: Path, cluster: Cluster, *, restarted: bool
) -> None:
    """ovsdb-server looks at the certificate only where the key is new, and at both only where both are."""
    client = cluster.tls("client-ovnkit")
    tls = Tls(tmp_path / "key.pem", tmp_path / "cert.pem", cluster.tls("central-ctl").ca)

    def copy(source: Path, to: Path) -> None:
        (tmp_path / "new").write_bytes(source.read_bytes())
        (tmp_path / "new").chmod(0o600)
        (tmp_path / "new").replace(to)

    first = cluster.issue()["central-ctl"]
    copy(first.cert, tls.cert)
    copy(first.key, tls.key)
    with TlsServer(tmp_path, tls) as server:
        wait_until_shown(server, client, first.certificate.serial)
        new = pki.issue(cluster.directory, "central-ctl", names=[ADDRESS], usage=["server", "client"], renew=True)
        copy(new.cert, tls.cert)
        if restarted:
            server.kill()
            server.start()
            assert nbctl(server.tls_remote, client).returncode != 0
            copy(new.cert, tls.cert)
        else:
            # It has looked at both meanwhile, and goes on with what it has.
            for _ in range(5):
                connects(server.tls_remote, client)
                assert server.shows(client) == first.certificate.serial
        copy(new.key, tls.key)
        deadline = time.monotonic() + 30
        while nbctl(server.tls_remote, client).returncode != 0:
            assert time.monotonic() < deadline
        wait_until_shown(server, client, new.certificate.serial)


class Writer(threading.Thread):
    """Writes all the time, and connects anew for every write."""

    def __init__(self, remote: str, tls: Tls) -> None:
        super().__init__()
        self.remote, self.tls = remote, tls
        self.written = 0
        self.failures: list[OvnkitError] = []
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            try:
                with Northbound.connect(self.remote, tls=self.tls, timeout=30) as nb:
                    nb.transact(lambda tx: tx.insert(LogicalSwitch(name=f"{self.written}")), timeout=30)
                self.written += 1
            except OvnkitError as error:
                self.failures.append(error)

    def wait_for_more(self) -> None:
        before, deadline = self.written, time.monotonic() + 60
        while self.written < before + 3 and not self.failures:
            assert time.monotonic() < deadline, f"{self.written} writes"
            time.sleep(0.02)


def test_another_authority_takes_over_under_writers_and_no_write_fails(server: TlsServer, cluster: Cluster) -> None:
    client = cluster.tls("client-ovnkit")
    chassis_before = cluster.directory.parent / "before"
    chassis_before.mkdir()
    for path in (client.key, client.cert):
        shutil.copy(path, chassis_before / path.name)
    old = Tls(chassis_before / "key.pem", chassis_before / "cert.pem", client.ca)
    writer = Writer(server.tls_remote, client)
    writer.start()
    try:
        with Northbound.connect(server.tls_remote, tls=client, timeout=30) as steady:
            for step in (pki.prepare_authority, pki.switch_authority):
                step(cluster.directory)
                writer.wait_for_more()
            new = cluster.issue()
            assert all(identity.changed for identity in new.values())
            wait_until_shown(server, client, new["central-ctl"].certificate.serial)
            connects(server.tls_remote, old)
            writer.wait_for_more()
            pki.retire_authority(cluster.directory)
            writer.wait_for_more()
            assert steady.state == "ready"
            steady.transact(lambda tx: tx.insert(LogicalSwitch(name="steady")), timeout=30)
    finally:
        writer.ended.set()
        writer.join()
    assert writer.failures == []
    assert writer.written >= 12
    # What the old authority has signed is worth nothing now.
    deadline = time.monotonic() + 30
    while nbctl(server.tls_remote, old).returncode == 0:
        assert time.monotonic() < deadline
    assert nbctl(server.tls_remote, client).returncode == 0
