"""``ovnkit central``: what it prints for people and for programs, and its exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ovnkit import deploy
from ovnkit.cli import main
from tests.deploy.members import Members, members


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Members, Path]]:
    """One member, and a file that describes it; its services run."""
    with members(1) as found:
        file = found.directory / "cluster.toml"
        file.write_text(deploy.dumps(found.listening("s1")))
        assert main(["central", "create", str(file)]) == 0
        yield found, file


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    """The exit status of a command and its JSON."""
    status = main([*words, "--json"])
    output, _ = capsys.readouterr()
    said: dict[str, Any] = json.loads(output) if output else {}
    return status, said


def test_what_is_made_has_nothing_to_do(made: tuple[Members, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _, file = made
    status, said = run(capsys, "central", "create", str(file), "--dry-run")
    assert (status, said["ok"]) == (0, True)
    assert {step["state"] for step in said["steps"]} == {"already done"}
    status, said = run(capsys, "deploy", "plan", str(file))
    assert (status, said["something_to_do"], said["central"]["ok"]) == (0, False, True)


def test_status_is_1_where_a_database_does_not_serve(
    made: tuple[Members, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found, file = made
    status, said = run(capsys, "central", "status", str(file))
    assert (status, said["ok"]) == (0, True)
    assert [(one["database"], one["model"], one["problem"]) for one in said["members"]] == [
        ("OVN_Northbound", "standalone", None),
        ("OVN_Southbound", "standalone", None),
    ]
    found.kill("s1", "ovnsb_db")
    try:
        status, said = run(capsys, "central", "status", str(file))
        assert (status, said["ok"]) == (1, False)
        assert said["members"][1]["problem"]["error"] == "HostFailed"
        assert main(["central", "status", str(file)]) == 1
        assert "asking the server of OVN_Southbound" in capsys.readouterr().out
    finally:
        assert main(["central", "create", str(file)]) == 0


def test_listeners_are_listed_added_and_removed(made: tuple[Members, Path], capsys: pytest.CaptureFixture[str]) -> None:
    found, file = made
    target = f"pssl:26641:{found.addresses['s1']}"
    assert run(capsys, "central", "listener", "add", str(file), "nb", target, "--dry-run")[0] == 2
    status, said = run(capsys, "central", "listener", "add", str(file), "nb", target, "--inactivity-probe", "5000")
    assert status == 0
    assert {change["column"] for change in said["changes"]} >= {"target", "inactivity_probe"}
    _, said = run(capsys, "central", "listener", "list", str(file), "nb")
    assert [(one["target"], one["inactivity_probe"]) for one in said["listeners"]] == [
        (target, 5000),
        (f"ptcp:6641:{found.addresses['s1']}", None),
    ]
    assert run(capsys, "central", "listener", "remove", str(file), "nb", target)[0] == 0
    assert run(capsys, "central", "listener", "remove", str(file), "nb", target) == (0, {"changes": []})


@pytest.mark.filterwarnings("default::ovnkit.ovsdb.OpenToAll")
def test_what_is_rarely_meant_is_warned_of_in_one_line(
    made: tuple[Members, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, file = made
    assert main(["central", "listener", "add", str(file), "sb", "pssl:26642", "--anywhere", "--dry-run"]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("ovnkit: warning: pssl:26642: ")
    assert errors.count("\n") == 1


def test_a_backup_and_the_way_back(
    made: tuple[Members, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, file = made
    status, said = run(capsys, "central", "backup", str(file), str(tmp_path))
    assert (status, [one["database"] for one in said["backups"]]) == (0, ["OVN_Northbound", "OVN_Southbound"])
    status, said = run(capsys, "central", "restore", str(file), str(tmp_path))
    assert (status, said["ok"]) == (0, True)
    status, said = run(capsys, "central", "convert", str(file), str(tmp_path))
    assert (status, said["ok"]) == (0, True)


def test_wrong_usage(made: tuple[Members, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, file = made
    assert main(["central", "join", str(file), "s9"]) == 64
    assert "it has s1" in capsys.readouterr().err
    assert main(["central", "election-timer", str(file), "soon"]) == 64
    assert main(["central", "listener", "add", str(file), "nbdb", "pssl:1"]) == 64
    capsys.readouterr()
    assert main(["central", "restore", str(file), str(tmp_path)]) == 1
    assert "No such file" in capsys.readouterr().err
    assert main(["central", "election-timer", str(file), "2000"]) == 1
    assert "is not clustered" in capsys.readouterr().err
    assert main(["central", "leave", str(file), "s1"]) == 1
    assert main(["central", "listener", "add", str(file), "nb", "nonsense"]) == 1
    capsys.readouterr()
    assert main(["central", "listener", "add", str(file), "nb", "pssl:26641"]) == 1
    assert "pssl:26641:ADDRESS" in capsys.readouterr().err


def test_certificates_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cluster.toml"
    member = '[[central.member]]\nhost = "a"\naddress = "192.0.2.1"\naccess = "local"\n'
    file.write_text(f'[central]\ntls = "pki"\n{member}')
    status, said = run(capsys, "deploy", "certify", str(file))
    assert status == 0
    assert [(one["name"], one["new"]) for one in said["certificates"]] == [("central-a", True), ("client-ovnkit", True)]
    assert Path(said["certificates"][0]["path"]).is_file()
    assert not any(one["new"] for one in run(capsys, "deploy", "certify", str(file))[1]["certificates"])
    assert all(one["new"] for one in run(capsys, "deploy", "certify", str(file), "--renew")[1]["certificates"])
    status, said = run(capsys, "deploy", "rotate", str(file), "--authority", "--dry-run")
    assert (status, {step["state"] for step in said["steps"]}) == (2, {"to do"})
    file.write_text(f"[central]\ninsecure = true\n{member}")
    assert main(["deploy", "rotate", str(file)]) == 1
    assert "central.tls" in capsys.readouterr().err
