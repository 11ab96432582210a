"""The databases in which the rules fire."""

from __future__ import annotations

from tests.topology.checks.conftest import servers, world

__all__ = ["servers", "world"]
