"""TLS: both sides prove who they are, each client with its own certificate."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ovs.stream import Stream

from ovnkit import Northbound, Southbound, Tls
from ovnkit.errors import ConnectionFailed, Timeout
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import SBGlobal
from tests.ovsdb.conftest import StartServer


class Authority:
    """A CA and the certificates that it signs."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        self.key, self.certificate = directory / f"{name}.key", directory / f"{name}.crt"
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-keyout", self.key, "-out", self.certificate, "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def sign(self, name: str, *alternative_names: str) -> tuple[Path, Path]:
        """The key and the certificate of ``name``."""
        key, request, certificate = (self.directory / f"{name}.{ending}" for ending in ("key", "csr", "crt"))
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/CN={name}",
        )  # fmt: skip
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={','.join(alternative_names or [f'DNS:{name}'])}\n")
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
            "-days", "2", "-out", certificate, "-extfile", extensions,
        )  # fmt: skip
        return key, certificate

    def tls(self, name: str, *, verify_name: bool = True) -> Tls:
        """The settings of a client."""
        key, certificate = self.sign(name)
        return Tls(key=key, cert=certificate, ca=self.certificate, verify_name=verify_name)

    @staticmethod
    def _openssl(*arguments: object) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


class TlsServer(Server):
    """Listens with TLS as well."""

    port: int

    @property
    def tls_remote(self) -> str:
        return f"ssl:127.0.0.1:{self.port}"


def serve(directory: Path, authority: Authority, schema: str, *alternative_names: str) -> TlsServer:
    key, certificate = authority.sign(f"server-of-{schema.partition('.')[0]}", *alternative_names)
    port = free_port()
    server = TlsServer(
        directory / f"{schema}.db",
        find_schema(schema),
        run_dir=directory,
        name=schema.partition(".")[0],
        listen=[f"pssl:{port}:127.0.0.1"],
        options=[f"--private-key={key}", f"--certificate={certificate}", f"--ca-cert={authority.certificate}"],
    )
    server.port = port
    return server


@pytest.fixture
def server(start_server: StartServer, tmp_path: Path, authority: Authority) -> Iterator[TlsServer]:
    with serve(tmp_path, authority, "ovn-nb.ovsschema", "IP:127.0.0.1", "DNS:localhost") as running:
        yield running


def test_both_sides_prove_who_they_are(server: TlsServer, authority: Authority) -> None:
    with Northbound.connect(server.tls_remote, tls=authority.tls("client"), timeout=10) as nb:
        assert nb.state == "ready"
        nb.transact(lambda tx: tx.insert(LogicalSwitch(name="Zürich" * 5000)))
        assert nb.get(LogicalSwitch).name == "Zürich" * 5000
    with Northbound.connect(f"ssl:localhost:{server.port}", tls=authority.tls("other"), timeout=10) as nb:
        assert len(nb.find(LogicalSwitch)) == 1


def test_a_connection_with_tls_comes_back(server: TlsServer, authority: Authority) -> None:
    with Northbound.connect(server.tls_remote, tls=authority.tls("client"), timeout=10) as nb:
        server.process.kill()
        server.start()
        nb.transact(lambda tx: tx.insert(LogicalSwitch(name="web")), timeout=20)
        assert nb.get(LogicalSwitch).name == "web"


def test_a_server_of_another_authority_is_refused(server: TlsServer, authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "strangers").mkdir()
    stranger = Authority(tmp_path / "strangers", "other-ca")
    tls = authority.tls("client")
    wrong = Tls(key=tls.key, cert=tls.cert, ca=stranger.certificate)
    began = time.monotonic()
    with pytest.raises(ConnectionFailed, match=r"TLS failed: .*certificate verify failed"):
        Northbound.connect(server.tls_remote, tls=wrong, timeout=30)
    assert time.monotonic() - began < 5


def test_a_client_of_another_authority_is_refused(server: TlsServer, authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "strangers").mkdir()
    key, certificate = Authority(tmp_path / "strangers", "other-ca").sign("client")
    with pytest.raises((ConnectionFailed, Timeout)):
        Northbound.connect(server.tls_remote, tls=Tls(key=key, cert=certificate, ca=authority.certificate), timeout=1)


def test_a_server_of_another_name_is_refused_unless_names_do_not_matter(
    start_server: StartServer, authority: Authority, tmp_path: Path
) -> None:
    with serve(tmp_path, authority, "ovn-nb.ovsschema", "DNS:elsewhere.example") as server:
        with pytest.raises(ConnectionFailed, match=r"not valid for '127\.0\.0\.1'"):
            Northbound.connect(server.tls_remote, tls=authority.tls("client"), timeout=30)
        relaxed = authority.tls("relaxed", verify_name=False)
        with Northbound.connect(server.tls_remote, tls=relaxed, timeout=10) as nb:
            assert nb.state == "ready"


def test_two_clients_with_two_certificates_live_in_one_process(
    server: TlsServer, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "sb").mkdir()
    second = Authority(tmp_path / "sb", "second-ca")
    with (
        serve(tmp_path / "sb", second, "ovn-sb.ovsschema", "IP:127.0.0.1") as sb_server,
        Northbound.connect(server.tls_remote, tls=authority.tls("nb-client"), timeout=10) as nb,
        Southbound.connect(sb_server.tls_remote, tls=second.tls("sb-client"), timeout=10) as sb,
    ):
        for running in (server, sb_server):
            running.process.kill()
            running.start()
        nb.transact(lambda tx: tx.insert(LogicalSwitch(name="web")), timeout=20)
        sb.transact(lambda tx: tx.insert(SBGlobal()), timeout=20)
        with pytest.raises(ConnectionFailed):
            Northbound.connect(server.tls_remote, tls=second.tls("wrong-client"), timeout=5)


def test_nothing_of_a_client_stays_in_the_process(server: TlsServer, authority: Authority) -> None:
    before = set(Stream._SOCKET_METHODS)
    with Northbound.connect(server.tls_remote, tls=authority.tls("client"), timeout=10):
        assert set(Stream._SOCKET_METHODS) > before
    assert set(Stream._SOCKET_METHODS) == before


@pytest.mark.parametrize("missing", ["key", "cert", "ca"])
def test_a_file_that_cannot_be_used_is_named(authority: Authority, tmp_path: Path, missing: str) -> None:
    tls = authority.tls("client")
    files: dict[str, Any] = {"key": tls.key, "cert": tls.cert, "ca": tls.ca, missing: tmp_path / "no-such-file.pem"}
    with pytest.raises(ConnectionFailed, match=r"no-such-file\.pem"):
        Northbound.connect("ssl:127.0.0.1:6641", tls=Tls(**files), timeout=30)
