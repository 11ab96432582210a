"""A program that applies a plan is killed in mid-transaction and run again: nothing is there twice, nothing by half."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import attrs

from ovnkit import Northbound
from ovnkit.northbound import NorthboundTransaction
from tests.chaos.content import Content, server_content
from tests.chaos.crew import Library
from tests.chaos.targets import DATABASE, Target
from tests.chaos.verdict import switches

__all__ = ["Outcome", "kill_clients"]

_PORTS = ("a", "b")
_ITEMS = 6
_LONGEST_DELAY = 0.004
_RUN_SECONDS = 60.0


@attrs.define
class Outcome:
    """What became of the plan."""

    faults: int = 0
    acknowledged: int = 0
    lost: list[str] = attrs.field(factory=list[str])
    doubled: list[str] = attrs.field(factory=list[str])
    trouble: list[str] = attrs.field(factory=list[str])


def kill_clients(library: Library, target: Target, wanted: int, *, seed: str, say: Callable[[str], None]) -> Outcome:
    """Kill ``wanted`` clients between the beginning of a transaction and its acknowledgement; then let one finish."""
    rng = random.Random(seed)
    # A fork of a process that has imported everything begins at once.
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.chaos.killed_client", "tests.chaos.control"])
    outcome = Outcome()
    done: set[str] = set()
    item = 0
    while outcome.faults < wanted:
        plan = [_name(number) for number in range(max(0, item - _ITEMS), item + _ITEMS)]
        begun, acknowledged = _run(context, library, target.remote, plan, rng)
        done |= acknowledged
        outcome.acknowledged += len(acknowledged)
        item = max(item, begun)
        if begun:
            outcome.faults += 1
            if outcome.faults % 10 == 0:
                say(f"{outcome.faults} of {wanted}")
        halves = [
            name
            for name, ports in _switches(server_content(target.sockets[0], DATABASE)).items()
            if any(set(p) != set(_PORTS) for p in ports)
        ]
        outcome.trouble += [f"{name} is there by half" for name in halves]
    plan = [_name(number) for number in range(item + _ITEMS)]
    _, acknowledged = _run(context, library, target.remote, plan, None)
    outcome.acknowledged += len(acknowledged)
    if missing := set(plan) - acknowledged:
        outcome.trouble.append(f"the last run did not finish: {sorted(missing)[:3]}")
    found = _switches(target.content())
    ports = Counter(name for rows in found.values() for names in rows for name in names)
    outcome.lost += sorted((done | acknowledged) - found.keys())
    outcome.doubled += [name for name, rows in found.items() if len(rows) > 1]
    outcome.trouble += [] if set(ports.values()) <= {len(found)} else [f"ports: {ports}"]
    return outcome


def _run(
    context: Any, library: Library, remote: str, plan: list[str], rng: random.Random | None
) -> tuple[int, set[str]]:
    """One run of the program, killed in mid-transaction unless it is to finish.

    Returns the number after the item in which it was killed (0: it was not), and the names that it acknowledged.
    """
    here, there = context.Pipe()
    process = context.Process(target=_apply, args=(library, remote, plan, there), daemon=True)
    process.start()
    there.close()
    victim = None if rng is None else rng.randrange(len(plan))
    done: set[str] = set()
    begun = ""
    try:
        while here.poll(_RUN_SECONDS):
            begins, name = here.recv()
            begun = name if begins else ""
            if not begins:
                done.add(name)
            elif rng is not None and name == plan[victim or 0]:
                time.sleep(rng.uniform(0.0, _LONGEST_DELAY))
                with suppress(ProcessLookupError):
                    # It may be at its end already.
                    os.kill(process.pid, signal.SIGKILL)
    except EOFError:
        pass
    finally:
        process.kill()
        process.join()
        here.close()
    return (int(begun.removeprefix("plan-")) + 1 if begun else 0), done


def _name(number: int) -> str:
    return f"plan-{number}"


def _switches(content: Content) -> dict[str, list[list[str]]]:
    """For each name the ports of each switch that has it."""
    found: dict[str, list[list[str]]] = {}
    for name, switch in switches(content):
        found.setdefault(name, []).append([port.rpartition("-")[2] for port in switch.ports])
    return found


def _apply(library: Library, remote: str, plan: list[str], pipe: Connection) -> None:
    """The program: makes each switch of the plan with its ports, and says so before and after."""
    write = _with_ovnkit(remote) if library == "ovnkit" else _with_ovsdbapp(remote)
    for name in plan:
        pipe.send((True, name))
        write(name)
        pipe.send((False, name))
    os._exit(0)


def _with_ovnkit(remote: str) -> Callable[[str], None]:
    nb = Northbound.connect(remote, timeout=20.0)

    def write(name: str) -> None:
        def body(tx: NorthboundTransaction) -> None:
            tx.add_switch(name)
            for port in _PORTS:
                tx.add_switch_port(name, f"{name}-{port}")

        nb.transact(body)

    return write


def _with_ovsdbapp(remote: str) -> Callable[[str], None]:
    from tests.chaos.control import connect

    _, api = connect(remote)

    def write(name: str) -> None:
        with api.transaction(check_error=True) as txn:
            txn.add(api.ls_add(name, may_exist=True))
            for port in _PORTS:
                txn.add(api.lsp_add(name, f"{name}-{port}", may_exist=True))

    return write
