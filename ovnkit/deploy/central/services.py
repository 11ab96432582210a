"""The central services of a spec: a node for each member, and what all of them say."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from ovnkit.deploy.central.node import Node
from ovnkit.deploy.central.status import MemberStatus
from ovnkit.deploy.databases import DATABASES, Database
from ovnkit.deploy.host import open_host
from ovnkit.deploy.hosts import on_each
from ovnkit.deploy.spec import Spec
from ovnkit.errors import Conflict, NeedsHost, OvnkitError

__all__ = ["Services", "status"]

_SHORTEST_PATIENCE: Final = 5.0
_ELECTIONS: Final = 4
_PAUSE: Final = 0.1
_HOW: Final = "nothing says how to reach it; access of its [[central.member]] does"


def status(spec: Spec) -> tuple[MemberStatus, ...]:
    """Each database at each member: whether it serves, who leads, how far it is (ovsdb-server(1), cluster/status).

    A member that cannot be asked is there with its ``problem``.
    """
    return Services(spec).status()


class Services:
    """The nodes of a spec, in its order. Raises Conflict for a spec without members."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        if not spec.central.members:
            raise Conflict("no members", "the spec does not say which hosts run the central services: central.members")
        self.nodes = tuple(
            Node(spec.central, member, open_host(access, member.host))
            for member in spec.central.members
            if (access := spec.access_of(member)) is not None
        )

    def node(self, host: str) -> Node:
        """The node on a host. Raises KeyError."""
        self.spec.central.member(host)
        for node in self.nodes:
            if node.name == host:
                return node
        raise NeedsHost(f"what is done on {host}", _HOW)

    def others(self, node: Node) -> tuple[Node, ...]:
        """All nodes but this one."""
        return tuple(other for other in self.nodes if other is not node)

    def status(self, databases: Sequence[Database] = DATABASES) -> tuple[MemberStatus, ...]:
        """What each node says of each database."""
        found = on_each(self.nodes, lambda node: [node.status(database) for database in databases])
        return tuple(one for statuses in found if not isinstance(statuses, OvnkitError) for one in statuses)

    def statuses(self, database: Database) -> dict[str, MemberStatus]:
        """What each node says of a database, by the name of its host."""
        return {one.host: one for one in self.status([database])}

    def leader(self, database: Database) -> Node | None:
        """The node that leads, None where nobody does just now."""
        found = self._leading(database)
        return None if found is None else self.node(found.host)

    def serving(self, database: Database) -> Node | None:
        """A node that serves a database, the leader before others."""
        statuses = [one for one in self.statuses(database).values() if one]
        found = self._leading(database) or next(iter(statuses), None)
        return None if found is None else self.node(found.host)

    def leading(self, database: Database) -> MemberStatus:
        """What the leader says, after an election if there is one just now.

        Raises Conflict where nobody comes to lead, for then nobody knows who is a member.
        """
        deadline = time.monotonic() + max(_SHORTEST_PATIENCE, _ELECTIONS * self.spec.central.election_timer / 1000)
        while (found := self._leading(database)) is None:
            if time.monotonic() > deadline:
                said = "; ".join(map(str, self.status([database])))
                raise Conflict("no leader", f"{database.name} has none: {said}")
            time.sleep(_PAUSE)
        return found

    def _leading(self, database: Database) -> MemberStatus | None:
        leading = [one for one in self.statuses(database).values() if one and one.leader]
        # One that was cut off goes on to believe that it leads for a while.
        return max(leading, key=lambda one: one.term, default=None)

    def check_majority(self, database: Database, node: Node, *, address: str | None = None) -> None:
        """Raise Conflict unless the other members can go on without a node: most of them are heard by the leader.

        ``address``: that of the node among them, where it is not the one that it is to have.
        """
        leading = self.leading(database)
        rest = [peer for peer in leading.peers if peer.address != (address or node.raft(database))]
        heard = [peer for peer in rest if leading.hears(peer)]
        if 2 * len(heard) <= len(rest):
            raise Conflict(
                "no majority without it",
                f"without {node.name} the cluster of {database.name} would have {len(rest)} members, of which"
                f" {leading.host} hears {len(heard)}: nothing could be agreed on. Mend or replace the others first",
            )
