"""The ``ovnkit`` command: thin over the packages below it."""

from __future__ import annotations

from ovnkit.cli.command import main

__all__ = ["main"]
