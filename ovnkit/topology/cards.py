"""What a picture of the network says: a card for each router, switch and chassis, their lines, and what links them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import attrs

from ovnkit.topology.graph import Topology
from ovnkit.topology.nodes import Edge, Node
from ovnkit.topology.text import cells, printable

__all__ = ["MOST_CARDS", "MOST_PORTS", "Card", "Deck", "End", "Item", "Line", "Link", "Tier", "deck"]

Tier = Literal["outside", "routers", "switches", "hosts"]

MOST_PORTS = 400
"""So many ports and interfaces are drawn one by one; of more, each card shows some and counts the rest."""
MOST_CARDS = 60
"""So many cards are drawn in a tier, and so many ports of a router; the rest are counted."""
_MOST_BINDINGS = 24
"""So many lines are drawn from switches to hosts; where there would be more, the number behind a port has to do."""
_MOST_TUNNELS = 45
"""So many tunnels are drawn, as many as ten hosts have; where there would be more, those alone that are amiss."""
_SHORT = 10
"""Names of at most so many cells stand three on a line."""
_MOST_OF_A_KIND = 12
"""So many NAT rules, floating IPs, routes, services and gateways are listed in a card."""


@attrs.frozen
class Item:
    """A piece of text that stands for a node, or for none: with its state, a badge behind it, and a longer title."""

    text: str
    key: str | None = None
    state: str = ""
    badge: str = ""
    title: str = ""


@attrs.frozen
class Line:
    """One line of a card: one item that has its whole width, or as many as there are ``columns``."""

    items: tuple[Item, ...]
    columns: int = 1
    faint: bool = False


@attrs.frozen
class Card:
    """A router, a switch, a chassis or a physical network, with what belongs to it."""

    node: Node
    tier: Tier
    badge: str = ""
    lines: tuple[Line, ...] = ()

    def places(self) -> dict[str | None, int]:
        """The line on which each node stands, the first one; what has none of its own is not there."""
        lines = reversed(tuple(enumerate(self.lines)))
        return {item.key: number for number, line in lines for item in line.items}


@attrs.frozen
class End:
    """Where a link ends: a card, and one of its lines, or its title."""

    card: str
    line: int | None = None


@attrs.frozen
class Link:
    """What joins two cards; ``number``: how many edges are drawn as one."""

    kind: str
    source: End
    target: End
    state: str = ""
    label: str = ""
    number: int = 1


@attrs.frozen
class Deck:
    """All cards by tier, in the order in which they are stacked, the links, and a sentence on what is not drawn."""

    tiers: dict[Tier, list[Card]]
    links: tuple[Link, ...]
    folded: str = ""


def deck(topology: Topology, *, most_ports: int | None = MOST_PORTS, most_cards: int | None = MOST_CARDS) -> Deck:
    """What is to be drawn of a topology. None for a limit: all of it, however much it is."""
    return _Dealer(topology, most_ports, most_cards).deal()


class _Dealer:
    def __init__(self, topology: Topology, most_ports: int | None, most_cards: int | None) -> None:
        self.topology = topology
        self.most_cards = most_cards
        self.whole = most_ports is None
        self.switches = any(node.kind == "switch" for node in topology)
        chassis = [node for node in topology if node.kind == "chassis"]
        told_apart = self.switches and len(chassis) > 1
        self.badges = {node.key: str(number) for number, node in enumerate(chassis, 1)} if told_apart else {}
        self.places = {edge.source: edge.target for edge in topology.edges if edge.kind == "binding"}
        self.with_address = {edge.target for edge in topology.edges if edge.kind == "service"}
        self.linked = {key for edge in topology.edges if edge.kind == "link" for key in (edge.source, edge.target)}
        self.all_tunnels = sum(edge.kind == "tunnel" for edge in topology.edges) <= _MOST_TUNNELS
        self.hidden_ports = 0
        self.hidden_cards: dict[str, int] = {}
        self.of_card = self._shares(most_ports)

    def _shares(self, most: int | None) -> int | None:
        """How many ports a card may show, so that all cards together show at most ``most``; None: all of them."""
        kind = "switch" if self.switches else "chassis"
        counts = sorted(len(self._ports(node)) for node in self.topology if node.kind == kind)
        if most is None or sum(counts) <= most:
            return None
        left, cards = most, len(counts)
        for count in counts:
            if count > left // cards:
                break
            left, cards = left - count, cards - 1
        return max(left // cards, 1)

    def deal(self) -> Deck:
        tiers: dict[Tier, list[Card]] = {"outside": [], "routers": [], "switches": [], "hosts": []}
        for node in self.topology:
            if node.kind == "router":
                tiers["routers"].append(self._router(node))
            elif node.kind == "switch":
                card = self._switch(node)
                tiers[card.tier].append(card)
            elif node.kind == "chassis":
                tiers["hosts"].append(self._chassis(node))
            elif node.kind == "provider" and not self.switches:
                tiers["outside"].append(Card(node, "outside"))
        for tier, cards in tiers.items():
            if self.most_cards is not None and len(cards) > self.most_cards:
                self.hidden_cards[tier] = len(cards) - self.most_cards
                del cards[self.most_cards :]
        links = self._links([card for cards in tiers.values() for card in cards])
        return Deck({tier: cards for tier, cards in tiers.items() if cards}, links, self._folded())

    # -- cards -------------------------------------------------------------------------------------------------------

    def _router(self, node: Node) -> Card:
        children = self.topology.children(node)
        lines: list[Line] = []
        ports = [port for port in children if port.kind == "router port"]
        shown = self._router_ports(ports)
        for port in shown:
            text = f"{port.label} {port.facts.get('networks', '')}"
            lines.append(_line(Item(text, port.key, port.state, title=_title(port))))
            lines += self._gateways(port)
        if len(shown) < len(ports):
            self.hidden_ports += len(ports) - len(shown)
            lines.append(_more(f"{len(ports) - len(shown)} more ports"))
        lines += self._gateways(node)
        lines += self._some(children, "nat", self._translation)
        lines += self._some(children, "floating ip", self._translation)
        lines += self._some(children, "route", lambda route: f"{route.name} → {route.facts.get('via', '?')}")
        lines += self._services(node)
        return Card(node, "routers", lines=tuple(lines))

    def _router_ports(self, ports: list[Node]) -> list[Node]:
        """Those that are drawn: where they are too many the gateways first of all."""
        if self.most_cards is None or len(ports) <= self.most_cards:
            return ports
        kept = {port.key for port in sorted(ports, key=lambda port: not self._gateways(port))[: self.most_cards]}
        return [port for port in ports if port.key in kept]

    def _gateways(self, node: Node) -> list[Line]:
        """The chassis of a gateway, the first one first."""
        lines = []
        for edge in self.topology.edges_of(node):
            if edge.kind == "gateway" and edge.source == node.key:
                there = self.topology.nodes[edge.target]
                state = there.state or edge.state
                title = printable(f"gateway {there.label} ({there.name}) {edge.label} {state}", limit=200)
                text = f"{edge.label.replace('priority', 'gateway')} {there.label}".strip()
                lines.append(_line(Item(text, there.key, state, self._badge(there.key), title)))
        return lines

    def _some(self, children: Sequence[Node], kind: str, text: Callable[[Node], str]) -> list[Line]:
        found = [node for node in children if node.kind == kind]
        shown = found if self.whole else found[:_MOST_OF_A_KIND]
        lines = [_line(Item(text(node), node.key, node.state, title=_title(node))) for node in shown]
        if len(shown) < len(found):
            lines.append(_more(f"{len(found) - len(shown)} more of {kind}"))
        return lines

    def _translation(self, rule: Node) -> str:
        ports = [
            self.topology.nodes[edge.target].label
            for edge in self.topology.edges_of(rule)
            if edge.kind == "service" and edge.source == rule.key
        ]
        kind = rule.facts.get("type", "")
        name = rule.name + (f":{rule.facts['external ports']}" if "external ports" in rule.facts else "")
        return " ".join(filter(None, (kind, name, _SIGNS.get(kind, "↔"), rule.facts.get("logical ip", ""), *ports)))

    def _switch(self, node: Node) -> Card:
        lines: list[Line] = []
        provided = [port for port in self.topology.children(node) if port.facts.get("type") == "localnet"]
        for port in provided:
            vlan = f" vlan {port.facts['vlan']}" if "vlan" in port.facts else ""
            lines.append(
                _line(Item(f"{port.facts.get('network', '?')}{vlan}", port.key, "outside", title=_title(port)))
            )
        lines += self._services(node)
        lines += self._chips(self._ports(node))
        return Card(node, "outside" if provided else "switches", lines=tuple(lines))

    def _services(self, node: Node) -> list[Line]:
        found = [
            self.topology.nodes[edge.source]
            for edge in self.topology.edges_of(node)
            if edge.kind == "service" and edge.target == node.key
        ]
        lines = [
            _line(Item(f"{_SERVICES[there.kind]} {there.label}", there.key, title=_title(there))) for there in found
        ]
        if len(lines) > _MOST_OF_A_KIND and not self.whole:
            lines[_MOST_OF_A_KIND:] = [_more(f"{len(lines) - _MOST_OF_A_KIND} more services")]
        return lines

    def _chassis(self, node: Node) -> Card:
        lines: list[Line] = []
        if encap := node.facts.get("encap"):
            lines.append(_line(Item(encap, title=_title(node)), faint=True))
        lines += self._gateways_on(node)
        for edge in self.topology.edges_of(node):
            if edge.kind == "mapping":
                lines.append(_line(Item(f"{edge.label} ↔ {self.topology.nodes[edge.source].label}", edge.source)))
        tunnels = [edge for edge in self.topology.edges_of(node) if edge.kind == "tunnel"]
        if down := [edge for edge in tunnels if edge.state == "down"]:
            lines.append(_line(Item(f"{len(down)} of {len(tunnels)} tunnels down", state="down")))
        elif tunnels and not self.all_tunnels:
            lines.append(_line(Item(_several(len(tunnels), "tunnel")), faint=True))
        bridges = self.topology.children(node)
        lines += [_line(Item(self._bridge(bridge), bridge.key, title=_title(bridge))) for bridge in bridges]
        ports = self._ports(node)
        if self.switches and ports:
            lines.append(_line(Item(f"{_several(len(ports), 'port')} bound"), faint=True))
        elif not self.switches:
            lines += self._chips(ports)
        return Card(node, "hosts", self._badge(node.key), tuple(lines))

    def _gateways_on(self, chassis: Node) -> list[Line]:
        """What a chassis may be the gateway of; where that is too much, what it is the gateway of first of all."""
        edges = self.topology.edges_of(chassis)
        found = [edge for edge in edges if edge.kind == "gateway" and edge.target == chassis.key]
        shown = found
        if len(found) > _MOST_OF_A_KIND and not self.whole:
            shown = sorted(found, key=lambda edge: edge.state != "active")[:_MOST_OF_A_KIND]
        lines: list[Line] = []
        for edge in shown:
            gateway = self.topology.nodes[edge.source]
            title = printable(edge.label, limit=200)
            lines.append(_line(Item(f"gateway {gateway.label}", gateway.key, edge.state, title=title)))
        if len(shown) < len(found):
            lines.append(_more(f"{len(found) - len(shown)} more gateways"))
        return lines

    def _bridge(self, bridge: Node) -> str:
        mapped = [
            self.topology.nodes[edge.source].label for edge in self.topology.edges_of(bridge) if edge.kind == "mapping"
        ]
        to = f" ↔ {', '.join(mapped)}" if mapped else ""
        return f"{bridge.name}{to} ({len(self.topology.children(bridge))})"

    # -- ports -------------------------------------------------------------------------------------------------------

    def _ports(self, node: Node) -> list[Node]:
        """The ports that are drawn one by one: of a switch all but those that are links, of a chassis what is bound."""
        if node.kind == "switch":
            return [
                port
                for port in self.topology.children(node)
                if port.kind == "switch port" and (port.key not in self.linked or port.key in self.places)
            ]
        edges = self.topology.edges_of(node)
        return [
            self.topology.nodes[edge.source] for edge in edges if edge.kind == "binding" and edge.target == node.key
        ]

    def _chips(self, ports: list[Node]) -> list[Line]:
        shown = ports
        if self.of_card is not None and len(ports) > self.of_card:
            # What is amiss is shown first of all, then what the outside can reach.
            by_weight = sorted(ports, key=lambda port: (port.state in ("up", ""), port.key not in self.with_address))
            kept = {port.key for port in by_weight[: self.of_card]}
            shown = [port for port in ports if port.key in kept]
        wide = len(ports) <= 6
        items = [self._chip(port, wide=wide) for port in shown]
        short = all(cells(item.text) <= _SHORT for item in items)
        columns = 1 if wide else 3 if short and len(ports) > 12 else 2
        lines = [Line(tuple(items[index : index + columns]), columns) for index in range(0, len(items), columns)]
        if len(shown) < len(ports):
            self.hidden_ports += len(ports) - len(shown)
            rest = [port for port in ports if port not in shown] if len(ports) < 50 else []
            up = "" if not rest else f", {sum(port.state == 'up' for port in rest)} of them up"
            lines.append(_more(f"{len(ports) - len(shown)} more ports{up}"))
        return lines

    def _chip(self, port: Node, *, wide: bool) -> Item:
        address = port.facts.get("addresses", "").partition(" ")[2] if wide else ""
        kind = port.facts.get("type", "")
        text = " ".join(filter(None, (port.label, address, kind if wide else "")))
        return Item(text, port.key, port.state, self._badge(self.places.get(port.key, "")), _title(port))

    def _badge(self, chassis: str) -> str:
        return self.badges.get(chassis, "")

    # -- links -------------------------------------------------------------------------------------------------------

    def _links(self, cards: list[Card]) -> tuple[Link, ...]:
        by_key = {card.node.key: card.places() for card in cards}
        found: dict[tuple[str, End, End, str], int] = {}
        for edge in self.topology.edges:
            if edge.kind not in ("link", "binding", "tunnel", "mapping"):
                continue
            if edge.kind == "tunnel" and edge.state in ("", "up") and not self.all_tunnels:
                continue
            source, target = self._end(edge, edge.source, by_key), self._end(edge, edge.target, by_key)
            if source is not None and target is not None and source.card != target.card:
                key = (edge.kind, source, target, edge.state)
                found[key] = found.get(key, 0) + 1
        links = [
            Link(kind, source, target, state, number=number) for (kind, source, target, state), number in found.items()
        ]
        bindings = sum(link.kind == "binding" for link in links)
        return tuple(link for link in links if bindings <= _MOST_BINDINGS or link.kind != "binding")

    def _end(self, edge: Edge, key: str, cards: dict[str, dict[str | None, int]]) -> End | None:
        place = self.topology.place(key).key
        lines = cards.get(place)
        if lines is None:
            return None
        # Bindings are drawn from card to card, else there would be as many lines as ports.
        return End(place, lines.get(key) if edge.kind == "link" and key != place else None)

    def _folded(self) -> str:
        parts = [f"{number} {'hosts' if tier == 'hosts' else tier}" for tier, number in self.hidden_cards.items()]
        if self.hidden_ports:
            parts.append(f"{self.hidden_ports} ports")
        if not parts:
            return ""
        return f"not drawn: {', '.join(parts)}; topology.focus(name), filter(…) or search(…) shows them"


_SIGNS = {"snat": "←", "dnat": "→"}
_SERVICES = {"load balancer": "lb", "dhcp": "dhcp", "floating ip": "ip", "nat": "nat"}


def _line(item: Item, *, faint: bool = False) -> Line:
    return Line((item,), faint=faint)


def _more(text: str) -> Line:
    return _line(Item(f"+ {text}"), faint=True)


def _several(number: int, what: str) -> str:
    return f"{number} {what if number == 1 else f'{what}s'}"


def _title(node: Node) -> str:
    """All that is known of a node, for where it is pointed at."""
    facts = (f"{name}: {value}" for name, value in node.facts.items())
    first = f"{node.kind} {node.label}" + (f" ({node.name})" if node.label != node.name else "")
    return "\n".join(printable(text, limit=200) for text in (first, node.state, *facts) if text)
