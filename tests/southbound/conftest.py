"""A real Southbound database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import Southbound
from tests.operations import clear


@pytest.fixture(scope="module")
def sb_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Southbound]:
    directory = tmp_path_factory.mktemp("s")
    schema = find_schema("ovn-sb.ovsschema")
    with (
        Server(directory / "s.db", schema, run_dir=directory, name="s") as server,
        Southbound.connect(server.remote, timeout=10) as client,
    ):
        yield client


@pytest.fixture
def sb(sb_client: Southbound) -> Southbound:
    """The client of an empty database."""
    clear(sb_client)
    return sb_client
