"""Running ovn-trace: against Southbound itself, or a private server with what a client has read of it."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs

from ovnkit.errors import InvalidValue, NotMonitored, ServerFailed
from ovnkit.ovsdb.files import contents_of
from ovnkit.ovsdb.server import Server, find_program
from ovnkit.remote import Tls
from ovnkit.southbound.client import Southbound
from ovnkit.southbound.rows import LogicalFlow
from ovnkit.topology.trace.wiring import is_backend

__all__ = ["CT_FLAGS", "Simulator", "backend_flag", "ct_flags", "needed", "simulator"]

CT_FLAGS = ("trk", "new", "est", "rel", "rpl", "inv", "dnat", "snat")
"""What ``--ct`` of ovn-trace(8) takes."""

_LOOK_UP = re.compile(r"^ *ct_(?:next|lb)\b[^;\n]*$", re.MULTILINE)
_TIMES = 16
"""More than a packet is looked up in connection tracking; past the last ``--ct``, ovn-trace takes it for established.
"""


def backend_flag(lb_dst: str | None) -> tuple[str, ...]:
    """The ``--lb-dst`` option, if any. Raises InvalidValue for what is no address with a port."""
    if lb_dst is None:
        return ()
    if not is_backend(lb_dst):
        allowed = "an address and a port, such as 10.0.0.5:80 or [fd00::5]:80"
        raise InvalidValue(table="trace", column="lb_dst", value=lb_dst, allowed=allowed)
    return (f"--lb-dst={lb_dst}",)


def ct_flags(states: Sequence[str]) -> tuple[str, ...]:
    """Connection tracking states as ``--ct`` options: one for each look-up, the last one for all that follow.

    Raises InvalidValue for a flag that ovn-trace does not know.
    """
    if isinstance(states, str):
        states = (states,)
    for state in states:
        for flag in state.replace(",", " ").split():
            if flag not in CT_FLAGS:
                raise InvalidValue(table="trace", column="ct", value=flag, allowed=f"flags of {', '.join(CT_FLAGS)}")
    if not states:
        return ()
    padded = [*states, *[states[-1]] * (_TIMES - len(states))]
    return tuple(f"--ct={state}" for state in padded)


def needed(options: Sequence[str], text: str) -> tuple[str, ...]:
    """The options without the ``--ct`` that this output shows to have been superfluous."""
    flags = [option for option in options if option.startswith("--ct=")]
    return (*flags[: len(_LOOK_UP.findall(text))], *(option for option in options if option not in flags))


@attrs.frozen(kw_only=True)
class Simulator:
    """ovn-trace, and the Southbound database that it is to read."""

    program: str
    remote: str
    tls: Tls | None = None

    def argv(self, expression: str, *, options: Sequence[str] = ()) -> tuple[str, ...]:
        """The command, to be run by hand as well. Names stay as they are: what is friendly could not be told apart."""
        secure = self.tls is not None and "ssl:" in self.remote
        keys = (
            (f"--private-key={self.tls.key}", f"--certificate={self.tls.cert}", f"--ca-cert={self.tls.ca}")
            if secure and self.tls
            else ()
        )
        return (
            self.program,
            f"--db={self.remote}",
            *keys,
            "--detailed",
            "--no-friendly-names",
            *options,
            "--",
            expression,
        )

    def run(self, argv: Sequence[str], *, timeout: float) -> tuple[str, str]:
        """What it prints, and why that is of no use, which is empty where it is.

        It waits for ever for a server that does not answer, so ``timeout`` seconds is the most that it gets.
        """
        # A daemon's address in the environment is not for us, and syslog is not to hear of a trace.
        environment = {**os.environ, "OVS_SYSLOG_METHOD": "null", "LC_ALL": "C.UTF-8"}
        try:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False, env=environment
            )
        except subprocess.TimeoutExpired:
            return "", f"ovn-trace did not end within {timeout:g} s"
        except OSError as error:
            return "", f"ovn-trace cannot be run: {error.strerror}"
        text = done.stdout.decode(errors="replace")
        if done.returncode or "\ningress(" not in text:
            said = " ".join((done.stderr.decode(errors="replace") + text).split())[-300:]
            return text, f"ovn-trace failed: {said or f'status {done.returncode}'}"
        return text, ""


@contextmanager
def simulator(sb: Southbound | None) -> Iterator[Simulator | str]:
    """ovn-trace for a Southbound; why there is none, in words, where it cannot be run.

    What was read from files is served to it by a private ovsdb-server, which ends with the block; so is what a client
    has that has lost its server, if it replicates all of it.
    """
    program = find_program("ovn-trace")
    if program is None:
        yield "ovn-trace is not installed; it is part of the packages ovn-common (Debian) and ovn (Fedora)"
    elif sb is None:
        yield "without Southbound there are no flows to follow"
    elif sb.state not in ("file", "reconnecting"):
        yield Simulator(program=program, remote=sb.remote, tls=sb.tls)
    elif not _has_flows(sb):
        if sb.state == "reconnecting":
            gone = f"cannot be reached now ({sb.trouble})"
            yield f"Southbound at {sb.remote} {gone}, and this client has no flows to follow"
        else:
            where = "a snapshot leaves Logical_Flow out, a copy of Southbound's own file has it"
            yield f"Southbound at {sb.remote} has no flows to follow; {where}"
    else:
        with ExitStack() as stack:
            try:
                remote = stack.enter_context(_served(sb))
            except ServerFailed as error:
                yield f"no server can be started for what was read from {sb.remote}: {error.reason}"
            else:
                yield Simulator(program=program, remote=remote)


def _has_flows(sb: Southbound) -> bool:
    """Whether there are flows among what a client has; clients of servers and snapshots leave them out."""
    try:
        return bool(sb.find(LogicalFlow))
    except NotMonitored:
        return False


@contextmanager
def _served(sb: Southbound) -> Iterator[str]:
    """Where a private server has the contents of a client."""
    # A short path: that of a Unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="ovnkit-") as name:
        directory = Path(name)
        database = directory / "sb.db"
        contents_of(sb).save(database)
        with Server(database, database, run_dir=directory, name="sb") as server:
            yield server.remote
