"""The central services of a spec: a node for each member, and what all of them say."""

from __future__ import annotations

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
        leading = [one for one in self.statuses(database).values() if one and one.leader]
        # One that was cut off goes on to believe that it leads for a while.
        found = max(leading, key=lambda one: one.term, default=None)
        return None if found is None else self.node(found.host)
