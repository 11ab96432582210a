"""``python -m tests.notebooks [NAME…]``: run the notebooks (or some) on a lab, and keep what they show in them."""

from __future__ import annotations

import sys
import time

from tests.notebooks.running import NOTEBOOKS, run, write


def main(names: list[str]) -> int:
    chosen = [path for path in NOTEBOOKS if not names or path.stem in names]
    if not chosen:
        print(f"there are: {', '.join(path.stem for path in NOTEBOOKS)}", file=sys.stderr)
        return 64
    for path in chosen:
        began = time.monotonic()
        write(path, run(path))
        print(f"{path.name}: {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
