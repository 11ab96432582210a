"""Deployment: a spec, the plan that it takes, carrying it out, and looking whether it came true."""

from __future__ import annotations

from ovnkit.deploy import central, pki
from ovnkit.deploy.agent import Namespace
from ovnkit.deploy.certificates import CertificateChange, certify, client_tls
from ovnkit.deploy.evacuate import evacuate, readmit_gateways
from ovnkit.deploy.give_back import give_back
from ovnkit.deploy.host import CommandHost, Host, open_host
from ovnkit.deploy.physnets import move_physnet
from ovnkit.deploy.plan import HostResult, Plan, Report, plan
from ovnkit.deploy.port_report import PortOutcome, ReconcileReport
from ovnkit.deploy.progress import Event
from ovnkit.deploy.reconcile import reconcile
from ovnkit.deploy.remove import remove_chassis
from ovnkit.deploy.rename import rename_chassis
from ovnkit.deploy.rotate import rotate_certificates
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
    "Central",
    "CertificateChange",
    "Check",
    "CommandHost",
    "Encap",
    "Event",
    "FileChange",
    "Host",
    "HostResult",
    "HostSpec",
    "Kept",
    "Member",
    "Namespace",
    "Plan",
    "PortOutcome",
    "ReconcileReport",
    "Report",
    "SequenceReport",
    "Spec",
    "StepResult",
    "TakeOverReport",
    "UndoReport",
    "Undone",
    "UpgradeStep",
    "Verification",
    "central",
    "certify",
    "client_tls",
    "dumps",
    "evacuate",
    "give_back",
    "load",
    "loads",
    "move_physnet",
    "open_host",
    "pki",
    "plan",
    "readmit_gateways",
    "reconcile",
    "remove_chassis",
    "rename_chassis",
    "rotate_certificates",
    "secure",
    "take_over",
    "undo",
    "upgrade_path",
    "upgrade_steps",
    "verify",
]
