"""Deployment: a spec, the plan that it takes, carrying it out, and looking whether it came true."""

from __future__ import annotations

from ovnkit.deploy import central, kolla, pki
from ovnkit.deploy.agent import Namespace
from ovnkit.deploy.certificates import CertificateChange, certify, client_tls
from ovnkit.deploy.evacuate import evacuate, readmit_gateways
from ovnkit.deploy.give_back import give_back
from ovnkit.deploy.host import CommandHost, Host, open_host
from ovnkit.deploy.layout import TlsFiles
from ovnkit.deploy.neutron.ini import Setting, SettingChange
from ovnkit.deploy.neutron.spec import MetadataAgent, NeutronSpec
from ovnkit.deploy.neutron_database import database_commands, upgrade_neutron_database
from ovnkit.deploy.physnets import move_physnet
from ovnkit.deploy.plan import HostResult, Plan, Report, plan
from ovnkit.deploy.port_report import PortOutcome, ReconcileReport
from ovnkit.deploy.preflight import (
    RULES,
    Answer,
    Finding,
    HostPreflight,
    PreflightReport,
    Rule,
    Subject,
    broken,
    holds,
    needless,
    preflight,
    rule,
)
from ovnkit.deploy.progress import Event
from ovnkit.deploy.reconcile import reconcile
from ovnkit.deploy.remove import remove_chassis
from ovnkit.deploy.rename import rename_chassis
from ovnkit.deploy.render import render
from ovnkit.deploy.rendered import FileEdit, FilesPlan, IniFile, Rendered, TextFile, plan_files
from ovnkit.deploy.rotate import rotate_certificates
from ovnkit.deploy.secret import Secret
from ovnkit.deploy.secure import secure
from ovnkit.deploy.sequence import SequenceReport, StepResult
from ovnkit.deploy.spec import Central, Encap, HostSpec, Member, Spec
from ovnkit.deploy.system_id import FileChange
from ovnkit.deploy.take_over import TakeOverReport, take_over
from ovnkit.deploy.toml import dumps, load, loads
from ovnkit.deploy.undo import Kept, Undone, UndoReport, undo
from ovnkit.deploy.upgrade import UpgradeStep, upgrade_path, upgrade_steps
from ovnkit.deploy.verify import Check, Verification, verify

__all__ = [
    "RULES",
    "Answer",
    "Central",
    "CertificateChange",
    "Check",
    "CommandHost",
    "Encap",
    "Event",
    "FileChange",
    "FileEdit",
    "FilesPlan",
    "Finding",
    "Host",
    "HostPreflight",
    "HostResult",
    "HostSpec",
    "IniFile",
    "Kept",
    "Member",
    "MetadataAgent",
    "Namespace",
    "NeutronSpec",
    "Plan",
    "PortOutcome",
    "PreflightReport",
    "ReconcileReport",
    "Rendered",
    "Report",
    "Rule",
    "Secret",
    "SequenceReport",
    "Setting",
    "SettingChange",
    "Spec",
    "StepResult",
    "Subject",
    "TakeOverReport",
    "TextFile",
    "TlsFiles",
    "UndoReport",
    "Undone",
    "UpgradeStep",
    "Verification",
    "broken",
    "central",
    "certify",
    "client_tls",
    "database_commands",
    "dumps",
    "evacuate",
    "give_back",
    "holds",
    "kolla",
    "load",
    "loads",
    "move_physnet",
    "needless",
    "open_host",
    "pki",
    "plan",
    "plan_files",
    "preflight",
    "readmit_gateways",
    "reconcile",
    "remove_chassis",
    "rename_chassis",
    "render",
    "rotate_certificates",
    "rule",
    "secure",
    "take_over",
    "undo",
    "upgrade_neutron_database",
    "upgrade_path",
    "upgrade_steps",
    "verify",
]
