"""The spec as TOML: ``[central]`` with its members, ``[encap]``, ``[neutron]``, and a ``[[host]]`` for each host."""

from __future__ import annotations

import difflib
import json
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from ovnkit.deploy.layout import TlsFiles
from ovnkit.deploy.neutron.spec import MetadataAgent, NeutronSpec
from ovnkit.deploy.reach import ssh_access
from ovnkit.deploy.secret import Secret
from ovnkit.deploy.spec import Central, Encap, HostSpec, Member, Spec
from ovnkit.errors import SpecError, _is_secret

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
_NEUTRON: dict[str, _Field] = {
    "servers": _LIST,
    "release": _TEXT,
    "project_network_types": _LIST,
    "type_drivers": _LIST,
    "vni_ranges": _LIST,
    "vlan_ranges": _LIST,
    "flat_networks": _LIST,
    "max_header_size": _NUMBER,
    "service_plugins": _LIST,
    "extension_drivers": _LIST,
    "l3_scheduler": _TEXT,
    "distributed_floating_ip": _FLAG,
    "dns_servers": _LIST,
    "dns_domain": _TEXT,
    "probe_interval": _NUMBER,
    "tls": _TABLE,
    "owner": _TEXT,
    "files": _TEXT,
    "metadata": _TABLE,
}
_TLS: dict[str, _Field] = {"key": _TEXT, "certificate": _TEXT, "authority": _TEXT}
_METADATA: dict[str, _Field] = {
    "nova_host": _TEXT,
    "nova_port": _NUMBER,
    "nova_protocol": _TEXT,
    "shared_secret": (Secret, "text in quotes"),
    "shared_secret_file": _TEXT,
    "hosts": _LIST,
    "ovsdb": _TEXT,
}
_HIDDEN = "***"


def load(path: str | os.PathLike[str]) -> Spec:
    """The spec in a TOML file, which has mode 0600 if there is a secret in it.

    A directory of certificates is relative to that of the file.

    Raises SpecError, which names the file, the key, the value and what is allowed; OSError if the file cannot be read.
    """
    try:
        mode = stat.S_IMODE(Path(path).stat().st_mode)
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SpecError(
            file=os.fspath(path), key=f"byte {error.start}", value=error.object[error.start :][:1], allowed="UTF-8"
        ) from error
    spec = loads(text, file=os.fspath(path))
    if mode & 0o077 and _given_secret(spec) is not None:
        allowed = f"a secret in a file of mode 0600, and this one has {mode:04o}; or shared_secret_file = its file"
        raise SpecError(file=os.fspath(path), key="neutron.metadata.shared_secret", value=_HIDDEN, allowed=allowed)
    if spec.central.tls is None:
        return spec
    tls = os.fspath(Path(path).parent / spec.central.tls)
    return attrs.evolve(spec, central=attrs.evolve(spec.central, tls=tls))


def loads(text: str, *, file: str | None = None) -> Spec:
    """The spec in a TOML text; ``file`` is what errors call it, and beside which the files are that it names.

    Raises SpecError.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(text, str(error), file) from error
    try:
        return _spec(_with_secrets(document), Path(file or "").parent.absolute())
    except SpecError as error:
        raise SpecError(file=file, key=error.key, value=_without_secrets(error.value), allowed=error.allowed) from error


def dumps(spec: Spec, *, secrets: bool = False) -> str:
    """The TOML of a spec: ``loads(dumps(spec)) == spec``.

    A secret that was read from a file stays there, and the file is named. One that was given is written in clear with
    ``secrets=True``, for a file of mode 0600; else SpecError is raised.
    """
    if not secrets and _given_secret(spec) is not None:
        allowed = "shared_secret_file, or dumps(spec, secrets=True) for a file of mode 0600"
        raise SpecError(key="neutron.metadata.shared_secret", value=_HIDDEN, allowed=allowed)
    blocks = [_block("[central]", _central_table(spec.central))]
    blocks += [_block("[[central.member]]", _member_table(member)) for member in spec.central.members]
    blocks.append(_block("[encap]", {"type": spec.encap.type}))
    if spec.neutron is not None:
        blocks += _neutron_blocks(spec.neutron)
    blocks += [_block("[[host]]", _host_table(host)) for host in spec.hosts]
    return "\n".join(blocks)


def _central_table(central: Central) -> dict[str, Any]:
    table: dict[str, Any] = dict(central.given)
    if central.tls is not None:
        table["tls"] = central.tls
    for flag in ("rbac", "insecure"):
        if getattr(central, flag):
            table[flag] = True
    if central.members:
        table["start"] = central.start
    return table


def _member_table(member: Member) -> dict[str, Any]:
    table: dict[str, Any] = {"host": member.host, "address": member.address}
    if member.access is not None:
        table["access"] = member.access
    return table


def _neutron_blocks(neutron: NeutronSpec) -> list[str]:
    """``[neutron]`` with what is not left at its default, but for the release, whose default is to move on."""
    fields = {field.name: field.default for field in attrs.fields(NeutronSpec)}
    table = {
        name: getattr(neutron, name)
        for name, default in fields.items()
        if name not in ("tls", "metadata") and (name == "release" or getattr(neutron, name) != default)
    }
    if neutron.tls is not None:
        table["tls"] = attrs.asdict(neutron.tls)
    blocks = [_block("[neutron]", table)]
    if neutron.metadata is not None:
        blocks.append(_block("[neutron.metadata]", _metadata_table(neutron.metadata)))
    return blocks


def _metadata_table(metadata: MetadataAgent) -> dict[str, Any]:
    table: dict[str, Any] = {
        "nova_host": metadata.nova_host,
        "nova_port": metadata.nova_port,
        "nova_protocol": metadata.nova_protocol,
        "ovsdb": metadata.ovsdb,
    }
    if metadata.hosts is not None:
        table["hosts"] = metadata.hosts
    secret = metadata.shared_secret
    if secret.file is not None:
        table["shared_secret_file"] = secret.file
    else:
        table["shared_secret"] = secret.reveal()
    return table


def _given_secret(spec: Spec) -> Secret | None:
    """The secret that stands in the spec itself, and in no file that it names."""
    metadata = None if spec.neutron is None else spec.neutron.metadata
    return None if metadata is None or metadata.shared_secret.file is not None else metadata.shared_secret


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


def _spec(document: dict[str, Any], directory: Path) -> Spec:
    _check_keys(document, "", {"central", "encap", "neutron", "host"})
    central = _central(_table(document, "central"))
    encap = _table(document, "encap") if "encap" in document else {}
    _check_table(encap, "encap", _ENCAP)
    hosts = document.get("host", [])
    if not isinstance(hosts, list):
        raise SpecError(key="host", value=hosts, allowed="[[host]], once for each host")
    return Spec(
        central=central,
        encap=Encap(**encap),
        hosts=[_host(host, index) for index, host in enumerate(hosts)],
        neutron=_neutron(_table(document, "neutron"), directory) if "neutron" in document else None,
    )


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


def _neutron(table: dict[str, Any], directory: Path) -> NeutronSpec:
    _check_table(table, "neutron", _NEUTRON, required=("servers",))
    fields = dict(table)
    if "tls" in fields:
        _check_table(fields["tls"], "neutron.tls", _TLS, required=tuple(_TLS))
        fields["tls"] = TlsFiles(**fields["tls"])
    if "metadata" in fields:
        fields["metadata"] = _metadata(fields["metadata"], directory)
    return NeutronSpec(**fields)


def _metadata(table: dict[str, Any], directory: Path) -> MetadataAgent:
    where = "neutron.metadata"
    _check_table(table, where, _METADATA, required=("nova_host",))
    fields = dict(table)
    file = fields.pop("shared_secret_file", None)
    if (file is None) == ("shared_secret" not in fields):
        allowed = "one of shared_secret_file and shared_secret"
        raise SpecError(key=f"{where}.shared_secret", value=None if file is None else _HIDDEN, allowed=allowed)
    if file is not None:
        fields["shared_secret"] = Secret.read(directory / file, key=f"{where}.shared_secret_file")
    return MetadataAgent(**fields)


def _says_secret(key: str) -> bool:
    return _is_secret(key) and not key.endswith("_file")


def _with_secrets(value: Any, *, secret: bool = False) -> Any:
    """A document in which every text that its key calls a secret cannot be shown, wherever it stands."""
    if isinstance(value, dict):
        return {key: _with_secrets(item, secret=secret or _says_secret(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_secrets(item, secret=secret) for item in value]
    return Secret(value) if secret and isinstance(value, str) else value


def _without_secrets(value: Any) -> Any:
    """A value for an error, which may be pickled."""
    if isinstance(value, Mapping):
        return {key: _without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return _HIDDEN if isinstance(value, Secret) else value


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
                # What stands beside a secret may be one, whatever its key is called.
                value=_HIDDEN if any(map(_says_secret, names)) else value,
                allowed=f"the keys {', '.join(sorted(names))}{hint}",
            )


def _not_toml(text: str, message: str, file: str | None) -> SpecError:
    """The spec's error for text that is no TOML; a key given twice is named, and so is the host that it belongs to."""
    place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if any(_says_secret(key) for key in re.findall(r"""([\w-]+)["']?\s*=""", text)):
        # Where it begins and where it ends cannot be told, so nothing of the text is shown.
        return SpecError(
            file=file, key=f"line {place[1]}" if place else "end of file", value=_HIDDEN, allowed=f"TOML; {message}"
        )
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
