"""The network of the cases for all tests of a module."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.topology.trace.site import StoodIn, standing_in


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """Short: the path of a Unix socket in it has at most 107 bytes."""
    found = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    yield found
    shutil.rmtree(found)


@pytest.fixture(scope="module")
def site(directory: Path) -> Iterator[StoodIn]:
    """The network of the cases."""
    with standing_in(directory) as found:
        yield found
