"""Databases that can be shown to others: what names anything is replaced, how it hangs together stays."""

from __future__ import annotations

from ovnkit.topology.anonymity.contents import anonymous

__all__ = ["anonymous"]
