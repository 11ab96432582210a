"""What all measures of one size share: the server with the data set, who takes part, and how often."""

from __future__ import annotations

import itertools
import random
import subprocess
from collections.abc import Callable

import attrs

from tests.bench import dataset
from tests.bench.children import Contestants
from tests.bench.raw import Raw
from tests.bench.table import NBCTL

__all__ = ["Course", "fill"]

_WARM_UP = 10
_FILLING_IN_FLIGHT = 8


def fill(raw: Raw, first_port: int, ports: int) -> None:
    """Bring the data set from ``first_port`` to ``ports`` ports."""
    raw.stream((raw.transaction(operations) for operations in dataset.switches(first_port, ports)), _FILLING_IN_FLIGHT)


@attrs.frozen
class Course:
    """One size of the data set."""

    remote: str
    ports: int
    """How many there are."""
    entrants: tuple[str, ...]
    """Who takes part."""
    slow: frozenset[str]
    """Those whose first sync is measured once."""
    rounds: int
    """How often the others are measured; the best counts."""
    rows: int
    """Transactions of one row in a series."""
    transactions: int
    """Transactions of many rows in a series."""
    watch_seconds: float
    control: Raw
    contestants: Contestants
    _numbers: itertools.count[int] = attrs.field(factory=itertools.count)

    def among(self, *names: str) -> list[str]:
        """Those of ``names`` that take part."""
        return [name for name in names if name in self.entrants]

    def some_names(self, count: int) -> list[str]:
        """Names of ports, the same in every run."""
        return [dataset.port_name(number) for number in random.Random(count).choices(range(self.ports), k=count)]

    def unique(self, what: str) -> str:
        """A name that was not used before."""
        return f"{what}-{next(self._numbers)}"

    def settle(self) -> None:
        """Wait until every connected contestant has seen all that was written so far."""
        name = self.unique("marker")
        self.control.transact(dataset.insert_switch(name))
        self.contestants.see(name)
        self.control.transact(dataset.delete_switch(name))

    def interleaved(
        self, names: list[str], run: Callable[[str], float], *, rounds: int | None = None
    ) -> dict[str, float]:
        """The shortest time of each, taking turns."""
        best: dict[str, float] = {}
        for _ in range(self.rounds if rounds is None else rounds):
            for name in names:
                self.settle()
                spent = run(name)
                best[name] = min(spent, best.get(name, spent))
        return best

    def nbctl(self, *arguments: str) -> None:
        """Run ovn-nbctl."""
        command = [NBCTL, f"--db={self.remote}", "--timeout=600", *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{NBCTL}: {done.stderr.strip()}")
