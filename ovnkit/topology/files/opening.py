"""Opening a network from files: which of the databases that were found are taken."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, TypeVar

from ovnkit.errors import NotADatabase
from ovnkit.northbound.client import Northbound
from ovnkit.ovsdb.client import Client
from ovnkit.ovsdb.damage import Damage
from ovnkit.ovsdb.files import DatabaseFile
from ovnkit.southbound.client import Southbound
from ovnkit.topology.files.sources import Passed, sources
from ovnkit.topology.network import Network
from ovnkit.vswitch.client import VSwitch

__all__ = ["open_files"]

C = TypeVar("C", bound=Client[Any, Any])


def open_files(*paths: str | os.PathLike[str]) -> Network:
    """The network whose databases are in these files: read-only clients, without any server.

    Takes database files of any kind (see ``Northbound.open``), directories, and tar files such as a must-gather or a
    sosreport, compressed or not. Databases are found by what files hold, not by their names. Of several files of one
    database, such as those of a cluster's members, the one with the highest committed index is taken, of several
    databases the one with the latest transaction; each host has its own Open_vSwitch. ``tried`` says what was not
    taken, ``damage`` what could not be read.

    Raises NotADatabase for a path that holds none, and where there is no path at all, and OSError.
    """
    if not paths:
        raise NotADatabase("open_files()", "no path was given; a pattern that matches nothing gives none")
    choice = _Choice()
    for path in paths:
        found = False
        for source in sources(path):
            found = isinstance(source, DatabaseFile) or found
            choice.take(source)
        if not found:
            raise NotADatabase(os.fspath(path), "; ".join(["there is no database in it", *choice.tried]))
    return choice.network()


class _Choice:
    """What has been found so far, and the best of each."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self._damage: list[Damage] = []
        self._found: dict[tuple[str, object], DatabaseFile] = {}
        """By the name of the database, and what tells one host's from another's."""

    def take(self, source: DatabaseFile | Damage | Passed) -> None:
        """Look at one more."""
        if isinstance(source, Passed):
            self.tried.append(str(source))
            return
        if isinstance(source, Damage):
            self._damage.append(source)
            return
        if source.damage is not None:
            self._damage.append(source.damage)
        if source.contents is None:
            self.tried.append(f"{source.path}: it holds no schema")
        elif source.name not in _NAMES:
            self.tried.append(f"{source.path}: {source.name} is no database of a network")
        else:
            self._compare(source.name, source)

    def _compare(self, name: str, found: DatabaseFile) -> None:
        key = (name, _host(found) if name == "Open_vSwitch" else None)
        other = self._found.setdefault(key, found)
        if other is not found:
            better, worse = (found, other) if _is_better(found, other) else (other, found)
            self._found[key] = better
            self.tried.append(f"{worse.path}: {better.path} {_why(better, worse)}")

    def network(self) -> Network:
        """Clients of what was chosen."""
        for found in self._found.values():
            left_out = 0 if found.membership is None else found.membership.uncommitted
            if left_out:
                self.tried.append(f"{found.path}: the last {left_out} of its entries are not known to be committed")
        nb, sb = self._clients(Northbound), self._clients(Southbound)
        return Network(
            nb=next(iter(nb), None),
            sb=next(iter(sb), None),
            vswitches=tuple(self._clients(VSwitch)),
            damage=tuple(self._damage),
            tried=tuple(self.tried),
        )

    def _clients(self, client_class: type[C]) -> list[C]:
        return [
            client_class.over(found.contents, found.path, trouble=str(found.damage or ""))
            for (name, _), found in self._found.items()
            if name == client_class._database.name and found.contents is not None
        ]


_NAMES = {"OVN_Northbound", "OVN_Southbound", "Open_vSwitch"}


def _host(found: DatabaseFile) -> object:
    """What is the same in all files of one host's database: the uuid of its only row of table Open_vSwitch."""
    rows: Iterable[object] = found.contents.rows.get("Open_vSwitch", ()) if found.contents is not None else ()
    return next(iter(rows), found.path)


def _is_better(found: DatabaseFile, other: DatabaseFile) -> bool:
    if _same_cluster(found, other) and found.membership is not None and other.membership is not None:
        return found.membership.committed > other.membership.committed
    return _time(found) > _time(other)


def _why(better: DatabaseFile, worse: DatabaseFile) -> str:
    if _same_cluster(better, worse) and better.membership is not None and worse.membership is not None:
        ahead, behind = better.membership.committed, worse.membership.committed
        return f"of the same cluster has committed {'as much' if ahead == behind else f'more by {ahead - behind}'}"
    return "has a later transaction" if _time(better) > _time(worse) else "is no older"


def _same_cluster(one: DatabaseFile, other: DatabaseFile) -> bool:
    return (
        one.membership is not None
        and other.membership is not None
        and one.membership.cluster_id == other.membership.cluster_id
    )


def _time(found: DatabaseFile) -> float:
    return 0.0 if found.date is None else found.date.timestamp()
