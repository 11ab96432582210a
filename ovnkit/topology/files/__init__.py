"""Networks that are read from database files: those of a host, of a must-gather or of a sosreport."""

from __future__ import annotations

from ovnkit.topology.files.opening import open_files

__all__ = ["open_files"]
