"""The ``ovnkit`` command: thin over the packages below it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from ovnkit.errors import OvnkitError

__all__ = ["main"]

_FAILED = 1
_USAGE = 64
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 all well, 1 failed, 64 wrong usage, 130 interrupted."""
    parser = _parser()
    try:
        options = parser.parse_args(arguments)
    except SystemExit as exc:
        return _USAGE if exc.code else 0
    try:
        status: int = options.run(options)
    except OvnkitError as exc:
        print(f"ovnkit: {exc}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print("ovnkit: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    return status


class _Version(argparse.Action):
    """Looks the version up when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"ovnkit {version('ovnkit')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ovnkit", description="Typed clients, operations and deployment for OVN.")
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    lab = commands.add_parser("lab", help="real OVN on this machine").add_subparsers(required=True, metavar="COMMAND")
    demo = lab.add_parser("demo", help="deploy a cluster of three hosts and prove it with packets")
    demo.add_argument("--keep", action="store_true", help="leave it running, and say how to look around")
    demo.add_argument(
        "--binaries", metavar="ROOT", help="a root directory with another release of Open vSwitch and OVN to run"
    )
    demo.set_defaults(run=_lab_demo)
    down = lab.add_parser("down", help="remove what `lab demo --keep` left running")
    down.set_defaults(run=_lab_down)
    return parser


def _lab_demo(options: argparse.Namespace) -> int:
    from ovnkit.lab.demo import run

    return 0 if run(keep=options.keep, binaries=options.binaries) else _FAILED


def _lab_down(_options: argparse.Namespace) -> int:
    from ovnkit import lab

    removed = lab.down()
    labs = "1 lab" if len(removed) == 1 else f"{len(removed)} labs"
    print(f"{labs} removed: {', '.join(removed)}" if removed else "no lab is running")
    return 0
