"""The log of one member of a cluster: which of its entries are committed, and what these make of the snapshot.

After ovsdb(5), Clustered Format. Pure logic.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import attrs
import msgspec

from ovnkit.ovsdb.contents import Builder
from ovnkit.ovsdb.records import Flaw

__all__ = ["MemberLog", "Membership"]

_EMPTY = msgspec.Raw(b"null")


class _Header(msgspec.Struct):
    """The first record."""

    server_id: UUID
    name: str
    local_address: str
    cluster_id: UUID | None = None
    prev_index: int | None = None
    prev_term: int = 0
    prev_servers: dict[UUID, str] = {}
    prev_data: msgspec.Raw = _EMPTY


class _Record(msgspec.Struct):
    """Any later record."""

    term: int = 0
    index: int | None = None
    data: msgspec.Raw = _EMPTY
    servers: dict[UUID, str] | None = None
    commit_index: int | None = None
    note: str = ""


_header = msgspec.json.Decoder(_Header)
_record = msgspec.json.Decoder(_Record)
_cluster_txn = msgspec.json.Decoder(tuple[msgspec.Raw, msgspec.Raw])


@attrs.frozen
class Membership:
    """What a file says of the cluster that it belongs to.

    ``committed`` is the index of the last entry that is known to be committed, which is how far the rows have been
    brought; ``uncommitted`` is how many further entries the file has, which the cluster may have kept or dropped.
    ``servers`` are its members by their ids, with their addresses. ``left``: this server has left the cluster.
    """

    server_id: UUID
    cluster_id: UUID | None
    address: str
    servers: Mapping[UUID, str]
    committed: int
    uncommitted: int
    left: bool


class MemberLog:
    """Takes in the records of a file in their order, and has the contents of what is committed in the end.

    Entries count as committed up to the last ``commit_index`` of the file, or the snapshot where there is none: that
    far a member of several serves them before it has found the others. The only member of a cluster commits all that
    it has as soon as it starts.
    """

    def __init__(self, json: bytes) -> None:
        """From the first record. Raises ValueError where it is none."""
        try:
            self._header = _header.decode(json)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as exc:
            raise ValueError(f"the first record of a clustered database is none: {exc}") from exc
        self.name = self._header.name
        self._before = self._header.prev_index or 0
        self._entries: list[tuple[_Record, int]] = []
        self._commit = self._before
        self._left = False
        self.membership: Membership | None = None
        """After finish()."""
        self.builder: Builder | None = None
        """The contents; None in a file that has joined a cluster and heard nothing of it yet."""
        self._apply_data(self._header.prev_data)

    def add(self, json: bytes, offset: int) -> None:
        """Take in a further record, which begins at this byte. ValueError for one that a server would not take."""
        try:
            record = _record.decode(json)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as exc:
            raise ValueError(f"this is no record of a clustered database: {exc}") from exc
        if record.index is not None:
            self._add_entry(record.index, record, offset)
        if record.commit_index is not None:
            if not self._commit <= record.commit_index <= self._last:
                raise ValueError(
                    f"it moves the commit index from {self._commit} to {record.commit_index};"
                    f" the last entry is {self._last}"
                )
            self._commit = record.commit_index
        self._left = self._left or record.note == "left"

    @property
    def _last(self) -> int:
        return self._before + len(self._entries)

    def _add_entry(self, index: int, record: _Record, offset: int) -> None:
        if not self._commit < index <= self._last + 1:
            raise ValueError(f"entry {index} comes after {self._last}, of which {self._commit} are committed")
        # What a leader that lost its office had not got to the others is overwritten.
        del self._entries[index - self._before - 1 :]
        term = self._entries[-1][0].term if self._entries else self._header.prev_term
        if record.term < term:
            raise ValueError(f"entry {index} is of term {record.term}, and the one before it of {term}")
        self._entries.append((record, offset))

    def finish(self) -> Flaw | None:
        """Apply what is committed; returns the entry that cannot be, if there is one."""
        header = self._header
        entries = [record.servers for record, _ in self._entries if record.servers is not None]
        servers = entries[-1] if entries else header.prev_servers
        committed = self._last if servers.keys() == {header.server_id} else self._commit
        done, flaw = self._before, None
        for record, offset in self._entries[: committed - self._before]:
            try:
                self._apply_data(record.data)
            except ValueError as exc:
                flaw = Flaw(offset, str(exc))
                break
            done += 1
        self.membership = Membership(
            header.server_id,
            header.cluster_id,
            header.local_address,
            servers,
            done,
            self._last - done,
            self._left,
        )
        return flaw

    def _apply_data(self, data: msgspec.Raw) -> None:
        if bytes(data) == b"null":
            return
        try:
            schema, transaction = (bytes(part) for part in _cluster_txn.decode(data))
        except msgspec.MsgspecError as exc:
            raise ValueError(f"an entry is no pair of a schema and a transaction: {exc}") from exc
        if schema != b"null":
            if transaction == b"null" and self.builder is not None:
                self.builder.convert(schema)
            else:
                self.builder = Builder.from_json(schema)
        if transaction != b"null":
            if self.builder is None:
                raise ValueError("there are data before there is a schema")
            self.builder.apply(transaction)
