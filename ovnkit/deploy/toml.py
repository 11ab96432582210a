"""The spec as TOML: ``[central]`` with its ``[[central.member]]``, ``[encap]``, and a ``[[host]]`` for each host."""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from ovnkit.deploy.reach import ssh_access
from ovnkit.deploy.spec import Central, Encap, HostSpec, Member, Spec
from ovnkit.errors import SpecError

__all__ = ["dumps", "load", "loads"]

_Field = tuple[type | tuple[type, ...], str]
_TEXT: _Field = (str, "text in quotes")
_FLAG: _Field = (bool, "true or false")
_TABLE: _Field = (dict, "a table")
_LIST: _Field = (list, "a list")
_NUMBER: _Field = (int, "a whole number")
_ACCESS: _Field = ((str, list), "text in quotes, or a list of words")
_CENTRAL = {
    "northbound": _TEXT,
    "southbound": _TEXT,
    "southbound_admin": _TEXT,
    "tls": _TEXT,
    "rbac": _FLAG,
    "insecure": _FLAG,
    "clustered": _FLAG,
    "election_timer": _NUMBER,
    "start": _TEXT,
    "member": (list, "[[central.member]], once for each host that runs the central services"),
}
_MEMBER = {"host": _TEXT, "address": _TEXT, "access": _ACCESS}
_ENCAP = {"type": _TEXT}
_HOST: dict[str, _Field] = {
    "name": _TEXT,
    "system_id": _TEXT,
    "encap_ip": _TEXT,
    "ovsdb": _TEXT,
    "access": _ACCESS,
    "gateway": _FLAG,
    "bridge_mappings": _TABLE,
    "availability_zones": _LIST,
    "options": _TABLE,
}


def load(path: str | os.PathLike[str]) -> Spec:
    """The spec in a TOML file. A directory of certificates is relative to that of the file.

    Raises SpecError, which names the file, the key, the value and what is allowed; OSError if the file cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SpecError(
            file=os.fspath(path), key=f"byte {error.start}", value=error.object[error.start :][:1], allowed="UTF-8"
        ) from error
    spec = loads(text, file=os.fspath(path))
    if spec.central.tls is None:
        return spec
    tls = os.fspath(Path(path).parent / spec.central.tls)
    return attrs.evolve(spec, central=attrs.evolve(spec.central, tls=tls))


def loads(text: str, *, file: str | None = None) -> Spec:
    """The spec in a TOML text; ``file`` is what errors call it. Raises SpecError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(text, str(error), file) from error
    try:
        return _spec(document)
    except SpecError as error:
        raise SpecError(file=file, key=error.key, value=error.value, allowed=error.allowed) from error


def dumps(spec: Spec) -> str:
    """The TOML of a spec: ``loads(dumps(spec)) == spec``."""
    blocks = [_block("[central]", _central_table(spec.central))]
    blocks += [_block("[[central.member]]", _member_table(member)) for member in spec.central.members]
    blocks.append(_block("[encap]", {"type": spec.encap.type}))
    blocks += [_block("[[host]]", _host_table(host)) for host in spec.hosts]
    return "\n".join(blocks)


def _central_table(central: Central) -> dict[str, Any]:
    table: dict[str, Any] = {"northbound": central.northbound, "southbound": central.southbound}
    if central.southbound_admin != central.southbound:
        table["southbound_admin"] = central.southbound_admin
    if central.tls is not None:
        table["tls"] = central.tls
    for flag in ("rbac", "insecure"):
        if getattr(central, flag):
            table[flag] = True
    if central.members:
        table |= {"clustered": central.clustered, "election_timer": central.election_timer, "start": central.start}
    return table


def _member_table(member: Member) -> dict[str, Any]:
    table: dict[str, Any] = {"host": member.host, "address": member.address}
    if member.access is not None:
        table["access"] = member.access
    return table


def _host_table(host: HostSpec) -> dict[str, Any]:
    table: dict[str, Any] = {"name": host.name, "system_id": host.system_id, "encap_ip": host.encap_ip}
    if host.ovsdb is not None:
        table["ovsdb"] = host.ovsdb
    if host.access is not None and host.access != ssh_access(host.ovsdb):
        table["access"] = host.access
    if host.gateway:
        table["gateway"] = True
    if host.bridge_mappings:
        table["bridge_mappings"] = host.bridge_mappings
    if host.availability_zones:
        table["availability_zones"] = host.availability_zones
    if host.options:
        table["options"] = host.options
    return table


def _block(header: str, table: Mapping[str, Any]) -> str:
    return "".join([f"{header}\n", *(f"{key} = {_rendered(value)}\n" for key, value in table.items())])


def _rendered(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(str(key))} = {_rendered(item)}" for key, item in value.items()) + " }"
    # A JSON string of printable characters is a TOML string as well; so are true and false.
    return json.dumps(value, ensure_ascii=False)


def _spec(document: dict[str, Any]) -> Spec:
    _check_keys(document, "", {"central", "encap", "host"})
    central = _central(_table(document, "central"))
    encap = _table(document, "encap") if "encap" in document else {}
    _check_table(encap, "encap", _ENCAP)
    hosts = document.get("host", [])
    if not isinstance(hosts, list):
        raise SpecError(key="host", value=hosts, allowed="[[host]], once for each host")
    return Spec(central=central, encap=Encap(**encap), hosts=[_host(host, index) for index, host in enumerate(hosts)])


def _central(table: dict[str, Any]) -> Central:
    _check_table(table, "central", _CENTRAL, required=() if table.get("member") else ("northbound", "southbound"))
    members = [_member(member, index) for index, member in enumerate(table.get("member", []))]
    return Central(**{key: value for key, value in table.items() if key != "member"}, members=members)


def _member(table: object, index: int) -> Member:
    where = f"central.member[{index}]"
    if not isinstance(table, dict):
        raise SpecError(key=where, value=table, allowed="a table")
    _check_table(table, where, _MEMBER, required=("host", "address"))
    return Member(**table)


def _host(table: object, index: int) -> HostSpec:
    where = f"host[{index}]"
    if not isinstance(table, dict):
        raise SpecError(key=where, value=table, allowed="a table")
    _check_table({key: value for key, value in table.items() if key == "name"}, where, _HOST, required=("name",))
    where = f"host.{table['name']}"
    _check_table(table, where, _HOST, required=("encap_ip",))
    for option, value in table.get("options", {}).items():
        if not isinstance(value, str | int):
            raise SpecError(key=f"{where}.options.{option}", value=value, allowed="text, a whole number, true or false")
    try:
        return HostSpec(**table)
    except SpecError as error:
        if error.key != "host.name":
            raise
        raise SpecError(key=f"host[{index}].name", value=error.value, allowed=error.allowed) from error


def _table(document: dict[str, Any], key: str) -> dict[str, Any]:
    table = document.get(key)
    if not isinstance(table, dict):
        raise SpecError(key=key, value=table, allowed=f"a table [{key}]")
    return table


def _check_table(
    table: dict[str, Any], where: str, fields: Mapping[str, _Field], *, required: tuple[str, ...] = ()
) -> None:
    _check_keys(table, where, fields)
    for key in required:
        if key not in table:
            raise SpecError(key=f"{where}.{key}", value=None, allowed=f"{fields[key][1]}; it must be given")
    for key, value in table.items():
        kind, allowed = fields[key]
        if not isinstance(value, kind):
            raise SpecError(key=f"{where}.{key}", value=value, allowed=allowed)


def _check_keys(table: dict[str, Any], where: str, known: Iterable[str]) -> None:
    names = list(known)
    for key, value in table.items():
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise SpecError(
                key=f"{where}.{key}" if where else key,
                value=value,
                allowed=f"the keys {', '.join(sorted(names))}{hint}",
            )


def _not_toml(text: str, message: str, file: str | None) -> SpecError:
    """The spec's error for text that is no TOML; a key given twice is named, and so is the host that it belongs to."""
    place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if place is None:
        return SpecError(file=file, key="end of file", value=text[-40:], allowed=f"TOML; {message}")
    number = int(place[1])
    lines = text.splitlines()
    line = lines[number - 1].strip() if number <= len(lines) else ""
    inline = re.match(r"Duplicate inline table key '(.+)' \(at", message)
    assigned = re.match(r"""["']?([^"'=\s]+)["']?\s*=""", line)
    if inline:
        path = [assigned[1], inline[1]] if assigned else [inline[1]]
        given = re.findall(rf"""["']?{re.escape(inline[1])}["']?\s*=\s*["']?([^"',}}]*)""", line)
    elif message.startswith("Cannot overwrite a value") and assigned:
        path, given = [assigned[1]], [line.partition("=")[2].strip().strip("\"'")]
    else:
        return SpecError(file=file, key=f"line {number}", value=line, allowed=f"TOML; {message}")
    path = _enclosing(lines[: number - 1]) + path
    what = "physical network" if "bridge_mappings" in ".".join(path[:-1]) else "key"
    allowed = f"each {what} once; line {number} gives {path[-1]} again"
    return SpecError(file=file, key=".".join(path), value=given[-1] if given else line, allowed=allowed)


def _enclosing(lines: list[str]) -> list[str]:
    """The path of the table that is open after these lines."""
    headers = [match[1].strip() for line in lines if (match := re.match(r"\s*\[\[?([^\[\]]+)\]", line))]
    if not headers:
        return []
    hosts = sum(1 for line in lines if re.match(r"\s*\[\[\s*host\s*\]\]", line))
    first, _, rest = headers[-1].partition(".")
    return [f"host[{hosts - 1}]" if first == "host" else first, *([rest] if rest else [])]
