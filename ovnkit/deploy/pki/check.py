"""What is wrong with a certificate, its key and its authority: rules over what was read of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import attrs

from ovnkit.deploy.pki.certificate import Certificate, Usage, expires_soon, show
from ovnkit.deploy.pki.store import Store
from ovnkit.deploy.pki.subject import canonical_name
from ovnkit.remote import Tls

__all__ = ["Finding", "KeyFile", "Severity", "check", "check_directory", "check_files", "key_file"]

Severity = Literal["refuse", "warn"]

_LONGEST_CHAIN: Final = 8
_WHY: Final[Mapping[str, tuple[Severity, str]]] = {
    "key-mode": ("refuse", "whoever can read the key can pose as its owner"),
    "key-owner": ("refuse", "its owner can read and replace it"),
    "key-mismatch": ("refuse", "no connection comes about with a key that belongs to another certificate"),
    "expired": ("refuse", "nobody takes it any more"),
    "not-yet-valid": ("refuse", "nobody takes it yet"),
    "expires-soon": ("warn", "when it has expired, no connection comes about any more"),
    "untrusted": ("refuse", "peers take only what an authority has signed that they trust"),
    "usage": ("refuse", "peers do not take it for this use"),
    "any-usage": ("warn", "whoever has it can pose as a server, a chassis as well"),
    "chassis-serves": ("warn", "this chassis can pose as a server of the central databases"),
    "system-id": ("refuse", "under RBAC the CN decides whose rows a chassis may write (ovn-rbac(7))"),
    "name": ("refuse", "clients that verify names do not take this server"),
}


@attrs.frozen
class Finding:
    """What a rule has found: ``rule`` is its name, ``why`` it matters, ``mend`` is what to do."""

    rule: str
    seen: str
    mend: str

    @property
    def severity(self) -> Severity:
        """Whether it has to be mended first, or only soon."""
        return _WHY[self.rule][0]

    @property
    def why(self) -> str:
        """Why it matters."""
        return _WHY[self.rule][1]

    def __str__(self) -> str:
        text = f"{self.severity:<6}  {self.rule}: {self.seen}; {self.why}. {self.mend}"
        return text if text.isprintable() else repr(text)


@attrs.frozen
class KeyFile:
    """The file of a private key, without what is in it: its permissions, and the uid of its owner."""

    path: str
    mode: int
    owner: int


def key_file(path: str | os.PathLike[str]) -> KeyFile:
    """Look at the file of a key. Raises OSError."""
    found = Path(path).stat()
    return KeyFile(os.fspath(path), stat.S_IMODE(found.st_mode), found.st_uid)


def check(
    certificate: Certificate,
    *,
    authorities: Sequence[Certificate],
    key: KeyFile | None = None,
    owner: int | None = None,
    usage: Iterable[Usage] = (),
    names: Iterable[str] = (),
    system_id: str | None = None,
    now: datetime | None = None,
) -> tuple[Finding, ...]:
    """All that is wrong with a certificate, from what show() and key_file() have read; it reads nothing itself.

    ``authorities`` are those that peers trust. ``owner`` is the uid that the key has to belong to, ``usage`` what the
    certificate is to be shown as, ``names`` what clients connect to. ``system_id`` is that of the chassis whose
    certificate it is. ``now`` is the present unless given. Raises InvalidValue for a name that cannot be one, and
    MissingExtra.
    """
    now = now or datetime.now(UTC)
    return (
        *_of_the_key(certificate, key, owner),
        *_of_the_time(certificate, now),
        *_of_the_chain(certificate, authorities, now),
        *_of_the_use(certificate, set(usage), system_id),
        *_of_the_names(certificate, names, system_id),
    )


def check_files(
    tls: Tls,
    *,
    owner: int | None = None,
    usage: Iterable[Usage] = (),
    names: Iterable[str] = (),
    system_id: str | None = None,
) -> tuple[Finding, ...]:
    """The same for the files of a connection; ``owner`` is the uid of this process unless given.

    ovsdb-server shows the first certificate of its file alone, so intermediate ones have to be in the CA file. Raises
    OSError where a file cannot be read, and InvalidValue where it is something else.
    """
    return check(
        show(tls.cert, key=tls.key)[0],
        authorities=show(tls.ca),
        key=key_file(tls.key),
        owner=os.geteuid() if owner is None else owner,
        usage=usage,
        names=names,
        system_id=system_id,
    )


def check_directory(directory: str | os.PathLike[str]) -> dict[str, tuple[Finding, ...]]:
    """What is wrong with each certificate of create_authority() and issue(), by its name, the authority's as well.

    Raises OSError and InvalidValue, as check_files() does.
    """
    with Store.opened(directory) as store:
        trusted = store.trusted()
        return {
            identity.name: check(
                identity.certificate, authorities=trusted, key=key_file(identity.key), owner=os.geteuid()
            )
            for identity in store.identities()
        }


def _of_the_key(certificate: Certificate, key: KeyFile | None, owner: int | None) -> Iterator[Finding]:
    if key is not None and key.mode & 0o077:
        yield Finding("key-mode", f"{key.path} has mode {key.mode:04o}", f"chmod 0600 {key.path}, and a new key")
    if key is not None and owner is not None and key.owner != owner:
        yield Finding("key-owner", f"{key.path} belongs to uid {key.owner}, not {owner}", f"chown {owner} {key.path}")
    if certificate.key_matches is False:
        yield Finding("key-mismatch", "the key does not belong to the certificate", "replace both")


def _of_the_time(certificate: Certificate, now: datetime) -> Iterator[Finding]:
    if now > certificate.not_after:
        yield Finding("expired", f"it has ended on {certificate.not_after:%Y-%m-%d %H:%M} UTC", "issue it anew")
    elif now < certificate.not_before:
        seen = f"it begins on {certificate.not_before:%Y-%m-%d %H:%M} UTC"
        yield Finding("not-yet-valid", seen, "look at the clock of this host and of who has signed it")
    elif expires_soon(certificate, now):
        yield Finding("expires-soon", f"it ends on {certificate.not_after:%Y-%m-%d %H:%M} UTC", "issue it anew")


def _of_the_chain(certificate: Certificate, authorities: Sequence[Certificate], now: datetime) -> Iterator[Finding]:
    chain = _chain(certificate, authorities)
    if not chain:
        known = ", ".join(str(authority.common_name) for authority in authorities) or "none"
        seen = f"it is signed by {certificate.issuer}; trusted is {known}"
        yield Finding("untrusted", seen, "have it signed by one of these, or trust the other as well")
    for authority in chain:
        if authority.pem != certificate.pem:
            for found in _of_the_time(authority, now):
                yield attrs.evolve(
                    found, seen=f"of its authority {authority.common_name}: {found.seen}", mend="replace the authority"
                )


def _chain(certificate: Certificate, authorities: Sequence[Certificate]) -> list[Certificate]:
    """Those that vouch for it, up to one that has signed itself; none where nobody does."""
    chain: list[Certificate] = []
    current = certificate
    while len(chain) < _LONGEST_CHAIN:
        signers = [one for one in authorities if one.is_authority and current.signed_by(one)]
        if not signers:
            break
        current = signers[0]
        chain.append(current)
        if current.signed_by(current):
            return chain
    return []


def _of_the_use(certificate: Certificate, usage: set[Usage], system_id: str | None) -> Iterator[Finding]:
    if certificate.is_authority:
        return
    if certificate.usage is None or "any" in certificate.usage:
        yield Finding("any-usage", "it has no extended key usage that limits it", "issue it with one")
    elif system_id is not None and certificate.serves("server"):
        yield Finding("chassis-serves", "it may be shown as a server's", "issue it for clients alone")
    for one in sorted(usage):
        if not certificate.serves(one):
            may = ", ".join(sorted(certificate.usage or ()))
            yield Finding("usage", f"it is for {may}, not {one}", f"issue it for {one} as well")


def _of_the_names(certificate: Certificate, names: Iterable[str], system_id: str | None) -> Iterator[Finding]:
    if system_id is not None and certificate.common_name != system_id:
        seen = f"its CN is {certificate.common_name!r}, the system-id {system_id!r}"
        yield Finding("system-id", seen, "issue it with the system-id for its CN")
    # A certificate without any subjectAltName is taken by its CN.
    there = certificate.names or (certificate.common_name or "",)
    for name in map(canonical_name, names):
        if not any(_covers(one.lower(), name) for one in there):
            yield Finding("name", f"it is for {', '.join(there)}, not {name}", f"issue it with {name} among its names")


def _covers(pattern: str, name: str) -> bool:
    """Whether a name of a certificate is this one; ``*`` stands for the first label (RFC 6125)."""
    first, dot, rest = pattern.partition(".")
    return pattern == name or (first == "*" and bool(dot) and name.partition(".")[1:] == (".", rest))
