"""Deploying many hosts: ovnkit, and one ovs-vsctl process for each key. Each host is a real ovsdb-server.

``python -m tests.bench.deploying --hosts 500 --markdown docs/performance.md``
"""

from __future__ import annotations

import argparse
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from ovnkit import deploy
from tests import tables
from tests.bench.versions import versions
from tests.deploy.site import Site, running

_HEADINGS = ("measure", "unit", "ovnkit", "ovs-vsctl", "to reach")
_AT_ONCE = 32
_TIMEOUT = 20.0
_HANGING = _REFUSING = 10
_RUNS = 3
_Row = tuple[str, ...]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.deploying", description=__doc__)
    parser.add_argument("--hosts", type=int, default=500, metavar="N", help="so many hosts (default: 500)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table into this page as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        print(f"starting {options.hosts} ovsdb-servers", file=sys.stderr)
        with running(Path(directory), [f"h{number}" for number in range(options.hosts)]) as site:
            rows = [*_deploy(site), _disturbed(site)]
    note = ", ".join(f"{name} {version}" for name, version in versions().items())
    print(tables.aligned(_HEADINGS, rows), note, sep="\n\n")
    if options.markdown:
        page = f"{tables.markdown(_HEADINGS, rows)}\n\n{options.hosts} hosts, {note}, {tables.commit()}.\n"
        tables.write(options.markdown, page, "deploying")
    return 0


def _spec(site: Site, names: Sequence[str] | None = None, **changed: str) -> deploy.Spec:
    hosts = [
        deploy.HostSpec(
            name=name,
            system_id=name,
            encap_ip=f"10.{number // 65536}.{number // 256 % 256}.{number % 256}",
            ovsdb=changed.get(name, server.remote),
            gateway=True,
            bridge_mappings={"physnet1": "br-ex"},
            options={"ovn-monitor-all": True, "ovn-remote-probe-interval": 60000},
        )
        for number, (name, server) in enumerate(site.hosts.items(), 1)
        if names is None or name in names
    ]
    central = deploy.Central(northbound=site.northbound.remote, southbound=site.southbound.remote)
    return deploy.Spec(central=central, hosts=hosts)


def _deploy(site: Site) -> list[_Row]:
    """Plan, apply, plan again; and undo; against one process for each key, as many at a time."""
    spec = _spec(site)
    count = len(spec.hosts)
    record = site.directory / "record"
    best: dict[str, float] = {}
    for _ in range(_RUNS):
        with _measured(best, "ovnkit"):
            plan = deploy.plan(spec, at_once=_AT_ONCE)
            assert sum(result.changed for result in plan.hosts) == count
            assert plan.apply(undo_record=record, at_once=_AT_ONCE)
            assert not deploy.plan(spec, at_once=_AT_ONCE)
        with _measured(best, "undo"):
            assert deploy.undo(record, at_once=_AT_ONCE)
        with _measured(best, "ovs-vsctl"):
            _by_processes(spec)
        # It has set the same, so that there is nothing to do.
        assert not deploy.plan(spec)
        for host in spec.hosts:
            site.put(host.name, {})
    processor, wall, slow = best["ovnkit CPU"] / count * 1e3, best["ovnkit"], best["ovs-vsctl"]
    times = f"{slow:.2f} ({slow / wall:.1f} x)"
    frugal, faster = _reached(processor <= 20), _reached(slow >= 3 * wall)
    return [
        ("plan, apply, plan again: CPU for each host", "ms", f"{processor:.1f}", "-", f"at most 20 ms: {frugal}"),
        ("the same, all hosts", "s", f"{wall:.2f}", times, f"at least 3 x faster: {faster}"),
        ("undo, all hosts", "s", f"{best['undo']:.2f}", "-", ""),
    ]


def _by_processes(spec: deploy.Spec) -> None:
    """What a playbook does: for each host one key after another, hosts in parallel."""

    def on_host(host: deploy.HostSpec) -> None:
        keys = {
            "system-id": host.system_id,
            "ovn-remote": spec.central.southbound,
            "ovn-encap-type": spec.encap.type,
            "ovn-encap-ip": host.encap_ip,
            "ovn-bridge-mappings": "physnet1:br-ex",
            "ovn-cms-options": "enable-chassis-as-gw",
            **host.options,
        }
        for key, value in keys.items():
            setting = f'external_ids:{key}="{value}"'
            argv = ["ovs-vsctl", "--no-wait", f"--db={host.ovsdb}", "set", "Open_vSwitch", ".", setting]
            subprocess.run(argv, check=True, capture_output=True)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(on_host, spec.hosts))


def _disturbed(site: Site) -> _Row:
    """The time until the last good host is done, alone and among hosts that hang or refuse."""
    names = list(site.hosts)
    broken = random.Random(1).sample(names, _HANGING + _REFUSING)
    good = [name for name in names if name not in broken]
    alone: list[float] = []
    among: list[float] = []
    with _silent(site.directory, broken[:_HANGING]) as silent:
        refused: dict[str, str] = {}
        for name in broken[_HANGING:]:
            path = site.directory / f"{name}-refuses.sock"
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
            refused[name] = f"unix:{path}"
        for _ in range(_RUNS):
            for spec, times in ((_spec(site, good), alone), (_spec(site, **silent, **refused), among)):
                for name in good:
                    site.put(name, {})
                times.append(_until_done(spec, good))
    ratio = min(among) / min(alone)
    what = f"apply to {len(good)} hosts among {_HANGING} that hang and {_REFUSING} that refuse, to those alone"
    shown = f"{min(among):.2f} and {min(alone):.2f} ({ratio:.2f} x)"
    return what, "s", shown, "-", f"at most 1.1 x: {_reached(ratio <= 1.1)}"


def _until_done(spec: deploy.Spec, names: Sequence[str]) -> float:
    done: dict[str, float] = {}

    def tell(event: deploy.Event) -> None:
        if event.step == "done":
            done[event.host] = time.monotonic()

    plan = deploy.Plan(spec, (), None, _TIMEOUT)
    began = time.monotonic()
    report = plan.apply(at_once=_AT_ONCE, progress=tell)
    assert done.keys() == set(names)
    assert len(report.failed) == len(spec.hosts) - len(names)
    return max(done.values()) - began


@contextmanager
def _silent(directory: Path, names: Sequence[str]) -> Iterator[dict[str, str]]:
    """Sockets that take connections and never answer."""
    listeners: dict[str, socket.socket] = {}
    try:
        for name in names:
            listeners[name] = socket.socket(socket.AF_UNIX)
            listeners[name].bind(str(directory / f"{name}-hangs.sock"))
            listeners[name].listen(64)
        yield {name: f"unix:{directory}/{name}-hangs.sock" for name in names}
    finally:
        for listener in listeners.values():
            listener.close()


@contextmanager
def _measured(best: dict[str, float], name: str) -> Iterator[None]:
    began, used = time.monotonic(), time.process_time()
    yield
    for key, seconds in ((name, time.monotonic() - began), (f"{name} CPU", time.process_time() - used)):
        best[key] = min(best.get(key, seconds), seconds)


def _reached(there: bool) -> str:
    return "reached" if there else "NOT REACHED"


if __name__ == "__main__":
    sys.exit(main())
