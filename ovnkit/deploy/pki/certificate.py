"""What a certificate says, as plain values (RFC 5280)."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import attrs

from ovnkit.errors import InvalidValue, MissingExtra

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = [
    "Certificate",
    "Usage",
    "expires_soon",
    "facts_of",
    "load_certificate",
    "load_key",
    "need_cryptography",
    "show",
    "trust",
]

E = TypeVar("E", bound="x509.ExtensionType")

Usage = Literal["server", "client"]
"""What a certificate may be shown as, by its extended key usage."""

_SOON: Final = timedelta(days=30)
_USAGES: Final = {"1.3.6.1.5.5.7.3.1": "server", "1.3.6.1.5.5.7.3.2": "client", "2.5.29.37.0": "any"}


@attrs.frozen(kw_only=True)
class Certificate:
    """One certificate.

    ``names`` are the host names and addresses of its subjectAltName. ``usage`` has ``server``, ``client`` and ``any``,
    and of other purposes their OID; None is a certificate without extended key usage, which is good for all.
    ``issuer`` is the CN of who has signed it, or its whole name where it has none; ``serial`` is hexadecimal.
    ``key_matches`` is whether the key that was looked at belongs to it, None where none was.
    """

    common_name: str | None
    names: tuple[str, ...]
    usage: frozenset[str] | None
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    is_authority: bool
    key_matches: bool | None = None
    pem: str = attrs.field(repr=False)

    def __str__(self) -> str:
        usage = "any use" if self.usage is None else ", ".join(sorted(self.usage))
        names = f" ({', '.join(self.names)})" if self.names else ""
        kind = "authority" if self.is_authority else usage
        key = {None: "", True: ", the key belongs to it", False: ", the key belongs to another"}[self.key_matches]
        text = f"CN={self.common_name}{names}, {kind}, by {self.issuer}, until {self.not_after:%Y-%m-%d %H:%M} UTC{key}"
        return text if text.isprintable() else repr(text)

    def serves(self, usage: Usage) -> bool:
        """Whether it may be shown as this."""
        return self.usage is None or bool(self.usage & {usage, "any"})

    def signed_by(self, authority: Certificate) -> bool:
        """Whether this authority's key has signed it. Raises MissingExtra."""
        from cryptography.exceptions import InvalidSignature

        try:
            load_certificate(self).verify_directly_issued_by(load_certificate(authority))
        except (InvalidSignature, ValueError, TypeError):
            return False
        return True


def show(path: str | os.PathLike[str], *, key: str | os.PathLike[str] | None = None) -> tuple[Certificate, ...]:
    """The certificates of a PEM file, in their order; with ``key``, a PEM file, whether that belongs to the first.

    Raises OSError where a file cannot be read, InvalidValue where it is something else, and MissingExtra.
    """
    need_cryptography()
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(Path(path).read_bytes())
        first, *more = [facts_of(certificate) for certificate in found]
    except ValueError as exc:
        raise InvalidValue(table="file", column="certificate", value=os.fspath(path), allowed=f"PEM; {exc}") from exc
    if key is not None:
        first = attrs.evolve(first, key_matches=load_key(key).public_key() == found[0].public_key())
    return first, *more


def trust(*authorities: Certificate) -> str:
    """What to trust, as PEM: all of these authorities, each once; while one follows another, the old and the new.

    Raises InvalidValue for a certificate that is no authority's.
    """
    for certificate in authorities:
        if not certificate.is_authority:
            value = certificate.common_name
            raise InvalidValue(table="trust", column="certificate", value=value, allowed="certificates of authorities")
    return "".join(dict.fromkeys(certificate.pem for certificate in authorities))


def expires_soon(certificate: Certificate, now: datetime) -> bool:
    """Whether it ends within 30 days, or is in the last third of its life where that is shorter."""
    life = certificate.not_after - certificate.not_before
    return certificate.not_after - now < min(_SOON, life / 3)


def need_cryptography() -> None:
    """Raise MissingExtra where the package is not installed."""
    try:
        import_module("cryptography")
    except ImportError as exc:
        raise MissingExtra("cryptography", "deploy") from exc


def load_certificate(certificate: Certificate) -> x509.Certificate:
    """The same for the package that computes with it."""
    need_cryptography()
    from cryptography import x509

    return x509.load_pem_x509_certificate(certificate.pem.encode())


def load_key(path: str | os.PathLike[str]) -> PrivateKeyTypes:
    """A private key. Raises OSError, and InvalidValue where it is none or encrypted: nobody is asked a pass phrase."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(Path(path).read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # What it says may have something of the key in it.
        allowed = "an unencrypted private key in PEM"
        raise InvalidValue(table="file", column="key", value=os.fspath(path), allowed=allowed) from None


def facts_of(certificate: x509.Certificate) -> Certificate:
    """What a certificate says. Raises ValueError where it cannot be understood."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    constraints = _extension(certificate, x509.BasicConstraints)
    key_usage = _extension(certificate, x509.KeyUsage)
    alternative = _extension(certificate, x509.SubjectAlternativeName)
    extended = _extension(certificate, x509.ExtendedKeyUsage)
    names: tuple[str, ...] = ()
    if alternative is not None:
        addresses = alternative.get_values_for_type(x509.IPAddress)
        names = (*alternative.get_values_for_type(x509.DNSName), *map(str, addresses))
    usage: frozenset[str] | None = None
    if extended is not None:
        purposes: list[str] = [oid.dotted_string for oid in extended]
        usage = frozenset(_USAGES.get(purpose, purpose) for purpose in purposes)
    return Certificate(
        common_name=_common_name(certificate.subject),
        names=names,
        usage=usage,
        issuer=_common_name(certificate.issuer) or certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:040x}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        is_authority=constraints is not None and constraints.ca and (key_usage is None or key_usage.key_cert_sign),
        pem=certificate.public_bytes(Encoding.PEM).decode(),
    )


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _common_name(name: x509.Name) -> str | None:
    from cryptography.x509.oid import NameOID

    return next((str(attribute.value) for attribute in name.get_attributes_for_oid(NameOID.COMMON_NAME)), None)
