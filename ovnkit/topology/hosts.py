"""The physical side of the graph: chassis, the tunnels between them, and the bridges and interfaces of their hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from ovnkit.southbound.liveness import is_remote
from ovnkit.southbound.rows import Chassis
from ovnkit.topology.nodes import Edge, Node
from ovnkit.topology.tables import HostTables, Tables, chassis_column
from ovnkit.vswitch.rows import Interface

__all__ = ["hosts"]


def hosts(tables: Tables, named: Iterable[str]) -> Iterator[Node | Edge]:
    """Chassis with what is on them. ``named``: those that Northbound names, whether they are there or not."""
    by_id = _by_system_id(tables)
    for chassis in tables.chassis:
        yield _chassis(tables, chassis)
        for host in (own := by_id.get(chassis.name, ())):
            yield from _host(tables, str(chassis.uuid), host)
        if not own:
            for physnet, bridge in sorted(tables.mappings(chassis).items()):
                yield Edge("mapping", f"provider:{physnet}", str(chassis.uuid), bridge)
    missing = {name: "gone" if tables.sb.known else "" for name in named if name not in tables.chassis_by_name}
    unregistered = {name: own for name, own in by_id.items() if name not in tables.chassis_by_name}
    for name in sorted({*missing, *unregistered}):
        own = unregistered.get(name, ())
        state = "unregistered" if own and tables.sb.known else missing.get(name, "")
        label = next((host.hostname for host in own if host.hostname), name)
        key = f"chassis:{name}"
        yield Node(key, "chassis", name, label, state)
        for host in own:
            yield from _host(tables, key, host)
    yield from _tunnels(tables)


def _by_system_id(tables: Tables) -> dict[str, list[HostTables]]:
    """The hosts, each once, by their system-id, which two may have; one that has none by the uuid of its root."""
    found: dict[str, list[HostTables]] = {}
    by_root = {str(host.root.uuid): host for host in tables.hosts if host.root is not None}
    for uuid, host in by_root.items():
        found.setdefault(host.system_id or uuid, []).append(host)
    return found


def _chassis(tables: Tables, chassis: Chassis) -> Node:
    facts = {
        "encap": " ".join(f"{encap.type} {encap.ip}" for encap in tables.encaps(chassis)),
        "gateway": "gateway" if "enable-chassis-as-gw" in tables.cms_options(chassis) else "",
        "mappings": ",".join(f"{physnet}:{bridge}" for physnet, bridge in tables.mappings(chassis).items()),
        "zones": " ".join(sorted(chassis.transport_zones)),
    }
    known = {name: value for name, value in facts.items() if value}
    return Node(str(chassis.uuid), "chassis", chassis.name, tables.host_name(chassis), "", known, None, chassis)


def _host(tables: Tables, chassis: str, host: HostTables) -> Iterator[Node | Edge]:
    keys: dict[str, str] = {}
    patches: list[Interface] = []
    for bridge in host.bridges:
        facts = {"datapath": bridge.datapath_type} if bridge.datapath_type else {}
        yield Node(str(bridge.uuid), "bridge", bridge.name, bridge.name, "", facts, chassis, bridge)
        for physnet, mapped in sorted(host.mappings.items()):
            if mapped == bridge.name:
                yield Edge("mapping", f"provider:{physnet}", str(bridge.uuid))
        for port in host.ports(bridge):
            for interface in host.interfaces(port):
                if interface.name == bridge.name:
                    continue
                keys[interface.name] = str(interface.uuid)
                yield _interface(str(bridge.uuid), interface)
                if interface.type == "patch":
                    patches.append(interface)
                if (iface_id := interface.external_ids.get("iface-id")) and (found := tables.switch_port(iface_id)):
                    yield Edge("attachment", str(interface.uuid), str(found.uuid))
    for interface in patches:
        peer = interface.options.get("peer", "")
        if peer in keys and interface.name < peer:
            yield Edge("patch", str(interface.uuid), keys[peer])


def _interface(bridge: str, interface: Interface) -> Node:
    facts = {
        "type": interface.type,
        "remote": interface.options.get("remote_ip", ""),
        "iface-id": interface.external_ids.get("iface-id", ""),
        "error": interface.error or "",
    }
    state = "down" if interface.error or interface.link_state == "down" else "up" if interface.link_state else ""
    known = {name: value for name, value in facts.items() if value}
    return Node(str(interface.uuid), "interface", interface.name, interface.name, state, known, bridge, interface)


def _tunnels(tables: Tables) -> Iterator[Edge]:
    """Between all chassis that have a way to encapsulate, and a transport zone, in common (ovn-controller(8)).

    To those of other availability zones only interconnection gateways have one; what these have between them is not
    known here.
    """
    ends = [(str(row.uuid), tables.encaps(row), frozenset(row.transport_zones), row) for row in tables.chassis]
    by_type = [{encap.type: encap.ip for encap in reversed(encaps)} for _, encaps, _, _ in ends]
    is_zoned = any(map(is_remote, tables.chassis))
    states = {row.name: _tunnel_states(host) for *_, row in ends if (host := tables.host(row)) is not None}
    for (one, one_types), (other, other_types) in combinations(zip(ends, by_type, strict=True), 2):
        common = [type_ for type_ in ("geneve", "vxlan", "stt") if type_ in one_types and type_ in other_types]
        zones_meet = one[2] & other[2] or not (one[2] or other[2])
        if common and zones_meet and (not is_zoned or _neighbours(one[3], other[3])):
            seen = (
                states.get(one[3].name, {}).get(other_types[common[0]]),
                states.get(other[3].name, {}).get(one_types[common[0]]),
            )
            state = "down" if "down" in seen else "up" if "up" in seen else ""
            yield Edge("tunnel", one[0], other[0], common[0], state)


def _neighbours(one: Chassis, other: Chassis) -> bool:
    local = [chassis for chassis in (one, other) if not is_remote(chassis)]
    return len(local) == 2 or any(chassis_column(chassis, "is-interconn").lower() == "true" for chassis in local)


def _tunnel_states(host: HostTables) -> dict[str, str]:
    """What a host sees of its tunnels, by the address of the other end: by BFD where it runs."""
    found: dict[str, str] = {}
    for interface in host.rows(Interface).values():
        remote = interface.options.get("remote_ip")
        if remote and interface.type in ("geneve", "vxlan", "stt"):
            state = interface.bfd_status.get("state", "")
            down = interface.error or (state and state != "up")
            found[remote] = "down" if down else "up" if state == "up" else ""
    return found
