"""``ovnkit deploy``: what it prints, its exit statuses, and its JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ovnkit import deploy
from ovnkit.cli import main
from tests.deploy.site import Site

FULL: dict[str, Any] = {"gateway": True, "options": {"ovn-monitor-all": True}}


@pytest.fixture
def file(site: Site, tmp_path: Path) -> Path:
    path = tmp_path / "cluster.toml"
    path.write_text(deploy.dumps(site.spec(ctl=FULL)), encoding="utf-8")
    return path


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    output, errors = capsys.readouterr()
    assert errors == ""
    return output


def test_plan_apply_plan_undo(site: Site, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = site.everything()
    assert main(["deploy", "plan", str(file)]) == 2
    assert printed(capsys) == f"{deploy.plan(deploy.load(file))}\n"
    assert site.everything() == before
    assert main(["deploy", "apply", str(file)]) == 0
    assert printed(capsys).endswith("3 hosts: 3 changed, 0 as they should be\n")
    assert site.ids("ctl")["ovn-monitor-all"] == "true"
    assert main(["deploy", "plan", str(file)]) == 0
    assert printed(capsys).endswith("3 hosts: 0 to change, 3 as they should be\n")
    assert Path(f"{file}.undo").exists()
    assert main(["deploy", "undo", str(file)]) == 0
    assert printed(capsys).endswith("3 hosts: 3 as before\n")
    assert site.everything() == before


def test_json_says_the_same(site: Site, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = str(tmp_path / "record")
    assert main(["deploy", "plan", str(file), "--json"]) == 2
    said = json.loads(printed(capsys))
    assert (said["ok"], said["something_to_do"]) == (True, True)
    (ctl, *_) = said["hosts"]
    assert (ctl["name"], ctl["problem"], ctl["step"], ctl["files"]) == ("ctl", None, None, [])
    assert {
        "action": "update", "table": "Open_vSwitch", "row": None, "column": "external_ids",
        "key": "ovn-monitor-all", "before": None, "after": "true",
    } in ctl["changes"]  # fmt: skip
    assert main(["deploy", "apply", str(file), "--json", "--record", record, "--at-once", "1"]) == 0
    said = json.loads(printed(capsys))
    assert (said["ok"], said["undo_record"]) == (True, record)
    site.put("ctl", {**site.ids("ctl"), "ovn-monitor-all": "false"})
    assert main(["deploy", "undo", str(file), "--json", "--record", record]) == 0
    said = json.loads(printed(capsys))
    (ctl,) = (host for host in said["hosts"] if host["name"] == "ctl")
    assert ctl["kept"] == [{"key": "ovn-monitor-all", "found": "false", "left": "true"}]


def test_a_host_that_fails_makes_it_1_and_the_others_are_done(
    site: Site, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = site.spec(ctl=FULL, cmp1={"ovsdb": f"unix:{site.directory}/none.sock"})
    file.write_text(deploy.dumps(broken), encoding="utf-8")
    assert main(["deploy", "plan", str(file), "--timeout", "3"]) == 1
    capsys.readouterr()
    assert main(["deploy", "apply", str(file), "--timeout", "3", "--json"]) == 1
    said = json.loads(printed(capsys))
    problems = {host["name"]: (host["step"], host["problem"] and host["problem"]["error"]) for host in said["hosts"]}
    assert problems == {"ctl": (None, None), "cmp1": ("read", "Timeout"), "cmp2": (None, None)}
    assert site.ids("cmp2")["system-id"] == "cmp2"


def test_verify_says_what_it_has_seen(site: Site, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "apply", str(file)]) == 0
    capsys.readouterr()
    assert main(["deploy", "verify", str(file), "--timeout", "1"]) == 1
    assert "NOT  ctl" in printed(capsys)
    assert main(["deploy", "verify", str(file), "--timeout", "1", "--json"]) == 1
    said = json.loads(printed(capsys))
    assert not said["ok"]
    assert {
        "host": "ctl",
        "what": "chassis registered",
        "expected": "ctl",
        "observed": "no Chassis row",
        "ok": False,
    } in (said["checks"])


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "cluster.toml: No such file"), ("[central]\n", "central.northbound"), ("nonsense", "TOML")],
)
@pytest.mark.parametrize("command", ["plan", "apply", "verify"])
def test_a_file_that_cannot_be_is_1_and_says_why(
    tmp_path: Path, command: str, text: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cluster.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert main(["deploy", command, str(path)]) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("ovnkit: ")
    assert said in errors


def test_undo_without_a_record_is_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "undo", str(tmp_path / "cluster.toml")]) == 1
    said = capsys.readouterr().err
    assert "cluster.toml.undo" in said
    assert "--record" in said


@pytest.mark.parametrize(
    "arguments",
    [["plan"], ["plan", "a", "b"], ["plan", "a", "--timeout", "0"], ["apply", "a", "--at-once", "0"], ["nonsense"], []],
    ids=" ".join,
)
def test_wrong_usage_is_64(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", *arguments]) == 64
    said = capsys.readouterr().err
    assert said.startswith("usage: ovnkit")
    assert "_count" not in said
    if "0" in arguments:
        assert "'0' is no number" in said


def test_some_files_of_tls_alone_are_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "plan", str(file), "--key", "k.pem"]) == 1
    assert "--cert" in capsys.readouterr().err
