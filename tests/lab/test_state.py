"""The record of a lab: names, owners, and what may be removed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from ovnkit.errors import LabError
from ovnkit.lab import state as lab_state
from ovnkit.lab.cleanup import down, remove_abandoned
from ovnkit.lab.state import LabState, Owner


def _abandon(state: LabState) -> None:
    """Make the record one of a process that has ended."""
    owner = attrs.evolve(state.owner, started=1)
    document = {**attrs.asdict(owner), "token": state.token}
    (state.directory / "owner.json").write_text(str(document).replace("'", '"'))


def test_this_process_is_alive_and_one_that_has_ended_is_not() -> None:
    assert Owner.this_process().alive
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with child:
        child.kill()
    assert not attrs.evolve(Owner.this_process(), pid=child.pid).alive


def test_a_later_process_with_the_same_number_is_not_the_owner() -> None:
    assert not attrs.evolve(Owner.this_process(), started=1).alive


def test_nothing_of_an_earlier_boot_is_alive() -> None:
    assert not attrs.evolve(Owner.this_process(), boot="0").alive


def test_a_recorded_lab_is_loaded_as_it_was_created(records: Path) -> None:
    state = LabState.create("mine")
    assert LabState.load(records / "mine") == state
    assert lab_state.recorded() == [state]


def test_a_name_in_use_is_refused_and_leaves_nothing(records: Path) -> None:
    LabState.create("mine")
    with pytest.raises(LabError, match=f"in use by process {os.getpid()}"):
        LabState.create("mine")
    assert [path.name for path in records.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["", "a/b", "..", "A", "x" * 21, "-x"])
def test_a_bad_name_is_refused(records: Path, name: str) -> None:
    with pytest.raises(LabError, match="lab name"):
        LabState.create(name)


def test_a_lab_without_a_name_gets_a_free_one(records: Path) -> None:
    names = {LabState.create().name for _ in range(20)}
    assert len(names) == 20


def test_the_record_of_a_living_owner_stays(records: Path) -> None:
    LabState.create("mine")
    assert remove_abandoned() == []
    assert down() == []
    with pytest.raises(LabError, match=f"in use by process {os.getpid()}"):
        down("mine")


def test_the_record_of_a_dead_owner_is_removed(records: Path) -> None:
    _abandon(LabState.create("mine"))
    assert remove_abandoned() == ["mine"]
    assert list(records.iterdir()) == []


def test_a_kept_lab_is_removed_by_down_alone(records: Path) -> None:
    state = LabState.create("mine")
    state.keep()
    _abandon(state)
    assert remove_abandoned() == []
    assert down("mine") == ["mine"]


def test_down_of_a_lab_that_is_not_there_names_those_that_are(records: Path) -> None:
    LabState.create("mine")
    with pytest.raises(LabError, match="there is no lab other; there are: mine"):
        down("other")


def test_a_directory_that_no_lab_has_made_stays(records: Path) -> None:
    (records / "foreign").mkdir()
    (records / "foreign" / "file").write_text("precious")
    assert remove_abandoned() == []
    assert (records / "foreign" / "file").read_text() == "precious"


def test_what_a_killed_start_has_left_is_removed(records: Path) -> None:
    (records / ".new-1-2-abc").mkdir()
    remove_abandoned()
    assert not (records / ".new-1-2-abc").exists()


def test_an_interrupted_removal_is_taken_up_again(records: Path) -> None:
    (records / "half").mkdir()
    remove_abandoned()
    assert not (records / "half").exists()


def test_without_any_record_there_is_nothing_to_remove(records: Path) -> None:
    assert remove_abandoned() == []
    assert down() == []
