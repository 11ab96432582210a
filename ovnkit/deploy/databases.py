"""What the two central databases are called, and the ports that are theirs (ovn-ctl(8))."""

from __future__ import annotations

from typing import Final

import attrs

__all__ = ["DATABASES", "NORTHBOUND", "SOUTHBOUND", "Database"]


@attrs.frozen(kw_only=True)
class Database:
    """One of the two central databases: its names, and the ports that are OVN's own (ovn-ctl(8))."""

    name: str
    stem: str
    """What its file and its sockets are called."""

    table: str
    """The table of its one row, which holds the listeners."""

    schema: str
    port: int
    raft_port: int

    @property
    def short(self) -> str:
        """``nb`` or ``sb``, as in the names of OVN's programs and options."""
        return self.stem.removeprefix("ovn").removesuffix("_db")


NORTHBOUND: Final = Database(
    name="OVN_Northbound",
    stem="ovnnb_db",
    table="NB_Global",
    schema="ovn-nb.ovsschema",
    port=6641,
    raft_port=6643,
)
SOUTHBOUND: Final = Database(
    name="OVN_Southbound",
    stem="ovnsb_db",
    table="SB_Global",
    schema="ovn-sb.ovsschema",
    port=6642,
    raft_port=6644,
)
DATABASES: Final = (NORTHBOUND, SOUTHBOUND)
