"""A real DHCP client in a namespace, which changes nothing outside of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from ovnkit.errors import LabError
from ovnkit.lab.processes import program
from ovnkit.lab.requirements import DHCP_CLIENTS
from ovnkit.ovsdb.server import find_program

if TYPE_CHECKING:
    from pathlib import Path

    from ovnkit.lab.processes import Launcher

__all__ = ["Lease", "obtain_lease"]

_EVENTS = ("deconfig", "bound", "renew", "nak", "leasefail")

# Options 121 (classless routes) and 26 (MTU) are not asked for by default. With routes of option 121 the router of
# option 3 does not count (RFC 3442).
_OPTIONS = ("subnet", "router", "dns", "lease", "serverid", "mtu", "staticroutes")
_SCRIPT = """\
case "$0" in
deconfig)
    ip -4 address flush dev "$interface"
    ip link set "$interface" up
    ;;
bound | renew)
    if [ -n "$mtu" ]; then ip link set "$interface" mtu "$mtu"; fi
    ip address replace "$ip/${mask:-32}" dev "$interface"
    if [ -n "$staticroutes" ]; then
        set -- $staticroutes
        while [ $# -ge 2 ]; do
            if [ "$2" = 0.0.0.0 ]; then
                ip route replace "$1" dev "$interface"
            else
                ip route replace "$1" via "$2" dev "$interface"
            fi
            shift 2
        done
    else
        for gateway in $router; do
            ip route replace default via "$gateway" dev "$interface"
            break
        done
    fi
    for name in ip mask router dns lease serverid mtu staticroutes; do
        eval "echo \\"lease:$name=\\$$name\\""
    done
    ;;
esac
"""
_LINE = re.compile(r"^lease:(\w+)=(.+)$", re.MULTILINE)


@attrs.frozen(kw_only=True)
class Lease:
    """What a DHCP server granted."""

    address: str
    prefix_length: int
    server: str
    seconds: int
    mtu: int | None = None
    router: str | None = None
    nameservers: tuple[str, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()
    """Classless routes (option 121): destination and gateway; gateway 0.0.0.0 is the link itself."""


def obtain_lease(launcher: Launcher, interface: str, directory: Path, *, timeout: float = 10.0) -> Lease:
    """Ask for an address by DHCP and set it, the MTU and the routes. Raises LabError when no server grants one.

    udhcpc runs its script through ``sh`` by the name of the event: the file need not be executable, which the run
    directory of many distributions does not allow.
    """
    scripts = directory / "dhcp"
    scripts.mkdir(exist_ok=True)
    for event in _EVENTS:
        (scripts / event).write_text(_SCRIPT)
    own_name = find_program(DHCP_CLIENTS[0])
    client = [own_name] if own_name is not None else [program(DHCP_CLIENTS[1]), DHCP_CLIENTS[0]]
    wanted = [word for option in _OPTIONS for word in ("-O", option)]
    options = ["-f", "-q", "-n", "-t", str(max(1, round(timeout))), "-T", "1", "-s", program("sh"), "-i", interface]
    outcome = launcher.run([*client, *options, *wanted], timeout=timeout + 10, check=False, cwd=scripts)
    granted = dict(_LINE.findall(outcome.stdout))
    if outcome.returncode or "ip" not in granted:
        raise LabError(f"in {launcher.namespace}: no DHCP lease on {interface}: {outcome.stderr.strip()}")
    return _lease(granted)


def _lease(granted: dict[str, str]) -> Lease:
    routes = granted.get("staticroutes", "").split()
    return Lease(
        address=granted["ip"],
        prefix_length=int(granted.get("mask", "32")),
        server=granted.get("serverid", ""),
        seconds=int(granted.get("lease", "0")),
        mtu=int(granted["mtu"]) if "mtu" in granted else None,
        router=next(iter(granted.get("router", "").split()), None),
        nameservers=tuple(granted.get("dns", "").split()),
        routes=tuple(zip(routes[::2], routes[1::2], strict=True)),
    )
