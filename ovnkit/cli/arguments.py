"""What several commands take, and how they print what they have found."""

from __future__ import annotations

import argparse
import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ovnkit.deploy import Event, SequenceReport, StepResult
    from ovnkit.remote import Tls

__all__ = [
    "Bar",
    "Commands",
    "add_connection",
    "add_json",
    "check_record",
    "count",
    "days",
    "finish",
    "port",
    "seconds",
    "show",
    "tell",
    "tls_of",
]

Commands = Any
"""What ``add_subparsers()`` returns; argparse has no public name for it."""

_SOMETHING_TO_DO = 2
_WIDTH = 30


def add_connection(parser: argparse.ArgumentParser, *, timeout: float) -> None:
    """``--timeout`` and the files of TLS."""
    parser.add_argument(
        "--timeout", type=seconds, default=timeout, metavar="SECONDS", help=f"for each host (default: {timeout:g})"
    )
    parser.add_argument("--key", metavar="FILE", help="private key, for ssl:")
    parser.add_argument("--cert", metavar="FILE", help="certificate, for ssl:")
    parser.add_argument("--ca", metavar="FILE", help="certificate of the authority behind those of the servers")
    parser.add_argument("--shared-key", action="store_true", help="take a key that others can read as well")


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def seconds(text: str) -> float:
    """A number of seconds. Raises ArgumentTypeError."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return number


def count(text: str) -> int:
    """A number of things, 1 or more. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def port(text: str) -> int:
    """A port of TCP and the like. Raises ArgumentTypeError."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 1 to 65535")
    return int(text)


def days(text: str) -> float:
    """A number of days. Raises ArgumentTypeError."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 36500:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days above 0, up to 36500")
    return number


def tls_of(options: argparse.Namespace) -> Tls | None:
    """The settings for TLS, None where no file is given. Raises InvalidRemote where some are."""
    from ovnkit.errors import InvalidRemote
    from ovnkit.remote import Tls

    files = (options.key, options.cert, options.ca)
    if not any(files):
        return None
    if not all(files):
        raise InvalidRemote("ssl:", "TLS needs all of --key, --cert and --ca")
    return Tls(*files, shared_key=options.shared_key)


def check_record(path: str, of: str) -> None:
    """Raise FileNotFoundError, in words, where there is no undo record."""
    if not Path(path).exists():
        raise FileNotFoundError(errno.ENOENT, f"no undo record of {of}; --record names another one", path)


def show(options: argparse.Namespace, text: object, structure: Callable[[], dict[str, Any]]) -> None:
    """Print a result for people, or with ``--json`` for programs."""
    print(json.dumps(structure(), indent=2) if options.json else text)


def finish(options: argparse.Namespace, report: SequenceReport) -> int:
    """Print the report of a sequence; returns the exit status: of a dry run 2 where there is something to do."""
    from ovnkit.cli.structures import sequence

    show(options, report, lambda: sequence(report))
    if options.dry_run:
        return 0 if report else _SOMETHING_TO_DO
    return 0 if report.ok else 1


def tell(result: StepResult) -> None:
    """Each step when it is over, for whoever sits there and waits."""
    if result.state == "done" and sys.stderr.isatty():
        print(result, file=sys.stderr, flush=True)


class Bar:
    """How many hosts are finished, on one line of the terminal; nothing where standard error is none."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._failed = 0

    def __call__(self, event: Event) -> None:
        """Draw it anew."""
        self._failed += event.step == "failed"
        if not self._shown or event.step not in ("done", "failed"):
            return
        filled = _WIDTH * event.finished // event.hosts
        failed = f", {self._failed} failed" if self._failed else ""
        bar = f"\r[{'#' * filled}{'.' * (_WIDTH - filled)}] {event.finished} of {event.hosts} hosts{failed}"
        print(bar, end="\n" if event.finished == event.hosts else "", file=sys.stderr, flush=True)
