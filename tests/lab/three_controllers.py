"""A cluster of three controllers and three compute nodes, deployed from one file, and what may become of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from ovnkit import Northbound, deploy
from ovnkit.deploy import Central, Spec, central
from ovnkit.errors import OvnkitError
from ovnkit.lab import Lab
from ovnkit.northbound import NB, LogicalSwitch
from ovnkit.ovsdb import schema_of
from ovnkit.southbound import SB, Chassis, ChassisPrivate, Encap
from tests.lab.gaps import pings

__all__ = [
    "CONTROLLERS",
    "FLOATING_IP",
    "Writer",
    "convert",
    "kill_leader",
    "leader",
    "nothing_stale",
    "restore",
    "three_controllers",
    "writing",
]

CONTROLLERS = ("ctl1", "ctl2", "ctl3")
FLOATING_IP = "203.0.113.100"
_FILE = Path(__file__).parents[2] / "examples" / "controllers.toml"
_SECONDS = 60.0


@contextmanager
def three_controllers(*, tls: bool = True) -> Iterator[tuple[Lab, Spec]]:
    """The lab with what ``examples/controllers.toml`` describes; a virtual machine is reached by its floating IP.

    Without ``tls`` it is there in plain TCP, and the spec says what it is to become.
    """
    with tempfile.TemporaryDirectory(prefix="ovnkit-pki-") as directory:
        file = Path(shutil.copy(_FILE, directory))
        with Lab.from_spec(deploy.load(file)) as lab:
            spec = first = lab.spec
            if tls:
                deploy.certify(spec)
            else:
                first = attrs.evolve(spec, central=Central(members=spec.central.members, insecure=True))
            report = deploy.plan(first).apply()
            assert report, str(report)
            _build(lab, spec)
            yield lab, spec


def _build(lab: Lab, spec: Spec) -> None:
    nb = lab.northbound
    nb.add_switch("web", subnet="10.0.0.0/24")
    nb.add_router("r")
    nb.connect_router("web", "r", networks=["10.0.0.1/24"])
    nb.add_provider_network("physnet1", port="provnet")
    nb.connect_router("physnet1", "r", networks=["203.0.113.10/24"], router_port="r-out")
    nb.set_gateway("r-out", *(spec.host(name).system_id for name in CONTROLLERS))
    lab.add_vm("vm1", host="cmp1", switch="web", address="10.0.0.5/24", gateway="10.0.0.1")
    nb.add_floating_ip("r", external_ip=FLOATING_IP, logical_ip="10.0.0.5")
    nb.sync("hv", timeout=30)
    with pings(lab.vm("vm1"), lab.outside.address):
        """Until answers come."""


def leader(spec: Spec, database: str = "OVN_Southbound") -> str:
    """The controller that leads a database."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = [one.host for one in central.status(spec) if one.database == database and one and one.leader]
        if len(found) == 1:
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"{database} has no leader: {central.status(spec)}")


def kill_leader(lab: Lab, database: str = "OVN_Southbound") -> str:
    """SIGKILL for the server of the controller that leads a database; its name."""
    name = leader(lab.spec, database)
    stem = {"OVN_Northbound": "ovnnb_db", "OVN_Southbound": "ovnsb_db"}[database]
    os.kill(int((lab.directory / name / f"{stem}.pid").read_text()), signal.SIGKILL)
    return name


def restore(lab: Lab, directory: Path) -> None:
    """Build both databases anew from a backup that is taken now."""
    assert central.backup(lab.spec, directory)
    report = central.restore(lab.spec, directory, timeout=_SECONDS)
    assert report, str(report)


def convert(lab: Lab, directory: Path) -> None:
    """Bring both databases to the newest schemas that ovnkit knows; where they have these, to newer ones still."""
    installed = {one.database: one.schema_version for one in central.status(lab.spec)}
    schemas = {}
    for database, schema in ((central.NORTHBOUND, schema_of(NB)), (central.SOUTHBOUND, schema_of(SB))):
        made = schema.to_json()
        major = int(installed[database.name].partition(".")[0])
        if _numbers(schema.version) <= _numbers(installed[database.name]):
            made["version"] = f"{major + 1}.0.0"
            made["tables"]["Connection"]["columns"]["later"] = {"type": "string"}
        schemas[database] = json.dumps(made)
    report = central.convert(lab.spec, directory, schemas=schemas, timeout=_SECONDS)
    assert report, str(report)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def nothing_stale(lab: Lab, spec: Spec) -> None:
    """Assert that the databases know of the hosts of the lab, of each once, and of nothing else."""
    sb = lab.southbound
    names = sorted(host.system_id for host in spec.hosts)
    assert sorted(row.name for row in sb.find(Chassis)) == names
    assert sorted(row.name for row in sb.find(ChassisPrivate)) == names
    assert sorted(row.ip for row in sb.find(Encap)) == sorted(host.encap_ip for host in spec.hosts)
    assert not sb.stale_chassis()
    for status in central.status(spec):
        assert status, str(status)
        addresses = [peer.address for peer in status.peers]
        assert len(addresses) == len(set(addresses)) == len(CONTROLLERS), str(status)


@attrs.define
class Writer:
    """How writes of a client by TLS went, one after the other: the moments at which they were applied, and errors."""

    applied: list[float] = attrs.field(factory=list[float])
    errors: list[OvnkitError] = attrs.field(factory=list[OvnkitError])

    @property
    def longest_gap(self) -> float:
        """The longest time between two that were applied, in seconds."""
        return max(after - before for before, after in zip(self.applied, self.applied[1:], strict=False))


@contextmanager
def writing(spec: Spec, *, pause: float = 0.02) -> Iterator[Writer]:
    """Write to Northbound, over TLS, while the block runs; afterwards all of it is looked for there."""
    writer, stop = Writer(), threading.Event()
    tls = deploy.client_tls(spec)
    with Northbound.connect(spec.central.northbound, tls=tls, timeout=30) as nb:

        def write() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                try:
                    nb.add_switch(f"written-{number}")
                except OvnkitError as exc:
                    writer.errors.append(exc)
                else:
                    writer.applied.append(time.monotonic())
                stop.wait(pause)

        thread = threading.Thread(target=write)
        thread.start()
        try:
            yield writer
            # One more, which everything before has to be over for.
            count, deadline = len(writer.applied), time.monotonic() + 30
            while len(writer.applied) == count and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            stop.set()
            thread.join()
        written = [row for row in nb.find(LogicalSwitch) if row.name.startswith("written-")]
        assert len(written) == len({row.name for row in written}) == len(writer.applied)
        with nb.transaction() as tx:
            for row in written:
                tx.delete(row)
