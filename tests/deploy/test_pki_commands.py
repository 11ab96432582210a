"""``ovnkit pki``: what it prints, its exit statuses, and its JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ovnkit.cli import main
from ovnkit.deploy import pki


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    output, errors = capsys.readouterr()
    assert errors == ""
    structure: dict[str, Any] = json.loads(output)
    return structure


@pytest.fixture
def directory(tmp_path: Path) -> str:
    directory = str(tmp_path / "pki")
    pki.create_authority(directory)
    return directory


def test_an_authority_is_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = str(tmp_path / "pki")
    assert main(["pki", "ca", directory, "--common-name", "ours", "--days", "100"]) == 0
    assert capsys.readouterr().out.startswith("changed  ca: CN=ours, authority, by ours, until 20")
    assert main(["pki", "ca", directory, "--json"]) == 0
    structure = said(capsys)
    assert (structure["name"], structure["changed"]) == ("ca", False)
    assert structure["certificate"]["authority"]
    assert Path(structure["ca"]).read_text().count("BEGIN CERTIFICATE") == 1
    assert main(["pki", "ca", directory, "--common-name", "mine"]) == 1
    assert "there is another authority" in capsys.readouterr().err


def test_a_certificate_is_issued_and_kept(directory: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["pki", "issue", directory, "central-ctl", "--name", "192.0.2.10", "--name", "nb.example", "--server"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        "changed  central-ctl: CN=central-ctl (nb.example, 192.0.2.10), client, server, by OVN authority"
    )
    assert main([*command, "--json"]) == 0
    structure = said(capsys)
    assert structure["changed"] is False
    assert structure["certificate"]["usage"] == ["client", "server"]
    assert structure["certificate"]["key_matches"] is True
    assert all(Path(structure[kind]).is_file() for kind in ("key", "cert", "ca"))
    assert main([*command, "--renew", "--json"]) == 0
    assert said(capsys)["changed"] is True
    assert main(["pki", "issue", directory, "chassis-cmp1", "--common-name", "cmp1", "--days", "10"]) == 0
    assert "CN=cmp1, client, by" in capsys.readouterr().out
    assert main(["pki", "issue", directory, "chassis-cmp1", "--common-name", "cmp2"]) == 1
    assert "its CN is 'cmp1', not 'cmp2'; renew replaces it" in capsys.readouterr().err


def test_show_takes_many_files_and_bundles(directory: str, capsys: pytest.CaptureFixture[str]) -> None:
    one = str(pki.issue(directory, "one").cert)
    pki.prepare_authority(directory)
    bundle = f"{directory}/cacert.pem"
    assert main(["pki", "show", one, bundle]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [one, bundle, bundle]
    assert main(["pki", "show", one, bundle, "--json"]) == 0
    files = said(capsys)["files"]
    assert [found["common_name"] for found in files[one]] == ["one"]
    assert [found["authority"] for found in files[bundle]] == [True, True]
    assert main(["pki", "show", f"{directory}/none.pem"]) == 1
    assert f"{directory}/none.pem: No such file" in capsys.readouterr().err
    assert main(["pki", "show", f"{directory}/one/key.pem"]) == 1
    errors = capsys.readouterr().err
    assert "file.certificate" in errors
    assert "BEGIN" not in errors


def test_check_of_a_directory_says_whether_there_is_something_to_do(
    directory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pki.issue(directory, "one")
    assert main(["pki", "check", directory]) == 0
    assert capsys.readouterr().out == "ca: ok\none: ok\n"
    pki.issue(directory, "two").key.chmod(0o640)
    assert main(["pki", "check", directory, "--json"]) == 1
    found = said(capsys)["certificates"]
    assert found["one"] == []
    assert [(one["rule"], one["severity"]) for one in found["two"]] == [("key-mode", "refuse")]
    assert found["two"][0].keys() == {"rule", "severity", "seen", "why", "mend"}


def test_check_of_files(directory: str, capsys: pytest.CaptureFixture[str]) -> None:
    both = pki.issue(directory, "both", common_name="cmp1", names=["192.0.2.10"], usage=["server", "client"])
    files = ["--key", str(both.key), "--cert", str(both.cert), "--ca", str(both.ca)]
    assert main(["pki", "check", *files, "--name", "192.0.2.10", "--usage", "server"]) == 0
    assert capsys.readouterr().out == f"{both.cert}: ok\n"
    assert main(["pki", "check", *files, "--system-id", "cmp1"]) == 2
    assert "warn    chassis-serves" in capsys.readouterr().out
    assert main(["pki", "check", *files, "--system-id", "cmp2", "--name", "192.0.2.11"]) == 1
    printed = capsys.readouterr().out
    assert "refuse  system-id" in printed
    assert "refuse  name" in printed


@pytest.mark.parametrize(
    "arguments",
    [
        ["pki"],
        ["pki", "ca"],
        ["pki", "ca", "DIR", "--prepare", "--switch"],
        ["pki", "ca", "DIR", "--days", "0"],
        ["pki", "issue", "DIR"],
        ["pki", "issue", "DIR", "a", "--days", "nan"],
        ["pki", "issue", "DIR", "a", "--days", "x"],
        ["pki", "show"],
        ["pki", "check"],
        ["pki", "check", "DIR", "--key", "k", "--cert", "c", "--ca", "a"],
        ["pki", "check", "DIR", "--system-id", "cmp1"],
        ["pki", "check", "--key", "k", "--cert", "c"],
        ["pki", "check", "--key", "k", "--cert", "c", "--ca", "a", "--usage", "both"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 64
    assert capsys.readouterr().err


def test_one_authority_follows_another(directory: str, capsys: pytest.CaptureFixture[str]) -> None:
    def step(*arguments: str, status: int = 0) -> str:
        assert main(["pki", *arguments]) == status
        output, errors = capsys.readouterr()
        return output + errors

    step("issue", directory, "one")
    assert step("ca", directory, "--prepare").startswith("changed  next-ca:")
    assert step("issue", directory, "one").startswith("kept")
    assert step("ca", directory, "--switch").startswith("changed  ca:")
    assert "still in use" in step("ca", directory, "--retire", status=1)
    assert step("issue", directory, "one").startswith("changed")
    assert step("ca", directory, "--retire").startswith("changed  ca:")
    assert step("ca", directory, "--retire").startswith("kept     ca:")
