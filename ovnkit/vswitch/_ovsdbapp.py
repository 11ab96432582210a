"""ovsdbapp's API for this database."""

from __future__ import annotations

from ovsdbapp.schema.open_vswitch.impl_idl import OvsdbIdl as Api

__all__ = ["Api"]
