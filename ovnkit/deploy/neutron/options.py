"""The options of Neutron that ovnkit sets: section, name, kind, and how they were called before (oslo.config).

From Neutron's own definitions, and from those of networking-ovn 4.0 for Queens; ``tox -e neutron`` compares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import attrs

from ovnkit.deploy.neutron.releases import Release, is_older

__all__ = ["OPTIONS", "File", "Kind", "Option"]

File = Literal["neutron", "ml2", "metadata"]
"""``neutron.conf``, ``ml2_conf.ini``, and the file of the metadata agent."""


@attrs.frozen
class Kind:
    """What the text of an option may be: ``allowed`` in words, and whether one is."""

    allowed: str
    accepts: Callable[[str], bool] = attrs.field(repr=False)


def _number(least: int, most: int) -> Kind:
    def accepts(text: str) -> bool:
        return text.isascii() and text.isdecimal() and least <= int(text) <= most

    return Kind(f"a whole number from {least} to {most}", accepts)


def _one_of(*words: str) -> Kind:
    return Kind(f"one of {', '.join(words)}", words.__contains__)


def _are_words(text: str) -> bool:
    items = text.split(",")
    return text == "" or all(item and item == item.strip() for item in items)


_TEXT: Final = Kind("text", bool)
_WORDS: Final = Kind("words, comma-separated, without blanks around them", _are_words)
_FLAG: Final = _one_of("true", "false")


@attrs.frozen
class Option:
    """One option. ``renamed``: its older name, and the release since which it has ``name``."""

    file: File
    section: str
    name: str
    kind: Kind
    renamed: tuple[str, Release] | None = None

    def name_in(self, release: Release) -> str:
        """What it is called in a release."""
        if self.renamed is not None and is_older(release, self.renamed[1]):
            return self.renamed[0]
        return self.name

    @property
    def names(self) -> frozenset[str]:
        """All names that it has, or had."""
        return frozenset((self.name, *(self.renamed or ())[:1]))


_TLS: Final = ("private_key", "certificate", "ca_cert")

OPTIONS: Final = (
    Option("neutron", "DEFAULT", "core_plugin", _TEXT),
    Option("neutron", "DEFAULT", "service_plugins", _WORDS),
    Option("neutron", "DEFAULT", "dns_domain", _TEXT),
    Option("ml2", "ml2", "type_drivers", _WORDS),
    Option("ml2", "ml2", "project_network_types", _WORDS, ("tenant_network_types", "2026.1")),
    Option("ml2", "ml2", "mechanism_drivers", _WORDS),
    Option("ml2", "ml2", "extension_drivers", _WORDS),
    Option("ml2", "ml2", "overlay_ip_version", _one_of("4", "6")),
    Option("ml2", "ml2_type_flat", "flat_networks", _WORDS),
    Option("ml2", "ml2_type_vlan", "network_vlan_ranges", _WORDS),
    Option("ml2", "ml2_type_geneve", "vni_ranges", _WORDS),
    Option("ml2", "ml2_type_geneve", "max_header_size", _number(38, 65535)),
    Option("ml2", "ovn", "ovn_nb_connection", _WORDS),
    *(Option("ml2", "ovn", f"ovn_nb_{part}", _TEXT) for part in _TLS),
    Option("ml2", "ovn", "ovn_sb_connection", _WORDS),
    *(Option("ml2", "ovn", f"ovn_sb_{part}", _TEXT) for part in _TLS),
    Option("ml2", "ovn", "ovsdb_probe_interval", _number(0, 2**31 - 1)),
    Option("ml2", "ovn", "ovn_l3_scheduler", _one_of("leastloaded", "chance")),
    Option("ml2", "ovn", "enable_distributed_floating_ip", _FLAG),
    Option("ml2", "ovn", "ovn_metadata_enabled", _FLAG),
    Option("ml2", "ovn", "dns_servers", _WORDS),
    Option("metadata", "DEFAULT", "nova_metadata_host", _TEXT, ("nova_metadata_ip", "queens")),
    Option("metadata", "DEFAULT", "nova_metadata_port", _number(1, 65535)),
    Option("metadata", "DEFAULT", "nova_metadata_protocol", _one_of("http", "https")),
    Option("metadata", "DEFAULT", "metadata_proxy_shared_secret", _TEXT),
    Option("metadata", "ovs", "ovsdb_connection", _TEXT),
    Option("metadata", "ovn", "ovn_sb_connection", _WORDS),
    *(Option("metadata", "ovn", f"ovn_sb_{part}", _TEXT) for part in _TLS),
)
