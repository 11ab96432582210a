"""``ovnkit central``: the Northbound and Southbound databases and ovn-northd, on the members that a TOML file names."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ovnkit.cli.arguments import add_connection, add_json, finish, seconds, show, tell, tls_of

if TYPE_CHECKING:
    from ovnkit import Northbound, Southbound
    from ovnkit.cli.arguments import Commands
    from ovnkit.deploy import SequenceReport, Spec
    from ovnkit.deploy.databases import Database

    _Sequence = Callable[[Spec, argparse.Namespace], SequenceReport]

__all__ = ["add_commands"]

_USAGE = 64
_EPILOG = "Exit status: 0 all done, 2 something to do (with --dry-run), 1 failed, 64 wrong usage."


def add_commands(commands: Commands) -> None:
    """Add ``central`` with its commands."""
    central = commands.add_parser("central", help="make and keep the central databases and ovn-northd", epilog=_EPILOG)
    commands = central.add_subparsers(required=True, metavar="COMMAND")
    status = commands.add_parser("status", help="each database at each member; 1 where one does not serve")
    _add_file(status)
    status.set_defaults(run=_status)
    _sequence(commands, "create", _create, "make what the file describes, and bring what is there to it")
    for name, what in (
        ("join", "make a host a member of the cluster that is there"),
        ("leave", "have a member leave the cluster"),
        ("replace", "put a new server in the place of a dead one"),
        ("step-down", "have a member lead none of the databases"),
    ):
        parser = _sequence(commands, name, _of_member(name), what)
        parser.add_argument("host", metavar="HOST", help="a member in the file")
        if name == "leave":
            parser.add_argument("--gone", action="store_true", help="the machine does not exist any more")
    timer = _sequence(commands, "election-timer", _election_timer, "change how long members wait for a leader")
    timer.add_argument("milliseconds", type=int, metavar="MILLISECONDS")
    backup = commands.add_parser("backup", help="write both databases into a directory")
    _add_file(backup)
    backup.set_defaults(run=_backup)
    restore = _sequence(commands, "restore", _restore, "build both databases anew from a backup")
    _sequence(commands, "reset-controllers", _reset_controllers, "tell every ovn-controller of a cluster built anew")
    convert = _sequence(commands, "convert", _convert, "bring both databases to the schemas that are installed")
    for parser, what in (
        (backup, "where to"),
        (restore, "what backup wrote"),
        (convert, "where a backup is written before"),
    ):
        parser.add_argument("directory", metavar="DIRECTORY", help=what)
    for option in ("--northbound", "--southbound"):
        convert.add_argument(f"{option}-schema", metavar="FILE", help="another schema; then only what is named")
    convert.add_argument("--downgrade", action="store_true", help="also to an older schema, which drops columns")
    _add_listener(commands)


def _add_listener(commands: Commands) -> None:
    listener = commands.add_parser("listener", help="where the servers of a database listen", epilog=_EPILOG)
    commands = listener.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="what there is")
    add = commands.add_parser("add", help="one more, or change how it is")
    remove = commands.add_parser("remove", help="one less")
    for parser, run in ((listing, _list_listeners), (add, _change_listener), (remove, _change_listener)):
        parser.add_argument("file", metavar="FILE", help="the TOML file that describes the cluster")
        add_connection(parser, timeout=30.0)
        add_json(parser)
        parser.add_argument("database", choices=("nb", "sb"), help="Northbound or Southbound")
        parser.set_defaults(run=run, adds=parser is add)
    for parser in (add, remove):
        parser.add_argument("target", metavar="TARGET", help="pssl:PORT[:ADDRESS] or ptcp:PORT[:ADDRESS]")
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
    add.add_argument("--inactivity-probe", type=int, metavar="MILLISECONDS", help="0 for none")
    add.add_argument("--role", help="of Southbound: ovn-controller for chassis, '' for all")
    add.add_argument("--anywhere", action="store_true", help="a single server, without an address")
    add.add_argument("--insecure", action="store_true", help="plain TCP that other machines can reach")


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the TOML file that describes the cluster")
    add_json(parser)


def _sequence(commands: Commands, name: str, run: _Sequence, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, epilog=_EPILOG)
    _add_file(parser)
    parser.add_argument("--timeout", type=seconds, default=60.0, metavar="SECONDS", help="for each step (default: 60)")
    parser.add_argument("--dry-run", action="store_true", help="only say which steps it would take")
    parser.set_defaults(run=lambda options: _run(options, run))
    return parser


def _run(options: argparse.Namespace, run: _Sequence) -> int:
    from ovnkit import deploy

    spec = deploy.load(options.file)
    try:
        if (host := getattr(options, "host", None)) is not None:
            spec.central.member(host)
    except KeyError as exc:
        print(f"ovnkit: {exc.args[0]}", file=sys.stderr)
        return _USAGE
    return finish(options, run(spec, options))


def _common(options: argparse.Namespace) -> dict[str, Any]:
    return {"timeout": options.timeout, "dry_run": options.dry_run, "progress": tell}


def _create(spec: Spec, options: argparse.Namespace) -> SequenceReport:
    from ovnkit.deploy import central

    return central.create(spec, **_common(options))


def _of_member(name: str) -> _Sequence:
    """The sequence of ``deploy.central`` of this name, for one member."""

    def run(spec: Spec, options: argparse.Namespace) -> SequenceReport:
        from ovnkit.deploy import central

        if name == "leave":
            return central.leave(spec, options.host, gone=options.gone, **_common(options))
        calls = {"join": central.join, "replace": central.replace, "step-down": central.step_down}
        return calls[name](spec, options.host, **_common(options))

    return run


def _election_timer(spec: Spec, options: argparse.Namespace) -> SequenceReport:
    from ovnkit.deploy import central

    return central.set_election_timer(spec, options.milliseconds, **_common(options))


def _restore(spec: Spec, options: argparse.Namespace) -> SequenceReport:
    from ovnkit.deploy import central

    return central.restore(spec, options.directory, **_common(options))


def _reset_controllers(spec: Spec, options: argparse.Namespace) -> SequenceReport:
    from ovnkit.deploy import central

    return central.reset_controllers(spec, **_common(options))


def _convert(spec: Spec, options: argparse.Namespace) -> SequenceReport:
    from ovnkit.deploy import central

    given = {central.NORTHBOUND: options.northbound_schema, central.SOUTHBOUND: options.southbound_schema}
    schemas: dict[Database, str] = {
        database: Path(path).read_text(encoding="utf-8") for database, path in given.items() if path is not None
    }
    return central.convert(
        spec, options.directory, schemas=schemas or None, downgrade=options.downgrade, **_common(options)
    )


def _status(options: argparse.Namespace) -> int:
    from ovnkit import deploy
    from ovnkit.cli.structures import member, members_table

    found = deploy.central.status(deploy.load(options.file))
    show(options, members_table(found), lambda: {"ok": all(found), "members": [member(one) for one in found]})
    return 0 if all(found) else 1


def _backup(options: argparse.Namespace) -> int:
    from ovnkit import deploy

    found = deploy.central.backup(deploy.load(options.file), options.directory)
    show(
        options,
        "\n".join(map(str, found)),
        lambda: {"backups": [{"database": one.database, "path": str(one.path), "size": one.size} for one in found]},
    )
    return 0


def _client(options: argparse.Namespace, spec: Spec) -> Northbound | Southbound:
    from ovnkit import Northbound, Southbound, deploy

    tls = tls_of(options) or deploy.client_tls(spec)
    if options.database == "nb":
        return Northbound.connect(spec.central.northbound, tls=tls, timeout=options.timeout)
    return Southbound.connect(spec.central.southbound_admin, tls=tls, timeout=options.timeout)


def _list_listeners(options: argparse.Namespace) -> int:
    from ovnkit import deploy
    from ovnkit.cli.structures import listener, listeners_table
    from ovnkit.northbound.rows import Connection as OfNorthbound
    from ovnkit.southbound.rows import Connection as OfSouthbound

    with _client(options, deploy.load(options.file)) as client:
        table: Any = OfNorthbound if options.database == "nb" else OfSouthbound
        rows: list[Any] = client.find(table)
        found = [listener(row) for row in sorted(rows, key=lambda row: str(row.target))]
    show(options, listeners_table(found), lambda: {"listeners": found})
    return 0


def _change_listener(options: argparse.Namespace) -> int:
    from ovnkit import deploy
    from ovnkit.cli.structures import changes
    from ovnkit.deploy.central.listeners import check_address

    spec = deploy.load(options.file)
    if options.adds:
        check_address(spec.central, options.target, anywhere=options.anywhere)
    with _client(options, spec) as client:
        operations: Any = client
        if options.adds:
            role = {} if options.role is None else {"role": options.role}
            found = operations.add_listener(
                options.target,
                inactivity_probe=options.inactivity_probe,
                insecure=options.insecure,
                dry_run=options.dry_run,
                **role,
            )
        else:
            found = operations.remove_listener(options.target, dry_run=options.dry_run)
    show(options, found, lambda: {"changes": changes(found)})
    return 2 if options.dry_run and found else 0
