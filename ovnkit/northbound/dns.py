"""DNS that OVN itself answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ovnkit.errors import InvalidValue
from ovnkit.northbound.base import NorthboundOperations
from ovnkit.northbound.columns import marked
from ovnkit.northbound.identity import check_name, find_switch, one, the_switch
from ovnkit.northbound.rows import DNS, LogicalSwitch
from ovnkit.northbound.subnets import SWITCH_KEY
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.edits import Put, Remove
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["DNSOperations"]


class DNSOperations(NorthboundOperations):
    """Add and remove DNS records of switches."""

    def add_dns(
        self, switch: str, records: Mapping[str, list[str] | tuple[str, ...] | str], *, dry_run: bool = False
    ) -> Changes:
        """Answer the DNS queries of a switch's ports, whatever server they ask (DNS in ovn-nb(5)).

        Identity: the switch's name, in a row that ovnkit made (``external_ids:ovnkit-switch``), and in it the queried
        names, which are set; others stay. Names are written in lower case, as OVN compares them.

        ``records``: from a name to its addresses, as a list or separated by blanks; for a PTR record from
        ``"4.0.0.10.in-addr.arpa"`` to one name.

        Raises InvalidValue, NotFound (no such switch), and NotUnique.
        """
        written = _records(records)
        # Refused at once, also where nothing would be written.
        DNS(records=written)

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            own = the_switch(tx, switch)
            row = _find(tx, own)
            if row is not None:
                tx.update(row, records=Put(written))
                return row.ref
            new = tx.insert(DNS(**marked({"records": written}, **{SWITCH_KEY: switch})))
            # The whole set, so that another row, added at the same moment, is a conflict.
            tx.update(own, dns_records=own.dns_records | {new})
            return new

        return self._operate(body, dry_run=dry_run)

    def remove_dns(self, switch: str, *names: str, dry_run: bool = False) -> Changes:
        """Remove DNS records that add_dns() made: those of the given names, or all.

        Identity: as for add_dns(); nothing changes where there are none. Raises InvalidValue, and NotUnique.
        """
        keys = [check_name(name, table="DNS", column="records").lower() for name in names]

        def body(tx: NorthboundTransaction) -> None:
            own = find_switch(tx, switch)
            row = None if own is None else _find(tx, own)
            if own is None or row is None:
                return
            if keys and row.records.keys() - set(keys):
                tx.update(row, records=Remove(*keys))
            else:
                tx.delete(row)

        return self._operate(body, dry_run=dry_run)


def _find(tx: NorthboundTransaction, switch: LogicalSwitch) -> DNS | None:
    rows = [row for row in tx.find(DNS, external_ids={SWITCH_KEY: switch.name}) if row.ref in switch.dns_records]
    return one(rows, "DNS", switch=switch.name)


def _records(records: Mapping[str, list[str] | tuple[str, ...] | str]) -> dict[str, str]:
    allowed = "a mapping from a name to a list of addresses, or to a string of them"
    if not isinstance(records, Mapping):
        raise InvalidValue(table="DNS", column="records", value=records, allowed=allowed)
    found: dict[str, str] = {}
    for name, answer in records.items():
        texts: object = [answer] if isinstance(answer, str) else answer
        if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
            raise InvalidValue(table="DNS", column="records", value=answer, allowed=allowed)
        found[check_name(name, table="DNS", column="records").lower()] = " ".join(texts)
    return found
