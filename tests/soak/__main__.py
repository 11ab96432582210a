"""The soak: ``python -m tests.soak --minutes 30``. Exits with 1 where something grows, leaks or is lost."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.soak import MIB, Report, Sample, run


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--writes", type=float, default=200.0, help="each second")
    parser.add_argument("--reconnect", type=float, default=5.0, help="seconds from one lost connection to the next")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        report = run(
            Path(directory),
            60 * options.minutes,
            writes_per_second=options.writes,
            reconnect_every=options.reconnect,
            say=_say,
        )
    broken = report.judge(options.writes)
    print(_summary(report))
    for words in broken[:20]:
        print(f"NOT HELD: {words}")
    return 1 if broken else 0


def _say(sample: Sample) -> None:
    use = sample.usage
    words = f"{use.resident / MIB:7.2f} MiB, {use.descriptors} descriptors, {len(use.threads)} threads"
    print(f"{sample.at:7.1f} s: {words}", file=sys.stderr)


def _summary(report: Report) -> str:
    return (
        f"{report.seconds / 60:g} min: {report.writes} writes, {report.reconnects} reconnects, {report.events} events, "
        f"{report.lines} lines logged; memory {report.rise / MIB:+.2f} MiB of {report.allowed_rise / MIB:.2f} allowed"
    )


if __name__ == "__main__":
    sys.exit(main())
