"""Sites without daemons, and a lab."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovnkit import Northbound
from ovnkit.errors import LabError
from ovnkit.lab import requirements
from ovnkit.ovsdb.server import Server, find_schema
from tests.deploy.site import Site, running

HOSTS = ("ctl", "cmp1", "cmp2")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running(tmp_path, HOSTS) as found:
        yield found


@pytest.fixture
def empty_nb(tmp_path: Path) -> Iterator[Northbound]:
    """A Northbound database with nothing in it."""
    with (
        Server(tmp_path / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=tmp_path, name="nb") as server,
        Northbound.connect(server.remote, timeout=10) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def lab_possible() -> None:
    try:
        requirements.check()
    except LabError as error:
        pytest.skip(f"no lab here: {error}")


@pytest.fixture(scope="module")
def records() -> Iterator[None]:
    """Where the labs of these tests are recorded, so that others are not in their sight."""
    # Short: the path of a Unix socket in it has at most 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVNKIT_LAB_DIR", str(directory))
        yield
    shutil.rmtree(directory)
