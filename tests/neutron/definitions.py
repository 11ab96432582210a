"""What Neutron itself says of a file, in a process of its own: run with its packages in reach.

``definitions.py FILE PATH…`` prints for each PATH the values of all options that it sets, as Neutron reads them, or
why it does not; ``definitions.py FILE`` prints the definitions. FILE is neutron, ml2 or metadata. Where networking-ovn
is in reach, it is asked for what it has. ``definitions.py raw PATH…`` prints the values before they have types.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

cfg: Any = importlib.import_module("oslo_config.cfg")


def _member(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _has_networking_ovn() -> bool:
    try:
        importlib.import_module("networking_ovn")
    except ImportError:
        return False
    return True


def _groups(file: str) -> Iterator[tuple[str, Iterable[Any]]]:
    types = "neutron.conf.plugins.ml2.drivers.driver_type"
    if _has_networking_ovn():
        ovn = _member("networking_ovn.common.config", "list_opts")
        agent = _member("networking_ovn.conf.agent.metadata.config", "list_metadata_agent_opts")
    else:
        ovn = _member("neutron.conf.plugins.ml2.drivers.ovn.ovn_conf", "list_opts")
        agent = _member("neutron.conf.agent.ovn.metadata.config", "list_metadata_agent_opts")
    if file == "neutron":
        yield "DEFAULT", _member("neutron.conf.common", "core_opts")
    elif file == "ml2":
        yield "ml2", _member("neutron.conf.plugins.ml2.config", "ml2_opts")
        for kind in ("flat", "vlan", "geneve", "vxlan"):
            yield f"ml2_type_{kind}", _member(types, f"{kind}_opts")
        yield from ovn()
    else:
        yield from agent()
        yield from ovn()


def _definition(section: str, option: Any) -> dict[str, object]:
    return {
        "section": section,
        "name": option.name,
        "type": type(option.type).__name__,
        "older": [older.name for older in option.deprecated_opts if older.name],
        "dies": option.deprecated_for_removal,
        "secret": option.secret,
    }


def _values(groups: list[tuple[str, list[Any]]], path: str) -> dict[str, object]:
    conf = cfg.ConfigOpts()
    for section, options in groups:
        conf.register_opts(options, group=None if section == "DEFAULT" else section)
    sections: dict[str, dict[str, list[str]]] = {}
    cfg.ConfigParser(path, sections).parse()
    conf(["--config-file", path], project="neutron", default_config_files=[])
    found = {}
    for section, names in sections.items():
        for name in names:
            group = conf if section == "DEFAULT" else getattr(conf, section)
            found[f"[{section}] {name}"] = getattr(group, name)
    return found


def _read(groups: list[tuple[str, list[Any]]], path: str) -> dict[str, object]:
    try:
        return {"values": _values(groups, path)}
    except (cfg.Error, AttributeError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _raw(path: str) -> dict[str, list[str]] | None:
    sections: dict[str, dict[str, list[str]]] = {}
    normalized: dict[str, dict[str, list[str]]] = {}
    parser = cfg.ConfigParser(path, sections)
    parser._add_normalized(normalized)
    try:
        parser.parse()
    except cfg.ParseError:
        return None
    return {f"[{section}] {name}": found for section, names in normalized.items() for name, found in names.items()}


def main(file: str, *paths: str) -> None:
    if file == "raw":
        print(json.dumps([_raw(path) for path in paths]))
        return
    groups = [(section, list(options)) for section, options in _groups(file)]
    definitions = [_definition(section, option) for section, options in groups for option in options]
    print(json.dumps([_read(groups, path) for path in paths] if paths else definitions))


if __name__ == "__main__":
    main(*sys.argv[1:])
