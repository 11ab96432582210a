"""``python -m ovnkit``: the same as the ``ovnkit`` command."""

from __future__ import annotations

import sys

from ovnkit.cli import main

if __name__ == "__main__":
    sys.exit(main())
