"""``ovnkit deploy``: plan, apply, verify and undo what a TOML file says of a cluster."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from ovnkit.cli.arguments import Bar, add_connection, add_json, check_record, count, show, tls_of

if TYPE_CHECKING:
    from ovnkit.cli.arguments import Commands

__all__ = ["add_commands"]

_SOMETHING_TO_DO = 2
_EPILOG = "Exit status: 0 nothing to do, 2 something to do (plan), 1 failed, 64 wrong usage."


def add_commands(commands: Commands) -> None:
    """Add ``deploy`` with its commands."""
    deploy = commands.add_parser("deploy", help="make hosts into a cluster of OVN", epilog=_EPILOG)
    commands = deploy.add_subparsers(required=True, metavar="COMMAND")
    plan = commands.add_parser("plan", help="what has to change, host by host", epilog=_EPILOG)
    apply = commands.add_parser("apply", help="change it; what was there before is recorded for undo")
    verify = commands.add_parser("verify", help="look at databases and hosts until all is as it should be")
    undo = commands.add_parser("undo", help="take back what apply has done, but for what others have changed since")
    for parser, run in ((plan, _plan), (apply, _apply), (verify, _verify), (undo, _undo)):
        parser.add_argument("file", metavar="FILE", help="the TOML file that describes the cluster")
        add_connection(parser, timeout=60.0 if parser is verify else 30.0)
        add_json(parser)
        parser.set_defaults(run=run)
    for parser in (plan, apply, undo):
        parser.add_argument("--at-once", type=count, default=32, metavar="N", help="hosts at a time (default: 32)")
    for parser in (apply, undo):
        parser.add_argument("--record", metavar="FILE", help="the undo record (default: the TOML file with .undo)")


def _record(options: argparse.Namespace) -> str:
    return os.fspath(options.record or f"{options.file}.undo")


def _plan(options: argparse.Namespace) -> int:
    from ovnkit import deploy
    from ovnkit.cli.structures import hosts

    spec = deploy.load(options.file)
    plan = deploy.plan(spec, tls=tls_of(options), timeout=options.timeout, at_once=options.at_once, progress=Bar())
    show(options, plan, lambda: {"ok": plan.ok, "something_to_do": bool(plan), "hosts": hosts(plan.hosts)})
    return 1 if not plan.ok else _SOMETHING_TO_DO if plan else 0


def _apply(options: argparse.Namespace) -> int:
    from ovnkit import deploy
    from ovnkit.cli.structures import hosts

    plan = deploy.Plan(deploy.load(options.file), (), tls_of(options), options.timeout)
    report = plan.apply(undo_record=_record(options), at_once=options.at_once, progress=Bar())
    show(options, report, lambda: {"ok": report.ok, "undo_record": _record(options), "hosts": hosts(report.hosts)})
    return 0 if report.ok else 1


def _verify(options: argparse.Namespace) -> int:
    from ovnkit import deploy
    from ovnkit.cli.structures import checks

    seen = deploy.verify(deploy.load(options.file), tls=tls_of(options), timeout=options.timeout)
    show(options, seen, lambda: {"ok": seen.ok, "checks": checks(seen.checks)})
    return 0 if seen.ok else 1


def _undo(options: argparse.Namespace) -> int:
    from ovnkit import deploy
    from ovnkit.cli.structures import undone

    record = _record(options)
    check_record(record, "an apply")
    report = deploy.undo(record, tls=tls_of(options), timeout=options.timeout, at_once=options.at_once)
    show(options, report, lambda: {"ok": report.ok, "hosts": undone(report.hosts)})
    return 0 if report.ok else 1
