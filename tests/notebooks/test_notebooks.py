"""The notebooks: what they show is what their code gives, and nothing in them tells of the machine that ran them."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from ovnkit.errors import LabError
from ovnkit.lab import requirements
from ovnkit.lab.binaries import versions
from tests.notebooks.running import NOTEBOOKS, ROOT, code_cells, is_fresh, made_with, read, run, settle, text_of

_AGAIN = "python -m tests.notebooks runs it again"


@pytest.fixture(scope="module")
def labs() -> Iterator[None]:
    """Labs are possible, and recorded where others do not see them."""
    try:
        requirements.check()
    except LabError as error:
        pytest.skip(f"no lab here: {error}")
    # Short: the path of a Unix socket in it has at most 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="ovnkit-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVNKIT_LAB_DIR", str(directory))
        yield
    shutil.rmtree(directory)


def test_there_are_four() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        *("before_and_after", "build_and_break", "first_look", "why_a_packet_dies")
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_a_notebook_shows_was_made_by_the_code_that_it_has(path: Path) -> None:
    notebook = read(path)
    assert [cell.source for cell in code_cells(notebook) if not is_fresh(cell)] == [], _AGAIN
    assert [output for cell in code_cells(notebook) for output in cell.outputs if output.output_type == "error"] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_of_the_machine_is_in_a_notebook(path: Path) -> None:
    assert re.findall(r"/tmp/|/root\b|/home/|\.sock\b", path.read_text()) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_a_page_of_the_documentation(path: Path) -> None:
    assert f"\nnotebooks/{path.stem}\n" in (ROOT / "docs/index.md").read_text()


@pytest.mark.lab
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_a_lab_and_shows_what_is_kept_in_it(path: Path, labs: None) -> None:
    kept, now = read(path), run(path)
    pairs = list(zip(code_cells(kept), code_cells(now), strict=True))
    assert [[output.output_type for output in cell.outputs] for cell, _ in pairs] == [
        [output.output_type for output in cell.outputs] for _, cell in pairs
    ]
    # Other releases have other stages and columns.
    if made_with(kept) == versions(os.environ)[0]:
        for before, after in pairs:
            assert list(text_of(before)) == list(text_of(after)), f"{before.source}\n{_AGAIN}"


def test_what_differs_from_run_to_run_is_taken_out() -> None:
    def shown(text: str) -> str:
        cell = nbformat.v4.new_code_cell("1")
        cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": text}, execution_count=9)]
        notebook = nbformat.v4.new_notebook(cells=[cell])
        settle(notebook, ovn="23.03.0")
        assert made_with(notebook) == "23.03.0"
        return str(cell.outputs[0].data["text/plain"])

    first, second = "5a1b6b0e-7d0a-4f7c-9d54-0d1f62cb6a01", "5a1b6b0e-7d0a-4f7c-9d54-0d1f62cb6a02"
    number = "00000000-0000-4000-8000-00000000000"
    assert shown(f"{second} {first} {second}") == f"{number}1 {number}2 {number}1"
    assert shown("--db=unix:/tmp/x-1/nb.sock --ct=new") == "--db=unix:… --ct=new"
