"""The processes with writers and readers in them, and what the campaign asks of them."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, MutableSequence, Sequence
from multiprocessing.connection import Connection
from typing import Any, Literal, Self, TypeAlias

import attrs

from tests.chaos.content import Content, differences
from tests.chaos.driver import Driver, OvnkitDriver
from tests.chaos.writer import Oracle, Writer

__all__ = ["Crew", "Library"]

Library: TypeAlias = Literal["ovnkit", "ovsdbapp"]

_START_SECONDS = 60.0
_END_SECONDS = 150.0
_STUCK_SECONDS = 100.0
_CATCH_UP_SECONDS = 15.0
_POLL_SECONDS = 0.005
_SHOWN = 5


@attrs.frozen
class _Job:
    """Who is in one process: names and remotes, of the writers also the number of each."""

    client: Library
    writers: tuple[tuple[int, str], ...]
    readers: tuple[tuple[int, str], ...]
    seed: str
    most_rows: int
    probe_interval: float

    @property
    def names(self) -> list[str]:
        return [*(f"w{number}" for number, _ in self.writers), *(f"r{number}" for number, _ in self.readers)]


class Crew:
    """Writers and readers in processes of their own. They end with this program, however it ends."""

    def __init__(
        self,
        library: Library,
        *,
        writers: Sequence[str],
        readers: Sequence[str],
        seed: str,
        most_rows: int = 40,
        probe_interval: float = 2.0,
        processes: int = 3,
    ) -> None:
        """``writers`` and ``readers``: the remote of each. With several ``processes`` readers have the last one."""
        context = multiprocessing.get_context("spawn")
        self._progress = context.RawArray("d", max(1, len(writers)))
        self._writers = len(writers)
        self._hands: list[tuple[Any, Connection]] = []
        numbered = tuple(enumerate(writers))
        parts = max(1, processes - 1)
        for part in range(processes):
            job = _Job(
                library,
                writers=numbered[part::parts] if part < parts else (),
                readers=tuple(enumerate(readers)) if part == processes - 1 else (),
                seed=f"{seed}-{part}",
                most_rows=most_rows,
                probe_interval=probe_interval,
            )
            here, there = context.Pipe()
            process = context.Process(target=_work, args=(job, self._progress, there), daemon=True)
            process.start()
            there.close()
            self._hands.append((process, here))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process, pipe in self._hands:
            pipe.close()
            process.kill()
            process.join()

    def start(self) -> None:
        """Wait until all are connected, then let the writers write."""
        self._ask(None, _START_SECONDS)
        for _, pipe in self._hands:
            pipe.send(("go", None))
        if not self.wait_acknowledged(0.0, _START_SECONDS):
            raise TimeoutError("the writers do not begin")

    def wait_acknowledged(self, since: float, timeout: float) -> bool:
        """Whether every writer has had a change acknowledged after that time, within ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while any(last <= since for last in self._progress[: self._writers]):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def stop(self) -> list[Oracle]:
        """Have the writers end; what each of them was told."""
        return [oracle for part in self._ask("stop", _END_SECONDS) for oracle in part]

    def compare(self, content: Content) -> list[str]:
        """Where a replica of any client, writers' included, is not what the server holds."""
        return [words for part in self._ask("compare", _END_SECONDS, content) for words in part]

    def _ask(self, question: str | None, timeout: float, argument: Any = None) -> list[Any]:
        for _, pipe in self._hands:
            if question is not None:
                pipe.send((question, argument))
        answers = []
        deadline = time.monotonic() + timeout
        for process, pipe in self._hands:
            if not pipe.poll(max(0.0, deadline - time.monotonic())):
                raise TimeoutError(f"a process of the crew does not answer {question or 'the start'}")
            try:
                answer = pipe.recv()
            except EOFError:
                process.join()
                raise ChildProcessError(f"a process of the crew has ended with {process.exitcode}") from None
            if isinstance(answer, BaseException):
                raise answer
            answers.append(answer)
        return answers


def _driver(job: _Job, remote: str) -> Driver:
    if job.client == "ovnkit":
        return OvnkitDriver(remote, probe_interval=job.probe_interval)
    from tests.chaos.control import OvsdbappDriver

    return OvsdbappDriver(remote)


def _work(job: _Job, progress: MutableSequence[float], pipe: Connection) -> None:
    """What a process of the crew does. It ends with the one that started it, whose end closes the pipe."""
    try:
        try:
            drivers = [_driver(job, remote) for _, remote in (*job.writers, *job.readers)]
        except Exception as exc:  # noqa: BLE001
            pipe.send(RuntimeError(f"cannot connect: {exc!r}"))
            return
        pipe.send("ready")
        _serve(job, drivers, progress, pipe)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        # Threads may hang in a library under test.
        os._exit(1)


def _serve(job: _Job, drivers: list[Driver], progress: MutableSequence[float], pipe: Connection) -> None:
    stop = threading.Event()
    writers = [
        Writer(
            f"w{number}",
            driver,
            seed=f"{job.seed}-{number}",
            most_rows=job.most_rows,
            progress=progress,
            slot=number,
        )
        for (number, _), driver in zip(job.writers, drivers, strict=False)
    ]
    threads = [threading.Thread(target=writer.run, args=(stop,), daemon=True) for writer in writers]
    while True:
        question, argument = pipe.recv()
        if question == "go":
            for thread in threads:
                thread.start()
        elif question == "stop":
            stop.set()
            pipe.send(_ended(writers, threads))
        else:
            pipe.send(_compare(job.names, drivers, argument))


def _ended(writers: list[Writer], threads: list[threading.Thread]) -> list[Oracle]:
    deadline = time.monotonic() + _STUCK_SECONDS
    for writer, thread in zip(writers, threads, strict=True):
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            writer.oracle.unexpected["never came back from a call"] += 1
    return [writer.oracle for writer in writers]


def _compare(names: Sequence[str], drivers: Sequence[Driver], content: Content) -> list[str]:
    found: list[str] = []
    for name, driver in zip(names, drivers, strict=True):
        wrong = _settled(lambda driver=driver: list(differences(content, driver.content())))  # type: ignore[misc]
        found += [f"{name}: {words}" for words in wrong[:_SHOWN]]
    return found


def _settled(look: Callable[[], list[str]]) -> list[str]:
    """What is wrong and stays wrong."""
    deadline = time.monotonic() + _CATCH_UP_SECONDS
    while (wrong := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return wrong
