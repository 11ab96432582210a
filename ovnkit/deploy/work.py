"""The work on one host: what has to change so that it is as the spec says, looked at or carried out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from ovnkit.deploy import kolla
from ovnkit.deploy.certificates import (
    CertificateChange,
    certificate_change,
    chassis_source,
    fingerprint,
    fingerprints,
    install,
)
from ovnkit.deploy.configure import configure
from ovnkit.deploy.host import Host, open_host
from ovnkit.deploy.layout import TlsFiles, layout_of
from ovnkit.deploy.progress import Steps
from ovnkit.deploy.record import Record, Touched
from ovnkit.deploy.render import render
from ovnkit.deploy.rendered import FileEdit, FilesPlan, Rendered, plan_files
from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.deploy.system_id import FileChange, system_id_change
from ovnkit.errors import NeedsHost
from ovnkit.ovsdb.changes import Changes
from ovnkit.ovsdb.selection import Monitor
from ovnkit.remote import Tls
from ovnkit.southbound.client import Southbound
from ovnkit.vswitch.client import VSwitch
from ovnkit.vswitch.direct import ChassisDraft, DirectChassis
from ovnkit.vswitch.rows import SSL, VS, OpenVSwitch

__all__ = ["SSL_ROW", "Looking", "Writing", "put_ssl", "ssl_paths"]

SSL_ROW: Final[Monitor[VS]] = {SSL: None, OpenVSwitch: (OpenVSwitch.ssl, OpenVSwitch.external_ids)}
_PATHS: Final = ("private_key", "certificate", "ca_cert")


def ssl_paths(vs: VSwitch) -> Mapping[str, str] | None:
    """The files that the SSL row of a host names, None where there is none."""
    for row in vs.find(SSL):
        return {name: getattr(row, name) for name in _PATHS}
    return None


def put_ssl(vs: VSwitch, paths: Mapping[str, str] | None, *, dry_run: bool = False) -> Changes:
    """Have the SSL row of a host name these files, or none."""
    return vs.unset_ssl(dry_run=dry_run) if paths is None else vs.set_ssl(**paths, dry_run=dry_run)


class Looking:
    """What would change on a host; nothing does."""

    def __init__(self, spec: Spec, host: HostSpec, steps: Steps) -> None:
        self.spec = spec
        self.host = host
        self.steps = steps
        self.changes = Changes()
        self.changed_files: list[FileChange | CertificateChange | FileEdit] = []

    def files(self) -> None:
        """The files of the host. Raises HostFailed, Conflict, and NeedsHost for certificates without access to it."""
        if self.host.access is None:
            if self._rendered:
                command = f"ovnkit render FILE {self.host.name} --output /"
                raise NeedsHost(f"writing Neutron's files of {self.host.name}", command)
            if self.spec.central.tls is not None:
                target = self._certificate_files_by_hand
                raise NeedsHost(f"bringing a certificate to {self.host.name}", target)
            return
        self.steps.take(self.host.name, "files")
        change = system_id_change(self._access, self.host.system_id)
        if change is not None:
            self._write_file(change)
            self.changed_files.append(change)
        if self.spec.central.tls is not None:
            found = certificate_change(self._access, self._certificate, self._source)
            if found:
                self._install()
            self.changed_files += found
        self._neutron_files(self._access)

    def database(self, remote: str | None, tls: Tls | None, southbound: Southbound | None, timeout: float) -> None:
        """The database of the host. Raises what reading and writing it raise."""
        if self.spec.central.tls is not None:
            with VSwitch.connect(remote, tls=tls, timeout=timeout, monitor=SSL_ROW) as vs:
                self.changes = self._put_ssl(vs)
        changes = self._put_keys(DirectChassis(remote, tls=tls), southbound, timeout)
        self.changes = Changes([*self.changes, *changes], ref=changes.ref)

    def _neutron_files(self, access: Host) -> None:
        found = plan_files(self._rendered, access)
        if found:
            self._write_rendered(found)
        self.changed_files += found.edits

    @cached_property
    def _rendered(self) -> tuple[Rendered, ...]:
        """Neutron's files on this host, where they are ours to bring."""
        neutron = self.spec.neutron
        if neutron is None or neutron.files == "elsewhere":
            return ()
        make = kolla.files if neutron.files == "kolla" else render
        return make(self.spec, self.host.name)

    @cached_property
    def _access(self) -> Host:
        assert self.host.access is not None
        return open_host(self.host.access, self.host.name)

    @cached_property
    def _certificate(self) -> TlsFiles:
        return layout_of(self._access).tls("chassis")

    @cached_property
    def _source(self) -> Tls:
        return chassis_source(self.spec, self.host)

    @property
    def _paths(self) -> Mapping[str, str]:
        files = self._certificate
        return dict(zip(_PATHS, (files.key, files.certificate, files.authority), strict=True))

    @property
    def _certificate_files_by_hand(self) -> str:
        wanted = self._source
        return f"scp {wanted.key} {wanted.cert} {wanted.ca} {self.host.name}:/etc/ovn/pki/"

    def _write_file(self, change: FileChange) -> None:
        """It stays as it is."""

    def _write_rendered(self, found: FilesPlan) -> None:
        """They stay as they are."""

    def _install(self) -> None:
        """Nothing is brought there."""

    def _put_ssl(self, vs: VSwitch) -> Changes:
        return put_ssl(vs, self._paths, dry_run=True)

    def _put_keys(self, chassis: DirectChassis, southbound: Southbound | None, timeout: float) -> Changes:
        draft = chassis.read(timeout=timeout)
        self._configure(draft, southbound)
        return draft.changes()

    def _configure(self, draft: ChassisDraft, southbound: Southbound | None) -> None:
        self.steps.take(self.host.name, "compare")
        configure(draft, self.spec, self.host, southbound=southbound)


class Writing(Looking):
    """The host is changed; ``record`` is told what was there before."""

    def __init__(self, spec: Spec, host: HostSpec, steps: Steps, *, record: Record | None) -> None:
        super().__init__(spec, host, steps)
        self._record = record

    def _note(self, touched: Touched) -> None:
        if self._record is not None:
            self.steps.take(touched.host, "record")
            self._record.note(touched)
        self.steps.take(touched.host, "write")

    def _write_file(self, change: FileChange) -> None:
        host = self.host
        files = {change.path: (change.before, change.after)}
        self._note(Touched(host.name, host.ovsdb, access=host.access, files=files))
        self._access.write(change.path, change.after or "")

    def _write_rendered(self, found: FilesPlan) -> None:
        host = self.host
        there = {edit.path: self._access.read(edit.path) for edit in found.edits}
        files = {
            file.path: (there[file.path], file.merged(there[file.path] or "")[0])
            for file in found.files
            if file.path in there
        }
        self._note(Touched(host.name, host.ovsdb, access=host.access, files=files))
        found.apply()

    def _install(self) -> None:
        host, files = self.host, self._certificate
        brought = self._source.cert, self._source.ca
        certificates = {
            path: (before, fingerprint(wanted.read_text(encoding="ascii")))
            for path, before, wanted in zip(
                (files.certificate, files.authority), fingerprints(self._access, files), brought, strict=True
            )
        }
        changed = {path: pair for path, pair in certificates.items() if pair[0] != pair[1]}
        self._note(Touched(host.name, host.ovsdb, access=host.access, certificates=changed))
        install(self._access, files, self._source)

    def _put_ssl(self, vs: VSwitch) -> Changes:
        before, after = ssl_paths(vs), self._paths
        if before != after:
            self._note(Touched(self.host.name, self.host.ovsdb, access=self.host.access, ssl=(before, after)))
        return put_ssl(vs, after)

    def _put_keys(self, chassis: DirectChassis, southbound: Southbound | None, timeout: float) -> Changes:
        host = self.host

        def before(draft: ChassisDraft) -> None:
            self._note(Touched(host.name, host.ovsdb, draft.edited, host.access))

        return chassis.edit(
            lambda draft: self._configure(draft, southbound),
            comment=f"ovnkit deploy {host.name}",
            timeout=timeout,
            before_sending=before,
        )
