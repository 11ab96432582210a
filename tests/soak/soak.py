"""The soak itself: one process with two clients of one server, measured all the while."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import attrs

from ovnkit import Northbound
from ovnkit.errors import OutcomeUnknown, OvnkitError, Timeout, TransactionFailed
from ovnkit.northbound import AddressSet, LogicalSwitch, NorthboundTransaction
from ovnkit.ovsdb import Put
from ovnkit.ovsdb.server import Server
from tests.cluster import call
from tests.ovsdb.authority import LOOPBACK, Authority, TlsServer
from tests.process import Usage, usage
from tests.soak.secrets import MARKER, Lines, leaks_in_errors, leaks_in_files, leaks_in_processes

__all__ = ["Report", "Sample", "rise", "run"]

MIB = 1 << 20

_ROWS = 50
_WARM = 0.3
"""This part of the time is for what is made once and kept."""
_LINES_FOR_A_RECONNECT = 20
_RISE_PER_MINUTE = 0.1 * MIB
_LEAST_RISE = 1.0 * MIB
_RECOVERY_SECONDS = 10.0


@attrs.frozen
class Sample:
    """A quiet moment."""

    at: float
    usage: Usage


@attrs.define
class Report:
    """What the soak has measured."""

    seconds: float
    samples: list[Sample] = attrs.field(factory=list[Sample])
    reconnects: int = 0
    writes: int = 0
    events: int = 0
    lines: int = 0
    trouble: list[str] = attrs.field(factory=list[str])

    @property
    def warm(self) -> list[Sample]:
        """The samples that count."""
        return [sample for sample in self.samples if sample.at >= _WARM * self.seconds]

    @property
    def rise(self) -> float:
        """Bytes by which resident memory has grown over the whole time, by the line that fits the samples best."""
        points = [(sample.at, float(sample.usage.resident)) for sample in self.warm]
        return rise(points) * self.seconds

    @property
    def allowed_rise(self) -> float:
        """1 MiB in 10 minutes; a short run cannot tell less than 1 MiB from chance."""
        return max(_LEAST_RISE, _RISE_PER_MINUTE * self.seconds / 60)

    def judge(self, writes_per_second: float) -> list[str]:
        """What is not as it must be."""
        broken = list(self.trouble)
        if len(self.warm) < 3:
            return [*broken, f"{len(self.warm)} samples tell nothing"]
        if self.rise > self.allowed_rise:
            broken.append(f"memory has grown by {self.rise / MIB:.2f} MiB, more than {self.allowed_rise / MIB:.2f}")
        descriptors = {sample.usage.descriptors for sample in self.warm}
        if len(descriptors) > 1:
            broken.append(f"descriptors are not constant: {sorted(descriptors)}")
        threads = {sample.usage.threads for sample in self.warm}
        if len(threads) > 1:
            broken.append(f"threads are not constant: {sorted(map(len, threads))}")
        if self.lines > _LINES_FOR_A_RECONNECT * (self.reconnects + 1):
            broken.append(f"{self.lines} lines were logged in {self.reconnects} reconnects")
        if self.writes < 0.8 * writes_per_second * self.seconds:
            broken.append(f"only {self.writes} writes in {self.seconds:.0f} s")
        if not self.events:
            broken.append("the watch has told nothing")
        return broken


def rise(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the line that fits best (least squares)."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


class _Writer(threading.Thread):
    """Writes at an even pace: rows come, change and go, and there are never more than a few."""

    def __init__(self, nb: Northbound, per_second: float) -> None:
        super().__init__(name="soak writer")
        self._nb = nb
        self._pause = 1 / per_second
        self.ended = threading.Event()
        self.writes = 0
        self.errors: list[BaseException] = []

    def run(self) -> None:
        due = time.monotonic()
        while not self.ended.is_set():
            try:
                self._nb.transact(self._write, timeout=_RECOVERY_SECONDS)
                self.writes += 1
            except OvnkitError as exc:
                self.errors.append(exc)
            # A time that was missed during a reconnect is caught up with.
            due += self._pause
            time.sleep(max(0.0, due - time.monotonic()))

    def _write(self, tx: NorthboundTransaction) -> None:
        number = self.writes
        name = f"s{number % _ROWS}"
        found = tx.find(LogicalSwitch, name=name)
        if not found:
            tx.insert(LogicalSwitch(name=name, external_ids={"password": f"{MARKER} {number}"}))
        elif number // _ROWS % 5 == 4:
            tx.delete(found[0])
        else:
            tx.update(found[0], external_ids=Put({"password": f"{MARKER} {number}"}))


def run(
    directory: Path,
    seconds: float,
    *,
    writes_per_second: float = 200.0,
    reconnect_every: float = 5.0,
    say: Callable[[Sample], None] = lambda _: None,
) -> Report:
    """Let it run. ``say`` is called with each sample."""
    report = Report(seconds)
    lines = Lines()
    root = logging.getLogger()
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    try:
        with ExitStack() as stack:
            _soak(report, directory, stack, writes_per_second, reconnect_every, say)
    finally:
        root.removeHandler(lines)
        root.setLevel(level)
    report.lines = lines.number
    report.trouble += lines.leaks
    report.trouble += leaks_in_files(directory)
    return report


def _soak(
    report: Report,
    directory: Path,
    stack: ExitStack,
    writes_per_second: float,
    reconnect_every: float,
    say: Callable[[Sample], None],
) -> None:
    authority = Authority(directory / "ca")
    server = stack.enter_context(TlsServer(directory, authority, *LOOPBACK))
    tls = authority.tls("client")
    key = Path(tls.key)
    # OpenSSL takes what is around the key for a comment.
    key.write_text(f"{MARKER}\n{key.read_text()}")
    key.chmod(0o600)
    nb = stack.enter_context(Northbound.connect(server.remote, timeout=_RECOVERY_SECONDS))
    watcher = stack.enter_context(Northbound.connect(server.tls_remote, tls=tls, timeout=_RECOVERY_SECONDS))
    told = [0]

    def count(_: object) -> None:
        told[0] += 1

    watcher.on_change(LogicalSwitch, count)
    watcher.on_state(lambda _: None)
    writer = _Writer(nb, writes_per_second)
    writer.start()
    began = time.monotonic()
    try:
        while (now := time.monotonic() - began) < report.seconds:
            time.sleep(min(reconnect_every, report.seconds - now))
            _wait_ready(nb, watcher)
            sample = Sample(time.monotonic() - began, usage())
            report.samples.append(sample)
            say(sample)
            report.trouble += leaks_in_errors(_provoke(nb)) + _leaks_in_reprs(nb, watcher)
            call(server.control, "ovsdb-server/reconnect", [])
            report.reconnects += 1
    finally:
        writer.ended.set()
        writer.join()
    report.trouble += leaks_in_processes([os.getpid(), server.process.pid])
    report.trouble += [f"a write failed: {error}" for error in writer.errors]
    report.trouble += leaks_in_errors(writer.errors)
    report.writes, report.events = writer.writes, told[0]
    _compare(nb, watcher, server, report)


def _wait_ready(*clients: Northbound) -> None:
    deadline = time.monotonic() + _RECOVERY_SECONDS
    while any(client.state != "ready" for client in clients):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not ready again: {[client.trouble for client in clients]}")
        time.sleep(0.01)


def _provoke(nb: Northbound) -> list[BaseException]:
    """Errors of transactions whose values are secret."""

    def clash(tx: NorthboundTransaction) -> None:
        for _ in range(2):
            tx.insert(AddressSet(name="clash", external_ids={"password": MARKER}))

    def stale(tx: NorthboundTransaction) -> None:
        row = nb.transact(lambda tx: tx[tx.insert(AddressSet(name="soak", external_ids={"password": MARKER}))])
        nb.transact(lambda tx: tx.delete(row.ref))
        tx.update(row, external_ids={"password": f"{MARKER}!"})

    def hasty(tx: NorthboundTransaction) -> None:
        tx.insert(AddressSet(name="hasty", external_ids={"password": MARKER}))

    errors: list[BaseException] = []
    for body, timeout in ((clash, 5.0), (stale, 5.0), (hasty, 0.0)):
        try:
            with nb.transaction(timeout=timeout) as tx:
                body(tx)
        except (TransactionFailed, Timeout, OutcomeUnknown) as exc:
            errors.append(exc)
    with nb.transaction() as tx:
        for row in tx.find(AddressSet):
            tx.delete(row)
    return errors


def _leaks_in_reprs(*clients: Northbound) -> list[str]:
    shown = [repr(client) for client in clients]
    for client in clients:
        tx = client.transaction(comment="soak")
        tx.insert(AddressSet(name="shown", external_ids={"password": MARKER}))
        shown.append(repr(tx))
        tx.discard()
    return [f"in {text}" for text in shown if MARKER in text]


def _compare(nb: Northbound, watcher: Northbound, server: Server, report: Report) -> None:
    """In the end both replicas are what a client that was never disconnected sees."""
    with Northbound.connect(server.remote, timeout=_RECOVERY_SECONDS) as fresh:
        expected = set(fresh.find(LogicalSwitch))
        for client in (nb, watcher):
            deadline = time.monotonic() + _RECOVERY_SECONDS
            while set(client.find(LogicalSwitch)) != expected:
                if time.monotonic() > deadline:
                    report.trouble.append(f"the replica of {client} differs")
                    break
                time.sleep(0.01)
