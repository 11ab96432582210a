"""Rules about the kernel: its release, its modules, its settings."""

from __future__ import annotations

from shlex import quote
from typing import Final

from ovnkit.deploy.preflight.facts import Unread
from ovnkit.deploy.preflight.procfs import version_of
from ovnkit.deploy.preflight.rule import Answer, Rule, Subject, broken, holds, needless, rule

__all__ = ["KERNEL_RULES"]

_FAQ: Final = "Open vSwitch FAQ, Releases"
_USERSPACE: Final = "the datapath is netdev: packets do not go through the kernel's"
_FEATURES: Final = {
    (4, 15): "meters (QoS, ACL log rates)",
    (4, 18): "limits of conntrack zones",
    (5, 2): "check_pkt_len (a router's gateway_mtu)",
}
_TUNNEL_MODULES: Final = {"geneve": "geneve", "vxlan": "vxlan"}
_LOAD: Final = "modprobe {0} && echo {0} >/etc/modules-load.d/{0}.conf"


def _version(subject: Subject) -> tuple[int, int]:
    release = subject.facts.release.value
    version = version_of(release)
    if version is None:
        raise Unread(f"{release!r} is no release of Linux that is known")
    return version


@rule(
    "kernel-datapath",
    severity="error",
    what="The kernel is 4.3 or later.",
    why="Its datapath has no connection tracking and no geneve before, and OVN needs both.",
    remedy="Boot a kernel of 4.3 or later, 5.2 or later for all features.",
    document=_FAQ,
)
def _kernel_datapath(subject: Subject) -> Answer:
    if not subject.kernel_datapath:
        return needless(_USERSPACE)
    if _version(subject) < (4, 3):
        return broken(f"kernel {subject.facts.release.value}", "boot a kernel of 4.3 or later", severity="error")
    return holds(f"kernel {subject.facts.release.value}")


@rule(
    "kernel-nat",
    severity="error",
    what="The kernel is 4.6 or later.",
    why="Its datapath cannot translate addresses before: SNAT and floating IPs do not work. An error on a gateway;"
    " a warning on others, where floating IPs may be distributed.",
    remedy="Boot a kernel of 4.6 or later.",
    document=_FAQ,
)
def _kernel_nat(subject: Subject) -> Answer:
    if not subject.kernel_datapath:
        return needless(_USERSPACE)
    if _version(subject) < (4, 6):
        return broken(
            f"kernel {subject.facts.release.value} has no NAT in its datapath",
            "boot a kernel of 4.6 or later",
            severity="error" if subject.host.gateway else "warning",
        )
    return holds(f"kernel {subject.facts.release.value}")


@rule(
    "kernel-features",
    severity="info",
    what="The kernel is 5.2 or later.",
    why="Older ones lack some of what OVN can use: meters (4.15), limits of conntrack zones (4.18), and"
    " check_pkt_len (5.2), by which a router tells senders that packets are too big.",
    remedy="Boot a kernel of 5.2 or later, or do without.",
    document=_FAQ,
)
def _kernel_features(subject: Subject) -> Answer:
    if not subject.kernel_datapath:
        return needless(_USERSPACE)
    version = _version(subject)
    lacking = [feature for since, feature in _FEATURES.items() if version < since]
    if lacking:
        seen = f"kernel {subject.facts.release.value} lacks {', '.join(lacking)}"
        return broken(seen, "boot a kernel of 5.2 or later, or do without", severity="info")
    return holds(f"kernel {subject.facts.release.value}")


def _usable(subject: Subject, names: tuple[str, ...]) -> Answer:
    """An error for a module that is not there, a warning for one that has to be loaded yet."""
    states = {name: subject.facts.modules.value.state(name) for name in names}
    missing = [name for name, state in states.items() if state == "missing"]
    if missing:
        return broken(
            f"this kernel has no {', '.join(missing)}",
            f"install the package with further modules of kernel {subject.facts.release.value}, or boot another kernel",
            severity="error",
        )
    later = [name for name, state in states.items() if state == "loadable"]
    if later:
        mend = "; ".join(_LOAD.format(name) for name in later)
        return broken(f"not loaded: {', '.join(later)}", mend, severity="warning")
    return holds(f"in the kernel: {', '.join(names)}")


@rule(
    "module-openvswitch",
    severity="error",
    what="The kernel has `openvswitch`, and it is loaded.",
    why="Without it ovs-vswitchd makes no bridge of the kernel's datapath. In a container it may not be able to"
    " load it.",
    remedy=f"`{_LOAD.format('openvswitch')}`",
    document="ovs-vswitchd(8), Open vSwitch Kernel Module",
)
def _module_openvswitch(subject: Subject) -> Answer:
    return _usable(subject, ("openvswitch",)) if subject.kernel_datapath else needless(_USERSPACE)


@rule(
    "module-tunnel",
    severity="error",
    what="The kernel has the modules of the tunnels, `geneve` or `vxlan`, and they are loaded.",
    why="Without it there is no tunnel to any other host, and nothing says so but the log of ovs-vswitchd. In a"
    " container it may not be able to load it.",
    remedy=f"`{_LOAD.format('geneve')}`",
    document="Open vSwitch FAQ, Configuration; modules-load.d(5)",
)
def _module_tunnel(subject: Subject) -> Answer:
    if not subject.kernel_datapath:
        return needless(_USERSPACE)
    return _usable(subject, tuple(_TUNNEL_MODULES[kind] for kind in subject.tunnels if kind in _TUNNEL_MODULES))


@rule(
    "module-conntrack",
    severity="error",
    what="The kernel has `nf_conntrack` and `nf_nat`.",
    why="OVN's ACLs, load balancers and NAT are the kernel's connection tracking.",
    remedy="Install the package with further modules of the kernel.",
    document=_FAQ,
)
def _module_conntrack(subject: Subject) -> Answer:
    if not subject.kernel_datapath:
        return needless(_USERSPACE)
    answer = _usable(subject, ("nf_conntrack", "nf_nat"))
    # They come with openvswitch, which needs them.
    return holds(f"{answer.seen}; they come with openvswitch") if answer.state == "warning" else answer


@rule(
    "module-boot",
    severity="info",
    what="The modules of tunnels are loaded when the machine starts.",
    why="One that was loaded by hand is gone after a restart, and so are the tunnels.",
    remedy="`echo geneve >/etc/modules-load.d/geneve.conf`",
    document="modules-load.d(5)",
)
def _module_boot(subject: Subject) -> Answer:
    if not subject.kernel_datapath:
        return needless(_USERSPACE)
    modules, at_boot = subject.facts.modules.value, subject.facts.boot_modules.value
    wanted = [_TUNNEL_MODULES[kind] for kind in subject.tunnels if kind in _TUNNEL_MODULES]
    left = [name for name in wanted if name not in at_boot and name not in (modules.built_in or ())]
    if left:
        mend = "; ".join(f"echo {name} >/etc/modules-load.d/{name}.conf" for name in left)
        return broken(f"in no file of modules-load.d: {', '.join(left)}", mend, severity="info")
    return holds(f"built in, or in modules-load.d: {', '.join(wanted)}")


@rule(
    "ipv6-enabled",
    severity="error",
    what="IPv6 is not disabled where tunnels or Southbound use it.",
    why="The address cannot be set, or nothing leaves by it.",
    remedy="`sysctl -w net.ipv6.conf.all.disable_ipv6=0`",
    document="Linux, Documentation/networking/ip-sysctl",
)
def _ipv6_enabled(subject: Subject) -> Answer:
    used = [subject.host.encap_ip] if ":" in subject.host.encap_ip else []
    used += [remote for remote in subject.spec.central.southbound.split(",") if "[" in remote]
    if not used:
        return needless("neither tunnels nor Southbound use IPv6")
    if _setting(subject, "net/ipv6/conf/all/disable_ipv6") == "1":
        mend = "sysctl -w net.ipv6.conf.all.disable_ipv6=0"
        return broken(f"IPv6 is disabled, which {', '.join(used)} needs", mend, severity="error")
    return holds("IPv6 is enabled")


@rule(
    "rp-filter",
    severity="warning",
    what="Reverse path filtering is not strict on the interface of the tunnels.",
    why="Where the way back leads over another interface, the kernel drops what arrives, without a word.",
    remedy="`sysctl -w net/ipv4/conf/DEVICE/rp_filter=2`",
    document="Linux, Documentation/networking/ip-sysctl",
)
def _rp_filter(subject: Subject) -> Answer:
    if ":" in subject.host.encap_ip:
        return needless("the tunnels use IPv6")
    link = subject.facts.addresses().get(subject.host.encap_ip)
    if link is None:
        return needless("no interface has the address of the tunnels")
    # The kernel takes the larger one.
    value = max(_setting(subject, f"net/ipv4/conf/{name}/rp_filter") for name in ("all", link.name))
    if value == "1":
        return broken(
            f"strict on {link.name}", f"sysctl -w net/ipv4/conf/{quote(link.name)}/rp_filter=2", severity="warning"
        )
    return holds(f"not strict on {link.name}")


@rule(
    "neighbour-table",
    severity="warning",
    what="The kernel's neighbour table has room for all hosts of the cluster.",
    why="When it is full, the address of another host cannot be resolved any more, and its tunnel is dead at times.",
    remedy="`sysctl -w net.ipv4.neigh.default.gc_thresh3=NUMBER`",
    document="arp(7)",
)
def _neighbour_table(subject: Subject) -> Answer:
    family = "ipv6" if ":" in subject.host.encap_ip else "ipv4"
    most = _setting(subject, f"net/{family}/neigh/default/gc_thresh3")
    if not most.isdecimal():
        raise Unread(f"gc_thresh3 is {most!r}")
    wanted = 2 * len(subject.spec.hosts)
    if int(most) < wanted:
        mend = f"sysctl -w net.{family}.neigh.default.gc_thresh3={2 * wanted}"
        return broken(
            f"it has room for {most}, and there are {len(subject.spec.hosts)} hosts", mend, severity="warning"
        )
    return holds(f"it has room for {most}")


def _setting(subject: Subject, path: str) -> str:
    settings = subject.facts.sysctls.value
    if path not in settings:
        raise Unread(f"/proc/sys/{path} cannot be read")
    return settings[path]


KERNEL_RULES: Final[tuple[Rule, ...]] = (
    _kernel_datapath,
    _kernel_nat,
    _kernel_features,
    _module_openvswitch,
    _module_tunnel,
    _module_conntrack,
    _module_boot,
    _ipv6_enabled,
    _rp_filter,
    _neighbour_table,
)
