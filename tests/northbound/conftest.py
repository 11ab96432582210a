"""A real ovsdb-server with a Northbound database, empty at the beginning of each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ovnkit import Northbound
from ovnkit.ovsdb.server import Server, find_schema
from tests.operations import clear


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("nb")
    with Server(directory / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=directory, name="nb") as running:
        yield running


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[Northbound]:
    with Northbound.connect(server.remote, timeout=10) as connected:
        yield connected


@pytest.fixture
def nb(client: Northbound) -> Northbound:
    clear(client)
    return client
