"""The rows of the campaign, and how one of them is run and judged."""

from __future__ import annotations

import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import attrs

from tests.chaos import faults
from tests.chaos.crew import Crew, Library
from tests.chaos.killed_client import kill_clients
from tests.chaos.proxy import CuttingProxy
from tests.chaos.scene import Scene, longest_gap
from tests.chaos.targets import ClusterTarget, StandaloneTarget, Target
from tests.chaos.verdict import Findings, judge
from tests.chaos.writer import Oracle

__all__ = ["CAMPAIGN", "SHORT", "Result", "Trial", "run"]

_READERS = 2
_PATIENCE_WITH_CONTROL = 15.0
"""It comes back 8 s and more after a server is gone, and waits for a leader."""


@attrs.frozen
class Trial:
    """One row: a fault, how often, on what, under how many writers, and the limits beyond those that all rows have."""

    name: str
    title: str
    inflict: Callable[[Scene], None] | None
    """None: what is killed is the client."""
    faults: int
    on: Literal["cluster", "standalone"] = "cluster"
    writers: int = 4
    longest_gap: float | None = None
    """Seconds from a fault, or from the end of an outage, to every writer's next acknowledged write."""
    least_acknowledged: int = 0
    proxied: bool = False
    brief: bool = False
    most_rows: int = 40
    probe_interval: float = 2.0
    """Seconds after which ovnkit asks a silent server whether it is there."""


@attrs.define
class Result:
    """What came of a trial."""

    trial: Trial
    faults: int = 0
    acknowledged: int = 0
    unknown: int = 0
    lost: int = 0
    doubled: int = 0
    false_failures: int = 0
    unresolved: int = 0
    gap: float | None = None
    seconds: float = 0.0
    notes: list[str] = attrs.field(factory=list[str])
    """What is worth knowing and is no fault of the library."""
    broken: list[str] = attrs.field(factory=list[str])
    """The limits that do not hold, each with what was found."""


def _campaign() -> Iterator[Trial]:
    leader_gap = 5.0
    yield Trial(
        "kill-leader",
        "leader killed",
        faults.kill_leader,
        320,
        writers=8,
        longest_gap=leader_gap,
        least_acknowledged=100_000,
    )
    yield Trial("transfer", "leadership handed over", faults.transfer_leadership, 100, longest_gap=1.0)
    for point, (role, _) in faults.CRASH_POINTS.items():
        yield Trial(point, f"{role}: {point}", faults.crash_at([point]), 20, writers=2, longest_gap=leader_gap)
    yield Trial("stop-leader", "leader stopped", faults.stop_leader, 10, longest_gap=10.0)
    yield Trial("stop-follower", "follower with clients stopped", faults.stop_follower, 10, longest_gap=10.0)
    yield Trial(
        "cut",
        "reply cut off",
        faults.cut_replies,
        10_000,
        writers=8,
        longest_gap=leader_gap,
        proxied=True,
        most_rows=10,
    )
    yield Trial("majority", "majority killed, restarted", faults.lose_majority, 10, longest_gap=leader_gap)
    yield Trial(
        "isolate",
        "follower with clients cut off from the others",
        faults.isolate_follower,
        10,
        longest_gap=leader_gap,
    )
    yield Trial("kill-client", "client killed in mid-transaction, run again", None, 200, writers=1)
    yield Trial(
        "standalone-restart",
        "server killed and restarted",
        faults.restart_server,
        50,
        on="standalone",
        longest_gap=leader_gap,
    )
    yield Trial("standalone-stop", "server stopped", faults.stop_server, 10, on="standalone", longest_gap=leader_gap)
    yield Trial(
        "standalone-cut",
        "reply cut off",
        faults.cut_replies,
        10_000,
        on="standalone",
        writers=8,
        longest_gap=leader_gap,
        proxied=True,
        most_rows=10,
    )
    yield Trial(
        "standalone-kill-client", "client killed in mid-transaction, run again", None, 200, on="standalone", writers=1
    )


CAMPAIGN: tuple[Trial, ...] = tuple(_campaign())

_SHORT_FAULTS = {
    "kill-leader": 2,
    "transfer": 4,
    "stop-leader": 1,
    "stop-follower": 1,
    "cut": 30,
    "majority": 1,
    "isolate": 1,
    "kill-client": 5,
    "standalone-restart": 2,
    "standalone-stop": 1,
    "standalone-cut": 30,
    "standalone-kill-client": 5,
}


def _short() -> Iterator[Trial]:
    points = list(faults.CRASH_POINTS)
    crash = faults.crash_at(points)
    yield Trial("crash", "each of the 8 crash points", crash, len(points), writers=2, longest_gap=5.0, brief=True)
    for trial in CAMPAIGN:
        if trial.name in _SHORT_FAULTS:
            number = _SHORT_FAULTS[trial.name]
            # Whoever tests on a busy machine is not to wait for a second run.
            gap = None if trial.longest_gap is None else max(trial.longest_gap, 5.0)
            writers = min(trial.writers, 4)
            yield attrs.evolve(
                trial,
                faults=number,
                writers=writers,
                brief=True,
                least_acknowledged=1,
                longest_gap=gap,
                probe_interval=1.0,
            )


SHORT: tuple[Trial, ...] = tuple(_short())


def run(trial: Trial, library: Library, *, seed: int, say: Callable[[str], None] = lambda _: None) -> Result:
    """Run one row on servers of its own, and judge it. What goes wrong with the servers themselves is raised."""
    began = time.monotonic()
    name = f"{seed}-{trial.name}"
    result = Result(trial)
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory, ExitStack() as stack:
        target: Target = (ClusterTarget if trial.on == "cluster" else StandaloneTarget)(Path(directory))
        stack.enter_context(target)
        if trial.inflict is None:
            _kill_clients(result, target, library, name, say)
        else:
            _inflict(result, target, library, name, say, stack)
        try:
            target.check()
        except (AssertionError, subprocess.CalledProcessError) as exc:
            result.broken.append(f"the servers' files: {exc}")
    result.seconds = time.monotonic() - began
    return result


def _inflict(
    result: Result, target: Target, library: Library, seed: str, say: Callable[[str], None], stack: ExitStack
) -> None:
    trial = result.trial
    proxy = None
    if trial.proxied:
        listeners = {path.with_suffix(".proxy"): path for path in target.sockets}
        proxy = stack.enter_context(CuttingProxy(listeners, seed=seed))
    remote = target.remote if proxy is None else proxy.remote
    writers, readers = [remote] * trial.writers, [target.remote] * _READERS
    crew = stack.enter_context(
        Crew(
            library,
            writers=writers,
            readers=readers,
            seed=seed,
            most_rows=trial.most_rows,
            probe_interval=trial.probe_interval,
            processes=1 if trial.brief else 3,
        )
    )
    crew.start()
    assert trial.inflict is not None
    patience = 1.0 if library == "ovnkit" else _PATIENCE_WITH_CONTROL
    scene = Scene(target, crew, random.Random(seed), trial.faults, trial.brief, say, patience, proxy)
    try:
        trial.inflict(scene)
    finally:
        result.faults = scene.faults
    oracles = crew.stop()
    content = target.content()
    _judge(result, scene, oracles, judge(oracles, content))
    result.broken += [f"a replica: {words}" for words in crew.compare(content)]


def _judge(result: Result, scene: Scene, oracles: list[Oracle], findings: Findings) -> None:
    trial = result.trial
    result.acknowledged = sum(oracle.acknowledged for oracle in oracles)
    result.unknown = sum(oracle.unknown for oracle in oracles)
    result.unresolved = sum(len(oracle.unresolved) for oracle in oracles)
    result.lost = len(findings.lost)
    result.doubled = len(findings.doubled)
    result.false_failures = len(findings.false_failures)
    result.gap = longest_gap(oracles, scene.events)
    result.broken += [f"lost: {words}" for words in findings.lost]
    result.broken += [f"doubled: {words}" for words in findings.doubled]
    result.broken += [f"false failure: {words}" for words in findings.false_failures]
    result.broken += [f"unresolved: {oracle.writer}: {name}" for oracle in oracles for name in oracle.unresolved]
    result.broken += scene.trouble
    unexpected = sum((oracle.unexpected for oracle in oracles), Counter[str]())
    result.broken += [
        f"an error that no write may end with, {number} times: {word}" for word, number in unexpected.items()
    ]
    if trial.longest_gap is not None and result.gap > trial.longest_gap:
        result.broken.append(f"the longest gap is {result.gap:.1f} s, more than {trial.longest_gap:g} s")
    if result.faults < trial.faults:
        result.broken.append(f"{result.faults} faults instead of {trial.faults}")
    if result.acknowledged < trial.least_acknowledged:
        result.broken.append(f"{result.acknowledged} acknowledged writes, fewer than {trial.least_acknowledged}")
    words = sum((oracle.words for oracle in oracles), Counter[str]())
    if words:
        result.notes.append("not applied: " + ", ".join(f"{word} {number}" for word, number in words.most_common()))
    if stale := sum(oracle.stale for oracle in oracles):
        result.notes.append(f"a writer's own last change was not to be seen at once: {stale}")
    result.notes += [words for oracle in oracles for words in oracle.slow]
    for point, number in Counter(scene.evidence).items():
        result.notes.append(point if number == 1 else f"{point}: {number} times")


def _kill_clients(result: Result, target: Target, library: Library, seed: str, say: Callable[[str], None]) -> None:
    outcome = kill_clients(library, target, result.trial.faults, seed=seed, say=say)
    result.faults, result.acknowledged = outcome.faults, outcome.acknowledged
    result.lost, result.doubled = len(outcome.lost), len(outcome.doubled)
    result.broken += [f"lost: {name}" for name in outcome.lost]
    result.broken += [f"doubled: {name}" for name in outcome.doubled]
    result.broken += outcome.trouble
