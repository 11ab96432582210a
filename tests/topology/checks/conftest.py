"""One set of servers for all the rules."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.topology.checks.world import World, world_running


@pytest.fixture(scope="package")
def servers() -> Iterator[World]:
    """The databases and ovn-northd."""
    # Short: the path of a Unix socket in it has at most 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    with world_running(directory) as world:
        yield world
    shutil.rmtree(directory)


@pytest.fixture
def world(servers: World) -> World:
    """The same, with nothing in them."""
    servers.clear()
    return servers
