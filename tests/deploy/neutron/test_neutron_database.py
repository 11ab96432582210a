"""Bringing Neutron's own database to its release, with a program that says what neutron-db-manage does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from ovnkit import deploy
from ovnkit.cli import main
from ovnkit.deploy import Spec, upgrade_neutron_database
from ovnkit.errors import Conflict, HostFailed, NeedsHost
from tests.deploy.neutron.clouds import cloud

# As that of 2026: revisions by branches, between what it says to people. $place has what the database is at.
PROGRAM = """\
#!/bin/sh
place=$(dirname "$0")
echo "$*" >>"$place/asked"
of=neutron
while case $1 in --config-file) shift ;; --subproject) of=$2; shift ;; *) false ;; esac; do shift; done
echo "INFO  [alembic.runtime.migration] Context impl MySQLImpl." >&2
echo "Running $1 for $of ..."
case $1 in
  heads) printf '%s (contract) (head)\\n%s (expand) (head)\\n' 5c85685d616d c7f8d9e0f1a2 ;;
  current) cat "$place/$of" 2>/dev/null ;;
  upgrade) cat "$place/upgraded" >"$place/$of" ;;
  has_offline_migrations)
    if [ -e "$place/offline" ]; then
      echo "Need to apply migrations from $of contract branch. This will require all Neutron server instances to be\
 shutdown before proceeding with the upgrade."
      exit 1
    fi
    echo "No offline migrations pending." ;;
esac
echo OK
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "neutron-db-manage").write_text(PROGRAM)
    (tmp_path / "neutron-db-manage").chmod(0o755)
    (tmp_path / "upgraded").write_text("5c85685d616d (head)\nc7f8d9e0f1a2 (expand) (head)\n")
    return tmp_path


def at(place: Path, **changed: Any) -> Spec:
    found = cloud(**changed)
    access = ("env", f"PATH={place}:{os.environ['PATH']}")
    return attrs.evolve(found, hosts=[attrs.evolve(host, access=access) for host in found.hosts])


def asked(place: Path) -> list[str]:
    """What the program was told, without its files."""
    return [line.partition("ml2_conf.ini ")[2] for line in (place / "asked").read_text().splitlines()]


def test_a_database_that_is_behind_is_upgraded_and_one_that_is_not_is_left_alone(place: Path) -> None:
    spec = at(place)
    foreseen = upgrade_neutron_database(spec, dry_run=True)
    assert [(step.what, step.state) for step in foreseen.steps] == [
        ("no neutron-server is in the way of changes to the tables of neutron", "already done"),
        ("the tables of neutron are those of its release", "to do"),
    ]
    assert "upgrade heads" not in asked(place)
    assert upgrade_neutron_database(spec)
    assert asked(place).count("upgrade heads") == 1
    assert {step.state for step in upgrade_neutron_database(spec).steps} == {"already done"}
    assert asked(place).count("upgrade heads") == 1


def test_networking_ovn_has_tables_of_its_own(place: Path) -> None:
    spec = at(place, release="queens")
    (place / "neutron").write_text((place / "upgraded").read_text())
    report = upgrade_neutron_database(spec)
    assert [step.state for step in report.steps] == ["already done", "already done", "already done", "done"]
    assert [line for line in asked(place) if "upgrade" in line] == ["--subproject networking-ovn upgrade heads"]


def test_changes_that_no_server_may_see_wait_until_none_runs(place: Path) -> None:
    spec = at(place, servers=["ctl", "cmp1"])
    (place / "offline").touch()
    server = place / "neutron-server"
    server.write_text("import time\nprint(flush=True)\ntime.sleep(60)\n")
    with subprocess.Popen([sys.executable, server], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            report = upgrade_neutron_database(spec)
            assert [step.state for step in report.steps] == ["failed", "not begun"]
            assert isinstance(report.problem, Conflict)
            assert "stop neutron-server on ctl, neutron-server on cmp1" in str(report.problem)
            with pytest.raises(Conflict, match="neutron-server runs"):
                upgrade_neutron_database(spec, dry_run=True)
            # Others it may see.
            (place / "offline").unlink()
            assert upgrade_neutron_database(spec, dry_run=True).ok
        finally:
            child.kill()
    (place / "offline").touch()
    nobody_can_tell = attrs.evolve(spec, hosts=[spec.hosts[0], attrs.evolve(spec.hosts[1], access=None)])
    assert isinstance(upgrade_neutron_database(nobody_can_tell).problem, NeedsHost)
    assert "upgrade heads" not in asked(place)
    assert upgrade_neutron_database(spec, "cmp1")


def test_who_only_reads_what_a_server_says_is_no_server(place: Path) -> None:
    (place / "offline").touch()
    log = place / "neutron-server"
    log.touch()
    with subprocess.Popen(["tail", "-f", "/dev/null", log], stderr=subprocess.DEVNULL) as reader:
        try:
            assert upgrade_neutron_database(at(place))
        finally:
            reader.kill()


def test_a_command_that_has_changed_too_little_is_told_from_one_that_is_done(place: Path) -> None:
    (place / "upgraded").write_text("c7f8d9e0f1a2 (expand) (head)\n")
    problem = upgrade_neutron_database(at(place)).problem
    assert isinstance(problem, Conflict)
    assert "they are at c7f8d9e0f1a2, and not at 5c85685d616d, c7f8d9e0f1a2" in str(problem)


def test_a_command_that_fails_has_what_it_said_but_for_passwords(place: Path) -> None:
    (place / "neutron-db-manage").write_text("#!/bin/sh\necho no mysql://neutron:Marker-4711@ctl/neutron >&2; exit 3\n")
    problem = upgrade_neutron_database(at(place)).problem
    assert isinstance(problem, HostFailed)
    assert (problem.status, "no mysql://***@ctl/neutron" in str(problem)) == (3, True)
    assert "4711" not in f"{problem!r} {problem.output} {problem.__cause__}"


def test_it_is_run_in_a_container_where_one_is_named(place: Path) -> None:
    (place / "docker").write_text('#!/bin/sh\n[ "$1 $2" = "exec neutron_server" ] && shift 2 && exec "$@"\n')
    (place / "docker").chmod(0o755)
    assert upgrade_neutron_database(at(place), within=["docker", "exec", "neutron_server"])
    assert "upgrade heads" in asked(place)


def test_it_takes_a_host_with_a_server_and_a_way_there(place: Path) -> None:
    with pytest.raises(KeyError, match="no neutron-server on 'cmp1' in the spec; it is on ctl"):
        upgrade_neutron_database(at(place), "cmp1")
    with pytest.raises(NeedsHost, match="upgrade heads"):
        upgrade_neutron_database(cloud())
    with pytest.raises(Conflict, match=r"no \[neutron\]"):
        upgrade_neutron_database(attrs.evolve(at(place), neutron=None))


def test_the_command_does_the_same(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = place / "cluster.toml"
    file.touch(mode=0o600)
    file.write_text(deploy.dumps(at(place), secrets=True))
    assert main(["deploy", "neutron-database", str(file), "--dry-run", "--json"]) == 2
    assert [step["state"] for step in json.loads(capsys.readouterr().out)["steps"]] == ["already done", "to do"]
    assert main(["deploy", "neutron-database", str(file), "ctl", "--within", "nice -n 1"]) == 0
    assert "done" in capsys.readouterr().out
    assert main(["deploy", "neutron-database", str(file), "--dry-run"]) == 0
    assert main(["deploy", "neutron-database", str(file), "cmp1"]) == 64
