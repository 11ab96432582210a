"""Certificates of every kind, and servers that speak TLS with them."""

from __future__ import annotations

import contextlib
import select
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from ovnkit import Tls
from ovnkit.ovsdb.server import Server, find_schema

__all__ = ["LOOPBACK", "Authority", "Front", "TlsServer", "free_port", "openssl"]

LOOPBACK = ("IP:127.0.0.1", "DNS:localhost")

_CONFIGURATION = """
[ca]
default_ca = this
[this]
database = {directory}/index
new_certs_dir = {directory}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def _stamp(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")


class Authority:
    """A CA and the certificates that it signs, in a directory of its own."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.key, self.certificate = directory / f"{name}.key", directory / f"{name}.crt"
        self._configuration = directory / "ca.conf"
        self._configuration.write_text(_CONFIGURATION.format(directory=directory))
        (directory / "index").touch()
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-keyout", self.key, "-out", self.certificate, "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def sign(
        self, name: str, *alternative_names: str, days: tuple[float, float] = (-1, 1), extra: str = ""
    ) -> tuple[Path, Path]:
        """The key and the certificate of ``name``, valid in these days from now; ``extra`` is one more extension."""
        key, request, certificate = (self.directory / f"{name}.{ending}" for ending in ("key", "csr", "crt"))
        openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/CN={name}",
        )  # fmt: skip
        extensions = self.directory / f"{name}.ext"
        names = f"subjectAltName={','.join(alternative_names)}\n" if alternative_names else ""
        extensions.write_text(f"basicConstraints=CA:FALSE\n{names}{extra}\n")
        openssl(
            "ca", "-batch", "-notext", "-config", self._configuration, "-cert", self.certificate, "-keyfile", self.key,
            "-in", request, "-out", certificate, "-extfile", extensions,
            "-startdate", _stamp(days[0]), "-enddate", _stamp(days[1]),
        )  # fmt: skip
        return key, certificate

    def tls(
        self,
        name: str,
        *,
        server_name: str | Mapping[str, str] | None = None,
        verify_name: bool = True,
        days: tuple[float, float] = (-1, 1),
        extra: str = "",
    ) -> Tls:
        """The settings of a client with a certificate of its own."""
        key, certificate = self.sign(name, f"DNS:{name}", days=days, extra=extra)
        return Tls(key, certificate, self.certificate, server_name=server_name, verify_name=verify_name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class TlsServer(Server):
    """Listens with TLS as well, and reads its files anew at each start."""

    def __init__(
        self,
        directory: Path,
        authority: Authority,
        *alternative_names: str,
        schema: str = "ovn-nb.ovsschema",
        options: tuple[str, ...] = (),
        extra_remotes: tuple[str, ...] = (),
    ) -> None:
        name = schema.partition(".")[0]
        self.port = free_port()
        self.key, self.certificate, self.ca = (directory / f"{name}-server.{ending}" for ending in ("key", "crt", "ca"))
        self.show(authority, *alternative_names)
        super().__init__(
            directory / f"{name}.db",
            find_schema(schema),
            run_dir=directory,
            name=name,
            listen=[] if extra_remotes else [f"pssl:{self.port}:127.0.0.1"],
            extra_remotes=extra_remotes,
            options=[f"-p{self.key}", f"-c{self.certificate}", f"-C{self.ca}", *options],
        )

    @property
    def tls_remote(self) -> str:
        return f"ssl:127.0.0.1:{self.port}"

    def show(
        self, authority: Authority, *alternative_names: str, days: tuple[float, float] = (-1, 1), extra: str = ""
    ) -> None:
        """The certificate from the next start on."""
        key, certificate = authority.sign("server", *alternative_names, days=days, extra=extra)
        shutil.copy(key, self.key)
        shutil.copy(certificate, self.certificate)
        shutil.copy(authority.certificate, self.ca)

    def restart(self) -> None:
        self.kill()
        self.start()


class Front:
    """TLS before the Unix socket of a server; keeps who its clients say they are, and ends their connections."""

    def __init__(self, upstream: Path, authority: Authority, *alternative_names: str) -> None:
        key, certificate = authority.sign("front", *alternative_names)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.context.load_verify_locations(authority.certificate)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.02)
        self.remote = f"ssl:127.0.0.1:{self._listener.getsockname()[1]}"
        self.clients: list[str] = []
        """The CN of each connection so far."""
        self.asked_for: list[str | None] = []
        """The server name (SNI) that each asked for."""
        self.context.sni_callback = lambda _sock, name, _context: self.asked_for.append(name)
        self._generation = 0
        self._ended = False
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def cut(self) -> None:
        """End all connections without a word of TLS."""
        self._generation += 1

    def _accept(self) -> None:
        while not self._ended:
            with contextlib.suppress(TimeoutError):
                thread = threading.Thread(target=self._serve, args=(self._listener.accept()[0],))
                self._threads.append(thread)
                thread.start()

    def _serve(self, plain: socket.socket) -> None:
        generation = self._generation
        with contextlib.suppress(OSError), plain, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._upstream))
            plain.settimeout(5)
            with self.context.wrap_socket(plain, server_side=True) as client:
                certificate: Any = client.getpeercert()
                self.clients += [value for rdn in certificate["subject"] for key, value in rdn if key == "commonName"]
                while generation == self._generation and not self._ended:
                    ready, _, _ = select.select([client, server], [], [], 0.02)
                    for one, other in ((client, server), (server, client)):
                        if one in ready or (one is client and client.pending()):
                            data = one.recv(1 << 16)
                            if not data:
                                return
                            other.sendall(data)
