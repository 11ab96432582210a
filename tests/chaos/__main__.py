"""The fault campaign: ``python -m tests.chaos [--seed N] [--short] [--only NAME] [--control] [--markdown FILE]``.

Prints one table, and exits with 1 where a limit does not hold.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import attrs

from tests.chaos.campaign import CAMPAIGN, SHORT, Result, Trial, run
from tests.chaos.crew import Library
from tests.chaos.report import markdown, text
from tests.tables import write

_SHOWN = 8


def main(arguments: list[str] | None = None) -> int:
    # Ended from outside, it takes its servers and files with it as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="of all that is random (default: a new one, which is printed)")
    parser.add_argument("--short", action="store_true", help="every kind of fault a few times, in less than a minute")
    parser.add_argument("--only", action="append", metavar="NAME", help="rows whose name has this in it; repeatable")
    parser.add_argument("--faults", type=int, metavar="N", help="so many faults in each row instead of its own number")
    parser.add_argument("--control", action="store_true", help="with ovsdbapp in place of ovnkit")
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="write the table into this page as well; with --only these rows of it",
    )
    parser.add_argument("--list", action="store_true", help="print the names of the rows and end")
    options = parser.parse_args(arguments)
    trials = _chosen(SHORT if options.short else CAMPAIGN, options.only, options.faults)
    if options.list or not trials:
        print("\n".join(trial.name for trial in (trials or CAMPAIGN)))
        return 0 if options.list else 2
    seed: int = random.randrange(1_000_000) if options.seed is None else options.seed
    library: Library = "ovsdbapp" if options.control else "ovnkit"
    print(f"seed {seed}", file=sys.stderr)
    results: list[Result] = []
    for trial in trials:
        results.append(_run(trial, library, seed))
        # After each row, so that an interrupted campaign leaves what it has.
        if options.markdown is not None:
            write(options.markdown, markdown(results, library, seed), library, keep=options.only is not None)
    print(text(results, library, seed))
    return 1 if any(result.broken for result in results) else 0


def _chosen(trials: tuple[Trial, ...], only: list[str] | None, faults: int | None) -> list[Trial]:
    chosen = [trial for trial in trials if only is None or any(name in trial.name for name in only)]
    if faults is None:
        return chosen
    return [attrs.evolve(trial, faults=faults, least_acknowledged=1) for trial in chosen]


def _run(trial: Trial, library: Library, seed: int) -> Result:
    began = time.monotonic()
    try:
        result = run(trial, library, seed=seed, say=_teller(trial))
    except (OSError, RuntimeError, AssertionError) as exc:
        # A control may end like this, and the other rows still tell something.
        traceback.print_exc()
        result = Result(trial, seconds=time.monotonic() - began, broken=[f"{type(exc).__name__}: {exc}"])
    for words in result.notes:
        print(f"{trial.name}: {words}", file=sys.stderr)
    for words in result.broken[:_SHOWN]:
        print(f"{trial.name}: NOT HELD: {words}", file=sys.stderr)
    if len(result.broken) > _SHOWN:
        print(f"{trial.name}: and {len(result.broken) - _SHOWN} more", file=sys.stderr)
    return result


def _teller(trial: Trial) -> Callable[[str], None]:
    print(f"{trial.name} …", file=sys.stderr)
    return lambda words: print(f"{trial.name}: {words}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
