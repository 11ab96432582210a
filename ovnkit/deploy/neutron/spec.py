"""What OpenStack's Neutron is to be told of OVN, for whatever release: one description, checked when it is made."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Final, Literal, get_args

import attrs

from ovnkit.deploy.layout import TlsFiles
from ovnkit.deploy.neutron.releases import LATEST, RELEASES, Release, is_older
from ovnkit.deploy.secret import Secret
from ovnkit.errors import InvalidRemote, InvalidValue, SpecError
from ovnkit.remote import parse_remotes
from ovnkit.vswitch.mappings import check_physnet

__all__ = ["Files", "MetadataAgent", "NeutronSpec"]

Files = Literal["packages", "kolla", "elsewhere"]
"""Where Neutron's files are to be."""

_HIGHEST_VNI: Final = (1 << 24) - 1
_HIGHEST_VLAN: Final = 4094
_LEAST_HEADER: Final = 38
"""Ethernet, IP, UDP and Geneve with OVN's own option (ovn-architecture(7), Tunnel Encapsulations); Neutron has 30."""

_WORD: Final = re.compile(r"[A-Za-z0-9_.-]+")
_DNS_NAME: Final = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_-]{1,63}\.?")
_RANGE: Final = re.compile(r"([0-9]{1,8}):([0-9]{1,8})", re.ASCII)
_PATH: Final = re.compile(r"/[!-~]+")
_USER: Final = re.compile(r"[a-z0-9_][a-z0-9_-]{0,31}")


def _tuple(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values) if isinstance(values, (list, tuple)) else values  # type: ignore[return-value]  # for the check


def _optional_tuple(values: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if values is None else _tuple(values)


def _check(key: str, value: object, allowed: str, *, good: bool) -> None:
    if not good:
        raise SpecError(key=key, value=value, allowed=allowed)


def _is_number(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _check_list(key: str, values: object, allowed: str, is_good: Callable[[str], bool]) -> None:
    if not isinstance(values, tuple):
        raise SpecError(key=key, value=values, allowed=f"a list, each item {allowed}")
    for value in values:
        _check(key, value, allowed, good=isinstance(value, str) and is_good(value))
        _check(key, value, "each item once", good=values.count(value) == 1)


def _is_like(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_word(value: str) -> bool:
    return _is_like(_WORD, value)


def _is_range(text: str, highest: int) -> bool:
    found = _RANGE.fullmatch(text)
    return found is not None and 1 <= int(found[1]) <= int(found[2]) <= highest


def _is_physnet(value: str) -> bool:
    try:
        check_physnet(value)
    except InvalidValue:
        return False
    # Neutron cuts its lists at commas and strips what is between them.
    return ":" not in value and "," not in value and value == value.strip()


def _is_vlan_range(value: str) -> bool:
    physnet, colon, numbers = value.partition(":")
    return _is_physnet(physnet) and (not colon or _is_range(numbers, _HIGHEST_VLAN))


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_host(value: object) -> bool:
    return isinstance(value, str) and (_is_address(value) or (len(value) <= 253 and bool(_DNS_NAME.fullmatch(value))))


def _is_own_database(value: object) -> bool:
    if not isinstance(value, str) or "," in value:
        return False
    try:
        (remote,) = parse_remotes(value)
    except InvalidRemote:
        return False
    return remote.scheme != "ssl" and remote.is_loopback


@attrs.frozen(kw_only=True)
class MetadataAgent:
    """OVN's metadata agent: where Nova answers, and what it and the agent both know.

    ``hosts``: the names of the hosts on which it runs, None for all. ``ovsdb`` is the connection string by which it
    reaches the database of its own host, on a loopback address or a socket.
    """

    nova_host: str
    shared_secret: Secret
    nova_port: int = 8775
    nova_protocol: str = "http"
    hosts: tuple[str, ...] | None = attrs.field(default=None, converter=_optional_tuple)
    ovsdb: str = "tcp:127.0.0.1:6640"

    def __attrs_post_init__(self) -> None:
        """Raise SpecError for the first field that cannot be."""
        where = "neutron.metadata"
        _check(f"{where}.nova_host", self.nova_host, "a host name or an IP address", good=_is_host(self.nova_host))
        if not isinstance(self.shared_secret, Secret):
            raise SpecError(key=f"{where}.shared_secret", value="***", allowed='a secret: deploy.Secret("…")')
        text = self.shared_secret.reveal()
        allowed = "one line of printable characters that does not begin with '['"
        is_line = text.isprintable() and bool(text) and not text.startswith("[")
        _check(f"{where}.shared_secret", "***", allowed, good=is_line)
        port_is_good = _is_number(self.nova_port, 1, 65535)
        _check(f"{where}.nova_port", self.nova_port, "a port from 1 to 65535", good=port_is_good)
        protocols = ("http", "https")
        _check(f"{where}.nova_protocol", self.nova_protocol, "http or https", good=self.nova_protocol in protocols)
        if self.hosts is not None:
            _check_list(f"{where}.hosts", self.hosts, "the name of a host", bool)
        allowed = "tcp: to a loopback address, or unix:PATH, of the host itself"
        _check(f"{where}.ovsdb", self.ovsdb, allowed, good=_is_own_database(self.ovsdb))


@attrs.frozen(kw_only=True)
class NeutronSpec:
    """Neutron with OVN: where its server runs, which release of OpenStack it is, and what the networks are to be like.

    - ``servers``: the names of the hosts with neutron-server.
    - ``vni_ranges`` (``LOW:HIGH``), ``vlan_ranges`` (``PHYSNET`` or ``PHYSNET:LOW:HIGH``) and ``flat_networks``
      (physical networks, or ``*``) are what Neutron takes for networks of projects and of providers.
    - ``max_header_size`` (bytes): how much of a packet the tunnel takes. OVN needs 38 (Neutron has 30).
    - ``service_plugins``, ``extension_drivers``: those beside OVN's router.
    - ``distributed_floating_ip``: floating IPs leave from the host of the machine, and not by the gateway.
    - ``dns_servers``: for subnets without any. ``dns_domain``: of the names that machines get.
    - ``probe_interval`` (milliseconds): how often Neutron looks whether a quiet connection is alive; None for its own.
    - ``tls``: the PEM files on the hosts, for ``ssl:``; their owner has to be able to read them.
    - ``owner``: the user that Neutron runs as, who alone is to read a file with a secret.
    - ``metadata``: the metadata agent, None for none.
    - ``files``: what ``deploy.plan`` brings to the hosts: the files where ``packages`` have them, those that Kolla's
      containers read (``kolla``), or none, for somebody else renders or copies them (``elsewhere``).
    """

    servers: tuple[str, ...] = attrs.field(converter=_tuple)
    release: Release = LATEST
    project_network_types: tuple[str, ...] = attrs.field(default=("geneve",), converter=_tuple)
    type_drivers: tuple[str, ...] = attrs.field(default=("local", "flat", "vlan", "geneve"), converter=_tuple)
    vni_ranges: tuple[str, ...] = attrs.field(default=("1:65536",), converter=_tuple)
    vlan_ranges: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    flat_networks: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    max_header_size: int = _LEAST_HEADER
    service_plugins: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    extension_drivers: tuple[str, ...] = attrs.field(default=("port_security",), converter=_tuple)
    l3_scheduler: str = "leastloaded"
    distributed_floating_ip: bool = False
    dns_servers: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    dns_domain: str | None = None
    probe_interval: int | None = None
    tls: TlsFiles | None = None
    owner: str = "neutron"
    metadata: MetadataAgent | None = None
    files: Files = "packages"

    def __attrs_post_init__(self) -> None:
        """Raise SpecError for the first field that cannot be."""
        _check("neutron.release", self.release, f"one of {', '.join(RELEASES)}", good=self.release in RELEASES)
        _check("neutron.servers", self.servers, "at least one host", good=self.servers != ())
        _check_list("neutron.servers", self.servers, "the name of a host", bool)
        self._check_networks()
        for field in ("service_plugins", "extension_drivers"):
            _check_list(f"neutron.{field}", getattr(self, field), "a name without blanks and commas", _is_word)
        schedulers = ("leastloaded", "chance")
        _check("neutron.l3_scheduler", self.l3_scheduler, "leastloaded or chance", good=self.l3_scheduler in schedulers)
        is_flag = isinstance(self.distributed_floating_ip, bool)
        _check("neutron.distributed_floating_ip", self.distributed_floating_ip, "true or false", good=is_flag)
        _check_list("neutron.dns_servers", self.dns_servers, "an IP address", _is_address)
        if self.dns_domain is not None:
            is_name = _is_like(_DNS_NAME, self.dns_domain)
            _check("neutron.dns_domain", self.dns_domain, "a DNS name", good=is_name)
        if self.probe_interval is not None:
            allowed = "0 for no probes, or milliseconds from 1000"
            is_good = _is_number(self.probe_interval, 1000, 2**31 - 1) or _is_number(self.probe_interval, 0, 0)
            _check("neutron.probe_interval", self.probe_interval, allowed, good=is_good)
        self._check_tls()
        kinds = get_args(Files)
        _check("neutron.files", self.files, ", ".join(kinds), good=self.files in kinds)
        _check("neutron.owner", self.owner, "the name or number of a user", good=_is_like(_USER, self.owner))

    def is_older(self, than: Release) -> bool:
        """Whether this is a release before another."""
        return is_older(self.release, than)

    def runs_metadata(self, host: str) -> bool:
        """Whether the metadata agent is to run on the host of this name."""
        return self.metadata is not None and (self.metadata.hosts is None or host in self.metadata.hosts)

    @property
    def physnets(self) -> frozenset[str]:
        """The physical networks that flat and vlan networks are on."""
        named = {item.partition(":")[0] for item in self.vlan_ranges} | set(self.flat_networks)
        return frozenset(named - {"*"})

    def _check_networks(self) -> None:
        known = ("local", "flat", "vlan", "geneve", "vxlan", "gre")
        _check_list("neutron.type_drivers", self.type_drivers, f"one of {', '.join(known)}", known.__contains__)
        key = "neutron.project_network_types"
        _check_list(key, self.project_network_types, "geneve or vlan", ("geneve", "vlan").__contains__)
        _check(key, self.project_network_types, "geneve, vlan, or both", good=self.project_network_types != ())
        vni_is_good = "LOW:HIGH, from 1 to 16777215"
        _check_list("neutron.vni_ranges", self.vni_ranges, vni_is_good, lambda text: _is_range(text, _HIGHEST_VNI))
        allowed = "PHYSNET or PHYSNET:LOW:HIGH, from 1 to 4094"
        _check_list("neutron.vlan_ranges", self.vlan_ranges, allowed, _is_vlan_range)
        allowed = "a physical network, or * for all"
        _check_list("neutron.flat_networks", self.flat_networks, allowed, lambda text: text == "*" or _is_physnet(text))
        allowed = f"bytes, {_LEAST_HEADER} or more: OVN's tunnels need {_LEAST_HEADER}"
        is_enough = _is_number(self.max_header_size, _LEAST_HEADER, 65535)
        _check("neutron.max_header_size", self.max_header_size, allowed, good=is_enough)
        needed = {
            *self.project_network_types,
            *(("flat",) if self.flat_networks else ()),
            *(("vlan",) if self.vlan_ranges else ()),
        }
        missing = sorted(needed - set(self.type_drivers))
        allowed = f"also {', '.join(missing)}, which the networks need"
        _check("neutron.type_drivers", self.type_drivers, allowed, good=not missing)

    def _check_tls(self) -> None:
        if self.tls is None:
            return
        if not isinstance(self.tls, TlsFiles):
            raise SpecError(key="neutron.tls", value=self.tls, allowed="three files: key, certificate and authority")
        for field in ("key", "certificate", "authority"):
            path = getattr(self.tls, field)
            allowed = "the absolute path of a file, without blanks"
            _check(f"neutron.tls.{field}", path, allowed, good=_is_like(_PATH, path))
