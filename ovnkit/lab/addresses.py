"""The addresses of a lab's own networks."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
from contextlib import contextmanager
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from ovnkit.errors import LabError
from ovnkit.lab.processes import program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from ipaddress import IPv4Address

__all__ = ["OUTSIDE", "UNDERLAY", "free_management_network", "host_address", "interface_name", "mac_address"]

# RFC 5737: set aside for documentation, so nothing real is hidden from those inside the lab.
UNDERLAY = IPv4Network("198.51.100.0/24")
OUTSIDE = IPv4Network("203.0.113.0/24")

# RFC 2544: set aside for tests. The management network is the only one that this machine itself is part of.
_MANAGEMENT = IPv4Network("198.18.0.0/15")

_LONGEST_INTERFACE_NAME = 15


@contextmanager
def free_management_network() -> Iterator[IPv4Network]:
    """A /24 that no route or address of this machine (outside of labs, and of other labs) touches. Raises LabError.

    Its address is to be given to this machine within the block: until that ends, no other lab chooses one. The lock is
    that of the network namespace, for labs may be recorded in directories that know nothing of each other.
    """
    lock = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        taken = _routed()
        free = (net for net in _MANAGEMENT.subnets(new_prefix=24) if not any(net.overlaps(other) for other in taken))
        network = next(free, None)
        if network is None:
            raise LabError(f"no free network in {_MANAGEMENT} for the management of the lab")
        yield network
    finally:
        os.close(lock)


def _routed() -> list[IPv4Network]:
    command = [program("ip"), "-4", "-json", "route", "show", "table", "all"]
    routes = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout or "[]")
    destinations = {route.get("dst", "default") for route in routes} - {"default"}
    networks = (IPv4Network(destination, strict=False) for destination in destinations)
    # A tunnel that takes everything (0.0.0.0/1) is not a user of this range in particular.
    return [network for network in networks if network.prefixlen >= _MANAGEMENT.prefixlen]


def host_address(network: IPv4Network, index: int) -> IPv4Address:
    """The address of the ``index``-th host (from 0); the first and the last are others'. Raises LabError."""
    last = network.num_addresses - 3
    if not 0 <= index < last - 1:
        raise LabError(f"a lab has at most {last - 1} hosts")
    return network[index + 2]


def mac_address(name: str) -> str:
    """A locally administered MAC address that belongs to a name."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return ":".join(["02", *(digest[at : at + 2] for at in range(0, 10, 2))])


def interface_name(prefix: str, name: str, taken: Iterable[str] = ()) -> str:
    """An interface name of at most 15 characters: the name itself behind the prefix, or a digest of it."""
    plain = prefix + name
    if len(plain) <= _LONGEST_INTERFACE_NAME and plain not in taken:
        return plain
    return prefix + hashlib.sha256(name.encode()).hexdigest()[: _LONGEST_INTERFACE_NAME - len(prefix)]
