"""A lab's own record directory, a running cluster, and what is left of a lab that should be gone."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovnkit.errors import LabError
from ovnkit.lab import Lab, requirements
from tests.lab.cluster import build_network, register


@pytest.fixture(scope="session")
def lab_possible() -> None:
    try:
        requirements.check()
    except LabError as error:
        pytest.skip(f"no lab here: {error}")


def _record_directory() -> Iterator[Path]:
    # Short: the path of a Unix socket in it has at most 107 bytes.
    with pytest.MonkeyPatch.context() as patch:
        directory = Path(tempfile.mkdtemp(prefix="ovnkit-"))
        patch.setenv("OVNKIT_LAB_DIR", str(directory))
        yield directory
        shutil.rmtree(directory)


@pytest.fixture
def records() -> Iterator[Path]:
    """Where the labs of one test are recorded, so that others are not in its sight."""
    yield from _record_directory()


@pytest.fixture(scope="module")
def records_of_module() -> Iterator[Path]:
    """Where the lab of a module is recorded."""
    yield from _record_directory()


@pytest.fixture(scope="module")
def cluster(lab_possible: None, records_of_module: Path) -> Iterator[Lab]:
    """Three registered hosts with a network; virtual machines are the tests' own."""
    with Lab() as lab:
        register(lab)
        build_network(lab)
        yield lab


def leftovers(name: str, records: Path, token: str) -> list[str]:
    """Namespaces, interfaces, directories and processes of a lab that is to be gone."""
    found = [path.name for path in Path("/run/netns").glob(f"ovnkit-{name}-*")]
    found += [interface for _, interface in socket.if_nameindex() if interface == f"ovnkit-{name}"]
    found += [str(path) for path in records.iterdir()]
    mark = f"OVNKIT_LAB={token}".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in environment.read_bytes().split(b"\0"):
                found.append((environment.parent / "comm").read_text().strip())
        except OSError:
            continue
    return found
