"""What is noticed of changes to the central services: ``python -m tests.bench.central --markdown docs/reliability.md``.

Real OVN in a lab: three controllers with RAFT, TLS and role-based access control, and three compute nodes, deployed
from ``examples/controllers.toml``. The world outside pings a virtual machine by its floating IP every 0.1 s, and a
client writes to Northbound over TLS all the while. Exits with 1 where a limit does not hold. Needs root.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import attrs

from ovnkit import deploy
from ovnkit.deploy import Spec, central
from ovnkit.lab import Lab
from tests.lab.gaps import pings
from tests.lab.three_controllers import (
    CONTROLLERS,
    FLOATING_IP,
    convert,
    kill_leader,
    leader,
    nothing_stale,
    restore,
    three_controllers,
    writing,
)
from tests.tables import aligned, commit, markdown, write

_HEADINGS = ("what", "took", "longest gap in the pings", "between two writes", "at most", "holds", "commit")
_MOST_PING = 0.5
_MOST_WRITE = 5.0
_TIMEOUT = 60.0


def _kill_northbound(lab: Lab, spec: Spec) -> None:
    dead = kill_leader(lab, "OVN_Northbound")
    assert leader(spec, "OVN_Northbound") != dead


def _kill_southbound(lab: Lab, spec: Spec) -> None:
    dead = kill_leader(lab, "OVN_Southbound")
    assert leader(spec, "OVN_Southbound") != dead


def _replace(_lab: Lab, spec: Spec) -> None:
    for name in CONTROLLERS:
        report = central.replace(spec, name, timeout=_TIMEOUT)
        assert report, str(report)


def _step_down(_lab: Lab, spec: Spec) -> None:
    report = central.step_down(spec, leader(spec, "OVN_Northbound"), timeout=_TIMEOUT)
    assert report, str(report)


def _rotate(_lab: Lab, spec: Spec) -> None:
    report = deploy.rotate_certificates(spec, timeout=_TIMEOUT)
    assert report, str(report)


def _rotate_authority(_lab: Lab, spec: Spec) -> None:
    report = deploy.rotate_certificates(spec, authority=True, timeout=_TIMEOUT)
    assert report, str(report)


def _convert(lab: Lab, _spec: Spec) -> None:
    with tempfile.TemporaryDirectory() as directory:
        convert(lab, Path(directory))


def _restore(lab: Lab, _spec: Spec) -> None:
    with tempfile.TemporaryDirectory() as directory:
        restore(lab, Path(directory))
    lab.northbound.sync("hv", timeout=_TIMEOUT)


def _secure(_lab: Lab, spec: Spec) -> None:
    report = deploy.secure(spec, timeout=_TIMEOUT)
    assert report, str(report)


@attrs.frozen
class _Story:
    what: str
    work: Callable[[Lab, Spec], None]
    writes: bool = True
    """Whether a client writes meanwhile, and has to get through: not where its database is put away."""


_STORIES = (
    _Story("the leader of Northbound is killed (`kill -9`)", _kill_northbound),
    _Story("the leader of Southbound is killed", _kill_southbound),
    _Story("the dead ones are replaced (`central.replace`)", _replace),
    _Story("the leader steps down (`central.step_down`)", _step_down),
    _Story("every certificate is new (`rotate_certificates`)", _rotate),
    _Story("so is their authority (`authority=True`)", _rotate_authority),
    _Story("both databases have the schema of 26.03 (`central.convert`)", _convert),
    _Story("both are built anew from a backup (`central.restore`)", _restore, writes=False),
)
_FROM_PLAIN = _Story("the whole cluster changes from plain TCP to TLS (`deploy.secure`)", _secure, writes=False)


def _measured(lab: Lab, spec: Spec, story: _Story) -> tuple[tuple[str, ...], bool]:
    """The row of a story, and whether its limits hold."""
    gap = None
    with pings(lab.outside, FLOATING_IP) as seen:
        began = time.monotonic()
        if story.writes:
            with writing(spec) as writer:
                story.work(lab, spec)
                took = time.monotonic() - began
            assert writer.errors == []
            gap = writer.longest_gap
        else:
            story.work(lab, spec)
            took = time.monotonic() - began
    holds = seen.longest_gap <= _MOST_PING and (gap is None or gap <= _MOST_WRITE)
    limits = f"{_MOST_PING:g} s, {_MOST_WRITE:g} s" if gap is not None else f"{_MOST_PING:g} s"
    written = "" if gap is None else f"{gap:.2f} s"
    cells = (
        story.what,
        f"{took:.1f} s",
        f"{seen.longest_gap:.2f} s",
        written,
        limits,
        "yes" if holds else "NO",
        commit(),
    )
    return cells, holds


def main(arguments: list[str] | None = None) -> int:
    """Run every story once, one after the other in the same cluster; the last one in a cluster of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.central", description=__doc__)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there, between its marks")
    options = parser.parse_args(arguments)
    rows = []
    began = time.monotonic()
    with three_controllers() as (lab, spec):
        print(f"deployed from one file, with packets: {time.monotonic() - began:.1f} s", flush=True)
        for story in _STORIES:
            rows.append(_measured(lab, spec, story))
            print(aligned(_HEADINGS, [rows[-1][0]]), flush=True)
        seen = deploy.verify(spec, timeout=_TIMEOUT)
        assert seen, str(seen)
        nothing_stale(lab, spec)
    with three_controllers(tls=False) as (lab, spec):
        deploy.certify(spec)
        rows.append(_measured(lab, spec, _FROM_PLAIN))
        nothing_stale(lab, spec)
    cells = [row for row, _ in rows]
    print(aligned(_HEADINGS, cells))
    if options.markdown is not None:
        write(options.markdown, f"{markdown(_HEADINGS, cells)}\n", "central")
    return 0 if all(holds for _, holds in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
