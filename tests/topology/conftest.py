"""Real central databases, for networks that nothing runs, and a lab."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovnkit import topology
from ovnkit.errors import LabError
from ovnkit.lab import Lab, requirements
from ovnkit.northbound import Northbound
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import Southbound
from ovnkit.topology import Topology
from ovnkit.vswitch import VSwitch
from tests.topology import chromium

from .networks import populate


@pytest.fixture(scope="session")
def browser() -> Iterator[chromium.Browser]:
    with chromium.browser() as found:
        yield found


@pytest.fixture
def nb(tmp_path: Path) -> Iterator[Northbound]:
    with (
        Server(tmp_path / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=tmp_path, name="nb") as server,
        Northbound.connect(server.remote, timeout=10) as client,
    ):
        yield client


@pytest.fixture
def sb(tmp_path: Path) -> Iterator[Southbound]:
    with (
        Server(tmp_path / "sb.db", find_schema("ovn-sb.ovsschema"), run_dir=tmp_path, name="sb") as server,
        Southbound.connect(server.remote, timeout=10) as client,
    ):
        yield client


@pytest.fixture
def vswitch(tmp_path: Path) -> Iterator[VSwitch]:
    with (
        Server(tmp_path / "vs.db", find_schema("vswitch.ovsschema"), run_dir=tmp_path, name="vs") as server,
        VSwitch.connect(server.remote, timeout=10) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    """3 routers, 12 switches and one outside, 300 ports, 10 floating IPs, 5 hosts."""
    run_dir = tmp_path_factory.mktemp("network")
    with (
        Server(run_dir / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=run_dir, name="nb") as nb_server,
        Server(run_dir / "sb.db", find_schema("ovn-sb.ovsschema"), run_dir=run_dir, name="sb") as sb_server,
        Northbound.connect(nb_server.remote, timeout=10) as nb,
        Southbound.connect(sb_server.remote, timeout=10) as sb,
    ):
        populate(nb, sb)
        yield topology.of(nb, sb)


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab with one compute node, recorded where others do not see it."""
    try:
        requirements.check()
    except LabError as error:
        pytest.skip(f"no lab here: {error}")
    # Short: the path of a Unix socket in it has at most 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVNKIT_LAB_DIR", str(directory))
        with Lab(hosts=("ctl", "cmp1")) as found:
            yield found
    shutil.rmtree(directory)
