"""``ovnkit show``, ``trace``, …: what looks at a network, on its servers or in its files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ovnkit.cli.arguments import add_connection, add_json, count, port, seconds, show, tls_of
from ovnkit.cli.output import add_output, give

if TYPE_CHECKING:
    from ovnkit import Network
    from ovnkit.cli.arguments import Commands
    from ovnkit.topology import Topology

    Run = Callable[[argparse.Namespace], int]

__all__ = ["add_commands", "opened"]

_WHERE = """\
Without these, the databases that the environment, the distribution, MicroOVN or Neutron name, as ovnkit.connect() finds
them."""
_WITHIN = ("show", "trace", "check", "snapshot")
"""The commands that may follow the files of ``ovnkit open``."""
_FLAGS = ("--json", "--verbose")
"""The options that may stand before them."""


def add_commands(commands: Commands) -> None:
    """Add the commands."""
    picture = _command(commands, "show", _show, "the network as a tree, or drawn into a file")
    add_output(picture, ".svg", ".html", ".png", ".dot", ".mmd")
    watch = _command(commands, "watch", _watch, "the network as a tree, and then what changes, until Ctrl-C")
    for parser in (picture, watch):
        parser.add_argument("name", metavar="NAME", nargs="*", help="only what is around this switch, port, chassis, …")
        parser.add_argument("--view", choices=("logical", "physical", "both"), default="both", help="(default: both)")
        parser.add_argument("--depth", type=count, default=1, metavar="LINKS", help="how far around NAME (default: 1)")
        parser.add_argument("--search", metavar="TEXT", help="only what has TEXT in its name or addresses")
    watch.add_argument("--for", dest="seconds", type=seconds, metavar="SECONDS", help="end after so long")
    add_json(watch)
    _add_trace(commands)
    _add_check(commands)
    status = "Exit status: 0 no differences, 1 failed or a file is damaged, 2 differences, 64 wrong usage."
    difference = _command(commands, "diff", _diff, "what has changed in a network", epilog=status)
    difference.add_argument("before", metavar="A", help="a snapshot, or another file, directory or tar file")
    difference.add_argument("after", metavar="B", nargs="?", help="another (default: the network as it is now)")
    difference.add_argument("--volatile", action="store_true", help="also what changes by itself, such as counters")
    add_output(difference, ".html")
    keep = _command(commands, "snapshot", _snapshot, "keep what the databases hold, to compare or to share it")
    keep.add_argument("--anonymize", action="store_true", help="with other names and addresses, without secrets")
    add_json(keep)
    keep.add_argument(
        "-o", "--output", metavar="FILE", help="a .tar.gz, or a directory (default: ovn-DATE-TIME.tar.gz)"
    )
    opening = commands.add_parser(
        "open",
        help="look at the files of a network",
        epilog="For example: ovnkit open nb.db sb.db trace vm1 vm2 --tcp 80",
    )
    opening.add_argument("file", metavar="FILE", nargs="+", help="database files, directories, or tar files")
    opening.add_argument(
        "command",
        metavar="COMMAND …",
        nargs="*",
        help=f"one of {', '.join(_WITHIN)} and diff, and what follows it there (default: show)",
    )


def _add_trace(commands: Commands) -> None:
    status = (
        "Exit status: 0 it arrives, 1 it does not, 2 that cannot be told, for a wrong name as well, 64 wrong usage."
    )
    trace = _command(commands, "trace", _trace, "why A can reach B, or cannot", epilog=status)
    ends = "a port, an address, a floating IP, or outside"
    trace.add_argument("source", metavar="A", help=ends)
    trace.add_argument("target", metavar="B", help=ends)
    packet = trace.add_mutually_exclusive_group()
    for protocol in ("tcp", "udp", "sctp"):
        packet.add_argument(f"--{protocol}", type=port, metavar="PORT", help=f"a packet to this port of {protocol}")
    packet.add_argument("--icmp", action="store_true", help="a ping (the default)")
    packet.add_argument("--arp", action="store_true", help="the question who has the address")
    trace.add_argument("--direction", choices=("both", "there", "back"), default="both", help="(default: both)")
    trace.add_argument(
        "--ct",
        metavar="FLAGS",
        action="append",
        help="what connection tracking says, as for ovn-trace; may be repeated",
    )
    trace.add_argument("--lb-dst", metavar="ADDRESS:PORT", help="the backend that a load balancer is to choose")
    version = trace.add_mutually_exclusive_group()
    version.add_argument("-4", dest="version", action="store_const", const=4, help="IPv4, where both would do")
    version.add_argument("-6", dest="version", action="store_const", const=6, help="IPv6, where both would do")
    add_output(trace, ".html")
    trace.set_defaults(failed=2)


def _add_check(commands: Commands) -> None:
    status = "Exit status: 0 all well, 1 failed or a file is damaged, 2 an error or a warning, 64 wrong usage."
    check = _command(commands, "check", _check, "what is wrong with the network, or may be", epilog=status)
    check.add_argument(
        "--only", metavar="RULE", type=str.upper, action="append", help="this rule, or those whose ids begin so"
    )
    check.add_argument("--ignore", metavar="RULE", type=str.upper, action="append", help="not this rule, or those")
    check.add_argument(
        "--explain", metavar="RULE", type=str.upper, help="what a rule says, why, and what mends it; looks at nothing"
    )
    add_output(check, ".html")


def _command(commands: Commands, name: str, run: Run, what: str, epilog: str = "") -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, epilog=epilog or None)
    where = parser.add_argument_group("where the network is", _WHERE)
    where.add_argument("--nb", metavar="REMOTE", help="the Northbound database, such as tcp:192.0.2.10:6641")
    where.add_argument("--sb", metavar="REMOTE", help="the Southbound database")
    where.add_argument("--vswitch", metavar="REMOTE", action="append", help="a host's own database; may be repeated")
    where.add_argument("--file", metavar="FILE", action="append", help="a file of it instead; may be repeated")
    where.add_argument("--verbose", action="store_true", help="tell all that was tried")
    add_connection(parser, timeout=30.0)
    parser.set_defaults(run=run)
    return parser


def opened(arguments: list[str]) -> list[str]:
    """``open FILE… [COMMAND …]`` as the command that it stands for, with its files as options.

    The files end before the name of a command, or before an option other than those that may stand among them; one
    file is also compared, by ``open FILE diff``. Other arguments are returned as they are.
    """
    if arguments[:1] != ["open"]:
        return arguments
    rest = arguments[2:] if arguments[1:2] == ["--"] else arguments[1:]
    if rest[1:2] == ["diff"]:
        return ["diff", rest[0], *rest[2:]]
    files: list[str] = []
    flags: list[str] = []
    while rest and rest[0] not in _WITHIN and (rest[0] in _FLAGS or not rest[0].startswith("-")):
        word = rest.pop(0)
        (flags if word in _FLAGS else files).append(word)
    if not files:
        return ["open", *flags, *rest]
    command = rest.pop(0) if rest and rest[0] in _WITHIN else "show"
    return [command, *(f"--file={word}" for word in files), *flags, *rest]


def _network(options: argparse.Namespace) -> Network:
    """What the options say. What is missing is told on standard error, for the answer has it not."""
    import ovnkit

    if options.file:
        network = _files(*options.file)
    else:
        network = ovnkit.connect(options.nb, options.sb, options.vswitch, tls=tls_of(options), timeout=options.timeout)
    if options.verbose:
        for place in network.tried:
            print(place, file=sys.stderr)
    else:
        there = {client.schema.name for client in network.clients}
        for name in ("Northbound", "Southbound"):
            if f"OVN_{name}" not in there:
                print(f"ovnkit: without {name}, which is not there; --verbose tells what was tried", file=sys.stderr)
    return network


def _files(*paths: str) -> Network:
    """The network in these files. Damage is told on standard error. Raises NotADatabase where nothing can be read."""
    import ovnkit
    from ovnkit.errors import NotADatabase

    network = ovnkit.open_files(*paths)
    for damage in network.damage:
        print(f"ovnkit: {damage}", file=sys.stderr)
    if network.damage and not network.clients:
        raise NotADatabase(", ".join(paths), "nothing of it can be read; take another copy of the file")
    return network


def _show(options: argparse.Namespace) -> int:
    with _network(options) as network:
        part = _part(network.topology(), options)
    if options.search is not None and not part:
        print(f"ovnkit: nothing there has {options.search!r} in its name or addresses", file=sys.stderr)
        return 1
    give(options, part)
    return 0


def _part(topology: Topology, options: argparse.Namespace) -> Topology:
    """What of the network is asked for."""
    if options.name:
        topology = topology.focus(*options.name, depth=options.depth)
    if options.search is not None:
        topology = topology.filter(options.search)
    return topology.view(options.view)


def _watch(options: argparse.Namespace) -> int:
    from ovnkit.cli.watch import watch

    with _network(options) as network:
        watch(network, _part(network.topology(), options), seconds=options.seconds, as_json=options.json)
    return 0


def _trace(options: argparse.Namespace) -> int:
    given = {
        name: value
        for name in ("tcp", "udp", "sctp", "icmp", "arp", "direction", "ct", "lb_dst", "version", "timeout")
        if (value := getattr(options, name)) is not None
    }
    with _network(options) as network:
        found = network.trace(options.source, options.target, **given)
        give(options, found)
    return found.exit_code


def _snapshot(options: argparse.Namespace) -> int:
    with _network(options) as network:
        snapshot = network.snapshot(anonymize=options.anonymize)
    path = snapshot.save(options.output or f"ovn-{snapshot.taken:%Y%m%d-%H%M%S}.tar.gz")
    show(options, path, lambda: {"path": str(path), "anonymized": snapshot.anonymized})
    return 0


def _diff(options: argparse.Namespace) -> int:
    from ovnkit import topology

    with ExitStack() as stack:
        before = stack.enter_context(_files(options.before))
        after = stack.enter_context(_network(options) if options.after is None else _files(options.after))
        found = topology.diff(before, after, volatile=options.volatile)
        unread = before.damage or after.damage
    for name in found.left_out:
        print(f"ovnkit: not compared: {name}", file=sys.stderr)
    give(options, found)
    return 2 if found else 1 if unread else 0


def _check(options: argparse.Namespace) -> int:
    if options.explain is not None:
        from ovnkit.topology.checks import explain

        print(explain(options.explain))
        return 0
    with _network(options) as network:
        found = network.check(only=options.only or (), ignore=options.ignore or ())
        give(options, found)
    return 2 if found.errors or found.warnings else 1 if network.damage else 0
