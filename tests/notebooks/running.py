"""A notebook run from top to bottom, with outputs that stay the same from run to run where the network does."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient import NotebookClient

from ovnkit.lab.binaries import versions

__all__ = ["NOTEBOOKS", "ROOT", "code_cells", "is_fresh", "made_with", "read", "run", "settle", "text_of", "write"]

ROOT: Final = Path(__file__).parents[2]
NOTEBOOKS: Final = tuple(sorted((ROOT / "examples/notebooks").glob("*.ipynb")))

_UUID: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])")
_SHORT: Final = re.compile(r"\b[A-Z]\w+ ([0-9a-f]{8})\b")
_SHORT_LENGTH: Final = 8
_PATH: Final = re.compile(r"/(?:tmp|var/tmp|run|root|home)/[\w./~-]*")
_RAN: Final = "ovnkit_ran"
_OVN: Final = "ovnkit_ovn"


def read(path: Path) -> Any:
    """A notebook."""
    return nbformat.read(path, as_version=4)


def write(path: Path, notebook: Any) -> None:
    """Write it as Jupyter does."""
    nbformat.write(notebook, path)


def code_cells(notebook: Any) -> list[Any]:
    """Its cells with code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def run(path: Path, *, timeout: float = 60.0) -> Any:
    """The notebook with the outputs of this run, and in each cell the mark of the code that made them.

    Raises nbclient's CellExecutionError where a cell does, and CellTimeoutError after ``timeout`` seconds.
    """
    notebook = read(path)
    search = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    # What a reader keeps for a look later is not kept here. Short: Unix sockets of a lab may be in it.
    with tempfile.TemporaryDirectory(prefix="nb-") as kept:
        client.execute(env={**os.environ, "PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": kept})
    settle(notebook, ovn=versions(os.environ)[0])
    return notebook


def settle(notebook: Any, *, ovn: str) -> None:
    """Take out what differs from run to run: identities of rows, directories, counts, the release of Python.

    ``ovn`` is the release that it ran with, which is kept in the notebook.
    """
    seen = {found: f"{number:08}" for number, found in enumerate(_short(notebook), start=1)}
    for number, cell in enumerate(code_cells(notebook), start=1):
        cell.execution_count = number
        cell.metadata = {_RAN: mark(cell.source)}
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
            if "text" in output:
                output.text = _settled(output.text, seen)
            for kind, data in output.get("data", {}).items():
                if isinstance(data, str):
                    output.data[kind] = _settled(data, seen)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        _OVN: ovn,
    }


def made_with(notebook: Any) -> str:
    """The release of OVN that it ran with."""
    return str(notebook.metadata.get(_OVN, ""))


def _settled(text: str, seen: dict[str, str]) -> str:
    def number(found: re.Match[str]) -> str:
        return seen.setdefault(found[0], f"00000000-0000-4000-8000-{len(seen) + 1:012}")

    text = _UUID.sub(number, text)
    for short in (found for found in seen if len(found) == _SHORT_LENGTH):
        text = text.replace(short, seen[short])
    return _PATH.sub("…", text)


def _short(notebook: Any) -> list[str]:
    """The beginnings of uuids that stand for rows without a name, after the name of their table."""
    texts = (text for cell in code_cells(notebook) for text in text_of(cell))
    return list(dict.fromkeys(found[1] for text in texts for found in _SHORT.finditer(text)))


def mark(source: str) -> str:
    """What tells the code of a cell apart from any other."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def is_fresh(cell: Any) -> bool:
    """Whether its outputs are those of the code that it has."""
    return bool(cell.metadata.get(_RAN) == mark(cell.source))


def text_of(cell: Any) -> Iterator[str]:
    """What it has printed and shown, as text."""
    for output in cell.outputs:
        yield output.get("text") or output.get("data", {}).get("text/plain", "")
