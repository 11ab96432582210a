"""``ovnkit chassis``: what chassis there are, and the sequences that move, remove, rename or take over one."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ovnkit.cli.arguments import add_connection, add_json, check_record, finish, show, tell, tls_of

if TYPE_CHECKING:
    from ovnkit.cli.arguments import Commands
    from ovnkit.deploy import SequenceReport, Spec

    _Sequence = Callable[[Spec, argparse.Namespace], SequenceReport]

__all__ = ["add_commands"]

_USAGE = 64
_EPILOG = "Exit status: 0 all done, 2 something to do (with --dry-run), 1 failed, 64 wrong usage."


def add_commands(commands: Commands) -> None:
    """Add ``chassis`` with its commands."""
    chassis = commands.add_parser("chassis", help="look at chassis, and change what they are", epilog=_EPILOG)
    commands = chassis.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("show", help="every chassis: what it carries, and whether it seems abandoned")
    _add_file(listing, timeout=30.0)
    listing.set_defaults(run=_show)
    evacuate = _sequence(commands, "evacuate", _evacuate, "let other chassis carry the gateways of a host")
    _sequence(commands, "readmit", _readmit, "take an evacuation back")
    remove = _sequence(commands, "remove", _remove, "take a host out of the cluster, with all that is left of it")
    rename = _sequence(commands, "rename", _rename, "give a host the system-id that the file says")
    move = _sequence(commands, "move-physnet", _move_physnet, "connect a physical network to another bridge")
    move.add_argument("physnet", metavar="PHYSNET", help="the physical network")
    move.add_argument("bridge", metavar="BRIDGE", help="the bridge, which has to be there")
    reconcile = _sequence(
        commands, "reconcile", _reconcile, "put the patch ports of a host in order, and say whose each is"
    )
    take_over = _sequence(commands, "take-over", _take_over, "make a host of OpenStack's Open vSwitch agent a chassis")
    give_back = _sequence(commands, "give-back", _give_back, "take a take-over back")
    for parser in (take_over, give_back):
        parser.add_argument(
            "--record", metavar="FILE", help="what was there before (default: the TOML file with .HOST.taken)"
        )
    take_over.add_argument(
        "--remove-namespaces", action="store_true", help="also those of Neutron's agents in which nothing runs"
    )
    remove.add_argument("--gone", action="store_true", help="the host does not exist any more: ask nothing of it")
    for parser in (remove, rename):
        parser.add_argument("--stop", type=shlex.split, metavar="COMMAND", help="what ends ovn-controller on the host")
    for parser in (rename, reconcile, take_over):
        parser.add_argument("--start", type=shlex.split, metavar="COMMAND", help="what starts it there again")
    for parser, what in (
        (evacuate, "also what Neutron keeps, and leave what nobody else may carry"),
        (remove, "also where machines are bound to it, or nobody else may carry a gateway"),
        (rename, "also what Neutron keeps"),
        (reconcile, "also while an agent runs, and without OVN's own pairs"),
    ):
        parser.add_argument("--force", action="store_true", help=what)


def _add_file(parser: argparse.ArgumentParser, *, timeout: float) -> None:
    parser.add_argument("file", metavar="FILE", help="the TOML file that describes the cluster")
    add_connection(parser, timeout=timeout)
    add_json(parser)


def _sequence(commands: Commands, name: str, run: _Sequence, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, epilog=_EPILOG)
    _add_file(parser, timeout=60.0)
    parser.add_argument("host", metavar="HOST", help="the name of a host in the file")
    parser.add_argument("--dry-run", action="store_true", help="only say which steps it would take")
    parser.set_defaults(run=lambda options: _run(options, run))
    return parser


def _run(options: argparse.Namespace, run: _Sequence) -> int:
    from ovnkit import deploy

    spec = deploy.load(options.file)
    try:
        spec.host(options.host)
    except KeyError as exc:
        print(f"ovnkit: {exc.args[0]}", file=sys.stderr)
        return _USAGE
    return finish(options, run(spec, options))


def _common(options: argparse.Namespace) -> dict[str, Any]:
    commands = {name: value for name in ("stop", "start") if (value := getattr(options, name, None)) is not None}
    return {
        "tls": tls_of(options),
        "timeout": options.timeout,
        "dry_run": options.dry_run,
        "progress": tell,
        **commands,
    }


def _evacuate(spec: Spec, options: argparse.Namespace) -> SequenceReport:
    from ovnkit import deploy

    return deploy.evacuate(spec, options.host, force=options.force, **_common(options))


def _readmit(spec: Spec, options: argparse.Namespace) -> SequenceReport:
    from ovnkit import deploy

    return deploy.readmit_gateways(spec, options.host, **_common(options))


def _remove(spec: Spec, options: argparse.Namespace) -> SequenceReport:
    from ovnkit import deploy

    return deploy.remove_chassis(spec, options.host, gone=options.gone, force=options.force, **_common(options))


def _rename(spec: Spec, options: argparse.Namespace) -> SequenceReport:
    from ovnkit import deploy

    return deploy.rename_chassis(spec, options.host, force=options.force, **_common(options))


def _move_physnet(spec: Spec, options: argparse.Namespace) -> SequenceReport:
    from ovnkit import deploy

    return deploy.move_physnet(spec, options.host, options.physnet, options.bridge, **_common(options))


def _reconcile(spec: Spec, options: argparse.Namespace) -> SequenceReport:
    from ovnkit import deploy

    return deploy.reconcile(spec, options.host, force=options.force, **_common(options))


def _record(options: argparse.Namespace) -> str:
    return os.fspath(options.record or f"{options.file}.{options.host}.taken")


def _take_over(spec: Spec, options: argparse.Namespace) -> SequenceReport:
    from ovnkit import deploy

    return deploy.take_over(
        spec,
        options.host,
        undo_record=_record(options),
        remove_namespaces=options.remove_namespaces,
        **_common(options),
    )


def _give_back(_spec: Spec, options: argparse.Namespace) -> SequenceReport:
    from ovnkit import deploy

    check_record(_record(options), "a take-over")
    return deploy.give_back(_record(options), **_common(options))


def _show(options: argparse.Namespace) -> int:
    from ovnkit import Southbound, deploy
    from ovnkit.cli.structures import chassis, chassis_table

    spec = deploy.load(options.file)
    remote = spec.central.southbound_admin
    tls = tls_of(options) or deploy.client_tls(spec)
    with Southbound.connect(remote, tls=tls, timeout=options.timeout) as sb:
        found = chassis(sb, {host.system_id: host.name for host in spec.hosts})
    show(options, chassis_table(found), lambda: {"chassis": found})
    return 0
