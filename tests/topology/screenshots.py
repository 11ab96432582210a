"""The pictures in docs/images, made anew: ``python -m tests.topology.screenshots``. Needs Chromium."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from ovnkit import topology
from tests.topology import chromium
from tests.topology.networks import running

__all__ = ["IMAGES"]

IMAGES = Path(__file__).parents[2] / "docs" / "images"
_WIDTH = 1000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.topology.screenshots", description=__doc__)
    parser.add_argument("--directory", type=Path, default=IMAGES, help="where to put them (default: docs/images)")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    with running() as clients, chromium.browser() as browser, tempfile.TemporaryDirectory() as name:
        shown = topology.of(*clients)
        still, moving = Path(name) / "still.html", Path(name) / "moving.html"
        still.write_text(f"<!DOCTYPE html><meta charset=utf-8><style>body{{margin:0}}</style>{shown.to_svg()}")
        moving.write_text(shown.to_html())
        for theme in ("light", "dark"):
            page = browser.page(width=_WIDTH, height=700, dark=theme == "dark")
            page.open(still)
            page.screenshot(options.directory / f"topology-{theme}.png")
        page = browser.page(width=1200, height=700)
        page.open(moving)
        page.key("/")
        page.type("10.3.1.")
        page.screenshot(options.directory / "topology-search.png")
        page = browser.page(width=1200, height=700, dark=True)
        page.open(f"{moving.as_uri()}#{shown['vm-3'].key}")
        page.screenshot(options.directory / "topology-selected.png")
    for path in sorted(options.directory.glob("topology-*.png")):
        print(f"{path} {path.stat().st_size // 1024} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
