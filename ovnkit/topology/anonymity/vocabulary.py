"""Words that OVN, OVS and their users' software give a meaning to, and which therefore name nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ovnkit.northbound.rows import NB
from ovnkit.ovsdb.row import Database
from ovnkit.southbound.rows import SB
from ovnkit.vswitch.rows import VS

__all__ = ["KEYS", "SECRETS", "is_stage", "is_symbol", "is_word"]

SECRETS = frozenset(
    {
        *("psk", "ipsec_psk", "private_key", "ssl_key"),
        *("certificate", "ca_cert", "bootstrap_ca_cert", "remote_cert", "local_cert"),
    }
)
"""Keys of maps that are left out, beside those that are called a secret."""

_PORT_TYPES = (
    "router localnet localport l2gateway l3gateway vtep external virtual remote switch patch chassisredirect lsp "
    "lrp internal system tap geneve vxlan stt gre ip6gre erspan ip6erspan gtpu lisp bareudp srv6 afxdp dpdk "
    "netdev dummy dpdkvhostuser dpdkvhostuserclient"
)
_VALUES = (
    "true false yes no on off none unknown dynamic disabled enabled auto up down active backup standby "
    "balance-slb balance-tcp hash discard mrouters exclude_lb_vips_from_garp ipv4 ipv6 ipv4-prefix-delegation "
    "never always compute nova network router_interface router_gateway distributed floatingip router_ha_interface "
    "dhcp metadata router_interface_distributed router_centralized_snat baremetal load_balancer provider tenant "
    "slaac dhcpv6_stateful dhcpv6_stateless high medium low dpdk secure standalone ovn ovnkit ACTIVE BACKOFF "
    "CONNECTING IDLE VOID LISTENING admin_down init unavailable online offline error enable-chassis-as-gw "
    "availability-zones card-serial-number linux-htb linux-hfsc linux-codel linux-fq_codel br-int fib_nexthop_ip "
    "neutron ovn-controller default"
)
_CONNECTIONS = "tcp ssl ptcp pssl unix punix var run lib etc ovn openvswitch db.sock ovnnb_db.sock ovnsb_db.sock ovs"
_PLATFORMS = "debian ubuntu fedora rhel centos rocky almalinux opensuse alpine arch gentoo oracle northd.c ovn-northd.c"
_PROTOCOLS = (
    "ip ip4 ip6 arp rarp nd nd_na nd_ns nd_rs nd_ra icmp icmp4 icmp6 tcp udp sctp igmp mldv1 mldv2 bfd eth vlan "
    "ah esp stateless allow allow-related allow-stateless drop reject pass geneve eth.mcast eth.bcast"
)
_EXPRESSIONS = (
    "inport outport is_chassis_resident next output flags ct_next ct_lb ct_lb_mark ct_dnat ct_snat "
    "ct_dnat_in_czone ct_snat_in_czone ct_snat_to_vip ct_commit ct_commit_nat ct_commit_to_zone ct_clear clone "
    "arp nd_na nd_ns nd_na_router get_arp put_arp get_nd put_nd lookup_arp lookup_nd lookup_arp_ip lookup_nd_ip "
    "set_queue put_dhcp_opts put_dhcpv6_opts put_nd_ra_opts dns_lookup log icmp4_error icmp6_error tcp_reset "
    "sctp_abort check_pkt_larger trigger_event bind_vport handle_svc_check select fwd_group reject igmp "
    "dhcp_relay_req_chk dhcp_relay_resp_chk put_fdb get_fdb lookup_fdb chk_lb_hairpin chk_lb_hairpin_reply push "
    "pop nat mac_cache_use sample commit_ecmp_nh check_in_port_sec check_out_port_sec commit_lb_aff chk_lb_aff "
    "chk_ecmp_nh chk_ecmp_nh_mac ct_state_save mirror flood_remote severity alert warning notice info debug "
    "verdict allow drop name meter ingress egress pipeline table dp bits backends hash_fields affinity vip "
    "backend proto timeout collector_set probability obs_domain obs_point dst src zone snat dnat ct_mark ct_label "
    "values symmetric event load_balancer protocol reg in_czone set match inner"
)
_FIELD = re.compile(
    r"x{0,2}reg[0-9]{1,2}"
    r"|ct_(?:label|mark|state|proto|tp_src|tp_dst|nw_src|nw_dst|ip6_src|ip6_dst)(?:\.(?:natted|blocked|ecmp_reply_eth|ecmp_reply_port))?"
    r"|ct\.(?:new|est|rel|rpl|inv|trk|dnat|snat|label|mark)"
    r"|eth\.(?:src|dst|type|mcast|bcast|mcastv6)"
    r"|vlan\.(?:tci|vid|pcp|present)"
    r"|ip\.(?:proto|dscp|ecn|ttl|frag|is_frag|later_frag|first_frag)"
    r"|ip[46]\.(?:src|dst|mcast|label|mcast_flood)"
    r"|(?:arp|rarp)\.(?:op|spa|tpa|sha|tha)"
    r"|nd\.(?:target|sll|tll)"
    r"|icmp[46]\.(?:type|code|frag_mtu)"
    r"|(?:tcp|udp|sctp)\.(?:src|dst|flags)"
    r"|flags\.(?:loopback|force_snat_for_lb|skip_snat_for_lb|localnet|rx_from_tunnel|network_id|unicast_lookup)"
)
_STAGE = re.compile(r"(?:ls|lr)_(?:in|out)_[a-z0-9_]{1,32}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,10}(?:\.[0-9]{1,10}){0,2}|0x[0-9a-fA-F]{1,16}|[0-9]{1,6}(?:ms|s|kb|mb|gb)")

_NEUTRON = (
    "port_name network_name router_name subnet_id network_id router_id port_id device_id device_owner cidrs "
    "project_id revision_number security_group_ids mtu availability_zone_hints vnic_type host_id "
    "port_capabilities subnet_pool_addr_scope4 subnet_pool_addr_scope6 fip_id fip_external_mac fip_network_id "
    "fip_port_id fip_physical_network is_ext_gw gw_network_id gw_port_id provnet-physical-network "
    "provnet-network-type security_group_id security_group_rule_id lrp provnet-id liveness_check_at "
    "agent_liveness_check_at ovn-metadata-id ovn-metadata-sb-cfg ovn-bridge-mappings qos_id type network-type "
    "ha_chassis_group topology_name pf_id l3_ext_gw_ip snat_ip floating_ip"
)
_OTHER_KEYS = (
    "name name2 logical-switch logical-router stage-name stage-hint source iface-id attached-mac vm-id vm-uuid "
    "iface-status ovn-installed ovn-installed-ts system-id rundir hostname ovnkit-owner ovnkit-managed "
    "neutron-ovn lb_id lb_force_snat_ip listener_pool is_vpn ovn-chassis-id ovn-localnet-port ovn-l2gateway-port "
    "ovn-l3gateway-port ovn-logical-patch-port physnet ip-version security_group id driver_name driver_version "
    "firmware_version state always_learn_from_arp_request"
)


def _documented(databases: Iterable[type[Database]]) -> Iterable[str]:
    for database in databases:
        for row_class in database.tables.values():
            for column in row_class._columns.values():
                yield from column.documented_keys
                for base in (column.type.key, column.type.value):
                    if base is not None and base.enum is not None:
                        yield from (str(word) for word in base.enum)


_DOCUMENTED = frozenset(_documented((NB, SB, VS)))
KEYS = frozenset({*_DOCUMENTED, *_OTHER_KEYS.split(), *(f"neutron:{key}" for key in _NEUTRON.split())})
"""Keys of maps that are known, and stay."""

_WORDS = frozenset(
    {*_DOCUMENTED, *f"{_PORT_TYPES} {_VALUES} {_CONNECTIONS} {_PLATFORMS} {_PROTOCOLS}".split()} - {"name", "id"}
)
_SYMBOLS = frozenset({*_WORDS, *_EXPRESSIONS.split()})


def is_word(text: str) -> bool:
    """Whether a word of a value, or a number, names nobody."""
    return text in _WORDS or _NUMBER.fullmatch(text) is not None


def is_symbol(text: str) -> bool:
    """Whether a word belongs to the language of matches and actions (Logical_Flow in ovn-sb(5))."""
    return text in _SYMBOLS or _NUMBER.fullmatch(text) is not None or _FIELD.fullmatch(text) is not None


def is_stage(text: str) -> bool:
    """Whether this is the name of a stage of the logical pipeline."""
    return _STAGE.fullmatch(text) is not None
