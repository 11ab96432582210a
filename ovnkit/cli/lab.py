"""``ovnkit lab``: real OVN on this machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ovnkit.cli.arguments import Commands

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add ``lab`` with its commands."""
    lab = commands.add_parser("lab", help="real OVN on this machine").add_subparsers(required=True, metavar="COMMAND")
    demo = lab.add_parser("demo", help="deploy a cluster of three hosts and prove it with packets")
    demo.add_argument("--keep", action="store_true", help="leave it running, and say how to look around")
    demo.add_argument(
        "--binaries", metavar="ROOT", help="a root directory with another release of Open vSwitch and OVN to run"
    )
    demo.set_defaults(run=_demo)
    down = lab.add_parser("down", help="remove what `lab demo --keep` left running")
    down.set_defaults(run=_down)


def _demo(options: argparse.Namespace) -> int:
    from ovnkit.lab.demo import run

    return 0 if run(keep=options.keep, binaries=options.binaries) else 1


def _down(_options: argparse.Namespace) -> int:
    from ovnkit import lab

    removed = lab.down()
    labs = "1 lab" if len(removed) == 1 else f"{len(removed)} labs"
    print(f"{labs} removed: {', '.join(removed)}" if removed else "no lab is running")
    return 0
