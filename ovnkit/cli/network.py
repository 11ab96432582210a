"""``ovnkit show`` and what else looks at a network: connecting to it, or opening its files, is the same for all."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from ovnkit.cli.arguments import add_connection, add_json, count, tls_of

if TYPE_CHECKING:
    from ovnkit import Network
    from ovnkit.cli.arguments import Commands
    from ovnkit.topology import Topology

__all__ = ["add_commands"]

_EPILOG = """\
Without --nb, --sb, --vswitch and --file the databases are taken that the environment, the distribution, MicroOVN or
Neutron name, as in ovnkit.connect(). Exit status: 0 all well, 1 failed, 64 wrong usage."""


def add_commands(commands: Commands) -> None:
    """Add the commands."""
    show = _command(commands, "show", "the network as a tree, or drawn into a file", _show)
    show.add_argument("name", metavar="NAME", nargs="*", help="only what is around this switch, port, chassis, …")
    show.add_argument("--view", choices=("logical", "physical", "both"), default="both", help="(default: both)")
    show.add_argument("--depth", type=count, default=1, metavar="LINKS", help="how far around NAME (default: 1)")
    show.add_argument("--search", metavar="TEXT", help="only what has TEXT in its name or addresses")
    show.add_argument(
        "-o", "--output", metavar="FILE", help="write it: .svg, .html, .png, .dot, .mmd, .json or .txt says how"
    )


def _command(commands: Commands, name: str, what: str, run: Any, epilog: str = _EPILOG) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=what, epilog=epilog)
    where = parser.add_argument_group("where the network is")
    where.add_argument("--nb", metavar="REMOTE", help="the Northbound database, such as tcp:192.0.2.10:6641")
    where.add_argument("--sb", metavar="REMOTE", help="the Southbound database")
    where.add_argument("--vswitch", metavar="REMOTE", action="append", help="a host's own database; may be repeated")
    where.add_argument("--verbose", action="store_true", help="tell all places that were tried")
    add_connection(parser, timeout=30.0)
    add_json(parser)
    parser.set_defaults(run=run)
    return parser


def _network(options: argparse.Namespace) -> Network:
    """What the options say. What was not reached is told on standard error, for the picture has it not."""
    import ovnkit

    network = ovnkit.connect(options.nb, options.sb, options.vswitch, tls=tls_of(options), timeout=options.timeout)
    if options.verbose:
        print(*network.tried, sep="\n", file=sys.stderr)
    else:
        missing = [name for name, client in (("Northbound", network.nb), ("Southbound", network.sb)) if client is None]
        for name in missing:
            print(f"ovnkit: without {name}, which was not reached; --verbose tells why", file=sys.stderr)
    return network


def _show(options: argparse.Namespace) -> int:
    with _network(options) as network:
        _give(options, _part(network.topology(), options))
    return 0


def _part(topology: Topology, options: argparse.Namespace) -> Topology:
    """What of the network is asked for."""
    if options.name:
        topology = topology.focus(*options.name, depth=options.depth)
    if options.search is not None:
        topology = topology.filter(options.search)
    return topology.view(options.view)


def _give(options: argparse.Namespace, found: Any) -> None:
    """Print what a command has found, or write it where the options say."""
    if options.output is None:
        print(json.dumps(found.to_dict(), indent=2) if options.json else found)
    else:
        found.save(options.output)
