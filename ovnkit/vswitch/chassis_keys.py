"""The keys of ``Open_vSwitch.external_ids`` that ovn-controller(8) reads: what they mean and what may be in them.

ovn-controller reads ``<key>-<system-id>`` in preference to ``<key>`` for most keys, so that several controllers can
share one host. Releases are OVN's; "2.x" is OVN inside the Open vSwitch tree.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import attrs

from ovnkit.errors import InvalidRemote, InvalidValue
from ovnkit.remote import format_remotes, lacks_port, parse_remotes
from ovnkit.vswitch import mappings

__all__ = [
    "CHASSIS_KEYS",
    "ChassisKey",
    "Kind",
    "check_key",
    "check_option",
    "check_system_id",
    "effective",
    "effective_key",
]


@attrs.frozen
class Kind:
    """What a value may be: ``allowed`` in words; ``canonical`` gives it as it is written, or raises ValueError."""

    allowed: str
    canonical: Callable[[str], str] = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class ChassisKey:
    """One key of ovn-controller(8).

    ``default`` is None where nothing applies unless the key is set; ``since`` and ``gone`` are the first release that
    reads it and the first that ignores it; ``suffixed`` says that ``<name>-<system-id>`` beats ``<name>``.
    """

    name: str
    kind: Kind
    default: str | None
    since: str
    gone: str | None
    suffixed: bool

    def read_by(self, release: str) -> bool:
        """Whether the ovn-controller of ``release``, such as ``"23.03"``, reads this key."""
        return _release(self.since) <= _release(release) and (
            self.gone is None or _release(release) < _release(self.gone)
        )


def _release(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])


def _matching(allowed: str, pattern: str) -> Kind:
    compiled = re.compile(pattern)

    def canonical(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(value)
        return value

    return Kind(allowed, canonical)


def _number(unit: str, top: int, *, floor: int = 0, off: str = "") -> Kind:
    """A decimal number up to ``top``; with ``off``, 0 (which means ``off``) or at least ``floor``."""

    def canonical(value: str) -> str:
        if not re.fullmatch(r"0|[1-9][0-9]{0,19}", value) or int(value) > top or 0 < int(value) < floor:
            raise ValueError(value)
        return value

    return Kind(f"{unit}: 0 ({off}) or {max(floor, 1)} to {top}" if off else f"{unit}: 0 to {top}", canonical)


def _list_of(allowed: str, check: Callable[[str], object]) -> Kind:
    def canonical(value: str) -> str:
        for item in value.split(","):
            check(item)
        return value

    return Kind(f"a comma-separated list, without blanks, of {allowed}", canonical)


def _item(pattern: str) -> Callable[[str], object]:
    return _matching("", pattern).canonical


def _remotes(value: str) -> str:
    try:
        if lacks_port(value):
            raise ValueError("a port is missing")
        return format_remotes(parse_remotes(value))
    except InvalidRemote as error:
        raise ValueError(error.reason) from error


def _mac_mapping(item: str) -> None:
    physnet, _, mac = item.partition(":")
    mappings.check_physnet(physnet)
    if not re.fullmatch(r"[0-9A-Fa-f]{1,2}(:[0-9A-Fa-f]{1,2}){5}", mac):
        raise ValueError(item)


def _bridge(value: str) -> str:
    mappings.check_bridge_name(value, key="ovn-bridge")
    return value


def _encap_types(value: str) -> str:
    return ",".join(mappings.parse_encap_types(value))


def _addresses(value: str) -> str:
    return ",".join(mappings.parse_encap_ips(value))


def _bridge_mappings(value: str) -> str:
    return mappings.render_bridge_mappings(mappings.parse_bridge_mappings(value))


def _one_address(value: str) -> str:
    (address,) = mappings.parse_encap_ips(value)
    return address


def _port_range(value: str) -> str:
    match = re.fullmatch(r"([1-9][0-9]{0,4})-([1-9][0-9]{0,4})", value)
    if not match or not int(match[1]) <= int(match[2]) <= 65535:
        raise ValueError(value)
    return value


def _udp_port(item: str) -> None:
    if not re.fullmatch(r"[1-9][0-9]{0,4}", item) or int(item) > 65535:
        raise ValueError(item)


def _evpn_address(item: str) -> None:
    match = re.fullmatch(r"(?:(0|[1-9][0-9]{0,7})-)?([0-9A-Fa-f.:]+)", item)
    if not match or int(match[1] or 0) >= 1 << 24:
        raise ValueError(item)
    ipaddress.ip_address(match[2])


def _cms_options(value: str) -> str:
    for item in value.split(","):
        mappings.add_cms_option("", item)
    return value


_INT, _UINT, _ULONGLONG = (1 << 31) - 1, (1 << 32) - 1, (1 << 64) - 1
_NAME = r"[!-+\--~]+"
_PAIR = r"[!-+\--<>-~]+=[!-+\--<>-~]+"
_TOS = _matching("inherit, or 0 to 255", r"inherit|[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5]")
_BOOL = _matching("true or false", r"(?i:true|false)")
_EXACT_BOOL = _matching("exactly true or false", r"true|false")
_DATAPATH = _matching("system or netdev", r"system|netdev")
_PROBE = _number("milliseconds", _INT, floor=1000, off="no probes")
_OPENFLOW_PROBE = _number("seconds", _INT, floor=5, off="no probes")
_HOSTNAME = _matching(
    "a host name: 1 to 253 of letters, digits, '_', '.' and '-'", r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}"
)
_SYSTEM_ID = _matching(
    "1 to 64 printable ASCII characters without blanks, not beginning with '-', and without '@', '%', ',' and ':',"
    " which delimit the names of tunnels",
    r"(?!-)[!-$&-+\--9;-?A-~]{1,64}",
)
_OPENFLOW_TARGET = _matching(
    "an OpenFlow connection: unix:PATH, tcp:HOST[:PORT] or ssl:HOST[:PORT]",
    r"unix:/[!-~]+|(tcp|ssl):[A-Za-z0-9_.:\[\]-]+",
)
_REMOTES = Kind("a comma-separated list of tcp:HOST:PORT, ssl:HOST:PORT and unix:PATH", _remotes)
_ENCAP_TYPES = Kind("geneve, vxlan, or both comma-separated (stt below 25.09)", _encap_types)
_ADDRESSES = Kind("IPv4 or IPv6 addresses, comma-separated without blanks", _addresses)
_ADDRESS = Kind("one address of ovn-encap-ip", _one_address)
_BRIDGE = Kind("a bridge name: 1 to 15 of letters, digits, '_', '.' and '-'", _bridge)
_BRIDGE_MAPPINGS = Kind("PHYSNET:BRIDGE, comma-separated without blanks, each physical network once", _bridge_mappings)
_CMS_OPTIONS = Kind("items, comma-separated without blanks around them", _cms_options)

# name, kind, default, since, gone, suffixed
_ROWS: Final[tuple[tuple[str, Kind, str | None, str, str | None, bool], ...]] = (
    ("system-id", _SYSTEM_ID, None, "2.5", None, False),
    ("hostname", _HOSTNAME, None, "2.6", None, True),
    ("ovn-remote", _REMOTES, None, "2.5", None, True),
    ("ovn-remote-probe-interval", _PROBE, "5000", "2.6", None, True),
    ("ovn-encap-type", _ENCAP_TYPES, None, "2.5", None, True),
    ("ovn-encap-ip", _ADDRESSES, None, "2.5", None, True),
    ("ovn-encap-ip-default", _ADDRESS, None, "24.09", None, True),
    ("ovn-encap-csum", _EXACT_BOOL, "true", "2.7", None, True),
    ("ovn-encap-tos", _TOS, None, "21.12", None, True),
    ("ovn-encap-df_default", _BOOL, None, "22.09", None, True),
    ("ovn-enable-flow-based-tunnels", _BOOL, "false", "26.03", None, True),
    ("ovn-bridge", _BRIDGE, "br-int", "2.5", None, True),
    ("ovn-bridge-datapath-type", _DATAPATH, None, "2.12", None, True),
    ("ovn-bridge-mappings", _BRIDGE_MAPPINGS, "", "2.5", None, True),
    ("ovn-chassis-mac-mappings", _list_of("PHYSNET:MAC", _mac_mapping), "", "2.12", None, True),
    ("ovn-cms-options", _CMS_OPTIONS, "", "2.9", None, True),
    ("ovn-transport-zones", _list_of("zone names", _item(_NAME)), "", "2.12", None, True),
    ("ovn-monitor-all", _BOOL, "false", "20.03", None, True),
    ("ovn-is-interconn", _BOOL, "false", "20.03", None, True),
    ("ovn-match-northd-version", _BOOL, "false", "20.12", None, True),
    ("ovn-enable-lflow-cache", _BOOL, "true", "20.09", None, True),
    ("ovn-limit-lflow-cache", _number("entries", _UINT), None, "21.03", None, True),
    ("ovn-memlimit-lflow-cache-kb", _number("KB", _ULONGLONG), None, "21.03", None, True),
    ("ovn-trim-limit-lflow-cache", _number("entries", _UINT), "10000", "21.09", None, True),
    ("ovn-trim-wmark-perc-lflow-cache", _number("per cent", 100), "50", "21.09", None, True),
    ("ovn-trim-timeout-ms", _number("milliseconds", _UINT), "30000", "21.12", None, True),
    ("ct-zone-range", Kind("MIN-MAX within 1 to 65535", _port_range), "1-65535", "24.09", None, True),
    ("ovn-cleanup-on-exit", _BOOL, "true", "25.09", None, True),
    ("ovn-evpn-vxlan-ports", _list_of("UDP ports", _udp_port), "", "25.09", None, True),
    ("ovn-evpn-local-ip", _list_of("[VNI-]ADDRESS", _evpn_address), "", "25.09", None, True),
    ("garp-max-timeout-sec", _number("seconds", _ULONGLONG), "0", "23.09", None, False),
    ("arp-nd-max-timeout-sec", _number("seconds", _ULONGLONG), "16", "25.03", None, False),
    ("ovn-bridge-remote", _OPENFLOW_TARGET, None, "24.09", None, False),
    ("ovn-bridge-remote-probe-interval", _number("milliseconds", _INT), "0", "24.09", None, False),
    ("dynamic-routing-port-mapping", _list_of("PORT=INTERFACE", _item(_PAIR)), None, "25.03", None, False),
    ("ovn-openflow-probe-interval", _OPENFLOW_PROBE, "0", "2.12", "24.03", True),
    ("ovn-set-local-ip", _BOOL, "false", "22.03", "24.09", True),
    ("ovn-ofctrl-wait-before-clear", _number("milliseconds", _UINT), "0", "22.06", "25.09", False),
)

CHASSIS_KEYS: Final[Mapping[str, ChassisKey]] = MappingProxyType(
    {
        name: ChassisKey(name=name, kind=kind, default=default, since=since, gone=gone, suffixed=suffixed)
        for name, kind, default, since, gone, suffixed in _ROWS
    }
)
"""Every key that an ovn-controller of OVN 23.03 to 26.03 reads, by name."""

_SUFFIXES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        other.removeprefix(f"{key.name}-"): (key.name, other)
        for key in CHASSIS_KEYS.values()
        if key.suffixed
        for other in CHASSIS_KEYS
        if other.startswith(f"{key.name}-")
    }
)


def check_option(key: str, value: object) -> str:
    """``value`` as it is to be written to ``external_ids:<key>``: itself, with addresses and remotes in canonical form.

    Raises InvalidValue, column ``external_ids:<key>``, for a key that ovn-controller(8) does not have and for a value
    that it would misread, ignore or change.
    """
    check_key(key, value=value)
    known = CHASSIS_KEYS[key]
    if not isinstance(value, str) or not value:
        raise InvalidValue(table="Open_vSwitch", column=f"external_ids:{key}", value=value, allowed=known.kind.allowed)
    if key == "system-id":
        check_system_id(value)
    try:
        return known.kind.canonical(value)
    except ValueError as error:
        if isinstance(error, InvalidValue) and error.column == f"external_ids:{key}":
            raise
        raise InvalidValue(
            table="Open_vSwitch", column=f"external_ids:{key}", value=value, allowed=known.kind.allowed
        ) from error


def check_key(key: str, *, value: object = None) -> None:
    """Raise InvalidValue, about ``value``, for a key that ovn-controller(8) does not have."""
    if key not in CHASSIS_KEYS:
        near = difflib.get_close_matches(key, CHASSIS_KEYS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InvalidValue(
            table="Open_vSwitch", column=f"external_ids:{key}", value=value, allowed=f"a key of ovn-controller(8){hint}"
        )


def check_system_id(system_id: object) -> None:
    """Raise InvalidValue unless ``system_id`` can name a chassis.

    Refused beside bad characters: what turns one key into another (a chassis ``default`` would take
    ``ovn-encap-ip-default`` for its own ``ovn-encap-ip``), and ``random``, which ovs-ctl(8) replaces at every start.
    """
    allowed = _SYSTEM_ID.allowed
    if isinstance(system_id, str) and system_id in _SUFFIXES:
        key, other = _SUFFIXES[system_id]
        allowed = f"a name that is no suffix of a key: a chassis {system_id!r} would read {other} as its own {key}"
    elif system_id == "random":
        allowed = "a fixed name: ovs-ctl takes 'random' for the order to make one up at every start"
    elif isinstance(system_id, str) and _is_valid(_SYSTEM_ID, system_id):
        return
    raise InvalidValue(table="Open_vSwitch", column="external_ids:system-id", value=system_id, allowed=allowed)


def _is_valid(kind: Kind, value: str) -> bool:
    try:
        kind.canonical(value)
    except ValueError:
        return False
    return True


def effective_key(external_ids: Mapping[str, str], key: str, system_id: str | None) -> str:
    """Which of ``<key>-<system_id>`` and ``<key>`` the chassis reads: the one that a change has to go to."""
    known = CHASSIS_KEYS.get(key)
    own = f"{key}-{system_id}"
    return own if known is not None and known.suffixed and system_id is not None and own in external_ids else key


def effective(external_ids: Mapping[str, str], key: str, system_id: str | None) -> str | None:
    """The value that the chassis ``system_id`` reads for ``key``, or None where neither form is set."""
    return external_ids.get(effective_key(external_ids, key, system_id))
