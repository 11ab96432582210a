"""The undo record: what survives a kill, and what the way back is after several changes."""

from __future__ import annotations

import json
import os
import stat
from contextlib import closing
from pathlib import Path

import pytest

from ovnkit.deploy.record import Record, Touched, read_record
from ovnkit.errors import InvalidValue


def touched(**keys: tuple[str | None, str | None]) -> Touched:
    return Touched("cmp1", "unix:/x", keys)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cluster.undo"


def write(path: Path, *entries: Touched) -> None:
    with closing(Record(path)) as record:
        for entry in entries:
            record.note(entry)


def test_what_is_written_is_read_again_and_for_nobody_else(path: Path) -> None:
    entry = touched(a=(None, "1"), b=("é\n\ud7ff", None))
    old = os.umask(0)
    try:
        write(path, entry, Touched("cmp2", None, {"a": ("x", "y")}))
    finally:
        os.umask(old)
    assert read_record(path) == {"cmp1": entry, "cmp2": Touched("cmp2", None, {"a": ("x", "y")})}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_record_that_anybody_could_read_is_closed_to_them(path: Path) -> None:
    write(path, touched(a=("0", "1")))
    path.chmod(0o644)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_way_back_leads_to_before_the_first_change(path: Path) -> None:
    write(path, touched(a=("0", "1"), b=(None, "x")))
    write(path, touched(a=("1", "2"), c=("u", None)))
    assert read_record(path)["cmp1"].keys == {"a": ("0", "2"), "b": (None, "x"), "c": ("u", None)}


def test_the_way_back_leads_to_what_somebody_else_has_written_between_two_changes(path: Path) -> None:
    write(path, touched(a=("0", "1")), touched(a=("theirs", "2")))
    assert read_record(path)["cmp1"].keys == {"a": ("theirs", "2")}


def test_a_change_that_was_recorded_and_not_carried_out_is_recorded_again(path: Path) -> None:
    write(path, touched(a=("0", "1")), touched(a=("0", "1")))
    assert read_record(path)["cmp1"].keys == {"a": ("0", "1")}


def test_what_is_undone_is_forgotten_and_may_be_changed_again(path: Path) -> None:
    with closing(Record(path)) as record:
        record.note(touched(a=("0", "1")))
        record.note_undone("cmp1")
    assert read_record(path) == {}
    write(path, touched(a=("0", "2")))
    assert read_record(path)["cmp1"].keys == {"a": ("0", "2")}


@pytest.mark.parametrize("cut", range(1, 30, 4))
def test_a_line_that_a_kill_has_cut_off_is_left_out_and_those_after_it_count(path: Path, cut: int) -> None:
    write(path, touched(a=("0", "1")))
    whole = path.read_bytes()
    write(path, touched(b=("0", "1")))
    path.write_bytes(path.read_bytes()[: len(whole) + cut])
    write(path, touched(c=("0", "1")))
    assert read_record(path)["cmp1"].keys.keys() == {"a", "c"}


@pytest.mark.parametrize("line", ["{}", '{"host": "a"}', '{"host": "a", "ovsdb": null, "access": null, "keys": 5}'])
def test_a_line_that_nobody_has_written_is_refused(path: Path, line: str) -> None:
    write(path, touched(a=("0", "1")))
    path.write_bytes(path.read_bytes() + line.encode() + b"\n")
    with pytest.raises(InvalidValue, match="undo record"):
        read_record(path)


@pytest.mark.parametrize("text", ["[central]\n", '{"format": "ovnkit undo record 9"}\n', "[]\n"])
def test_another_file_is_refused_and_left_alone(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidValue, match="undo record"):
        Record(path)
    with pytest.raises(InvalidValue, match="undo record"):
        read_record(path)
    assert path.read_text(encoding="utf-8") == text


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        Record(path)


def test_a_certificate_that_was_rotated_between_two_changes_is_still_what_was_brought(path: Path) -> None:
    def brought(before: str | None, after: str) -> Touched:
        return Touched("cmp1", None, certificates={"/etc/ovn/pki/chassis/cert.pem": (before, after)})

    write(path, brought(None, "one"), touched(a=("0", "1")), brought("rotated", "two"))
    assert read_record(path)["cmp1"].certificates == {"/etc/ovn/pki/chassis/cert.pem": (None, "two")}


def test_a_record_of_an_earlier_version_is_read(path: Path) -> None:
    entry = {"host": "cmp1", "ovsdb": None, "keys": {"a": ["0", "1"]}, "access": None, "files": {}}
    path.write_text(f"{json.dumps({'format': 'ovnkit undo record 1'})}\n{json.dumps(entry)}\n", encoding="utf-8")
    assert read_record(path) == {"cmp1": Touched("cmp1", None, {"a": ("0", "1")})}


def test_a_record_is_lines_of_json(path: Path) -> None:
    write(path, touched(a=("0", "1")))
    entry = {"host": "cmp1", "ovsdb": "unix:/x", "keys": {"a": ["0", "1"]}, "access": None, "files": {}, "ssl": None}
    assert [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line] == [
        {"format": "ovnkit undo record 1"},
        {**entry, "certificates": {}},
    ]
