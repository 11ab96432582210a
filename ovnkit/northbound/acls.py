"""Access control lists, on switches and on port groups, and the quality of service of switches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ovnkit.errors import InvalidValue, NotFound
from ovnkit.northbound.base import NorthboundOperations
from ovnkit.northbound.columns import given, integer, string_map
from ovnkit.northbound.groups import check_group_name, find_port_group
from ovnkit.northbound.identity import check_name, find_switch, the_switch
from ovnkit.northbound.rows import ACL, ACLAction, ACLDirection, ACLSeverity, QoS, QoSDirection
from ovnkit.northbound.rules import put_rule, remove_rules
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.values import Ref

if TYPE_CHECKING:
    from ovnkit.northbound.client import NorthboundTransaction

__all__ = ["ACLOperations"]

_MOST_PRIORITY = 32767
_MOST_TIER = 3
_MOST_DSCP = 63
_MOST_32_BITS = 2**32 - 1


class ACLOperations(NorthboundOperations):
    """Add and remove ACLs and QoS rules."""

    def add_acl(
        self,
        *,
        switch: str | None = None,
        port_group: str | None = None,
        direction: ACLDirection,
        priority: int,
        match: str,
        action: ACLAction,
        tier: int = 0,
        name: str | None = None,
        log: bool | None = None,
        severity: ACLSeverity | None = None,
        meter: str | None = None,
        label: int | None = None,
        options: Mapping[str, str] | None = None,
        external_ids: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """A rule for the traffic of a switch, or of the ports of a port group (ACL in ovn-nb(5)).

        Identity: the switch or the port group, ``direction``, ``priority``, ``match`` and ``tier``; ``action`` is set.

        ``direction``: ``"from-lport"`` as packets come from ports, ``"to-lport"`` as they go to them. ``priority``: 0
        to 32767, the highest decides. ``match``: as in the Logical_Flow table of ovn-sb(5); a port group is
        ``@NAME`` there, an address set ``$NAME``. ``tier``: 0 to 3, since OVN 23.06. ``name``, ``log``, ``severity``
        and ``meter`` are about logging. Of ``options`` and ``external_ids`` the given keys are set. What is None is
        left as it is.

        Raises InvalidValue, NotFound (no such switch or port group), NotUnique, and NotOnServer (tier).
        """
        identity = _identity(direction, priority, match, table="ACL") | {
            "tier": integer(tier, 0, _MOST_TIER, table="ACL", column="tier")
        }
        columns = given(
            action=action,
            name=name,
            log=log,
            severity=severity,
            meter=meter,
            label=None if label is None else integer(label, 0, _MOST_32_BITS, table="ACL", column="label"),
            options=string_map(options, table="ACL", column="options"),
            external_ids=string_map(external_ids, table="ACL", column="external_ids"),
        )
        _check_parent(switch, port_group)

        def body(tx: NorthboundTransaction) -> Ref[Any]:
            parent = _parent(tx, switch, port_group)
            if parent is None:
                table = "Logical_Switch" if port_group is None else "Port_Group"
                raise NotFound(table, {"name": switch if port_group is None else port_group})
            return put_rule(tx, parent, "acls", ACL, identity, columns)

        return self._operate(body, dry_run=dry_run)

    def remove_acl(
        self,
        *,
        switch: str | None = None,
        port_group: str | None = None,
        direction: ACLDirection,
        priority: int,
        match: str,
        tier: int = 0,
        dry_run: bool = False,
    ) -> Changes:
        """Remove a rule. Identity: as for add_acl(); nothing changes where there is none. Raises InvalidValue."""
        identity = _identity(direction, priority, match, table="ACL") | {
            "tier": integer(tier, 0, _MOST_TIER, table="ACL", column="tier")
        }
        _check_parent(switch, port_group)

        def body(tx: NorthboundTransaction) -> None:
            parent = _parent(tx, switch, port_group)
            if parent is not None:
                remove_rules(tx, parent, "acls", identity)

        return self._operate(body, dry_run=dry_run)

    def add_qos(
        self,
        switch: str,
        *,
        direction: QoSDirection,
        priority: int,
        match: str,
        rate: int | None = None,
        burst: int | None = None,
        dscp: int | None = None,
        mark: int | None = None,
        external_ids: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """Limit or mark the traffic of a switch (QoS in ovn-nb(5)).

        Identity: the switch's name, ``direction``, ``priority`` and ``match``, as for add_acl().

        ``rate`` in kbit/s and ``burst`` in kbit, each from 1; ``dscp``: 0 to 63, written into the packets; ``mark``:
        of 32 bits, since OVN 24.03. Of ``external_ids`` the given keys are set. What is None is left as it is.

        Raises InvalidValue, NotFound (no such switch), and NotUnique.
        """
        check_name(switch, table="Logical_Switch")
        identity = _identity(direction, priority, match, table="QoS")
        limits = {
            "bandwidth": {"rate": (rate, 1, _MOST_32_BITS), "burst": (burst, 1, _MOST_32_BITS)},
            "action": {"dscp": (dscp, 0, _MOST_DSCP), "mark": (mark, 0, _MOST_32_BITS)},
        }
        columns: dict[str, Any] = given(external_ids=string_map(external_ids, table="QoS", column="external_ids"))
        for column, keys in limits.items():
            values = {
                key: integer(value, least, most, table="QoS", column=f"{column}:{key}")
                for key, (value, least, most) in keys.items()
                if value is not None
            }
            if values:
                columns[column] = values
        return self._operate(
            lambda tx: put_rule(tx, the_switch(tx, switch), "qos_rules", QoS, identity, columns), dry_run=dry_run
        )

    def remove_qos(
        self, switch: str, *, direction: QoSDirection, priority: int, match: str, dry_run: bool = False
    ) -> Changes:
        """Remove a rule. Identity: as for add_qos(); nothing changes where there is none. Raises InvalidValue."""
        identity = _identity(direction, priority, match, table="QoS")

        def body(tx: NorthboundTransaction) -> None:
            own = find_switch(tx, switch)
            if own is not None:
                remove_rules(tx, own, "qos_rules", identity)

        return self._operate(body, dry_run=dry_run)


def _identity(direction: str, priority: int, match: str, *, table: str) -> dict[str, Any]:
    if direction not in ("from-lport", "to-lport"):
        raise InvalidValue(table=table, column="direction", value=direction, allowed="'from-lport' or 'to-lport'")
    return {
        "direction": direction,
        "priority": integer(priority, 0, _MOST_PRIORITY, table=table, column="priority"),
        "match": check_name(match, table=table, column="match"),
    }


def _check_parent(switch: str | None, port_group: str | None) -> None:
    if (switch is None) == (port_group is None):
        value = {"switch": switch, "port_group": port_group}
        raise InvalidValue(table="ACL", column="switch", value=value, allowed="either a switch or a port group")
    if port_group is not None:
        check_group_name(port_group, table="Port_Group")
    else:
        check_name(switch, table="Logical_Switch")


def _parent(tx: NorthboundTransaction, switch: str | None, port_group: str | None) -> Any:
    return find_switch(tx, str(switch)) if port_group is None else find_port_group(tx, port_group)
