"""The authority that signs certificates, and how another one follows it without an outage."""

from __future__ import annotations

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from ovnkit.deploy.pki.certificate import (
    Certificate,
    expires_soon,
    facts_of,
    load_certificate,
    load_key,
    need_cryptography,
)
from ovnkit.deploy.pki.check import check, key_file
from ovnkit.deploy.pki.store import AUTHORITY, NEXT_AUTHORITY, Identity, Store
from ovnkit.deploy.pki.subject import Subject, check_common_name
from ovnkit.errors import Conflict, InvalidValue

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

__all__ = [
    "check_days",
    "create_authority",
    "prepare_authority",
    "retire_authority",
    "sign",
    "signing_authority",
    "switch_authority",
]

_COMMON_NAME: Final = "OVN authority"
_CLOCKS: Final = timedelta(hours=1)
"""So far the clock of a host may be behind the one that signs."""


def create_authority(
    directory: str | os.PathLike[str], *, common_name: str | None = None, days: float = 3650
) -> Identity:
    """Make the authority of a cluster in a directory, which is made for its owner alone where it is not there.

    ``common_name`` is ``OVN authority`` unless given. An authority that is there stays. Raises Conflict where that has
    another CN or cannot be used, InvalidValue for a directory that others can write, OSError and MissingExtra.
    """
    if common_name is not None:
        check_common_name(common_name)
    check_days(days)
    need_cryptography()
    with Store.opened(directory, make=True) as store:
        there = store.identity(AUTHORITY)
        if there is None:
            return _made(store, common_name or _COMMON_NAME, days, AUTHORITY)
        if common_name not in (None, there.certificate.common_name):
            details = f"that of {directory} has the CN {there.certificate.common_name!r}, not {common_name!r}"
            raise Conflict("there is another authority", f"{details}; prepare_authority() lets another follow it")
        return _usable(store, there)


def prepare_authority(
    directory: str | os.PathLike[str], *, common_name: str | None = None, days: float = 3650
) -> Identity:
    """Make the authority that is to follow the present one, and trust it, so that no switch is an outage.

    Everything still is signed by the old one. Hand ``cacert.pem``, which has both, to all hosts; then
    switch_authority(). One that is prepared already stays. ``common_name`` is that of the old one unless given. Raises
    what create_authority() does, and InvalidValue where there is none yet.
    """
    if common_name is not None:
        check_common_name(common_name)
    check_days(days)
    need_cryptography()
    with Store.opened(directory) as store:
        old = _present(store)
        there = store.identity(NEXT_AUTHORITY)
        if there is not None:
            return there
        return _made(store, common_name or old.certificate.common_name or _COMMON_NAME, days, NEXT_AUTHORITY)


def switch_authority(directory: str | os.PathLike[str]) -> Identity:
    """Sign with the authority that was prepared from now on; issue() then makes anew what the old one has signed.

    Do it when all hosts trust both, and hand out what is issued; then retire_authority(). Where that has been done,
    nothing changes. Raises Conflict where none was prepared, and InvalidValue.
    """
    with Store.opened(directory) as store:
        old = _present(store)
        prepared = store.identity(NEXT_AUTHORITY)
        if prepared is None:
            if len(store.trusted()) > 1:
                return old
            raise Conflict("no authority is prepared", f"{directory} has one alone; prepare_authority() makes the next")
        store.move(NEXT_AUTHORITY, AUTHORITY)
        return attrs.evolve(_present(store), changed=True)


def retire_authority(directory: str | os.PathLike[str]) -> Identity:
    """Trust the present authority alone, and remove the keys of those before it.

    Do it when all hosts have what the present one has signed, and hand ``cacert.pem`` out once more. Raises Conflict
    while the directory has a certificate that another one has signed, or an authority that was prepared; and
    InvalidValue.
    """
    with Store.opened(directory) as store:
        present = _present(store)
        if store.identity(NEXT_AUTHORITY) is not None:
            raise Conflict("another authority is prepared", f"{directory} has one to follow; switch_authority() first")
        others = [
            identity.name
            for identity in store.identities()
            if identity.name != AUTHORITY and not identity.certificate.signed_by(present.certificate)
        ]
        if others:
            details = f"another authority has signed {', '.join(others)} of {directory}; issue them anew first"
            raise Conflict("an authority is still in use", details)
        changed = [one.pem for one in store.trusted()] != [present.certificate.pem]
        if changed:
            store.write_trusted([present.certificate])
        store.sweep(AUTHORITY)
        return attrs.evolve(present, changed=changed)


def signing_authority(store: Store) -> Identity:
    """The authority that signs. Raises Conflict where it cannot, InvalidValue where there is none."""
    return _usable(store, _present(store))


def sign(authority: Identity, subject: Subject, *, days: float) -> tuple[bytes, Certificate]:
    """A new key, in PEM, and its certificate, which does not outlive its authority. Raises Conflict for a dying one."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    now = datetime.now(UTC)
    if expires_soon(authority.certificate, now):
        until = f"{authority.certificate.not_after:%Y-%m-%d}"
        details = f"{authority.certificate.common_name} ends on {until}; prepare_authority() makes the next"
        raise Conflict("the authority expires soon", details)
    end = min(now + timedelta(days=days), authority.certificate.not_after)
    issuer = load_certificate(authority.certificate)
    key, builder = _begun(subject.common_name, issuer.subject, now, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(_purposes(subject)), critical=False)
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
    )
    if subject.names:
        names = x509.SubjectAlternativeName([_general_name(name) for name in subject.names])
        builder = builder.add_extension(names, critical=False)
    by = load_key(authority.key)
    assert isinstance(by, EllipticCurvePrivateKey)
    return _signed(builder, key, by)


def check_days(days: object) -> None:
    """Raise InvalidValue unless it is a number of days that a certificate may last."""
    if isinstance(days, bool) or not isinstance(days, int | float) or not 0 < days <= 36500:
        allowed = "a number of days above 0, at most 36500"
        raise InvalidValue(table="certificate", column="days", value=days, allowed=allowed)


def _present(store: Store) -> Identity:
    present = store.identity(AUTHORITY)
    if present is None:
        allowed = "a directory with an authority, which create_authority() makes"
        raise InvalidValue(table="pki", column="directory", value=os.fspath(store.path), allowed=allowed)
    return present


def _usable(store: Store, authority: Identity) -> Identity:
    found = check(authority.certificate, authorities=store.trusted(), key=key_file(authority.key), owner=os.geteuid())
    refused = [finding for finding in found if finding.severity == "refuse"]
    if refused:
        raise Conflict("the authority cannot be used", f"{authority.name} of {store.path}: {refused[0]}")
    return authority


def _made(store: Store, common_name: str, days: float, link: str) -> Identity:
    from cryptography import x509

    now = datetime.now(UTC)
    key, builder = _begun(common_name, None, now, now + timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs=True), critical=True)
    pem, certificate = _signed(builder, key, key)
    # Trusted before it is there: nothing is signed that nobody trusts.
    store.write_trusted([*store.trusted(), certificate])
    return store.write(AUTHORITY, pem, certificate, link=link)


def _begun(
    common_name: str, issuer: x509.Name | None, now: datetime, end: datetime
) -> tuple[EllipticCurvePrivateKey, x509.CertificateBuilder]:
    """A new key, and what every certificate of it says."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer or name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return key, builder


def _signed(
    builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey, by: EllipticCurvePrivateKey
) -> tuple[bytes, Certificate]:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, facts_of(builder.sign(by, SHA256()))


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _purposes(subject: Subject) -> list[x509.ObjectIdentifier]:
    from cryptography.x509.oid import ExtendedKeyUsageOID

    known = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}
    return [known[usage] for usage in sorted(subject.usage)]


def _general_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
