"""ovsdbapp's API for this database."""

from __future__ import annotations

from ovsdbapp.schema.ovn_northbound.impl_idl import OvnNbApiIdlImpl as Api

__all__ = ["Api"]
