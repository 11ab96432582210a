"""What the lab needs of this machine, and how to get it."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ovnkit.errors import MissingBinary, MissingPrivilege
from ovnkit.ovsdb.server import find_program

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["DHCP_CLIENTS", "PROGRAMS", "check", "check_privileges", "check_programs", "install_command"]

DHCP_CLIENTS = ("udhcpc", "busybox")

# Program: its package on Debian and Ubuntu, on Fedora and its kin, on openSUSE.
PROGRAMS = {
    "ip": ("iproute2", "iproute", "iproute2"),
    "nsenter": ("util-linux", "util-linux", "util-linux"),
    "ethtool": ("ethtool", "ethtool", "ethtool"),
    "ping": ("iputils-ping", "iputils", "iputils"),
    "udhcpc": ("udhcpc", "busybox", "busybox"),
    "ovsdb-server": ("openvswitch-switch", "openvswitch", "openvswitch"),
    "ovsdb-tool": ("openvswitch-switch", "openvswitch", "openvswitch"),
    "ovs-vswitchd": ("openvswitch-switch", "openvswitch", "openvswitch"),
    "ovs-vsctl": ("openvswitch-switch", "openvswitch", "openvswitch"),
    "ovs-appctl": ("openvswitch-common", "openvswitch", "openvswitch"),
    "ovn-northd": ("ovn-central", "ovn-central", "ovn-central"),
    "ovn-controller": ("ovn-host", "ovn-host", "ovn-host"),
    "ovn-appctl": ("ovn-common", "ovn", "ovn"),
}

_INSTALLERS = {
    "debian": (0, "apt-get install -y --no-install-recommends"),
    "ubuntu": (0, "apt-get install -y --no-install-recommends"),
    "fedora": (1, "dnf install -y"),
    "rhel": (1, "dnf install -y"),
    "suse": (2, "zypper install -y"),
    "opensuse": (2, "zypper install -y"),
}

# capabilities(7): the numbers of the bits in CapEff.
_CAPABILITIES = {12: "CAP_NET_ADMIN", 13: "CAP_NET_RAW", 21: "CAP_SYS_ADMIN"}
_TUN = Path("/dev/net/tun")
_RUN = Path("/run")


def check(provided: Collection[str] = ()) -> None:
    """Raise MissingPrivilege or MissingBinary unless a lab can run here, with the programs that are ``provided``."""
    if sys.platform != "linux":
        raise MissingPrivilege(f"the lab needs Linux, and this is {sys.platform}", "run it in a Linux machine")
    check_programs(name for name in PROGRAMS if name not in provided)
    check_privileges()


def check_programs(names: Iterable[str] = PROGRAMS) -> None:
    """Raise MissingBinary with all programs that are missing and the one command that installs them."""
    missing = tuple(name for name in names if not _found(name))
    if missing:
        raise MissingBinary(missing, install_command(missing))


def _found(name: str) -> bool:
    choices = DHCP_CLIENTS if name in DHCP_CLIENTS else (name,)
    return any(find_program(choice) for choice in choices)


def install_command(names: Iterable[str], release: dict[str, str] | None = None) -> str:
    """The command that installs the programs on this distribution, or on that of ``release`` (items of os-release)."""
    if release is None:
        release = _os_release()
    for distribution in (release.get("ID", ""), *release.get("ID_LIKE", "").split()):
        if distribution in _INSTALLERS:
            column, command = _INSTALLERS[distribution]
            packages = dict.fromkeys(PROGRAMS[name][column] for name in names)
            return f"{command} {' '.join(packages)}"
    return (
        "this distribution's packages for Open vSwitch, OVN (central and host), iproute2, ethtool, iputils and busybox"
    )


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def check_privileges() -> None:
    """Raise MissingPrivilege unless network namespaces and tap devices can be made."""
    command = "COMMAND"
    without_root = f"unshare -rnm sh -c 'mount -t tmpfs tmpfs /run && exec {command}'"
    remedy = f"run it as root (sudo {command}), or without root: {without_root}{_user_namespace_hint()}"
    if os.geteuid() != 0:
        raise MissingPrivilege("the lab makes network namespaces, which needs root", remedy)
    missing = [name for bit, name in _CAPABILITIES.items() if not _effective_capabilities() >> bit & 1]
    if missing:
        raise MissingPrivilege(
            f"root lacks {', '.join(missing)} here",
            "start the container with these (docker run --cap-add … --device /dev/net/tun, or --privileged)",
        )
    if not os.access(_RUN, os.W_OK):
        raise MissingPrivilege(f"{_RUN} is not writable", f"mount a tmpfs there: {without_root}")
    _check_tun()


def _user_namespace_hint() -> str:
    """What stands in the way of ``unshare -r``, if anything does."""
    for setting, forbidding in (
        ("kernel/apparmor_restrict_unprivileged_userns", "1"),
        ("kernel/unprivileged_userns_clone", "0"),
        ("user/max_user_namespaces", "0"),
    ):
        try:
            if Path("/proc/sys", setting).read_text().strip() == forbidding:
                return f" (which this kernel forbids now: sysctl {setting.replace('/', '.')} is {forbidding})"
        except OSError:
            continue
    return ""


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _check_tun() -> None:
    try:
        os.close(os.open(_TUN, os.O_RDWR))
    except FileNotFoundError:
        remedy = f"make it: modprobe tun; mkdir -p {_TUN.parent} && mknod -m 0666 {_TUN} c 10 200"
        raise MissingPrivilege(f"{_TUN} is not there", remedy) from None
    except PermissionError:
        raise MissingPrivilege(f"{_TUN} is not open to this user", f"as root: chmod 0666 {_TUN}") from None
    except OSError as error:
        what = f"{_TUN} does not work ({error.strerror}): the kernel has no tun device"
        raise MissingPrivilege(what, "load it: modprobe tun") from None
