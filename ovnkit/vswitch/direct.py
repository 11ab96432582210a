"""The keys of a host's chassis, read and written without a replica: for those who deploy hundreds of hosts at once.

A replica of ``Open_vSwitch`` costs a schema, a dump and a thread; the keys of a chassis are one column of one row.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from ovnkit.errors import Conflict, ConnectionFailed, OutcomeUnknown, ProtocolError, Timeout
from ovnkit.ovsdb import outcome, wire
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.dialer import Dialer
from ovnkit.ovsdb.edits import Put, Remove
from ovnkit.ovsdb.exchange import Exchange, ask
from ovnkit.ovsdb.operations import build, wait_absent
from ovnkit.ovsdb.pending import Operation, Pending, PendingRow
from ovnkit.ovsdb.values import Map
from ovnkit.places import default_remote
from ovnkit.remote import Tls, parse_remotes
from ovnkit.vswitch.chassis import ChassisOperations
from ovnkit.vswitch.chassis_config import ChassisConfig, ChassisConfigReads, chassis_config
from ovnkit.vswitch.managed import MANAGED, ChassisIds
from ovnkit.vswitch.rows import VS, OpenVSwitch

__all__ = ["ChassisDraft", "DirectChassis"]

_DATABASE: Final = "Open_vSwitch"
_SELECT: Final[Operation] = {"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["_uuid", "external_ids"]}


class ChassisDraft(ChassisOperations, ChassisConfigReads):
    """The keys of one chassis under edit, by the operations that VSwitch has for them; nothing is sent.

    ``row`` is the row that was read, None where the database has none yet.
    """

    def __init__(self, row: OpenVSwitch | None) -> None:
        self._pending = Pending(VS)
        if row is None:
            self._item = self._pending.insert(OpenVSwitch(), uuid.uuid4())
            self._pending.guards.append(wait_absent(OpenVSwitch, {}))
        else:
            self._item = PendingRow(row, inserted=False)
            self._pending.put(self._item)

    @property
    def external_ids(self) -> Mapping[str, str]:
        """The keys as they would become."""
        row: Any = self._item.row
        return row.external_ids  # type: ignore[no-any-return]

    def chassis_config(self) -> ChassisConfig:
        """All that ovn-controller would be told."""
        return chassis_config(self.external_ids)

    def changes(self) -> Changes:
        """What is different from what was read; nothing where no key is."""
        return Changes(self._pending.changes() if self._touched else (), ref=self._item.row.ref)

    def operations(self, comment: str) -> list[Operation]:
        """The operations of RFC 7047 that make it so, each key guarded by the value that was read; durable."""
        return build(self._pending, comment=comment, durable=True) if self._touched else []

    def put(self, keys: Mapping[str, str | None]) -> None:
        """Set keys to these values, None for absent, whatever they mean to anybody."""
        self._item.set("external_ids", Put({key: value for key, value in keys.items() if value is not None}))
        self._item.set("external_ids", Remove(*(key for key, value in keys.items() if value is None)))

    @property
    def before(self) -> Mapping[str, str]:
        """The keys as they were read."""
        base: Any = self._item.base
        return Map() if base is None else base.external_ids

    @property
    def edited(self) -> Mapping[str, tuple[str | None, str | None]]:
        """The keys that are different from what was read: before and after, None for absent."""
        before, after = self.before, self.external_ids
        keys = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
        return {key: (before.get(key), after.get(key)) for key in keys}

    @property
    def _touched(self) -> bool:
        return self.external_ids != self.before

    def _edit_chassis(
        self, edit: Callable[[ChassisIds], None], *, dry_run: bool, system_id: str | None = None
    ) -> Changes:
        ids = ChassisIds(self.external_ids, system_id=system_id)
        edit(ids)
        pending = self._pending.copy() if dry_run else self._pending
        savepoint = pending.copy()
        (item,) = pending.items.values()
        item.set("external_ids", Put(ids.puts))
        item.set("external_ids", Remove(*ids.removals))
        return Changes(pending.changes(savepoint), ref=item.row.ref)


class DirectChassis:
    """The keys of the chassis of one host, where its Open_vSwitch database is reached by ``remote``.

    Each call is one exchange on a connection of its own. Raises InvalidRemote, and ConnectionFailed for TLS files that
    cannot be used.
    """

    def __init__(self, remote: str | None = None, *, tls: Tls | None = None) -> None:
        self.remotes = parse_remotes(default_remote(_DATABASE) if remote is None else remote)
        self._dialer = Dialer(self.remotes, tls)

    def read(self, *, timeout: float) -> ChassisDraft:
        """What is there now. Raises ConnectionFailed or Timeout."""
        return ask(self.remotes, self._dialer, _read, "the keys of the chassis", timeout=timeout)

    def edit(
        self,
        edit: Callable[[ChassisDraft], object],
        *,
        comment: str,
        timeout: float,
        before_sending: Callable[[ChassisDraft], None] | None = None,
    ) -> Changes:
        """Read, have ``edit`` change what was read, and write it, in one durable transaction; again on conflict.

        ``before_sending`` is called with what is about to be written. Raises what ``edit`` raises; ConnectionFailed or
        Timeout where nothing was written; OutcomeUnknown where the reply was lost and nobody could be asked in time.
        """
        sent: list[ChassisDraft] = []

        def question(exchange: Exchange) -> Changes | Exception:
            while True:
                draft = _read(exchange)
                try:
                    edit(draft)
                    changes = draft.changes()
                    if not changes:
                        # What was sent and lost its reply has been applied, or somebody else has written the same.
                        return sent[-1].changes() if sent else changes
                    if before_sending is not None:
                        before_sending(draft)
                except Exception as exc:  # noqa: BLE001 - raised below: here an OSError would be one of the connection
                    return exc
                operations = draft.operations(comment)
                sent.append(draft)
                results = exchange.call("transact", [_DATABASE, *operations], _DATABASE)
                failure = outcome.failure(operations, results)
                if failure is None:
                    return changes
                sent.pop()
                if not isinstance(failure, Conflict):
                    raise failure

        try:
            found = ask(self.remotes, self._dialer, question, "the keys of the chassis", timeout=timeout)
        except Timeout as exc:
            if not sent:
                raise
            raise self._unknown(str(exc), sent[-1]) from exc
        if isinstance(found, Exception):
            raise found
        return found

    def _unknown(self, reason: str, lost: ChassisDraft) -> OutcomeUnknown:
        return OutcomeUnknown(reason, lambda seconds: self._resolve(lost, seconds))

    def _resolve(self, lost: ChassisDraft, timeout: float) -> bool:
        """Whether a draft whose reply was lost is what its keys are now."""
        try:
            now = self.read(timeout=timeout).external_ids
        except (ConnectionFailed, Timeout) as exc:
            raise self._unknown(str(exc), lost) from exc
        # The list of what is ovnkit's is edited by whatever operation comes next, with other keys.
        edited = {key: pair for key, pair in lost.edited.items() if key != MANAGED} or lost.edited
        pairs = [(now.get(key), before, after) for key, (before, after) in edited.items()]
        if all(found == after for found, _, after in pairs):
            return True
        if all(found == before for found, before, _ in pairs):
            return False
        raise self._unknown("others have changed the same keys since", lost)


def _read(exchange: Exchange) -> ChassisDraft:
    results = exchange.call("transact", [_DATABASE, _SELECT], _DATABASE)
    failure = outcome.failure([_SELECT], results)
    if failure is not None:
        raise failure
    rows: list[Any] = results[0]["rows"]
    if not rows:
        return ChassisDraft(None)
    if len(rows) > 1:
        raise ProtocolError(str(exchange.remote), f"{len(rows)} rows of Open_vSwitch, which can have one")
    try:
        row = OpenVSwitch._stored(uuid.UUID(rows[0].pop("_uuid")[1]), wire.encode(rows[0]), None)
        row.external_ids  # noqa: B018 - decoded here, where it is known who has sent it
    except (LookupError, TypeError, ValueError) as exc:
        raise ProtocolError(str(exchange.remote), f"a row that is {rows[0]!r:.200}") from exc
    return ChassisDraft(row)
