"""How long packets stay away while a chassis changes: ``python -m tests.bench.gaps --markdown docs/reliability.md``.

Real OVN in a lab with two gateways, of which one carries a router; a virtual machine on a third host pings the world
outside through its floating IP every 0.1 s. Exits with 1 where a limit does not hold. Needs root.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from ovnkit import deploy
from ovnkit.lab import Lab
from tests.lab.gaps import pings
from tests.lab.two_gateways import kill, move_uplink, renamed, two_gateways
from tests.tables import aligned, commit, markdown, write

_HEADINGS = ("what", "longest gap, in each run", "at most", "holds", "commit")
_TIMEOUT = 30.0


def _evacuate(lab: Lab) -> None:
    assert deploy.evacuate(lab.spec, "gw1", timeout=_TIMEOUT)


def _readmit(lab: Lab) -> None:
    assert deploy.readmit_gateways(lab.spec, "gw1", timeout=_TIMEOUT)


def _kill(lab: Lab) -> None:
    kill(lab, "gw1")


def _remove(lab: Lab) -> None:
    assert deploy.remove_chassis(lab.spec, "gw1", timeout=_TIMEOUT)


def _remove_killed(lab: Lab) -> None:
    assert deploy.remove_chassis(lab.spec, "gw1", gone=True, timeout=_TIMEOUT)


def _rename(lab: Lab) -> None:
    start = (*lab.host("gw1").controller.command, "--detach")
    assert deploy.rename_chassis(renamed(lab.spec, "gw1", "gateway-1"), "gw1", start=start, timeout=_TIMEOUT)


def _move_physnet(lab: Lab) -> None:
    move_uplink(lab, "gw1", "br-ex", "br-new")
    assert deploy.move_physnet(lab.spec, "gw1", "physnet1", "br-new", timeout=_TIMEOUT)


_Work = Callable[[Lab], None]
_STORIES: tuple[tuple[tuple[str, _Work, float | None], ...], ...] = (
    (
        ("the gateway is evacuated (`evacuate`)", _evacuate, 3.0),
        ("it takes its routers back (`readmit_gateways`)", _readmit, 3.0),
        ("its physical network moves to another bridge, with the card (`move_physnet`)", _move_physnet, None),
        ("the gateway is removed (`remove_chassis`)", _remove, 3.0),
    ),
    (
        ("the gateway is killed", _kill, 6.0),
        ("the killed one is removed (`remove_chassis`, `gone=True`)", _remove_killed, 3.0),
    ),
    (("the gateway is renamed, moves away and comes back (`rename_chassis`)", _rename, None),),
)


def main(arguments: list[str] | None = None) -> int:
    """Run every story some times."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gaps", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there, between its marks")
    options = parser.parse_args(arguments)
    gaps: dict[str, list[float]] = {}
    for _ in range(options.runs):
        for story in _STORIES:
            with two_gateways() as lab:
                lab.host("gw1").vsctl("add-br", "br-new", "--", "set", "Bridge", "br-new", "datapath_type=netdev")
                for what, work, _most in story:
                    with pings(lab.vm("vm1"), lab.outside.address) as seen:
                        work(lab)
                    gaps.setdefault(what, []).append(seen.longest_gap)
    rows, broken = [], False
    for what, _work, most in (part for story in _STORIES for part in story):
        holds = most is None or max(gaps[what]) <= most
        broken |= not holds
        shown = ", ".join(f"{gap:.1f}" for gap in gaps[what])
        limit = "" if most is None else f"{most:g} s"
        rows.append((what, f"{shown} s", limit, ("yes" if holds else "NO") if limit else "", commit()))
    print(aligned(_HEADINGS, rows))
    if options.markdown is not None:
        write(options.markdown, f"{markdown(_HEADINGS, rows)}\n", "gaps")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
