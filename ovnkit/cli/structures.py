"""What commands have found, as values for JSON. Values of keys that are secrets are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

import attrs

from ovnkit.deploy import (
    CertificateChange,
    Check,
    FileChange,
    FileEdit,
    HostPreflight,
    HostResult,
    ReconcileReport,
    Rendered,
    Secret,
    SequenceReport,
    StepResult,
    TakeOverReport,
    Undone,
)
from ovnkit.deploy.central import MemberStatus
from ovnkit.deploy.pki import Certificate, Finding, Identity
from ovnkit.deploy.table import table
from ovnkit.errors import OvnkitError, _is_secret
from ovnkit.ovsdb.changes import ColumnChange
from ovnkit.ovsdb.values import Ref
from ovnkit.southbound.client import Southbound

__all__ = [
    "certificate",
    "changes",
    "chassis",
    "chassis_table",
    "checks",
    "file_edits",
    "finding",
    "hosts",
    "identity",
    "listener",
    "listeners_table",
    "member",
    "members_table",
    "preflights",
    "problem",
    "rendered",
    "sequence",
    "steps",
    "undone",
]


def hosts(results: Iterable[HostResult]) -> list[dict[str, Any]]:
    """What changes, or was changed, host by host."""
    return [
        {
            "name": result.host.name,
            "ovsdb": result.host.ovsdb,
            "changes": changes(result.changes),
            "files": [_file(change) for change in result.files],
            "step": result.step,
            "problem": problem(result.problem),
        }
        for result in results
    ]


def undone(results: Iterable[Undone]) -> list[dict[str, Any]]:
    """What was taken back, host by host."""
    return [
        {
            "name": result.host,
            "changes": changes(result.changes),
            "kept": [
                {"key": kept.key, "found": _masked(kept.key, kept.found), "left": _masked(kept.key, kept.left)}
                for kept in result.kept
            ],
            "problem": problem(result.problem),
        }
        for result in results
    ]


def checks(found: Iterable[Check]) -> list[dict[str, Any]]:
    """What was looked at."""
    return [attrs.asdict(check) for check in found]


def rendered(files: Iterable[Rendered]) -> list[dict[str, Any]]:
    """Files as they are to be."""
    return [{"path": file.path, "mode": f"{file.mode:04o}", "owner": file.owner, "text": str(file)} for file in files]


def file_edits(edits: Iterable[FileEdit]) -> list[dict[str, Any]]:
    """What changes, or was changed, of files."""
    return [
        {
            "path": edit.path,
            "made": edit.made,
            "replaced": edit.replaced,
            "settings": [
                {"section": one.section, "name": one.name, "before": _shown(one.before), "after": _shown(one.after)}
                for one in edit.settings
            ],
            "mode": None if edit.mode is None else [None if one is None else f"{one:04o}" for one in edit.mode],
            "owner": edit.owner,
        }
        for edit in edits
    ]


def _shown(value: str | Secret | None) -> str | None:
    return None if value is None else str(value)


def preflights(results: Iterable[HostPreflight]) -> list[dict[str, Any]]:
    """What was found before deployment, host by host."""
    return [
        {
            "name": result.host,
            "ok": result.ok,
            "findings": [
                attrs.asdict(finding, filter=lambda field, _: field.name != "host") for finding in result.findings
            ],
            "problem": problem(result.problem),
        }
        for result in results
    ]


def sequence(report: SequenceReport) -> dict[str, Any]:
    """A report of steps, with the patch ports of a host where it is about them."""
    found: dict[str, Any] = {"title": report.title, "ok": report.ok, "steps": steps(report.steps)}
    if isinstance(report, ReconcileReport):
        found["ports"] = [
            {
                "bridge": outcome.port.bridge,
                "port": outcome.port.port,
                "kind": outcome.port.kind,
                "why": outcome.port.why,
                "state": outcome.state,
            }
            for outcome in report.ports
        ]
    if isinstance(report, TakeOverReport):
        found["namespaces"] = [attrs.asdict(namespace) for namespace in report.namespaces]
        found["given_back"] = None if report.given_back is None else sequence(report.given_back)
    return found


def steps(results: Iterable[StepResult]) -> list[dict[str, Any]]:
    """What became of each step of a sequence."""
    return [
        {
            "what": result.what,
            "state": result.state,
            "seconds": round(result.seconds, 3),
            "problem": problem(result.problem),
        }
        for result in results
    ]


def chassis(sb: Southbound, hosts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every chassis that Southbound knows, with the name of its host in the spec, and those that are missing there."""
    stale = {found.name: found for found in sb.stale_chassis()}
    gateways = {gateway.chassis.name: gateway for gateway in sb.gateways()}
    summaries = {summary.name: summary for summary in sb.chassis()}
    found = []
    for name in sorted({*summaries, *stale, *hosts}):
        summary, gateway = summaries.get(name), gateways.get(name)
        found.append(
            {
                "name": name,
                "host": hosts.get(name),
                "registered": summary is not None,
                "hostname": None if summary is None else summary.hostname,
                "encaps": [] if summary is None else [str(encap) for encap in summary.encaps],
                "gateway": summary is not None and summary.gateway,
                "carries": [] if gateway is None else list(gateway.active),
                "nb_cfg": None if summary is None else summary.nb_cfg,
                "state": stale[name].state if name in stale else "ok" if summary is not None else "missing",
                "why": None if name not in stale else stale[name].why,
            }
        )
    return found


def chassis_table(found: Iterable[Mapping[str, Any]]) -> str:
    """The same for people."""
    rows = [("chassis", "host", "encapsulation", "gateway", "carries", "nb_cfg", "state")]
    for one in found:
        state = one["state"] if one["why"] is None else f"{one['state']}: {one['why']}"
        rows.append(
            (
                one["name"],
                one["host"] or f"not in the file ({one['hostname'] or '?'})",
                ", ".join(one["encaps"]) or "-",
                "yes" if one["gateway"] else "no",
                ", ".join(one["carries"]) or "-",
                "-" if one["nb_cfg"] is None else str(one["nb_cfg"]),
                state,
            )
        )
    return table(rows)


def member(status: MemberStatus) -> dict[str, Any]:
    """What a member says of a database."""
    found = attrs.asdict(status, filter=lambda attribute, _: attribute.name != "problem")
    ids = {name: None if found[name] is None else str(found[name]) for name in ("cluster_id", "server_id")}
    return {**found, **ids, "ok": bool(status), "problem": problem(status.problem)}


def members_table(found: Iterable[MemberStatus]) -> str:
    """The same for people."""
    rows: list[tuple[str, ...]] = [
        ("host", "database", "role", "servers", "term", "log", "behind", "timer", "schema", "state")
    ]
    for one in found:
        if one.problem is not None:
            rows.append((one.host, one.database, *["-"] * 7, str(one.problem)))
            continue
        role = one.role or one.model
        raft: tuple[object, ...] = ("-",) * 5
        if one.clustered:
            behind, log = one.uncommitted + one.unapplied, f"{one.log[0]}-{one.log[1] - 1}"
            raft = (len(one.peers), one.term, log, behind, f"{one.election_timer} ms")
        state = "ok" if one else one.status if one.status not in ("", "cluster member") else "not connected"
        rows.append((one.host, one.database, role, *map(str, raft), one.schema_version, state))
    return table(rows)


def listener(row: Any) -> dict[str, Any]:
    """A Connection row of Northbound or Southbound."""
    columns = ("target", "inactivity_probe", "max_backoff", "is_connected")
    found = {name: getattr(row, name) for name in columns}
    return {**found, "role": getattr(row, "role", ""), "status": dict(row.status)}


def listeners_table(found: Iterable[Mapping[str, Any]]) -> str:
    """The same for people."""
    rows = [("target", "role", "probe", "sessions", "listens")]
    for one in found:
        probe = one["inactivity_probe"]
        shown = "default" if probe is None else "none" if probe == 0 else f"{probe} ms"
        sessions, bound = one["status"].get("n_connections", "-"), one["status"].get("bound_port", "-")
        rows.append((one["target"], one["role"] or "-", shown, sessions, bound))
    return table(rows)


def certificate(found: Certificate) -> dict[str, Any]:
    """What a certificate says; its times as ISO 8601."""
    usage = None if found.usage is None else sorted(found.usage)
    return {
        "common_name": found.common_name,
        "names": list(found.names),
        "usage": usage,
        "issuer": found.issuer,
        "serial": found.serial,
        "not_before": found.not_before.isoformat(),
        "not_after": found.not_after.isoformat(),
        "authority": found.is_authority,
        "key_matches": found.key_matches,
    }


def identity(found: Identity) -> dict[str, Any]:
    """A key and its certificate: where they are, and what it says."""
    files = {"key": str(found.key), "cert": str(found.cert), "ca": str(found.ca)}
    return {"name": found.name, "changed": found.changed, **files, "certificate": certificate(found.certificate)}


def finding(found: Finding) -> dict[str, Any]:
    """What is wrong with a certificate."""
    return {**attrs.asdict(found), "severity": found.severity, "why": found.why}


def problem(error: OvnkitError | None) -> dict[str, str] | None:
    """An error: its class and what it says."""
    return None if error is None else {"error": type(error).__name__, "message": str(error)}


def changes(found: Iterable[ColumnChange]) -> list[dict[str, Any]]:
    """Columns of rows, and of maps one key after another."""
    return [entry for change in found for entry in _entries(change)]


def _entries(change: ColumnChange) -> Iterable[dict[str, Any]]:
    head = {"action": change.action, "table": change.table, "row": change.name or None, "column": change.column}
    before, after = change.before, change.after
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        old, new = before or {}, after or {}
        for key in sorted({*old, *new}, key=str):
            if old.get(key) != new.get(key):
                values = {"before": _masked(key, old.get(key)), "after": _masked(key, new.get(key))}
                yield {**head, "key": _plain(key), **values}
    else:
        yield {**head, "before": _plain(before), "after": _plain(after)}


def _file(change: FileChange | CertificateChange | FileEdit) -> dict[str, Any]:
    return file_edits([change])[0] if isinstance(change, FileEdit) else attrs.asdict(change)


def _masked(key: object, value: object) -> Any:
    return "***" if value is not None and _is_secret(key) else _plain(value)


def _plain(value: object) -> Any:
    if isinstance(value, Set):
        return sorted((_plain(item) for item in value), key=str)
    if isinstance(value, Ref):
        return str(value.uuid)
    return value
