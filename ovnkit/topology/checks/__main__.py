"""``python -m ovnkit.topology.checks DIRECTORY``: write the pages of the rules there."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ovnkit.topology.checks.pages import pages

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Write every page, and remove those of rules that are no more; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m ovnkit.topology.checks", description=__doc__)
    parser.add_argument("directory", type=Path, metavar="DIRECTORY", help="docs/checks")
    directory: Path = parser.parse_args(argv).directory
    directory.mkdir(parents=True, exist_ok=True)
    made = pages()
    for path in directory.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (directory / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
