"""Certificates for TLS: an authority and what it signs, what is wrong with any, and new ones without an outage."""

from __future__ import annotations

from ovnkit.deploy.pki.authority import create_authority, prepare_authority, retire_authority, switch_authority
from ovnkit.deploy.pki.certificate import Certificate, Usage, show, trust
from ovnkit.deploy.pki.check import Finding, KeyFile, check, check_directory, check_files, key_file
from ovnkit.deploy.pki.issue import issue, issue_all
from ovnkit.deploy.pki.store import Identity
from ovnkit.deploy.pki.subject import Subject, subjects

__all__ = [
    "Certificate",
    "Finding",
    "Identity",
    "KeyFile",
    "Subject",
    "Usage",
    "check",
    "check_directory",
    "check_files",
    "create_authority",
    "issue",
    "issue_all",
    "key_file",
    "prepare_authority",
    "retire_authority",
    "show",
    "subjects",
    "switch_authority",
    "trust",
]
