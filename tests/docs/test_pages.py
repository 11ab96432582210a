"""The pages: every snippet runs, and prints what the page shows."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, Page, blocks, matches, place_of

_WITHOUT_LAB = {"nothing", "central", "clustered", "placed", "secure"}


def _pages() -> Iterator[object]:
    for path in PAGES:
        text = path.read_text()
        if blocks(text):
            marks = () if place_of(text) in _WITHOUT_LAB else (pytest.mark.lab,)
            yield pytest.param(path, id=path.name, marks=marks)


@pytest.mark.parametrize("path", list(_pages()))
def test_every_snippet_runs_and_prints_what_the_page_shows(
    path: Path, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = place_of(path.read_text())
    assert place, f"{path.name} does not say where its snippets run"
    Page(path, request.getfixturevalue(place), tmp_path, monkeypatch).follow()


@pytest.mark.parametrize(
    "checker", [("mypy", "--strict", f"--cache-dir={os.devnull}"), ("pyright", "--pythonpath", sys.executable)]
)
def test_the_snippets_are_accepted_by_the_type_checkers(checker: tuple[str, ...], tmp_path: Path) -> None:
    if importlib.util.find_spec(checker[0]) is None and "CI" not in os.environ:
        pytest.skip(f"{checker[0]} is not installed")
    files: list[Path] = []
    for path in PAGES:
        code = ""
        for block in blocks(path.read_text()):
            if block.language == "python":
                code += "\n" * (block.line - 1 - code.count("\n")) + block.text
        if code:
            # A page may be called like what it is about, and must not stand in for that.
            files.append(tmp_path / f"page_{path.stem.lower()}.py")
            files[-1].write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", *checker, *files], capture_output=True, text=True, cwd=ROOT, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("one\ntwo\n", "one\ntwo\n", True),
        ("one\n", "one\ntwo\n", False),
        ("", "", True),
        ("", "anything\n", False),
        ("anything\n", "", False),
        ("port … is up\n", "port vm1 is up\n", True),
        ("port … is up\n", "port vm1 is down\n", False),
        ("first\n…\nlast\n", "first\n2\n3\nlast\n", True),
        ("first\n…\nlast\n", "first\nlast\n", True),
        ("first\n…\nlast\n", "first\n2\n3\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_dots_stand_for_anything_and_all_else_for_itself(expected: str, printed: str, *, same: bool) -> None:
    assert matches(expected, printed) is same


def test_a_block_that_directly_follows_another_is_told_from_one_after_text() -> None:
    page = "```python\n1\n```\n\n```text\n2\n```\n\nwords\n\n```text\n3\n```\n"
    assert [(block.language, block.line, block.follows) for block in blocks(page)] == [
        ("python", 2, True),
        ("text", 6, True),
        ("text", 12, False),
    ]


def test_the_readme_links_to_what_is_there() -> None:
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
