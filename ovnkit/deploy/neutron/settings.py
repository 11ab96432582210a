"""What a cluster's description says in Neutron's options, of its release. Pure logic."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ovnkit.deploy.layout import TlsFiles
from ovnkit.deploy.neutron.ini import Setting
from ovnkit.deploy.neutron.options import OPTIONS, File, Option
from ovnkit.deploy.neutron.releases import with_networking_ovn
from ovnkit.deploy.neutron.spec import MetadataAgent, NeutronSpec
from ovnkit.deploy.secret import Secret
from ovnkit.errors import InvalidValue
from ovnkit.remote import parse_remotes

__all__ = ["metadata_settings", "router_plugin", "server_settings"]

_Value = str | int | bool | Sequence[str] | Secret | None
_Values = Mapping[tuple[str, str], _Value]

_ROUTER: Final = "ovn-router"
_NETWORKING_OVN_ROUTER: Final = "networking_ovn.l3.l3_ovn.OVNL3RouterPlugin"
_REPLACED: Final = {
    "mechanism_drivers": frozenset(("openvswitch", "linuxbridge", "l2population", "networking_ovn")),
    "service_plugins": frozenset(
        (
            "router",
            "neutron.services.l3_router.l3_router_plugin.L3RouterPlugin",
            "neutron.services.ovn_l3.plugin.OVNL3RouterPlugin",
            _ROUTER,
            _NETWORKING_OVN_ROUTER,
        )
    ),
    "type_drivers": frozenset[str](),
    "extension_drivers": frozenset[str](),
}
"""Lists in which others may have items beside ours, and the items whose place ours take."""


def router_plugin(neutron: NeutronSpec) -> str:
    """The service plugin by which OVN does the routing."""
    return _NETWORKING_OVN_ROUTER if with_networking_ovn(neutron.release) else _ROUTER


def server_settings(
    neutron: NeutronSpec, *, northbound: str, southbound: str, encap_ips: Sequence[str]
) -> dict[File, tuple[Setting, ...]]:
    """The settings of neutron-server, in ``neutron.conf`` and ``ml2_conf.ini``.

    ``northbound`` and ``southbound`` are connection strings, ``encap_ips`` the tunnel addresses of the hosts. Raises
    InvalidValue.
    """
    main: _Values = {
        ("DEFAULT", "core_plugin"): "ml2",
        ("DEFAULT", "service_plugins"): (router_plugin(neutron), *neutron.service_plugins),
        ("DEFAULT", "dns_domain"): neutron.dns_domain,
    }
    over_ipv6 = bool(encap_ips) and all(ipaddress.ip_address(address).version == 6 for address in encap_ips)
    ml2: _Values = {
        ("ml2", "type_drivers"): neutron.type_drivers,
        ("ml2", "project_network_types"): neutron.project_network_types,
        ("ml2", "mechanism_drivers"): ("ovn",),
        ("ml2", "extension_drivers"): neutron.extension_drivers or None,
        ("ml2", "overlay_ip_version"): 6 if over_ipv6 else None,
        ("ml2_type_flat", "flat_networks"): neutron.flat_networks or None,
        ("ml2_type_vlan", "network_vlan_ranges"): neutron.vlan_ranges or None,
        ("ml2_type_geneve", "vni_ranges"): neutron.vni_ranges,
        ("ml2_type_geneve", "max_header_size"): neutron.max_header_size,
        **_connection("nb", northbound, neutron.tls),
        **_connection("sb", southbound, neutron.tls),
        ("ovn", "ovsdb_probe_interval"): neutron.probe_interval,
        ("ovn", "ovn_l3_scheduler"): neutron.l3_scheduler,
        ("ovn", "enable_distributed_floating_ip"): neutron.distributed_floating_ip,
        ("ovn", "ovn_metadata_enabled"): neutron.metadata is not None,
        ("ovn", "dns_servers"): neutron.dns_servers or None,
    }
    return {"neutron": tuple(_settings("neutron", neutron, main)), "ml2": tuple(_settings("ml2", neutron, ml2))}


def metadata_settings(neutron: NeutronSpec, metadata: MetadataAgent, *, southbound: str) -> tuple[Setting, ...]:
    """The settings of the metadata agent. Raises InvalidValue."""
    values: _Values = {
        ("DEFAULT", "nova_metadata_host"): metadata.nova_host,
        ("DEFAULT", "nova_metadata_port"): metadata.nova_port,
        ("DEFAULT", "nova_metadata_protocol"): metadata.nova_protocol,
        ("DEFAULT", "metadata_proxy_shared_secret"): metadata.shared_secret,
        ("ovs", "ovsdb_connection"): metadata.ovsdb,
        # Its default is this host, which is right on the controller alone.
        **_connection("sb", southbound, neutron.tls),
    }
    return tuple(_settings("metadata", neutron, values))


def _connection(database: str, remotes: str, tls: TlsFiles | None) -> dict[tuple[str, str], _Value]:
    found: dict[tuple[str, str], _Value] = {("ovn", f"ovn_{database}_connection"): remotes}
    if tls is not None and any(remote.scheme == "ssl" for remote in parse_remotes(remotes)):
        found["ovn", f"ovn_{database}_private_key"] = tls.key
        found["ovn", f"ovn_{database}_certificate"] = tls.certificate
        found["ovn", f"ovn_{database}_ca_cert"] = tls.authority
    return found


def _settings(file: File, neutron: NeutronSpec, values: _Values) -> Iterator[Setting]:
    """A setting for each value that is not None, in the order of the table of options."""
    for option in OPTIONS:
        value = values.get((option.section, option.name)) if option.file == file else None
        if value is not None:
            yield _setting(option, neutron, value)


def _setting(option: Option, neutron: NeutronSpec, value: _Value) -> Setting:
    text = value if isinstance(value, Secret) else _text(value)
    plain = text.reveal() if isinstance(text, Secret) else text
    if not option.kind.accepts(plain):
        column = f"[{option.section}] {option.name}"
        raise InvalidValue(table="neutron", column=column, value=repr(text), allowed=option.kind.allowed)
    name = option.name_in(neutron.release)
    instead_of = _REPLACED.get(option.name)
    return Setting(
        section=option.section,
        name=name,
        value=text,
        aliases=option.names - {name},
        beside=instead_of is not None,
        instead_of=(instead_of or frozenset()) - set(plain.split(",")),
    )


def _text(value: _Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else ",".join(value or ())  # type: ignore[arg-type]
