"""``ovnkit render``: what it prints and writes, its exit statuses, its JSON; and no secret in any of it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import attrs
import pytest

from ovnkit import deploy
from ovnkit.cli import main
from tests.deploy.neutron.clouds import MARKER, cloud

WRITTEN = ("neutron.conf", "ml2_conf.ini", "neutron_ovn_metadata_agent.ini")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    spec = cloud()
    hosts = [attrs.evolve(host, access="local" if host.name == "ctl" else None) for host in spec.hosts]
    path = tmp_path / "cluster.toml"
    path.touch(0o600)
    path.write_text(deploy.dumps(attrs.evolve(spec, hosts=hosts), secrets=True), encoding="utf-8")
    return path


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    output, errors = capsys.readouterr()
    assert errors == ""
    assert "4711" not in output
    return output


def test_it_prints_the_files_of_a_host_and_what_to_run_then(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(file), "ctl"]) == 0
    said = printed(capsys)
    assert said.startswith("# /etc/neutron/neutron.conf, mode 0640\n[DEFAULT]\ncore_plugin = ml2\n")
    assert "# /etc/neutron/neutron_ovn_metadata_agent.ini, mode 0600\n" in said
    assert "metadata_proxy_shared_secret = ***\n" in said
    assert (
        "\n# then, on one host with neutron-server: neutron-db-manage --config-file /etc/neutron/neutron.conf" in said
    )
    assert main(["render", str(file), "cmp1"]) == 0
    assert "db-manage" not in printed(capsys)


def test_it_writes_below_a_directory_and_the_second_time_nothing(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "out"
    arguments = ["render", str(file), "ctl", "--output", str(there)]
    assert main([*arguments, "--dry-run"]) == 2
    assert not there.exists()
    would = printed(capsys)
    assert main(arguments) == 0
    assert printed(capsys) == would
    found = {path.name: path for path in there.rglob("*") if path.is_file()}
    assert found.keys() == set(WRITTEN)
    assert stat.S_IMODE(found["neutron_ovn_metadata_agent.ini"].stat().st_mode) == 0o600
    assert "4711" in found["neutron_ovn_metadata_agent.ini"].read_text()
    for again in (arguments, [*arguments, "--dry-run"]):
        assert main(again) == 0
        assert printed(capsys) == "no changes\n"
    found["ml2_conf.ini"].write_text("[ovn]\novn_l3_scheduler = chance\n# mine\n")
    assert main([*arguments, "--dry-run", "--json"]) == 2
    said = json.loads(printed(capsys))
    (edit,) = said["files"]
    change = {"section": "ovn", "name": "ovn_l3_scheduler", "before": "chance", "after": "leastloaded"}
    assert said["something_to_do"]
    assert change in edit["settings"]
    assert (edit["made"], edit["replaced"], edit["mode"], edit["owner"]) == (False, False, None, None)


def test_json_says_the_same_without_secrets(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(file), "ctl", "--json"]) == 0
    said = json.loads(printed(capsys))
    assert [(one["path"].rpartition("/")[2], one["mode"]) for one in said["files"]] == list(
        zip(WRITTEN, ("0640", "0640", "0600"), strict=True)
    )
    assert "metadata_proxy_shared_secret = ***" in said["files"][2]["text"]
    assert said["database_commands"][0].startswith("neutron-db-manage")


def test_into_the_files_of_the_host_needs_the_host(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(file), "cmp1", "--merge"]) == 1
    assert "cmp1 --output /" in capsys.readouterr().err


def test_it_looks_at_the_files_of_the_host(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(file), "ctl", "--merge", "--dry-run"]) == 2
    assert "file /etc/neutron/neutron.conf" in printed(capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["ctl", "--output"],
        ["cmp9"],
        ["ctl", "--dry-run"],
        ["ctl", "--merge", "--output", "x"],
        ["ctl", "--nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_64(file: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(file), *arguments]) == 64
    assert capsys.readouterr().out == ""


def test_a_file_with_a_secret_that_all_may_read_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.chmod(0o644)
    assert main(["render", str(file), "ctl"]) == 1
    said = capsys.readouterr().err
    assert "mode 0600" in said
    assert MARKER not in said


def test_for_kolla_it_is_what_its_containers_read(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", str(file), "cmp1", "--kolla"]) == 0
    said = printed(capsys)
    assert "# /etc/kolla/ovn-controller/config.json, mode 0640\n{\n" in said
    assert "# /etc/kolla/neutron-ovn-metadata-agent/neutron_ovn_metadata_agent.ini, mode 0600\n" in said
    assert main(["render", str(file), "ctl", "--kolla"]) == 0
    assert "neutron-db-manage" not in printed(capsys)
    assert main(["render", str(file), "--kolla", "--output", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/etc/kolla/globals.d/ovnkit.yml").read_text().startswith("---\nneutron_plugin_agent:")
    assert main(["render", str(file), "cmp1", "--kolla", "--merge"]) == 1
    assert "cmp1 --kolla --output /" in capsys.readouterr().err


def test_without_neutron_there_is_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(deploy.dumps(attrs.evolve(cloud(), neutron=None)))
    assert main(["render", str(file), "ctl"]) == 0
    assert printed(capsys) == "# nothing for ctl\n"
