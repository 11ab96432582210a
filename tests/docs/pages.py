"""The snippets of a page: run in order as a reader would, and what they print compared with what the page shows.

A page that has any says in its first comment where they run: ``<!-- runs on: central -->`` names a fixture, which gives
a ``Place``. Then, by the language of the fence:

- ``python``: run in the namespace of the page. What it prints is in the ``text`` block that follows at once.
- ``console``: commands after ``$``, each with its output. What a command prints as ``export A=b`` is in force from
  there on, for the reader is told to copy it.
- ``toml``: a deployment spec; it is ``cluster.toml`` from there on.
- ``sh``: not run, but every script that it names is there.

``…`` stands for anything in a line, and on a line of its own for any lines.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from ovnkit import deploy
from ovnkit.ovsdb import Client

__all__ = ["PAGES", "ROOT", "Block", "Page", "Place", "blocks", "matches", "place_of"]

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(r"^```([a-z]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLACE = re.compile(r"\A<!-- runs on: (\w+) -->\n")
_EXPORT = re.compile(r"^\s*export (.+)$", re.MULTILINE)


@attrs.frozen
class Block:
    """One fenced block; ``line`` is that of its first line, ``follows`` whether nothing is between it and the last."""

    language: str
    text: str
    line: int
    follows: bool


@attrs.frozen
class Place:
    """Where snippets run: an environment, and what stands there for the addresses in the page."""

    environment: Mapping[str, str] = attrs.field(factory=dict[str, str])
    addresses: Mapping[str, str] = attrs.field(factory=dict[str, str])


def place_of(page: str) -> str | None:
    """The name of the fixture that a page asks for."""
    found = _PLACE.match(page)
    return found[1] if found else None


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, but for directives."""
    found: list[Block] = []
    end = 0
    for match in _FENCE.finditer(page):
        between = page[end : match.start()].strip()
        found.append(Block(match[1], match[2], page.count("\n", 0, match.start()) + 2, not between))
        end = match.end()
    return found


def matches(expected: str, printed: str) -> bool:
    """Whether the output is what is expected, where ``…`` is anything."""
    lines = [re.escape(line.rstrip()).replace("…", ".*") for line in expected.strip("\n").splitlines()]
    pattern = "".join(r"(?:.*\n)*?" if line == ".*" else rf"{line}[ \t]*\n" for line in lines)
    text = printed.strip("\n")
    return re.fullmatch(pattern, f"{text}\n" if text else "") is not None


class Page:
    """A page that is being followed."""

    def __init__(self, path: Path, place: Place, directory: Path, patch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.directory = directory
        self.patch = patch
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.text = path.read_text()
        for ours in sorted(place.addresses, key=len, reverse=True):
            self.text = self.text.replace(ours, place.addresses[ours])
        patch.chdir(directory)
        (directory / "examples").symlink_to(ROOT / "examples")
        for name, value in place.environment.items():
            patch.setenv(name, value)
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)

    def follow(self) -> None:
        """Run every block."""
        found = blocks(self.text)
        try:
            for block, after in zip(found, [*found[1:], None], strict=True):
                output = after.text if after and after.follows and after.language == "text" else ""
                self._run(block, output)
        finally:
            for value in self.namespace.values():
                if isinstance(value, Client):
                    value.close()

    def _run(self, block: Block, output: str) -> None:
        match block.language:
            case "python":
                self._check(block, output, self._python(block))
            case "console":
                for command, shown in _commands(block.text):
                    self._check(block, shown, self._console(command))
            case "toml":
                deploy.loads(block.text)
                (self.directory / "cluster.toml").write_text(block.text)
            case "sh":
                for script in re.findall(r"\bsh (\S+)", block.text):
                    assert (ROOT / script).is_file(), f"{self.path.name}:{block.line}: there is no {script}"
            case "text":
                assert block.follows, f"{self.path.name}:{block.line}: output of what?"
            case _:
                pytest.fail(f"{self.path.name}:{block.line}: it is not known how to check {block.language}")

    def _python(self, block: Block) -> str:
        printed = io.StringIO()
        # With the page's own line numbers in tracebacks.
        code = compile("\n" * (block.line - 1) + block.text, str(self.path), "exec", dont_inherit=True)
        with contextlib.redirect_stdout(printed):
            exec(code, self.namespace)
        return printed.getvalue()

    def _console(self, command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=100
        )
        for line in _EXPORT.findall(done.stdout):
            for assignment in line.split():
                name, _, value = assignment.partition("=")
                self.patch.setenv(name, value)
        return done.stdout

    def _check(self, block: Block, shown: str, printed: str) -> None:
        if not matches(shown, printed):
            where = f"{self.path.relative_to(ROOT)}:{block.line}"
            pytest.fail(f"{where} shows\n\n{shown}\nand this was printed:\n\n{printed}", pytrace=False)


def _commands(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        found.append((command, shown))
    return found
