"""ovnkit: typed, fast and safe clients, operations and deployment for OVN (Open Virtual Network)."""

from __future__ import annotations

from ovnkit.errors import OvnkitError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from ovnkit import deploy, lab, topology
    from ovnkit.northbound.client import Northbound
    from ovnkit.ovsdb.description import describe
    from ovnkit.remote import Tls
    from ovnkit.southbound.client import Southbound
    from ovnkit.topology.files import open_files
    from ovnkit.topology.network import Network, connect
    from ovnkit.vswitch.client import VSwitch

__all__ = [
    "Network",
    "Northbound",
    "OvnkitError",
    "Southbound",
    "Tls",
    "VSwitch",
    "connect",
    "deploy",
    "describe",
    "lab",
    "open_files",
    "topology",
]

_HOMES = {
    "Network": "ovnkit.topology.network",
    "Northbound": "ovnkit.northbound.client",
    "Southbound": "ovnkit.southbound.client",
    "Tls": "ovnkit.remote",
    "VSwitch": "ovnkit.vswitch.client",
    "connect": "ovnkit.topology.network",
    "describe": "ovnkit.ovsdb.description",
    "open_files": "ovnkit.topology.files",
    "load_ipython_extension": "ovnkit.ipython",
    "unload_ipython_extension": "ovnkit.ipython",
}


def __getattr__(name: str) -> Any:
    """Import on first use: a script pays for the databases that it touches."""
    from importlib import import_module

    if name in _HOMES:
        value: Any = getattr(import_module(_HOMES[name]), name)
    elif name in __all__:
        value = import_module(f"ovnkit.{name}")
    else:
        raise AttributeError(f"module 'ovnkit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
