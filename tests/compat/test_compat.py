"""The compatibility run: roots are made once and whole, interpreters are found, and what cannot be had is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.compat.__main__ import main
from tests.compat.pythons import find_python
from tests.compat.roots import Unavailable, make_root

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
MAKES = """#!/bin/sh
echo "$@" >>{log}
for root; do :; done
mkdir -p "$root/usr/sbin"
"""


def put(directory: Path, name: str, text: str) -> None:
    directory.mkdir(exist_ok=True)
    program = directory / name
    program.write_text(text)
    program.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is first on the PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    return directory


def test_a_root_is_made_once_and_starts_no_services(programs: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    put(programs, "debootstrap", MAKES.format(log=log))
    # What the second stage would start asks this file first.
    put(programs, "chroot", f'#!/bin/sh\n"$1/usr/sbin/policy-rc.d"\necho "status $?" >>{log}\n')
    said: list[str] = []
    root = make_root("sid", tmp_path / "cache", said.append)
    assert root == tmp_path / "cache/sid"
    assert (root / "usr/sbin/policy-rc.d").exists()
    first, second = log.read_text().splitlines()
    assert first.startswith("--foreign")
    assert "openvswitch-switch,ovn-central,ovn-host" in first
    assert second == "status 101"
    assert make_root("sid", tmp_path / "cache", said.append) == root
    assert len(said) == 1


def test_a_root_that_failed_is_none_and_is_begun_anew(programs: Path, tmp_path: Path) -> None:
    put(programs, "debootstrap", MAKES.format(log="/dev/null"))
    put(programs, "chroot", "#!/bin/sh\necho 'E: no such package' >&2\nexit 1\n")
    for _ in range(2):
        with pytest.raises(Unavailable, match="no root of sid: E: no such package"):
            make_root("sid", tmp_path / "cache", print)
        assert not (tmp_path / "cache/sid").exists()


def test_a_release_that_cannot_be_had_is_skipped_loudly(
    programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(programs, "debootstrap", "#!/bin/sh\necho 'E: Failed getting release file'\nexit 1\n")
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin: compat -->\n| Debian sid | 3.0 | kept |\n<!-- end: compat -->\nafter\n")
    assert main(["--release", "trixie", "--cache", str(tmp_path / "cache"), "--markdown", str(page)]) == 0
    row = f"Debian trixie  {VERSION}"
    assert row in capsys.readouterr().out
    shown = page.read_text()
    assert "| Debian sid | 3.0 | kept |\n" in shown
    assert (
        f"| Debian trixie | {VERSION} |  |  |  | SKIPPED: no root of trixie: E: Failed getting release file |" in shown
    )
    assert shown.startswith("before\n")
    assert shown.endswith("-->\nafter\n")


def test_an_interpreter_is_found_and_runs(tmp_path: Path) -> None:
    python = find_python(VERSION, (), tmp_path)
    said = subprocess.run([python, "-c", "import sys; print(sys.version)"], check=True, capture_output=True, text=True)
    assert said.stdout.startswith(f"{VERSION}.")


def test_one_that_does_not_run_is_passed_over(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the shims of pyenv, which are there for versions that are not."""
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    put(programs, "python3.99", "#!/bin/sh\nexit 127\n")
    with pytest.raises(Unavailable, match=r"no Python 3\.99"):
        find_python("3.99", (tmp_path,), tmp_path)
    put(tmp_path / "versions", "x", "")
    (tmp_path / "versions/3.99.1").mkdir()
    put(tmp_path / "versions/3.99.1/bin", "python3.99", "#!/bin/sh\necho Python 3.99.1\n")
    assert find_python("3.99", (), tmp_path) == tmp_path / "versions/3.99.1/bin/python3.99"
