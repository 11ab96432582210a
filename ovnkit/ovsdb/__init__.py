"""The engine: typed, safe access to any OVSDB database. It knows nothing of OVN."""

from __future__ import annotations

import logging

from ovnkit.formats import Verbatim
from ovnkit.ovsdb.changes import Changes, ColumnChange
from ovnkit.ovsdb.client import Client, Monitor, Progress
from ovnkit.ovsdb.column import Column
from ovnkit.ovsdb.connection import State
from ovnkit.ovsdb.edits import Add, Exactly, Put, Remove
from ovnkit.ovsdb.lock import Lock, NotExclusive
from ovnkit.ovsdb.models import schema_of
from ovnkit.ovsdb.row import Database, Row
from ovnkit.ovsdb.schema import DatabaseSchema
from ovnkit.ovsdb.transaction import Transaction
from ovnkit.ovsdb.values import Map, Ref
from ovnkit.ovsdb.watch import Event, Watch
from ovnkit.remote import OpenToAll

__all__ = [
    "Add",
    "Changes",
    "Client",
    "Column",
    "ColumnChange",
    "Database",
    "DatabaseSchema",
    "Event",
    "Exactly",
    "Lock",
    "Map",
    "Monitor",
    "NotExclusive",
    "OpenToAll",
    "Progress",
    "Put",
    "Ref",
    "Remove",
    "Row",
    "State",
    "Transaction",
    "Verbatim",
    "Watch",
    "schema_of",
]

# Here and not at the top, because nothing above the engine logs, and logging is most of what an import of ovnkit takes.
logging.getLogger("ovnkit").addHandler(logging.NullHandler())
