"""Rendered files on a host: looked at, merged, written; modes and owners; nothing of a secret on the way."""

from __future__ import annotations

import logging
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest

from ovnkit import deploy
from ovnkit.deploy import IniFile, Rendered, Secret, TextFile, open_host, plan_files, render
from ovnkit.deploy.host import CommandHost
from ovnkit.deploy.neutron.ini import Setting
from ovnkit.deploy.rendered import below
from ovnkit.errors import Conflict, HostFailed
from tests.deploy.neutron.clouds import MARKER, cloud

HOST = open_host("local", "ctl")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")


def files(directory: Path, host: str = "ctl") -> tuple[Rendered, ...]:
    rendered = below(render(cloud(), host), str(directory))
    for file in rendered:
        Path(file.path).parent.mkdir(parents=True, exist_ok=True)
    return rendered


def mode(path: Path | str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


def test_files_that_are_not_there_are_made_once_with_their_modes(tmp_path: Path) -> None:
    wanted = files(tmp_path)
    plan = plan_files(wanted, HOST)
    assert plan
    assert [Path(file.path).exists() for file in wanted] == [False] * 3
    assert str(plan.apply()) == str(plan)
    assert [Path(file.path).read_text() for file in wanted] == [file.text for file in wanted]
    assert [mode(file.path) for file in wanted] == [0o640, 0o640, 0o600]
    again = plan_files(wanted, HOST)
    assert not again
    assert str(again) == "no changes"
    assert not again.apply()
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "ml2_conf.ini",
        "neutron.conf",
        "neutron_ovn_metadata_agent.ini",
    ]


def test_what_is_there_stays_and_the_plan_says_what_does_not(tmp_path: Path) -> None:
    main, ml2, metadata = files(tmp_path)
    Path(main.path).write_text(
        "[DEFAULT]\nservice_plugins = router,qos\n[database]\nconnection = mysql://u:pass@h/db\n"
    )
    Path(main.path).chmod(0o604)
    Path(metadata.path).write_text("[DEFAULT]\nmetadata_proxy_shared_secret = before-4711\n# mine\n")
    Path(metadata.path).chmod(0o644)
    plan = plan_files((main, ml2, metadata), HOST)
    shown = str(plan)
    assert "ecret-4711" not in shown + repr(plan)
    assert "before-4711" not in shown + repr(plan)
    assert "pass" not in shown + repr(plan)
    assert f"~ file {main.path}\n  + [DEFAULT] core_plugin = ml2\n" in shown
    assert "  ~ [DEFAULT] service_plugins = router,qos -> ovn-router,qos\n" in shown
    assert f"+ file {ml2.path}\n  + [ml2] type_drivers" in shown
    assert "  ~ [DEFAULT] metadata_proxy_shared_secret = *** -> ***\n" in shown
    assert "  ~ mode 0644 -> 0600" in shown
    plan.apply()
    assert Path(main.path).read_text() == (
        "[DEFAULT]\nservice_plugins = ovn-router,qos\ncore_plugin = ml2\n[database]\nconnection = mysql://u:pass@h/db\n"
    )
    assert mode(main.path) == 0o604
    assert mode(metadata.path) == 0o600
    assert "# mine\n" in Path(metadata.path).read_text()


def test_a_mode_that_lets_others_read_a_secret_is_a_change(tmp_path: Path) -> None:
    (*_, metadata) = files(tmp_path)
    plan_files([metadata], HOST).apply()
    Path(metadata.path).chmod(0o640)
    plan = plan_files([metadata], HOST)
    assert str(plan) == f"~ file {metadata.path}\n  ~ mode 0640 -> 0600"
    plan.apply()
    assert mode(metadata.path) == 0o600


@AS_ROOT
def test_a_file_with_a_secret_goes_to_the_user_who_reads_it_and_others_stay_whose_they_are(tmp_path: Path) -> None:
    main, _, metadata = files(tmp_path)
    Path(main.path).write_text("[DEFAULT]\n")
    shutil.chown(main.path, "root", "nogroup")
    main, metadata = (attrs.evolve(file, owner="nobody") for file in (main, metadata))
    plan_files([main, metadata], HOST).apply()
    assert (Path(main.path).owner(), Path(main.path).group()) == ("root", "nogroup")
    assert Path(metadata.path).owner() == "nobody"
    assert not plan_files([main, metadata], HOST)
    shutil.chown(metadata.path, "root")
    assert "  ~ owner root:" in str(plan_files([metadata], HOST))


def test_a_file_that_is_something_else_stops_it_before_anything_is_written(tmp_path: Path) -> None:
    main, ml2, metadata = files(tmp_path)
    Path(metadata.path).write_text("<xml>")
    plan = attrs.evolve(plan_files([main], HOST), files=(main, ml2, metadata))
    with pytest.raises(Conflict, match=r"neutron_ovn_metadata_agent\.ini, line 1"):
        plan.apply()
    assert not Path(main.path).exists()


def test_a_file_that_is_ours_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    file = TextFile(path=str(path), content="{}\n")
    assert str(plan_files([file], HOST)) == f"+ file {path}\n  + mode 0644"
    path.write_text("[]\n")
    assert str(plan_files([file], HOST).apply()) == f"~ file {path}\n  ~ its text"
    assert path.read_text() == "{}\n"
    secret = TextFile(path=str(path), content=Secret(MARKER))
    plan_files([secret], HOST).apply()
    assert (path.read_text(), mode(path)) == (MARKER, 0o600)
    assert "4711" not in repr(secret) + str(secret)


@attrs.define
class Watched:
    """The local machine; notes what it is asked to run."""

    host: CommandHost = HOST
    said: list[str] = attrs.field(factory=list[str])
    name: str = "ctl"

    def run(self, argv: Sequence[str], *, stdin: str = "", timeout: float = 30.0) -> str:
        self.said.append(repr((argv, stdin)))
        return self.host.run(argv, stdin=stdin, timeout=timeout)

    def read(self, path: str) -> str | None:
        return self.host.read(path)

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        self.said.append(repr((path, mode)))
        self.host.write(path, text, mode=mode)


def test_a_secret_is_in_no_command_and_no_error(tmp_path: Path) -> None:
    (*_, metadata) = files(tmp_path)
    host = Watched()
    plan_files([metadata], host).apply()
    assert repr((metadata.path, 0o600)) in host.said
    nowhere = attrs.evolve(metadata, path=str(tmp_path / "none" / "x.ini"))
    with pytest.raises(HostFailed) as caught:
        plan_files([nowhere], host).apply()
    for text in (*host.said, str(caught.value), repr(vars(caught.value))):
        assert "4711" not in text


def test_a_secret_of_the_spec_is_on_the_disk_for_its_owner_alone_and_in_nothing_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    toml = tmp_path / "cluster.toml"
    toml.touch(0o600)
    toml.write_text(deploy.dumps(cloud(), secrets=True))
    spec = deploy.load(toml)
    wanted = below(
        deploy.render(spec, "ctl") + deploy.kolla.files(spec, "ctl") + deploy.kolla.variables(spec), f"{tmp_path}/"
    )
    for file in wanted:
        Path(file.path).parent.mkdir(parents=True, exist_ok=True)
    # As /proc/PID/cmdline has it, of each process that is started.
    shown = tmp_path / "cmdlines"
    record = f'tr "\\0" "\\n" </proc/$$/cmdline >>{shown} && exec "$@"'
    host = Watched(CommandHost("ctl", ("sh", "-c", record, "sh")))
    plan = plan_files(wanted, host)
    done = plan.apply()
    assert str(wanted[0].path) in shown.read_text()
    # In the spec as it is, and in the files as oslo.config has it.
    found = [path for path in tmp_path.rglob("*") if path.is_file() and "ecret-4711" in path.read_text()]
    assert len(found) == 3
    assert {mode(path) for path in found} == {0o600}
    said = (*host.said, caplog.text, *(show(one) for one in (spec, wanted, plan, done) for show in (str, repr)))
    assert [text for text in said if "ecret-4711" in text] == []


def test_an_ini_file_of_ones_own_is_one_of_them(tmp_path: Path) -> None:
    setting = Setting(section="neutron", name="metadata_proxy_shared_secret", value=Secret("x"))
    nova = IniFile(path=str(tmp_path / "nova.conf"), settings=(setting,), mode=0o640)
    plan_files([nova], HOST).apply()
    assert mode(nova.path) == 0o600
