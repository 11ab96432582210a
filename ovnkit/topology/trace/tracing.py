"""Tracing: the ends found, what needs no packet said, the packet made and followed, and its answer as well."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import attrs

from ovnkit.errors import InvalidValue, NotUnique
from ovnkit.northbound.client import Northbound
from ovnkit.northbound.rows import ACL, NAT, LogicalRouterPolicy, LogicalSwitch, QoS
from ovnkit.remote import parse_remotes
from ovnkit.southbound.client import Southbound
from ovnkit.topology.tables import Tables
from ovnkit.topology.text import printable
from ovnkit.topology.trace import flows
from ovnkit.topology.trace.endpoints import OUTSIDE, End, Endpoint, find_endpoint, find_outside
from ovnkit.topology.trace.hops import Hop, parse
from ovnkit.topology.trace.obstacles import LOGICAL, Obstacle, apart, between, northd_behind, of_end
from ovnkit.topology.trace.packet import Packet, Protocol, addressed, first_hop, the_protocol
from ovnkit.topology.trace.placement import placed
from ovnkit.topology.trace.result import Direction, Trace, Way
from ovnkit.topology.trace.simulator import Simulator, backend_flag, ct_flags, needed, simulator
from ovnkit.topology.trace.verdict import Conclusion, Drop, conclude
from ovnkit.topology.trace.wiring import Address, address_of
from ovnkit.vswitch.client import VSwitch

__all__ = ["trace"]

_REPLY = ("est,rpl",)
_NEW = ("new",)
_SNAT = re.compile(r"ct_snat\w*\(ip[46]\.src=([0-9a-f.:]+)\)")
_PLAIN = re.compile(r"[\w.:@+/ -]*")
_GRACE = 60.0


def trace(
    nb: Northbound,
    sb: Southbound | None,
    source: End,
    target: End,
    *,
    tcp: int | None = None,
    udp: int | None = None,
    sctp: int | None = None,
    icmp: bool = False,
    arp: bool = False,
    direction: Direction = "both",
    ct: Sequence[str] = _NEW,
    lb_dst: str | None = None,
    version: Literal[4, 6] | None = None,
    ttl: int = 64,
    vswitches: Iterable[VSwitch] = (),
    timeout: float = 30.0,
) -> Trace:
    """Why ``source`` can reach ``target``, or cannot.

    An end is the name of a port, what the CMS calls it (``neutron:port_name``, its device, ``NAMESPACE/POD``), an IP
    address, a floating IP, the address of a load balancer (``10.0.0.80:80``), "outside", or a row. An address that
    several ports have is that of the one nearest to the other end; one that nobody has is outside, behind the nearest
    localnet port, unless it belongs to a network where OVN knows every host.

    The packet is a ping, or to the port ``tcp``, ``udp`` or ``sctp``, or with ``arp`` the question who has the address
    (neighbour discovery for IPv6). ``version`` 4 or 6 where both would do. ``direction``: "there", "back" (only the
    answer) or "both".

    ``ct``: what connection tracking says of the packet there, as flags of ``--ct`` in ovn-trace(8), one item for each
    time that it is asked, the last for all that follow. Its default is a new connection; ovn-trace's own, an
    established one, lets through what no ACL would. The answer is that of an established connection.

    ``lb_dst``: the backend that a load balancer is to choose (``10.0.0.5:80``). ``vswitches``: databases of hosts, for
    what only these know. ``timeout`` in seconds, for all of it.

    What can be seen without a packet comes first, as obstacles. Where ovn-trace cannot run, they are all there is, and
    the verdict may be "unknown". Nothing is written. Raises NotFound, NotUnique and InvalidValue.
    """
    protocol = the_protocol(tcp=tcp, udp=udp, sctp=sctp, icmp=icmp, arp=arp)
    flags = ct_flags(ct)
    if direction not in ("both", "there", "back"):
        raise InvalidValue(table="trace", column="direction", value=direction, allowed="both, there or back")
    tables = Tables(nb, sb, vswitches)
    with simulator(sb) as tool:
        tracing = _Tracing(tables, sb, tool, time.monotonic() + timeout, ttl)
        ends = tracing.ends(source, target, version)
        if isinstance(ends, Obstacle):
            way = _not_sent(ends, protocol or Protocol("icmp"), _text(source), _text(target))
            return Trace(source=way.source, target=way.target, ways=(way,))
        chosen = protocol or _served(ends[1]) or Protocol("icmp")
        return tracing.trace(*ends, chosen, version, direction, flags, lb_dst)


def _text(end: End) -> str:
    if isinstance(end, str):
        return end
    return str(getattr(end, "name", None) or getattr(end, "external_ip", None) or end.uuid)


def _not_sent(obstacle: Obstacle, protocol: Protocol, source: str, target: str) -> Way:
    return Way(
        direction="there",
        source=source,
        target=target,
        what=str(protocol),
        verdict="not sent",
        reason=f"not sent: {obstacle.text}",
        drop=Drop(reason=obstacle.text, row=obstacle.row, obstacle=obstacle),
        obstacles=(obstacle,),
    )


def _served(target: Endpoint) -> Protocol | None:
    """What a load balancer balances, if it is one with a port."""
    if target.service is None:
        return None
    name, port = target.service
    return Protocol("udp" if name == "udp" else "sctp" if name == "sctp" else "tcp", port)


class _Tracing:
    """One call of trace()."""

    def __init__(self, tables: Tables, sb: Southbound | None, tool: Simulator | str, deadline: float, ttl: int) -> None:
        self._tables = tables
        self._sb = sb
        self._tool = tool
        self._deadline = deadline
        self._ttl = ttl
        self._silent = (
            ()
            if sb is None or sb.state == "file"
            else tuple(stale.name for stale in sb.stale_chassis(grace=_GRACE) if stale.state == "stale")
        )

    # -- the ends --------------------------------------------------------------------------------------------------

    def ends(self, source: End, target: End, version: int | None) -> tuple[Endpoint, Endpoint] | Obstacle:
        """Both ends; an obstacle where one is outside, and there is no way out."""
        tables = self._tables
        try:
            first = find_endpoint(tables, source)
        except NotUnique:
            # Of several with that address, the one in the network of the other end.
            first = find_endpoint(tables, source, near=_switch(find_endpoint(tables, target)))
        second = find_endpoint(tables, target, near=_switch(first))
        if first is None and second is None:
            allowed = "an end that is in this network; both are outside"
            raise InvalidValue(table="trace", column="source", value=source, allowed=allowed)
        if (
            first is not None
            and second is not None
            and first.kind == second.kind == "port"
            and first.port == second.port
        ):
            allowed = "another port than that of the source; what a machine sends to itself never comes to OVN"
            raise InvalidValue(table="trace", column="target", value=target, allowed=allowed)
        if first is None and second is not None:
            first = find_outside(tables, second, _outside_address(source), version=version)
        elif first is not None and second is None:
            second = find_outside(tables, first, _outside_address(target), version=version or _only_version(first))
        if first is None or second is None:
            inside = first or second
            assert inside is not None
            what = f"from {printable(inside.name)} no switch with a localnet port can be reached"
            return Obstacle("no outside", what, inside.row)
        if first.kind in {"router port", "load balancer"}:
            allowed = 'a port of a switch, a floating IP, or "outside": what sends packets'
            raise InvalidValue(table="trace", column="source", value=source, allowed=allowed)
        return first, second

    # -- both ways -------------------------------------------------------------------------------------------------

    def trace(
        self,
        source: Endpoint,
        target: Endpoint,
        protocol: Protocol,
        version: int | None,
        direction: Direction,
        flags: tuple[str, ...],
        lb_dst: str | None,
    ) -> Trace:
        options = (*flags, *backend_flag(lb_dst))
        there = self._way("there", source, target, protocol, version, options, ends=(source, target))
        ways = [there] if direction != "back" else []
        answer = self._answer(there, source, target)
        if direction != "there" and answer is not None and protocol.name != "arp":
            sender, receiver, notes = answer
            ends = (source, target) if direction == "back" else ()
            back = self._way("back", sender, receiver, protocol, version, ct_flags(_REPLY), ends=ends, notes=notes)
            ways.append(back)
        return Trace(source=source.name, target=target.name, ways=tuple(ways or [there]))

    def _answer(
        self, there: Way, source: Endpoint, target: Endpoint
    ) -> tuple[Endpoint, Endpoint, tuple[str, ...]] | None:
        """Who answers, to whom as it knows him; None where OVN answers itself, or nobody does."""
        if there.packet is None or target.kind in {"router port", "nobody"}:
            return None
        sender = target
        if target.kind == "load balancer":
            left = [port for hop in there.hops if not hop.packet for port, kind in hop.outputs if not kind]
            port = self._tables.switch_port(left[-1]) if left and there.verdict == "delivered" else None
            backend = None if port is None else find_endpoint(self._tables, port)
            if backend is None:
                return None
            sender = backend
        seen = _translated(there.hops)
        receiver, notes = self._seen_as(source, seen)
        return sender, receiver, notes

    def _seen_as(self, source: Endpoint, seen: Address | None) -> tuple[Endpoint, tuple[str, ...]]:
        own = attrs.evolve(
            source, addresses=source.own_addresses, kind="port" if source.kind != "outside" else "outside"
        )
        own = attrs.evolve(own, row=own.port)
        if seen is None or seen in own.addresses:
            return own, ()
        for nat in self._tables.nb(NAT).values():
            if nat.type == "dnat_and_snat" and address_of(nat.external_ip) == seen:
                found = find_endpoint(self._tables, nat)
                if found is not None and found.port == source.port:
                    return found, ()
        note = (
            f"the answer goes to {seen}, which the router turns back into the address of {printable(source.name)}; "
            "ovn-trace does not know of this, so the answer is traced to that address from the start"
        )
        return own, (note,)

    # -- one way ---------------------------------------------------------------------------------------------------

    def _way(
        self,
        direction: Literal["there", "back"],
        source: Endpoint,
        target: Endpoint,
        protocol: Protocol,
        version: int | None,
        options: tuple[str, ...],
        *,
        ends: tuple[Endpoint, ...],
        notes: tuple[str, ...] = (),
    ) -> Way:
        tables = self._tables
        found = [obstacle for end in dict.fromkeys(ends) for obstacle in of_end(tables, end)] if ends else []
        found += northd_behind(tables) if ends else ()
        mine = list(of_end(tables, source)) if ends else []
        pair = addressed(source, target, version)
        made: Packet | Obstacle
        if pair is None:
            made = _no_addresses(source, target)
        else:
            step = first_hop(tables, source, pair[0], target, pair[1])
            if isinstance(step, Obstacle):
                made = step
            else:
                found += between(tables, step.router_port, target, pair[1])
                found += apart(tables, source, target)
                made = Packet(
                    inport="" if source.port is None else source.port.name,
                    eth_src=source.mac_of(pair[0]),
                    eth_dst=step.mac,
                    source=pair[0],
                    target=step.address if protocol.name == "arp" else pair[1],
                    protocol=protocol,
                    reply=direction == "back",
                    ttl=self._ttl,
                )
        what = str(protocol) if pair is None else f"{protocol} from {pair[0]} to {pair[1]}"
        hops: tuple[Hop, ...] = ()
        places: dict[Obstacle, Hop | None] = {}
        command: tuple[str, ...] = ()
        text = ""
        if isinstance(made, Obstacle):
            same = [obstacle for obstacle in found if obstacle.kind == made.kind and obstacle.row == made.row]
            found += [] if same else [made]
            mine.append(made)
            conclusion = Conclusion("unknown", "no packet can be made")
        else:
            command, text, conclusion, hops = self._followed(made, target, options)
            start = None if source.port is None else tables.chassis_of(source.port.name)
            for obstacle, hop in placed(tables, hops, start, self._silent):
                found.append(obstacle)
                places.setdefault(obstacle, hop)
        found = list(dict.fromkeys(found))
        conclusion = _decided(conclusion, found, mine, places)
        return Way(
            direction=direction,
            source=source.name,
            target=target.name,
            what=what,
            verdict=conclusion.verdict,
            reason=conclusion.reason,
            drop=conclusion.drop,
            hops=hops,
            obstacles=tuple(found),
            notes=notes,
            packet=None if isinstance(made, Obstacle) else made,
            command=command,
            text=text,
        )

    def _followed(
        self, packet: Packet, target: Endpoint, options: Sequence[str]
    ) -> tuple[tuple[str, ...], str, Conclusion, tuple[Hop, ...]]:
        tool, sb = self._tool, self._sb
        if isinstance(tool, str) or sb is None:
            return (), "", Conclusion("unknown", str(tool)), ()
        argv = tool.argv(packet.expression, options=options)
        text, trouble = tool.run(argv, timeout=self._left())
        argv = tool.argv(packet.expression, options=needed(options, text))
        if trouble:
            return argv, text, Conclusion("unknown", trouble), ()
        remotes = parse_remotes(tool.remote)
        hops = flows.resolved(
            self._tables,
            sb,
            parse(text, names=_odd_names(self._tables), matches=_odd_matches(self._tables)),
            remotes=remotes,
            tls=tool.tls,
            timeout=self._left(),
        )
        wanted = {target.port.name} if target.port is not None else set()
        conclusion = conclude(
            self._tables,
            hops,
            to=str(packet.target),
            wanted=wanted,
            of_source=packet.inport,
            anyone=target.kind == "load balancer",
        )
        return argv, text, conclusion, hops

    def _left(self) -> float:
        return max(0.001, self._deadline - time.monotonic())


def _decided(
    conclusion: Conclusion,
    found: Sequence[Obstacle],
    mine: Sequence[Obstacle],
    places: Mapping[Obstacle, Hop | None],
) -> Conclusion:
    """What obstacles say beside ovn-trace, which knows nothing of hosts.

    ``mine``: those of the sender, past which nothing is sent at all. ``places``: the hops that they stop.
    """
    ran = conclusion.verdict != "unknown"
    for obstacle in found:
        if not obstacle.stops or (ran and obstacle.kind in LOGICAL):
            continue
        drop = Drop(reason=obstacle.text, row=obstacle.row, hop=places.get(obstacle), obstacle=obstacle)
        if obstacle in mine:
            return Conclusion("not sent", f"not sent: {obstacle.text}", drop)
        if not ran or conclusion.verdict in {"delivered", "unresolved"}:
            return Conclusion("dropped", f"dropped: {obstacle.text}", drop)
    return conclusion


def _odd_names(tables: Tables) -> Iterator[str]:
    """The names of ports that may be taken for something else where ovn-trace prints them."""
    return (port for port in tables.bindings if not _PLAIN.fullmatch(port))


def _odd_matches(tables: Tables) -> Iterator[str]:
    """The matches that take more than a line."""
    rows: list[ACL | LogicalRouterPolicy | QoS] = [*tables.nb(ACL).values(), *tables.nb(QoS).values()]
    rows += tables.nb(LogicalRouterPolicy).values()
    return (row.match for row in rows if "\n" in row.match)


def _no_addresses(source: Endpoint, target: Endpoint) -> Obstacle:
    for end, addresses in ((source, source.own_addresses), (target, target.addresses)):
        if not addresses:
            what = f"OVN knows no IP address of {printable(end.name)}; give the address instead of the name, or add it"
            return Obstacle("no address", what, end.row)
    what = f"{printable(source.name)} and {printable(target.name)} have no addresses of the same version of IP"
    return Obstacle("no address", what, source.row)


def _translated(hops: Iterable[Hop]) -> Address | None:
    """The source address that NAT has given to a packet, None where it has kept its own."""
    found = [match for hop in hops if not hop.packet for match in _SNAT.findall(hop.before)]
    return address_of(found[-1]) if found else None


def _switch(end: Endpoint | None) -> LogicalSwitch | None:
    return None if end is None else end.switch


def _outside_address(end: End) -> Address | None:
    return address_of(end.strip("[]")) if isinstance(end, str) and end != OUTSIDE else None


def _only_version(end: Endpoint) -> int | None:
    versions = {address.version for address in end.own_addresses}
    return versions.pop() if len(versions) == 1 else None
