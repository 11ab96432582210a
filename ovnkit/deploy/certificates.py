"""The certificates of a deployment: made in a directory of the machine that deploys, and brought to each host."""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import stat
from pathlib import Path
from typing import Final

import attrs

from ovnkit.deploy import pki
from ovnkit.deploy.host import Host
from ovnkit.deploy.layout import TlsFiles
from ovnkit.deploy.spec import HostSpec, Spec
from ovnkit.errors import Conflict, InvalidValue
from ovnkit.remote import Tls

__all__ = [
    "CertificateChange",
    "certificate_change",
    "certify",
    "chassis_source",
    "client_tls",
    "fingerprint",
    "fingerprints",
    "install",
    "remove",
    "remove_authority",
    "source",
    "subjects",
]

_CLIENT: Final = "client-ovnkit"
_LOOK: Final = """\
printf '%s\\0' "$(cat "$1" 2>/dev/null)" "$(cat "$3" 2>/dev/null)"
if [ -e "$2" ]; then stat -c '%a' -L -- "$2"; fi
"""
# A pair is one directory, so that no daemon ever reads a key with the certificate of another one.
_SWITCH: Final = """\
umask 077
mkdir -p "$1" && chmod 0755 "$1" || exit
# Whom an administrator has given the one before, such as the user of the daemons, gets this one as well.
if [ -e "$1/$3/key.pem" ]; then chown -R --reference="$1/$3/key.pem" "$1/$2" || exit; fi
ln -sfn "$2" "$1/.$3@new" && mv -fT "$1/.$3@new" "$1/$3" || exit
for old in "$1/.$3@"*; do [ "$old" = "$1/$2" ] || rm -rf -- "$old"; done
"""
# Its versions with it, for each has a key. What is not a link to one of them, somebody else has put there.
_REMOVE: Final = """\
case $(readlink "$1/$2") in
  ".$2@"*) rm -f -- "$1/$2" && rm -rf -- "$1/.$2@"* ;;
  *) if [ -e "$1/$2" ] || [ -L "$1/$2" ]; then echo other; fi ;;
esac
"""
_REMOVE_AUTHORITY: Final = """\
for other in "$1"/*/cert.pem; do if [ -e "$other" ]; then exit 0; fi; done
rm -f -- "$1/cacert.pem"
rmdir -- "$1" 2>/dev/null || :
"""
_KEY_MODE: Final = "600"
_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def certify(spec: Spec, *, renew: bool = False) -> tuple[pki.Identity, ...]:
    """Have all certificates that a spec asks for in its directory (``central.tls``), with their authority.

    Of each chassis with its system-id for the CN, of each member with its address, and of ovnkit's own clients. Those
    that are good stay, unless ``renew``. Needs the extra ``deploy``. Raises Conflict for a spec without TLS, and what
    ``pki.issue_all()`` does.
    """
    return pki.issue_all(_directory(spec), subjects(spec), renew=renew)


def subjects(spec: Spec) -> tuple[pki.Subject, ...]:
    """The certificates that a spec asks for."""
    return pki.subjects(
        chassis={host.name: host.system_id for host in spec.hosts},
        members={member.host: [member.address] for member in spec.central.members},
    )


def client_tls(spec: Spec) -> Tls | None:
    """What ovnkit itself connects with, None for a spec without TLS. Nothing is read."""
    return None if spec.central.tls is None else source(spec, _CLIENT)


def source(spec: Spec, name: str) -> Tls:
    """The files of a certificate on this machine. Raises Conflict for a spec without TLS."""
    directory = _directory(spec)
    return Tls(directory / name / "key.pem", directory / name / "cert.pem", directory / "cacert.pem")


def _directory(spec: Spec) -> Path:
    if spec.central.tls is None:
        raise Conflict("no certificates", "the spec names no directory with them: central.tls")
    return Path(spec.central.tls)


def chassis_source(spec: Spec, host: HostSpec) -> Tls:
    """The files of a chassis on this machine; under role-based access control its CN has to be the system-id.

    Raises Conflict for a spec without TLS, and InvalidValue for another CN (ovn-rbac(7)).
    """
    files = source(spec, f"chassis-{host.name}")
    if spec.central.rbac:
        _text(files.cert)
        found = pki.show(files.cert)[0].common_name
        if found != host.system_id:
            allowed = f"a CN that is the system-id of {host.name}, {host.system_id!r}: deploy.certify(spec, renew=True)"
            raise InvalidValue(table="certificate", column="common_name", value=found, allowed=allowed)
    return files


@attrs.frozen
class CertificateChange:
    """A certificate that is to be brought to a host, or an authority; ``before`` and ``after`` are fingerprints."""

    path: str
    before: str | None
    after: str

    def __str__(self) -> str:
        if self.before is None:
            return f"+ certificate {self.path} = {self.after}"
        return f"~ certificate {self.path} = {self.before} -> {self.after}"


def _check_key(path: Path) -> None:
    """Raise InvalidValue for a key on this machine that others could have read."""
    try:
        found = path.stat()
    except OSError as exc:
        allowed = f"a key, which deploy.certify(spec) makes; {exc}"
        raise InvalidValue(table="central", column="tls", value=str(path), allowed=allowed) from exc
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077 or found.st_uid != os.geteuid():
        value = f"{path}, of uid {found.st_uid}, mode {mode:04o}"
        raise InvalidValue(table="central", column="tls", value=value, allowed="a key of whoever runs this, mode 0600")


def certificate_change(host: Host, files: TlsFiles, wanted: Tls) -> tuple[CertificateChange, ...]:
    """What of a certificate is to be brought to a host; nothing where it is there, its key for its owner alone.

    Raises HostFailed, and InvalidValue where the files of this machine cannot be read, or others can read the key.
    """
    _check_key(wanted.key)
    found = host.run(["sh", "-c", _LOOK, "look", files.certificate, files.key, files.authority])
    certificate, authority, mode = found.split("\0")
    changes = []
    for path, there, here in (
        (files.certificate, certificate if mode.strip() == _KEY_MODE else "", wanted.cert),
        (files.authority, authority, wanted.ca),
    ):
        text = _text(here)
        if there.strip() != text.strip():
            changes.append(CertificateChange(path, fingerprint(there) if there else None, fingerprint(text)))
    return tuple(changes)


def install(host: Host, files: TlsFiles, wanted: Tls) -> None:
    """Bring a certificate, its key and the authority to a host. Raises HostFailed and InvalidValue.

    The authority comes first: who gets a certificate of a new one trusts that already.
    """
    directory, _, name = files.certificate.rpartition("/")[0].rpartition("/")
    version = f".{name}@{fingerprint(_text(wanted.cert))}"
    host.run(["mkdir", "-p", "--", f"{directory}/{version}"])
    host.write(files.authority, _text(wanted.ca))
    host.write(f"{directory}/{version}/key.pem", _text(wanted.key), mode=0o600)
    host.write(f"{directory}/{version}/cert.pem", _text(wanted.cert))
    host.run(["sh", "-c", _SWITCH, "switch", directory, version, name])


def fingerprints(host: Host, files: TlsFiles) -> tuple[str | None, str | None]:
    """Those of the certificate and of the authority that are on a host, None for what is not. Raises HostFailed."""
    certificate, authority = host.read(files.certificate), host.read(files.authority)
    return certificate and fingerprint(certificate), authority and fingerprint(authority)


def remove(host: Host, certificate: str) -> bool:
    """Remove the certificate of this path and its key, all versions of them, which ``install()`` has brought.

    False where something else is there. Raises HostFailed.
    """
    directory, _, name = certificate.rpartition("/")[0].rpartition("/")
    return not host.run(["sh", "-c", _REMOVE, "remove", directory, name])


def remove_authority(host: Host, authority: str) -> None:
    """Remove the certificate of the authority, unless a certificate beside it is still in use. Raises HostFailed."""
    host.run(["sh", "-c", _REMOVE_AUTHORITY, "remove", authority.rpartition("/")[0]])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as exc:
        allowed = f"a readable PEM file, which deploy.certify(spec) makes; {exc}"
        raise InvalidValue(table="central", column="tls", value=str(path), allowed=allowed) from exc


def fingerprint(pem: str) -> str:
    """The beginning of the SHA-256 of the certificates in a PEM text."""
    return hashlib.sha256(b"".join(map(ssl.PEM_cert_to_DER_cert, _CERTIFICATE.findall(pem)))).hexdigest()[:16]
