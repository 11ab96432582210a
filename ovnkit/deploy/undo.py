"""Taking back what ``apply()`` has done, as far as nobody has changed it since."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Self

import attrs

from ovnkit.deploy.certificates import fingerprint, remove, remove_authority
from ovnkit.deploy.host import Host, open_host
from ovnkit.deploy.hosts import AT_ONCE, Results, on_each
from ovnkit.deploy.reach import reached, servers_of
from ovnkit.deploy.record import Record, Touched, read_record
from ovnkit.deploy.system_id import FileChange, restore_file
from ovnkit.deploy.work import SSL_ROW, put_ssl, ssl_paths
from ovnkit.errors import OvnkitError
from ovnkit.ovsdb.changes import Changes
from ovnkit.remote import Tls
from ovnkit.vswitch.client import VSwitch
from ovnkit.vswitch.direct import ChassisDraft, DirectChassis
from ovnkit.vswitch.managed import MANAGED, managed_entries

__all__ = ["Kept", "UndoReport", "Undone", "take_back", "undo"]


@attrs.frozen
class Kept:
    """A key, or a file, that somebody has changed since, which is why it stays: what was found, and what was left."""

    key: str
    found: str | None
    left: str | None

    def __str__(self) -> str:
        return f"= {self.key} stays {self.found!r}: ovnkit had left {self.left!r}"

    @classmethod
    def file(cls, path: str, found: str | None, left: str | None) -> Self:
        """Of a file; of one with more than a line only the length, for there may be a secret in it."""
        return cls(path, _outline(found), _outline(left))


@attrs.frozen
class Undone:
    """What was taken back on one host, what stays, or why nothing could be done there."""

    host: str
    changes: Changes
    kept: tuple[Kept, ...] = ()
    problem: OvnkitError | None = None

    def __str__(self) -> str:
        body = str(self.changes) if self.problem is None else f"! {self.problem}"
        return "\n".join((self.host, *(f"  {line}" for line in (*body.splitlines(), *map(str, self.kept)))))


def _outline(text: str | None) -> str | None:
    return text if text is None or text.count("\n") <= 1 else f"{len(text)} characters"


class UndoReport(Results[Undone]):
    """What ``undo()`` did, host by host. ``ok`` when no host failed; keys that stay are no failure."""

    @property
    def kept(self) -> Mapping[str, tuple[Kept, ...]]:
        """By host, the keys that others have changed since."""
        return {result.host: result.kept for result in self.hosts if result.kept}

    def __str__(self) -> str:
        failed, kept = len(self.failed), sum(len(keys) for keys in self.kept.values())
        hosts = "1 host" if len(self.hosts) == 1 else f"{len(self.hosts)} hosts"
        summary = f"{hosts}: {len(self.hosts) - failed} as before"
        summary += f", {kept} keys stay as others have changed them" if kept else ""
        summary += f", {failed} failed" if failed else ""
        return "\n".join((*map(str, self.hosts), summary))


def undo(
    record: str | os.PathLike[str], *, tls: Tls | None = None, timeout: float = 30.0, at_once: int = AT_ONCE
) -> UndoReport:
    """Return every key that a record names to what it was before the first ``apply()`` into it.

    Files get their text back. Certificates that ``apply()`` has brought are removed, with their keys; where there were
    some before, the new ones stay, for no key is in a record. What somebody else has changed since stays, and is
    reported. Hosts that are done are written down as such: it
    can be run again for those that failed. ``timeout`` (seconds) holds for each host, ``at_once`` of them at a time.

    Raises OSError where the record cannot be read or written, and InvalidValue where it is none.
    """
    todo = list(read_record(record).values())
    file = Record(record)
    try:

        def on_host(touched: Touched) -> Undone:
            servers = servers_of(touched.ovsdb)
            own = None if tls is None or not servers else tls.limited_to(servers)
            kept: list[Kept] = []

            def restore(draft: ChassisDraft) -> None:
                kept[:] = take_back(draft, touched)

            named: Mapping[str, str] | None = None
            with reached(touched.ovsdb, timeout=timeout) as remote:
                changes = DirectChassis(remote, tls=own).edit(
                    restore, comment=f"ovnkit undo {touched.host}", timeout=timeout
                )
                if touched.ssl is not None:
                    with VSwitch.connect(remote, tls=own, timeout=timeout, monitor=SSL_ROW) as vs:
                        changes = Changes([*changes, *_restore_ssl(vs, *touched.ssl, kept)], ref=changes.ref)
                        named = ssl_paths(vs)
            kept += _restore_files(touched)
            kept += _remove_certificates(touched, named or {})
            file.note_undone(touched.host)
            return Undone(touched.host, changes, tuple(kept))

        outcomes = on_each(todo, on_host, at_once=at_once)
    finally:
        file.close()
    return UndoReport(
        tuple(
            Undone(touched.host, Changes(), problem=outcome) if isinstance(outcome, OvnkitError) else outcome
            for touched, outcome in zip(todo, outcomes, strict=True)
        )
    )


def _restore_ssl(
    vs: VSwitch, before: Mapping[str, str] | None, after: Mapping[str, str] | None, kept: list[Kept]
) -> Changes:
    """Have the SSL row name the files that it named, unless somebody else has changed it since."""
    found = ssl_paths(vs)
    if found == after:
        return put_ssl(vs, before)
    if found != before:
        kept.append(Kept("SSL", str(found), str(after)))
    return Changes()


def _restore_files(touched: Touched) -> list[Kept]:
    """Give files back their text; returns those that somebody else has changed since."""
    if touched.access is None:
        return []
    host = open_host(touched.access, touched.host)
    return [
        Kept.file(path, host.read(path), after)
        for path, (before, after) in touched.files.items()
        if not restore_file(host, FileChange(path, before, after))
    ]


def _remove_certificates(touched: Touched, named: Mapping[str, str]) -> list[Kept]:
    """Remove certificates and keys that were not there before; returns those that somebody else uses or has put there.

    ``named``: the files that the SSL row of the host still names.
    """
    if touched.access is None:
        return []
    host = open_host(touched.access, touched.host)
    brought = {path: after for path, (before, after) in touched.certificates.items() if before is None}
    stay = [path for path in brought if path in named.values()]
    certificates = [path for path in brought if path not in stay and not _is_authority(path)]
    stay += [path for path in certificates if not remove(host, path)]
    # Whoever else has a certificate trusts by the authority beside it.
    for path in filter(_is_authority, brought):
        if path not in stay and _fingerprint(host, path) == brought[path]:
            remove_authority(host, path)
        elif path not in stay and _fingerprint(host, path) is not None:
            stay.append(path)
    return [Kept(path, _fingerprint(host, path), brought[path]) for path in stay]


def _is_authority(path: str) -> bool:
    return path.endswith("/cacert.pem")


def _fingerprint(host: Host, path: str) -> str | None:
    text = host.read(path)
    return text and fingerprint(text)


def take_back(draft: ChassisDraft, touched: Touched) -> list[Kept]:
    """Edit a draft so that its keys are what they were; returns those that somebody else has changed since."""
    now = dict(draft.external_ids)
    kept: list[Kept] = []
    wanted: dict[str, str | None] = {}
    for key, (before, after) in touched.keys.items():
        found = now.get(key)
        if found == after:
            wanted[key] = before
        elif key == MANAGED:
            wanted[key] = _without(found, before, after)
        elif found != before:
            kept.append(Kept(key, found, after))
    draft.put(wanted)
    return kept


def _without(found: str | None, before: str | None, after: str | None) -> str | None:
    """The list of what ovnkit has set, which other operations have changed since, without what is taken back."""
    old, new, now = (managed_entries({MANAGED: text or ""}) for text in (before, after, found))
    return ",".join(sorted((now - (new - old)) | (old - new))) or None
