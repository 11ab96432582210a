"""ovsdbapp's API for this database."""

from __future__ import annotations

from ovsdbapp.schema.ovn_southbound.impl_idl import OvnSbApiIdlImpl as Api

__all__ = ["Api"]
