"""What a cluster is to be: the central databases, the tunnels and the hosts, checked as soon as it is written down.

Errors name the key as in TOML: ``central.northbound``, ``host.cmp1.encap_ip``, ``host[2].name`` (hosts count from 0).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from ovnkit.deploy.host import open_host
from ovnkit.deploy.neutron.spec import NeutronSpec
from ovnkit.deploy.reach import check_ovsdb, ssh_access
from ovnkit.deploy.spec_central import Central, Member
from ovnkit.deploy.spec_values import (
    access_words,
    canonical_address,
    canonical_or_same,
    check_flag,
    check_remotes,
    is_mapping,
    is_text,
    translated,
)
from ovnkit.errors import InvalidRemote, InvalidValue, SpecError
from ovnkit.ovsdb.values import Map
from ovnkit.remote import format_remotes, parse_remotes
from ovnkit.vswitch import mappings
from ovnkit.vswitch.chassis_keys import CHASSIS_KEYS, check_option, check_system_id

__all__ = ["Central", "Encap", "HostSpec", "Member", "Spec", "derived_system_id"]

_SYSTEM_ID_NAMESPACE = uuid.UUID("0a1ed5ce-5f31-5f0c-9a6c-2c7f6f8b6d0e")
_HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_SET_ELSEWHERE = {
    "ovn-remote": "central.southbound",
    "ovn-encap-type": "encap.type",
    "ovn-encap-ip": "encap_ip of the host",
    "ovn-bridge-mappings": "bridge_mappings of the host",
}
_CMS_OPTIONS = "ovn-cms-options"


def derived_system_id(name: str) -> str:
    """The system-id of a host that is given none: a uuid that depends on its name alone."""
    return str(uuid.uuid5(_SYSTEM_ID_NAMESPACE, name))


def _canonical_ovsdb(value: str | None) -> str | None:
    if value is None or not is_text(value) or value.startswith("ssh:"):
        return value
    return canonical_or_same(value, lambda text: format_remotes(parse_remotes(text)))


def _frozen(pairs: Mapping[str, str]) -> Mapping[str, str]:
    return Map(pairs) if is_mapping(pairs) else pairs


def _option_texts(options: Mapping[str, str | int | bool]) -> Mapping[str, str]:
    if not is_mapping(options):
        return options  # type: ignore[return-value]  # for the check to refuse
    return Map({key: _option_text(key, value) for key, value in options.items()})


def _option_text(key: str, value: object) -> Any:
    """OVSDB's spelling of a truth value or number, canonical where it is good; anything else is left to the check."""
    text = str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else value
    try:
        return check_option(key, text)
    except InvalidValue:
        return text


def _zone_tuple(zones: Iterable[str]) -> tuple[str, ...]:
    return tuple(zones) if isinstance(zones, (list, tuple)) else zones  # type: ignore[return-value]  # for the check


def _check_ovsdb(key: str, value: str, *, insecure: bool) -> None:
    if not is_text(value) or not value.startswith("ssh:"):
        check_remotes(key, value, insecure=insecure)
        return
    try:
        check_ovsdb(value)
    except (InvalidValue, InvalidRemote) as error:
        raise SpecError(key=key, value=value, allowed="ssh://[USER@]HOST[:PORT][/SOCKET]") from error


@attrs.frozen(kw_only=True)
class Encap:
    """How hosts are tunnelled to each other: ``geneve``, ``vxlan``, or both comma-separated (ovn-controller(8))."""

    type: str = "geneve"

    def __attrs_post_init__(self) -> None:
        """Raise SpecError for an unknown type; ``stt`` is refused, for OVN has dropped it."""
        allowed = "geneve, vxlan, or both comma-separated without blanks"
        if not is_text(self.type) or "stt" in self.type:
            raise SpecError(key="encap.type", value=self.type, allowed=allowed)
        try:
            mappings.parse_encap_types(self.type)
        except InvalidValue as error:
            raise SpecError(key="encap.type", value=self.type, allowed=allowed) from error


def _system_id_of(host: HostSpec) -> str:
    # A bad name is refused later, by its own check.
    return derived_system_id(f"{host.name}".encode("ascii", "backslashreplace").decode())


def _access_of(host: HostSpec) -> str | None:
    return ssh_access(host.ovsdb) if is_text(host.ovsdb) else None


@attrs.frozen(kw_only=True)
class HostSpec:
    """One host: a chassis and its local database.

    ``ovsdb`` is the connection string of its Open_vSwitch database: None for the default socket of the machine that
    deploys, ``ssh://[USER@]HOST[:PORT][/SOCKET]`` for a socket that OpenSSH forwards. ``access`` is how the host is
    reached beyond its database (``open_host``): None for not at all, unless ``ovsdb`` says it. ``gateway`` makes it a
    gateway chassis. ``bridge_mappings`` gives the bridge of each physical network, ``availability_zones`` the zones by
    which Neutron is to know it. ``options`` holds further ``ovn-*`` keys of ovn-controller(8); truth values and numbers
    become OVSDB's text.
    """

    name: str
    system_id: str = attrs.field(default=attrs.Factory(_system_id_of, takes_self=True))
    encap_ip: str = attrs.field(converter=canonical_address)
    ovsdb: str | None = attrs.field(default=None, converter=_canonical_ovsdb)
    access: str | tuple[str, ...] | None = attrs.field(
        default=attrs.Factory(_access_of, takes_self=True), converter=access_words
    )
    gateway: bool = False
    bridge_mappings: Mapping[str, str] = attrs.field(factory=dict[str, str], converter=_frozen)
    availability_zones: tuple[str, ...] = attrs.field(default=(), converter=_zone_tuple)
    options: Mapping[str, str] = attrs.field(factory=dict[str, str], converter=_option_texts)

    def __attrs_post_init__(self) -> None:
        """Raise SpecError for the first field that cannot be."""
        if not is_text(self.name) or not _HOST_NAME.fullmatch(self.name):
            allowed = "1 to 63 of letters, digits, '_', '.' and '-', beginning with a letter or digit"
            raise SpecError(key="host.name", value=self.name, allowed=allowed)
        translated(self.key("system_id"), self.system_id, check_system_id)
        self._check_encap_ip()
        check_flag(self.key("gateway"), self.gateway)
        if self.ovsdb is not None:
            _check_ovsdb(self.key("ovsdb"), self.ovsdb, insecure=True)
        self._check_access()
        if not is_mapping(self.options):
            raise SpecError(key=self.key("options"), value=self.options, allowed="a table of ovn-* keys")
        for option, value in self.options.items():
            self._check_option(option, value)
        self._check_bridge_mappings()
        self._check_availability_zones()

    def key(self, field: str) -> str:
        """The name of a field of this host in errors."""
        return f"host.{self.name}.{field}"

    @property
    def cms_options(self) -> tuple[str, ...]:
        """The items that ``ovn-cms-options`` is to have; others put theirs beside them."""
        flag = (mappings.ENABLE_CHASSIS_AS_GW,) if self.gateway else ()
        return flag + mappings.cms_options(self.options.get(_CMS_OPTIONS, ""))

    @property
    def settings(self) -> Mapping[str, str]:
        """``options`` but for ``ovn-cms-options``, whose items are set one by one."""
        return Map({key: value for key, value in self.options.items() if key != _CMS_OPTIONS})

    def _check_encap_ip(self) -> None:
        allowed = "one IPv4 or IPv6 address, of this host alone"
        if not is_text(self.encap_ip) or "," in self.encap_ip:
            raise SpecError(key=self.key("encap_ip"), value=self.encap_ip, allowed=allowed)
        try:
            mappings.parse_encap_ips(self.encap_ip)
        except InvalidValue as error:
            raise SpecError(key=self.key("encap_ip"), value=self.encap_ip, allowed=allowed) from error

    def _check_access(self) -> None:
        access = self.access
        if access is None:
            return
        if not isinstance(access, str | tuple):
            raise SpecError(key=self.key("access"), value=access, allowed="text, or a list of words")
        translated(self.key("access"), access, lambda _: open_host(access, self.name))

    def _check_bridge_mappings(self) -> None:
        if not is_mapping(self.bridge_mappings):
            allowed = 'a table of bridges by physical network, such as { physnet1 = "br-ex" }'
            raise SpecError(key=self.key("bridge_mappings"), value=self.bridge_mappings, allowed=allowed)
        carried: dict[str, str] = {}
        integration_bridge = self.options.get("ovn-bridge", CHASSIS_KEYS["ovn-bridge"].default)
        for physnet, bridge in self.bridge_mappings.items():
            key = self.key(f"bridge_mappings.{physnet}")
            translated(key, physnet, mappings.check_physnet)
            translated(key, bridge, mappings.check_bridge_name)
            if bridge == integration_bridge:
                raise SpecError(key=key, value=bridge, allowed="a provider bridge; this is the integration bridge")
            if bridge in carried:
                allowed = f"a bridge of its own for each physical network; {carried[bridge]} has this one"
                raise SpecError(key=key, value=bridge, allowed=allowed)
            carried[bridge] = physnet

    def _check_availability_zones(self) -> None:
        key = self.key("availability_zones")
        if not isinstance(self.availability_zones, tuple):
            raise SpecError(key=key, value=self.availability_zones, allowed='a list of zones, such as ["az1"]')
        for zone in self.availability_zones:
            translated(key, zone, mappings.check_availability_zone)
            if self.availability_zones.count(zone) > 1:
                raise SpecError(key=key, value=zone, allowed="each zone once")

    def _check_option(self, option: str, value: str) -> None:
        key = self.key(f"options.{option}")
        if option in _SET_ELSEWHERE:
            raise SpecError(key=key, value=value, allowed=f"not here: it is set from {_SET_ELSEWHERE[option]}")
        if not is_text(option) or not option.startswith("ovn-"):
            raise SpecError(key=key, value=value, allowed="a key of ovn-controller(8) that begins with ovn-")
        translated(key, value, lambda text: check_option(option, text))
        if option == _CMS_OPTIONS and mappings.ENABLE_CHASSIS_AS_GW in mappings.cms_options(value):
            raise SpecError(key=key, value=value, allowed=f"not {mappings.ENABLE_CHASSIS_AS_GW}: say gateway = true")
        if option == _CMS_OPTIONS and mappings.availability_zones(value):
            raise SpecError(key=key, value=value, allowed='not availability-zones: say availability_zones = ["ZONE"]')
        if option == "ovn-encap-ip-default" and value != self.encap_ip:
            raise SpecError(key=key, value=value, allowed=f"the encap_ip of the host, {self.encap_ip}")


def _host_tuple(hosts: Iterable[HostSpec]) -> tuple[HostSpec, ...]:
    return tuple(hosts)


@attrs.frozen(kw_only=True)
class Spec:
    """A whole cluster. No two hosts share a name, a system-id, a tunnel address or a database.

    ``neutron`` is what OpenStack's Neutron is to be told of it, None where there is none.
    """

    central: Central
    encap: Encap = attrs.field(factory=Encap)
    hosts: tuple[HostSpec, ...] = attrs.field(default=(), converter=_host_tuple)
    neutron: NeutronSpec | None = None

    def __attrs_post_init__(self) -> None:
        """Raise SpecError for what no two hosts may share, and for plain ``tcp:`` without ``insecure``."""
        self._check_unique("name", lambda host: host.name)
        self._check_unique("system_id", lambda host: host.system_id)
        self._check_unique("encap_ip", lambda host: host.encap_ip)
        self._check_unique("ovsdb", lambda host: host.ovsdb)
        for host in self.hosts:
            if host.ovsdb is not None:
                _check_ovsdb(host.key("ovsdb"), host.ovsdb, insecure=self.central.insecure)
        for member in self.central.members:
            if member.access is None and self.access_of(member) is None:
                allowed = f"how to reach it, or a [[host]] {member.host} that says so"
                raise SpecError(key=member.key("access"), value=None, allowed=allowed)
        if self.neutron is not None:
            self._check_neutron(self.neutron)

    def host(self, name: str) -> HostSpec:
        """The host of that name. Raises KeyError, which names those that there are."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(f"no host {name!r} in the spec; it has {', '.join(host.name for host in self.hosts) or 'none'}")

    def access_of(self, member: Member) -> str | tuple[str, ...] | None:
        """How the host of a member is reached; None where nothing says it."""
        if member.access is not None:
            return member.access
        return next((host.access for host in self.hosts if host.name == member.host), None)

    def _check_unique(self, field: str, value_of: Callable[[HostSpec], str | None]) -> None:
        owners: dict[str | None, HostSpec] = {}
        for index, host in enumerate(self.hosts):
            value = value_of(host)
            owner = owners.setdefault(value, host)
            if owner is not host:
                key = f"host[{index}].name" if field == "name" else host.key(field)
                allowed = f"a {field} of its own for each host; host {owner.name} has this one"
                raise SpecError(key=key, value=value, allowed=allowed)

    def _check_neutron(self, neutron: NeutronSpec) -> None:
        """What Neutron is told has to go with the rest."""
        known = {host.name for host in self.hosts}
        named = [("neutron.servers", name) for name in neutron.servers]
        if neutron.metadata is not None:
            named += [("neutron.metadata.hosts", name) for name in neutron.metadata.hosts or ()]
        for key, name in named:
            if name not in known:
                raise SpecError(key=key, value=name, allowed=f"hosts of the spec: {', '.join(sorted(known)) or 'none'}")
        mapped = {physnet for host in self.hosts for physnet in host.bridge_mappings}
        for physnet in sorted(neutron.physnets - mapped):
            key = "neutron.flat_networks" if physnet in neutron.flat_networks else "neutron.vlan_ranges"
            allowed = f"a physical network that a host has a bridge for: {', '.join(sorted(mapped)) or 'none'}"
            raise SpecError(key=key, value=physnet, allowed=allowed)
        if "geneve" in neutron.project_network_types and "geneve" not in self.encap.type.split(","):
            raise SpecError(
                key="encap.type", value=self.encap.type, allowed="geneve, which the networks of projects need"
            )
        central = self.central
        remotes = [parse_remotes(one) for one in (central.northbound, central.southbound, central.southbound_admin)]
        if neutron.tls is None and any(remote.scheme == "ssl" for servers in remotes for remote in servers):
            allowed = "key, certificate and authority: files on the hosts, by which Neutron reaches ssl: databases"
            raise SpecError(key="neutron.tls", value=None, allowed=allowed)
        if neutron.release == "queens" and any(len(servers) > 1 for servers in remotes):
            allowed = "a later release: Neutron of Queens takes one server of each database"
            raise SpecError(key="neutron.release", value=neutron.release, allowed=allowed)
