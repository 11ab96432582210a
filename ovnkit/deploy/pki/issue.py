"""Certificates from the authority of a directory: made, kept while they are good, and made anew before they end."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime

from ovnkit.deploy.pki.authority import check_days, create_authority, sign, signing_authority
from ovnkit.deploy.pki.certificate import Certificate, Usage, expires_soon, need_cryptography
from ovnkit.deploy.pki.check import Finding, check, key_file
from ovnkit.deploy.pki.store import Identity, Store
from ovnkit.deploy.pki.subject import Subject
from ovnkit.errors import Conflict

__all__ = ["differences", "due", "issue", "issue_all"]


def issue(
    directory: str | os.PathLike[str],
    name: str,
    *,
    common_name: str | None = None,
    names: Iterable[str] = (),
    usage: Iterable[Usage] = ("client",),
    days: float = 365,
    renew: bool = False,
) -> Identity:
    """Have a key and a certificate called ``name``, which is its CN as well unless ``common_name`` is given.

    ``names`` are the host names and addresses that clients connect to, ``usage`` is what it may be shown as: the
    certificate of a chassis has the system-id for its CN and is for a client alone. It lasts ``days``, but no longer
    than its authority. While what is there is good, nothing changes. It is made anew, with a new key, where it ends
    within 30 days (or in the last third of its life), where its authority has been followed by another, and with
    ``renew``.

    Raises Conflict where what is there says something else, or its key could be another's, and ``renew`` is not given;
    InvalidValue for what cannot be in a certificate, or where there is no authority; OSError and MissingExtra.
    """
    subject = Subject(name=name, common_name=name if common_name is None else common_name, names=names, usage=usage)
    check_days(days)
    need_cryptography()
    with Store.opened(directory) as store:
        return _issued(store, signing_authority(store), subject, days=days, renew=renew)


def issue_all(
    directory: str | os.PathLike[str], wanted: Iterable[Subject], *, days: float = 365, renew: bool = False
) -> tuple[Identity, ...]:
    """issue() for each of these, as subjects() names them; the authority is made where there is none.

    Raises Conflict before anything is made where something that is there says something else and ``renew`` is not
    given; and what issue() does.
    """
    subjects = tuple(wanted)
    check_days(days)
    create_authority(directory)
    with Store.opened(directory) as store:
        authority = signing_authority(store)
        if not renew:
            for subject in subjects:
                _kept(store, authority, subject)
        return tuple(_issued(store, authority, subject, days=days, renew=renew) for subject in subjects)


def _issued(store: Store, authority: Identity, subject: Subject, *, days: float, renew: bool) -> Identity:
    kept = None if renew else _kept(store, authority, subject)
    if kept is not None:
        return kept
    return store.write(subject.name, *sign(authority, subject, days=days))


def _kept(store: Store, authority: Identity, subject: Subject) -> Identity | None:
    """What is there and stays; None where it has to be made. Raises Conflict where nobody has asked to replace it."""
    there = store.identity(subject.name)
    if there is None:
        return None
    found = check(there.certificate, authorities=store.trusted(), key=key_file(there.key), owner=os.geteuid())
    problems = (*differences(there.certificate, subject), *_unexpected(found))
    if problems:
        details = f"{subject.name} of {store.path}: {'; '.join(problems)}; renew replaces it"
        raise Conflict("the certificate that is there is another one", details)
    return None if due(there.certificate, authority.certificate, datetime.now(UTC)) else there


def differences(certificate: Certificate, subject: Subject) -> tuple[str, ...]:
    """What a certificate says otherwise, in words; the order of its names says nothing."""
    pairs = (
        ("its CN is", certificate.common_name, subject.common_name),
        ("its names are", frozenset(certificate.names), frozenset(subject.names)),
        ("it is for", certificate.usage, subject.usage),
    )
    return tuple(f"{what} {_shown(there)}, not {_shown(wanted)}" for what, there, wanted in pairs if there != wanted)


def due(certificate: Certificate, authority: Certificate, now: datetime) -> bool:
    """Whether a certificate has to be made anew: it ends, or this authority has not signed it. Raises MissingExtra."""
    return expires_soon(certificate, now) or not certificate.signed_by(authority)


def _shown(value: str | frozenset[str] | None) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "none"
    return repr(value) if value is not None else "any"


def _unexpected(found: Iterable[Finding]) -> Iterable[str]:
    """What is wrong beside that it ends, which is what a new one is for."""
    return (finding.seen for finding in found if finding.severity == "refuse" and finding.rule != "expired")
