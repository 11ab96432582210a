"""``ovnkit deploy``: preflight, plan, apply, verify and undo what a TOML file says of a cluster."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from typing import TYPE_CHECKING

from ovnkit.cli.arguments import Bar, add_connection, add_json, check_record, count, finish, seconds, show, tell, tls_of

if TYPE_CHECKING:
    from ovnkit.cli.arguments import Commands

__all__ = ["add_commands"]

_SOMETHING_TO_DO = 2
_USAGE = 64
_EPILOG = "Exit status: 0 nothing to do, 2 something to do (plan), 1 failed, 64 wrong usage."
_PREFLIGHT_EPILOG = "Exit status: 0 no errors, 1 an error was found or a host could not be looked at, 64 wrong usage."


def add_commands(commands: Commands) -> None:
    """Add ``deploy`` with its commands."""
    deploy = commands.add_parser("deploy", help="make hosts into a cluster of OVN", epilog=_EPILOG)
    commands = deploy.add_subparsers(required=True, metavar="COMMAND")
    preflight = commands.add_parser(
        "preflight", help="whether the hosts are fit for it; changes nothing", epilog=_PREFLIGHT_EPILOG
    )
    plan = commands.add_parser("plan", help="what has to change, host by host", epilog=_EPILOG)
    apply = commands.add_parser("apply", help="change it; what was there before is recorded for undo")
    verify = commands.add_parser("verify", help="look at databases and hosts until all is as it should be")
    undo = commands.add_parser("undo", help="take back what apply has done, but for what others have changed since")
    certify = commands.add_parser("certify", help="make the certificates that the file asks for")
    certify.add_argument("file", metavar="FILE", help="the TOML file that describes the cluster")
    certify.add_argument("--renew", action="store_true", help="also those that are good")
    add_json(certify)
    certify.set_defaults(run=_certify)
    rotate = commands.add_parser("rotate", help="give every host a new certificate", epilog=_EPILOG)
    rotate.add_argument("file", metavar="FILE", help="the TOML file that describes the cluster")
    rotate.add_argument("--authority", action="store_true", help="of a new authority")
    rotate.add_argument("--dry-run", action="store_true", help="only say which steps it would take")
    rotate.add_argument("--timeout", type=seconds, default=60.0, metavar="SECONDS", help="for each step (default: 60)")
    add_json(rotate)
    rotate.set_defaults(run=_rotate)
    database = commands.add_parser(
        "neutron-database", help="bring Neutron's own database to its release, once its files are there", epilog=_EPILOG
    )
    database.add_argument("file", metavar="FILE", help="the TOML file that describes the cluster")
    database.add_argument("host", metavar="HOST", nargs="?", help="one with neutron-server (default: the first)")
    database.add_argument(
        "--within", metavar="WORDS", default="", help="what comes before the command, as docker exec neutron_server"
    )
    database.add_argument("--dry-run", action="store_true", help="only look")
    database.add_argument(
        "--timeout", type=seconds, default=600.0, metavar="SECONDS", help="for the command (default: 600)"
    )
    add_json(database)
    database.set_defaults(run=_neutron_database)
    all_of_them = ((preflight, _preflight), (plan, _plan), (apply, _apply), (verify, _verify), (undo, _undo))
    for parser, run in all_of_them:
        parser.add_argument("file", metavar="FILE", help="the TOML file that describes the cluster")
        add_connection(parser, timeout=60.0 if parser is verify else 30.0)
        add_json(parser)
        parser.set_defaults(run=run)
    preflight.add_argument("hosts", metavar="HOST", nargs="*", help="names of hosts in the file (default: all)")
    for parser in (preflight, plan, apply, undo):
        parser.add_argument("--at-once", type=count, default=32, metavar="N", help="hosts at a time (default: 32)")
    for parser in (apply, undo):
        parser.add_argument("--record", metavar="FILE", help="the undo record (default: the TOML file with .undo)")


def _record(options: argparse.Namespace) -> str:
    return os.fspath(options.record or f"{options.file}.undo")


def _preflight(options: argparse.Namespace) -> int:
    from ovnkit import deploy
    from ovnkit.cli.structures import preflights

    spec = deploy.load(options.file)
    known = list(dict.fromkeys([*(host.name for host in spec.hosts), *(one.host for one in spec.central.members)]))
    if unknown := [name for name in options.hosts if name not in known]:
        print(f"ovnkit: no host {unknown[0]!r} in the spec; it has {', '.join(known) or 'none'}", file=sys.stderr)
        return _USAGE
    report = deploy.preflight(
        spec, options.hosts or None, tls=tls_of(options), timeout=options.timeout, at_once=options.at_once
    )
    show(options, report, lambda: {"ok": report.ok, "hosts": preflights(report.hosts)})
    return 0 if report.ok else 1


def _plan(options: argparse.Namespace) -> int:
    from ovnkit import deploy
    from ovnkit.cli.structures import hosts, sequence

    spec = deploy.load(options.file)
    plan = deploy.plan(spec, tls=tls_of(options), timeout=options.timeout, at_once=options.at_once, progress=Bar())
    show(
        options,
        plan,
        lambda: {
            "ok": plan.ok,
            "something_to_do": bool(plan),
            "central": None if plan.central is None else sequence(plan.central),
            "hosts": hosts(plan.hosts),
        },
    )
    return 1 if not plan.ok else _SOMETHING_TO_DO if plan else 0


def _apply(options: argparse.Namespace) -> int:
    from ovnkit import deploy
    from ovnkit.cli.structures import hosts, sequence

    plan = deploy.Plan(deploy.load(options.file), (), tls_of(options), options.timeout)
    report = plan.apply(undo_record=_record(options), at_once=options.at_once, progress=Bar())
    show(
        options,
        report,
        lambda: {
            "ok": report.ok,
            "undo_record": _record(options),
            "central": None if report.central is None else sequence(report.central),
            "hosts": hosts(report.hosts),
        },
    )
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


def _certify(options: argparse.Namespace) -> int:
    from ovnkit import deploy

    made = deploy.certify(deploy.load(options.file), renew=options.renew)
    show(
        options,
        "\n".join(map(str, made)),
        lambda: {"certificates": [{"name": one.name, "path": str(one.cert), "new": one.changed} for one in made]},
    )
    return 0


def _rotate(options: argparse.Namespace) -> int:
    from ovnkit import deploy

    report = deploy.rotate_certificates(
        deploy.load(options.file),
        authority=options.authority,
        timeout=options.timeout,
        dry_run=options.dry_run,
        progress=tell,
    )
    return finish(options, report)


def _neutron_database(options: argparse.Namespace) -> int:
    from ovnkit import deploy

    try:
        report = deploy.upgrade_neutron_database(
            deploy.load(options.file),
            options.host,
            within=shlex.split(options.within),
            timeout=options.timeout,
            dry_run=options.dry_run,
            progress=tell,
        )
    except KeyError as exc:
        print(f"ovnkit: {exc.args[0]}", file=sys.stderr)
        return _USAGE
    return finish(options, report)
