"""A real Open_vSwitch database, and a Southbound one, for the operations of a host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import Southbound
from ovnkit.vswitch import OpenVSwitch, VSwitch
from tests.operations import clear


@pytest.fixture(scope="module")
def vs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("v")
    with Server(directory / "v.db", find_schema("vswitch.ovsschema"), run_dir=directory, name="v") as server:
        yield server


@pytest.fixture(scope="module")
def vs_client(vs_server: Server) -> Iterator[VSwitch]:
    with VSwitch.connect(vs_server.remote, timeout=10) as client:
        yield client


@pytest.fixture
def vs(vs_client: VSwitch) -> VSwitch:
    """The client of a database with nothing but its root row."""
    clear(vs_client)
    with vs_client.transaction() as tx:
        tx.insert(OpenVSwitch())
    return vs_client


@pytest.fixture(scope="module")
def sb_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Southbound]:
    directory: Path = tmp_path_factory.mktemp("s")
    schema = find_schema("ovn-sb.ovsschema")
    with (
        Server(directory / "s.db", schema, run_dir=directory, name="s") as server,
        Southbound.connect(server.remote, timeout=10) as client,
    ):
        yield client


@pytest.fixture
def sb(sb_client: Southbound) -> Southbound:
    """The client of an empty Southbound database."""
    clear(sb_client)
    return sb_client
