"""A cluster for tests: registered chassis, one network with a router, SNAT, DHCP and metadata."""

from __future__ import annotations

from ovnkit import deploy
from ovnkit.lab import Lab

SUBNET = "10.0.0.0/24"
ROUTER = "10.0.0.1"
METADATA = "10.0.0.2"
EXTERNAL = "203.0.113.10"


def register(lab: Lab) -> None:
    """Register every host of the lab as a chassis."""
    report = deploy.plan(lab.spec).apply()
    assert report.ok, report


def build_network(lab: Lab) -> None:
    """Switch ``web`` behind a router whose gateway is the first host, with the provider network on its other side."""
    gateway = lab.spec.hosts[0].system_id
    dhcp = (
        'server_id=10.0.0.1,server_mac="02:00:00:00:ff:01",lease_time=3600,router=10.0.0.1,mtu=1400,'
        'classless_static_route="{169.254.169.254/32,10.0.0.2, 0.0.0.0/0,10.0.0.1}"'
    )
    commands = [
        "ls-add web",
        f"set Logical_Switch web other_config:subnet={SUBNET} other_config:exclude_ips=10.0.0.1..10.0.0.99",
        f"create DHCP_Options cidr={SUBNET} 'options={{{dhcp}}}'",
        "lr-add r",
        f"lrp-add r r-web 02:00:00:00:ff:01 {ROUTER}/24",
        "lsp-add web web-r",
        "lsp-set-type web-r router",
        "lsp-set-addresses web-r router",
        "lsp-set-options web-r router-port=r-web",
        "ls-add ext",
        "lsp-add ext ext-localnet",
        "lsp-set-type ext-localnet localnet",
        "lsp-set-addresses ext-localnet unknown",
        "lsp-set-options ext-localnet network_name=physnet1",
        f"lrp-add r r-ext 02:00:00:00:ff:02 {EXTERNAL}/24",
        "lsp-add ext ext-r",
        "lsp-set-type ext-r router",
        "lsp-set-addresses ext-r router",
        "lsp-set-options ext-r router-port=r-ext",
        f"lrp-set-gateway-chassis r-ext {gateway} 10",
        f"lr-route-add r 0.0.0.0/0 {lab.outside.address}",
        f"lr-nat-add r snat {EXTERNAL} {SUBNET}",
        "lsp-add web meta",
        "lsp-set-type meta localport",
        f"lsp-set-addresses meta '02:00:00:00:ff:03 {METADATA}'",
    ]
    lab.host("ctl").run(f"ovn-nbctl --wait=hv {' -- '.join(commands)}")
