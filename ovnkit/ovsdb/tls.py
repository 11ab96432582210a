"""What one client shows and demands in TLS, from files that may be replaced while it runs; its failures in words."""

from __future__ import annotations

import logging
import os
import ssl
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from ovnkit.errors import ConnectionFailed
from ovnkit.remote import Tls

__all__ = ["Credentials", "certificate_names", "explain", "is_exposed", "is_wrong_name"]

log = logging.getLogger(__name__)

_QUIET_SECONDS = 600.0
_WRONG_NAME = (62, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""

# By the code of X509_verify_cert_error_string(3).
_UNVERIFIED = {
    9: "the server's certificate is not valid yet; compare the clocks",
    10: "the server's certificate, or that of its CA, has expired",
    18: "the server's certificate is signed by itself, not by the CA in {ca}",
    19: "the server's certificate is signed by another CA than that in {ca}",
    20: "the server's certificate is signed by another CA than that in {ca}",
    21: "the server's certificate is signed by another CA than that in {ca}",
    23: "the server's certificate is revoked",
    26: "the server's certificate is not meant for servers (its extendedKeyUsage lacks serverAuth)",
}

# By the reason that OpenSSL gives. What the server says about this client comes as an alert.
_REASONS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server demands a certificate of this client and got none",
    "TLSV1_ALERT_UNKNOWN_CA": "the server does not know the CA of the certificate in {cert}",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the server says that the certificate in {cert} has expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "the server says that the certificate in {cert} is revoked",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the server refuses the certificate in {cert}; it may not be valid yet",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "the server says that the certificate in {cert} is not meant for clients "
    "(its extendedKeyUsage lacks clientAuth)",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the server refuses the certificate in {cert}",
    "TLSV1_ALERT_ACCESS_DENIED": "the server refuses the certificate in {cert}",
    "TLSV1_ALERT_DECRYPT_ERROR": "the server cannot verify what was signed with {key}",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the server speaks no TLS of version 1.2 or later",
    "UNSUPPORTED_PROTOCOL": "the server speaks no TLS of version 1.2 or later",
    "WRONG_SSL_VERSION": "the server speaks no TLS of version 1.2 or later",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the server finds nothing in common: no cipher, or no certificate that it takes",
    "TLSV1_UNRECOGNIZED_NAME": "the server does not go by the name {name}",
    "WRONG_VERSION_NUMBER": "what answers there does not speak TLS",
    "HTTP_REQUEST": "what answers there does not speak TLS",
}


class Credentials:
    """Key, certificate and CA of one client. Raises ConnectionFailed naming the file that cannot be used."""

    def __init__(self, tls: Tls) -> None:
        self.tls = tls
        self.fault = ""
        """Why the files, as they are now, cannot be used; empty where they can."""
        self._context = _load(tls)
        self._quiet_until = 0.0

    def context(self) -> ssl.SSLContext:
        """From the files as they are now; where these cannot be used, as they were before."""
        try:
            self._context = _load(self.tls)
            self.fault = ""
        except ConnectionFailed as exc:
            self.fault = str(exc)
            if time.monotonic() >= self._quiet_until:
                self._quiet_until = time.monotonic() + _QUIET_SECONDS
                log.warning("what was read of the TLS files before stays in use: %s", exc)
        return self._context

    def context_for_any_name(self) -> ssl.SSLContext:
        """To look at the certificate of a server that has the right CA and the wrong name."""
        context = _load(self.tls)
        context.check_hostname = False
        return context


def _load(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = tls.verify_name
    # Many certificates of OVN carry their name in the CN alone. With a subjectAltName the CN counts for nothing.
    context.hostname_checks_common_name = True
    for file, what in ((tls.ca, "CERTIFICATE"), (tls.cert, "CERTIFICATE"), (tls.key, "PRIVATE KEY")):
        _check_file(file, what)
    if not tls.shared_key:
        _check_key(tls.key)
    try:
        context.load_verify_locations(tls.ca)
    except (OSError, ValueError) as exc:
        raise ConnectionFailed(str(tls.ca), f"this CA certificate cannot be used: {_reason(exc)}") from exc

    def no_pass_phrase() -> NoReturn:
        raise ConnectionFailed(
            str(tls.key), "this key is encrypted and nobody is asked for its pass phrase; decrypt it"
        )

    try:
        context.load_cert_chain(tls.cert, tls.key, no_pass_phrase)
    except ConnectionFailed:
        raise
    except (OSError, ValueError) as exc:
        if "KEY_VALUES_MISMATCH" in str(exc) or "KEY_TYPE_MISMATCH" in str(exc):
            reason = f"this certificate and the key {tls.key} do not belong together: {_reason(exc)}"
        else:
            reason = f"this certificate with the key {tls.key} cannot be used: {_reason(exc)}"
        raise ConnectionFailed(str(tls.cert), reason) from exc
    return context


def is_exposed(mode: int, *, owner: int, user: int) -> bool:
    """Whether somebody else than a user can have read a key; root may give one to a group (0640), as for a service."""
    return bool(mode & 0o077) if owner == user else owner != 0 or bool(mode & 0o037)


def _check_key(file: Path) -> None:
    found = file.stat()
    mode = stat.S_IMODE(found.st_mode)
    if is_exposed(mode, owner=found.st_uid, user=os.geteuid()):
        why = f"this key belongs to uid {found.st_uid}, with mode {mode:04o}: whoever reads it can pose as this client."
        mend = f"chmod 0600 {file}, as its owner, or Tls(shared_key=True)"
        raise ConnectionFailed(str(file), f"{why} {mend}")


def _check_file(file: Path, what: str) -> None:
    """What OpenSSL says of a file names neither it nor what it lacks."""
    try:
        content = file.read_bytes()
    except OSError as exc:
        raise ConnectionFailed(str(file), f"this file cannot be read: {exc.strerror}") from exc
    if f"{what}-----".encode() not in content:
        raise ConnectionFailed(str(file), f"there is no PEM {what.lower()} in this file")


def explain(exc: Exception, tls: Tls, name: str) -> str:
    """Why TLS with the server that is to have this name failed, in words and in OpenSSL's."""
    words = ""
    if isinstance(exc, ssl.SSLCertVerificationError):
        words = _UNVERIFIED.get(exc.verify_code, "the server's certificate cannot be verified")
        if is_wrong_name(exc):
            words = "the server's certificate is not for {name}"
    elif isinstance(exc, ssl.SSLEOFError | ConnectionError):
        words = "the server ended the connection within the handshake; does it speak TLS there?"
    elif isinstance(exc, ssl.SSLError):
        words = _REASONS.get(exc.reason or "", "")
    words = words.format(ca=tls.ca, cert=tls.cert, key=tls.key, name=name)
    return f"TLS failed: {words} ({_reason(exc)})" if words else f"TLS failed: {_reason(exc)}"


def is_wrong_name(exc: Exception) -> bool:
    """Whether all is well but the name."""
    return isinstance(exc, ssl.SSLCertVerificationError) and exc.verify_code in _WRONG_NAME


def certificate_names(certificate: Mapping[str, Any]) -> str:
    """The names in what ``SSLSocket.getpeercert()`` gave, in words."""
    names = [value for _, value in certificate.get("subjectAltName", ())]
    if names:
        return ", ".join(names)
    subject = [f"CN={value}" for rdn in certificate.get("subject", ()) for key, value in rdn if key == "commonName"]
    return f"{', '.join(subject) or 'nobody'} (it has no subjectAltName)"


def _reason(exc: Exception) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"{exc.reason}: {exc.verify_message}"
    if isinstance(exc, ssl.SSLError):
        return exc.reason or str(exc)
    return (exc.strerror if isinstance(exc, OSError) else "") or str(exc)
