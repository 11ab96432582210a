"""``ovnkit chassis``: what it prints, its exit statuses, and its JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ovnkit import Northbound, Southbound, deploy
from ovnkit.cli import main
from ovnkit.northbound import NBGlobal
from ovnkit.southbound import SBGlobal
from tests.deploy.site import Site


@pytest.fixture
def file(site: Site, tmp_path: Path) -> Path:
    """A cluster in which ovn-northd has nothing to do, so that it is not missed."""
    path = tmp_path / "cluster.toml"
    path.write_text(deploy.dumps(site.spec(ctl={"bridge_mappings": {"physnet1": "br-ex"}})), encoding="utf-8")
    central = deploy.load(path).central
    with Northbound.connect(central.northbound) as nb, nb.transaction() as tx:
        if not tx.find(NBGlobal):
            tx.insert(NBGlobal())
    with Southbound.connect(central.southbound) as sb, sb.transaction() as tx:
        if not tx.find(SBGlobal):
            tx.insert(SBGlobal())
    return path


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    output, errors = capsys.readouterr()
    assert errors == ""
    structure: dict[str, Any] = json.loads(output)
    return structure


def test_show_has_what_is_registered_and_what_is_missing(
    site: Site, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = deploy.load(file)
    name = spec.host("ctl").system_id
    site.add_chassis(name, encap_ip=spec.host("ctl").encap_ip, hostname="ctl")
    site.add_chassis("stranger\n", encap_ip="10.9.9.9", hostname="elsewhere")
    assert main(["chassis", "show", str(file)]) == 0
    printed = capsys.readouterr().out
    head, *lines = printed.splitlines()
    assert head.split() == ["chassis", "host", "encapsulation", "gateway", "carries", "nb_cfg", "state"]
    assert len(lines) == len(spec.hosts) + 1
    assert "missing" in printed
    assert "not in the file (elsewhere)" in printed
    assert main(["chassis", "show", str(file), "--json"]) == 0
    found = {one["name"]: one for one in said(capsys)["chassis"]}
    assert (found[name]["host"], found[name]["registered"]) == ("ctl", True)
    assert found[name]["encaps"] == [f"geneve {spec.host('ctl').encap_ip}"]
    assert found["stranger\n"]["host"] is None
    missing = found[spec.host("cmp1").system_id]
    assert (missing["host"], missing["registered"], missing["state"]) == ("cmp1", False, "missing")


def test_a_sequence_with_nothing_to_do(site: Site, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = deploy.load(file)
    site.add_chassis(spec.host("ctl").system_id, encap_ip="192.0.2.9", hostname="ctl")
    assert main(["chassis", "evacuate", str(file), "ctl"]) == 0
    output = capsys.readouterr().out
    assert output == f"{deploy.evacuate(spec, 'ctl', dry_run=True)}\n"
    site.remove_chassis(spec.host("ctl").system_id)
    assert main(["chassis", "evacuate", str(file), "ctl"]) == 1
    assert "no chassis" in capsys.readouterr().err
    for command in (["remove", "ctl", "--gone"], ["remove", "ctl", "--gone", "--force"]):
        assert main(["chassis", command[0], str(file), *command[1:], "--dry-run", "--json"]) == 0
        structure = said(capsys)
        assert structure["ok"]
        assert {step["state"] for step in structure["steps"]} == {"already done"}


def test_a_dry_run_with_something_to_do_changes_nothing(
    site: Site, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy.plan(deploy.load(file)).apply()
    name = deploy.load(file).host("ctl").system_id
    site.add_chassis(name, encap_ip="10.9.9.9", hostname="ctl")
    before = site.everything()
    for command in (["remove", "ctl"], ["move-physnet", "ctl", "physnet1", "br-9"]):
        assert main(["chassis", command[0], str(file), *command[1:], "--dry-run"]) == 2
        assert "to do" in capsys.readouterr().out
    assert site.everything() == before


def test_what_fails_is_said_with_its_step(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chassis", "move-physnet", str(file), "ctl", "physnet1", "br-none", "--timeout", "3", "--json"]) == 1
    structure = said(capsys)
    (failed,) = [step for step in structure["steps"] if step["state"] == "failed"]
    assert (structure["ok"], failed["problem"]["error"]) == (False, "Timeout")


def test_a_host_that_is_no_chassis_is_not_renamed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chassis", "rename", str(file), "ctl"]) == 1
    assert "has no system-id yet" in capsys.readouterr().err


def test_wrong_usage(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chassis", "evacuate", str(file)]) == 64
    assert main(["chassis", "evacuate", str(file), "nobody"]) == 64
    assert "nobody" in capsys.readouterr().err


def test_take_over_names_what_needs_the_host(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chassis", "take-over", str(file), "cmp1", "--json", "--timeout", "2"]) == 1
    structure = said(capsys)
    assert [step["problem"]["error"] for step in structure["steps"] if step["state"] == "failed"] == ["NeedsHost"]
    assert (structure["ports"], structure["namespaces"], structure["given_back"]) == ([], [], None)
    assert main(["chassis", "give-back", str(file), "cmp1", "--record", str(tmp_path / "none"), "--json"]) == 1
    assert f"{tmp_path / 'none'}: no undo record of a take-over; --record" in capsys.readouterr().err


def test_reconcile_says_whose_each_port_is(site: Site, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with site.vswitch("cmp1") as vs, vs.transaction() as tx:
        for bridge in ("br-a", "br-b"):
            tx.add_bridge(bridge)
        tx.add_port("br-a", "to-b", type="patch", options={"peer": "to-a"})
        tx.add_port("br-b", "to-a", type="patch", options={"peer": "to-b"})
    assert main(["chassis", "reconcile", str(file), "cmp1", "--force", "--dry-run", "--json"]) in (0, 2)
    ports = {port["port"]: (port["bridge"], port["kind"], port["state"]) for port in said(capsys)["ports"]}
    assert ports == {"to-b": ("br-a", "foreign", "kept"), "to-a": ("br-b", "foreign", "kept")}
