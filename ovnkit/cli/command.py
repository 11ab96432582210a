"""The command line: what there is, and what its exit status says."""

from __future__ import annotations

import argparse
import io
import os
import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import version

from ovnkit.cli import central, chassis, deploy, lab, network, pki, render
from ovnkit.cli.output import PLAIN
from ovnkit.errors import OvnkitError

__all__ = ["main"]

_FAILED = 1
_USAGE = 64
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status.

    0 all well, 1 failed, 2 there is something to do, 64 wrong usage, 130 interrupted. A command for which 1 says
    something else has its own status for "failed" among the defaults of its parser.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN)
    parser = _parser()
    try:
        options = parser.parse_args(network.opened(list(sys.argv[1:] if arguments is None else arguments)))
    except SystemExit as exc:
        return _USAGE if exc.code else 0
    failed: int = getattr(options, "failed", _FAILED)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning  # type: ignore[assignment]  # it takes whatever comes
            status: int = options.run(options)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return failed
    except OvnkitError as exc:
        print(f"ovnkit: {exc}", *getattr(exc, "__notes__", ()), sep="\n  ", file=sys.stderr)
        return failed
    except OSError as exc:
        print(f"ovnkit: {exc.filename}: {exc.strerror}" if exc.filename else f"ovnkit: {exc}", file=sys.stderr)
        return failed
    except KeyboardInterrupt:
        print("ovnkit: interrupted", file=sys.stderr)
        return _INTERRUPTED
    return status


def _show_warning(message: Warning | str, *_: object) -> None:
    print(f"ovnkit: warning: {message}", file=sys.stderr)


class _Version(argparse.Action):
    """Looks the version up when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"ovnkit {version('ovnkit')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ovnkit", description="Look at OVN networks, and deploy them.")
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    network.add_commands(commands)
    deploy.add_commands(commands)
    central.add_commands(commands)
    chassis.add_commands(commands)
    pki.add_commands(commands)
    render.add_commands(commands)
    lab.add_commands(commands)
    return parser
