"""A host beyond its database: commands, files, and what is refused."""

from __future__ import annotations

import stat
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovnkit.deploy.host import CommandHost, open_host
from ovnkit.errors import HostFailed, InvalidValue

LOCAL = open_host("local", "here")
# As ssh hands a command on: one text, to a shell.
QUOTED = CommandHost("there", ("sh", "-c", 'exec sh -c "$1"', "sh"), quoted=True)
EVERY = pytest.mark.parametrize(
    "host", [LOCAL, QUOTED, open_host(["env", "LC_ALL=C"], "env")], ids=lambda host: host.name
)


@EVERY
def test_a_command_gets_its_words_as_they_are_and_its_output_is_returned(host: CommandHost) -> None:
    words = ["a b", "$HOME", "'", '"', "*", "; echo x", "é", "--"]
    assert host.run(["printf", "%s\n", *words]).split("\n") == [*words, ""]
    assert host.run(["cat"], stdin="line\nother") == "line\nother"


@EVERY
def test_a_command_that_fails_is_an_error_with_what_it_said(host: CommandHost) -> None:
    with pytest.raises(HostFailed, match="ended with status 3: no such thing") as caught:
        host.run(["sh", "-c", "echo no such thing >&2; exit 3"])
    assert (caught.value.host, caught.value.status) == (host.name, 3)


def test_a_command_that_does_not_end_is_killed_with_what_it_has_started() -> None:
    began = time.monotonic()
    with pytest.raises(HostFailed, match=r"no end within 0\.3 s") as caught:
        LOCAL.run(["sh", "-c", "sleep 54321 & wait"], timeout=0.3)
    assert time.monotonic() - began < 5
    assert caught.value.status is None
    assert subprocess.run(["pgrep", "-f", "sleep 54321"], check=False, capture_output=True).stdout == b""


def test_a_program_that_is_not_there_is_an_error() -> None:
    with pytest.raises(HostFailed, match="did not run") as caught:
        open_host(["ovnkit-no-such-program"], "x").run(["true"])
    assert caught.value.status is None


@EVERY
def test_a_file_that_is_not_there_is_none_and_one_that_cannot_be_read_is_an_error(
    host: CommandHost, tmp_path: Path
) -> None:
    assert host.read(str(tmp_path / "none")) is None
    with pytest.raises(HostFailed, match="reading"):
        host.read(str(tmp_path))


@settings(max_examples=25)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_file_is_written_as_it_is_and_read_again(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("file") / "a name; with $signs"
    LOCAL.write(str(path), text, mode=0o640)
    assert path.read_bytes() == text.encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert LOCAL.read(str(path)) == text
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@EVERY
def test_a_file_is_replaced_or_left_as_it_was(host: CommandHost, tmp_path: Path) -> None:
    path = tmp_path / "file"
    host.write(str(path), "one\n")
    with pytest.raises(HostFailed, match="writing"):
        host.write(str(path / "below"), "two\n")
    assert path.read_text(encoding="utf-8") == "one\n"


@pytest.mark.parametrize(
    ("access", "words"),
    [
        ("ssh://cmp1", ("--", "cmp1")),
        ("ssh://root@cmp1.example.org:2222", ("-l", "root", "-p", "2222", "--", "cmp1.example.org")),
        ("ssh://[fd00::1]", ("--", "fd00::1")),
    ],
)
def test_ssh_is_called_with_what_the_address_says_and_asks_nothing(access: str, words: tuple[str, ...]) -> None:
    host = open_host(access, "cmp1")
    assert host.prefix[0] == "ssh"
    assert host.prefix[-len(words) :] == words
    assert "BatchMode=yes" in host.prefix
    assert host.quoted


@pytest.mark.parametrize(
    "access",
    [
        "", "ssh", "ssh://", "ssh://-oProxyCommand=x", "ssh://a b", "ssh://a:0", "ssh://a:70000", "ssh://a/b",
        "ssh://-l@a", "tcp:a:1", "docker exec x", [], [""], ["a", 5], ["a\0"],
    ],
)  # fmt: skip
def test_what_is_no_way_to_a_host_is_refused(access: str | list[str]) -> None:
    with pytest.raises(InvalidValue, match="access"):
        open_host(access, "cmp1")


def test_a_script_that_failed_is_shown_by_its_name() -> None:
    with pytest.raises(HostFailed) as caught:
        LOCAL.run(["sh", "-c", "echo first\nexit 3", "look", "/etc/ovn"])
    assert caught.value.command == "sh -c '…' look /etc/ovn"
    assert caught.value.status == 3
