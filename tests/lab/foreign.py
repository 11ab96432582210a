"""An Open vSwitch of somebody else's, and its state, for tests that nothing of it changes."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ovnkit.ovsdb.server import Process, Server, find_program, find_schema


@contextmanager
def foreign_ovs() -> Iterator[tuple[Path, Callable[[], dict[str, object]]]]:
    """An Open vSwitch that is not the lab's, in the directory where programs look for the machine's own."""
    with ExitStack() as stack:
        namespace = f"foreign-{os.getpid()}"
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ovs-")))
        subprocess.run(["ip", "netns", "add", namespace], check=True)
        stack.callback(subprocess.run, ["ip", "netns", "del", namespace], check=True)
        environment = {**os.environ, **run_directories(directory)}
        database = stack.enter_context(
            Server(
                directory / "conf.db",
                find_schema("vswitch.ovsschema"),
                run_dir=directory,
                name="db",
                namespace=namespace,
                env=environment,
            )
        )
        logging = ("--pidfile", "--no-chdir", "-vconsole:info", "-vsyslog:off")
        program = find_program("ovs-vswitchd")
        assert program is not None
        vswitchd = Process(
            [program, database.remote, "--disable-system", *logging],
            log=directory / "ovs-vswitchd.log",
            env=environment,
            namespace=namespace,
        )
        stack.callback(vswitchd.stop)

        def run(*command: str) -> str:
            return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout

        vsctl = ("ovs-vsctl", f"--db={database.remote}", "--timeout=10")
        run(*vsctl, "add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_type=netdev")
        run(*vsctl, "add-br", "br-ex", "--", "set", "Bridge", "br-ex", "datapath_type=netdev")
        run("ovs-ofctl", "add-flow", "br-int", "cookie=0x5,priority=7,actions=NORMAL")

        def state() -> dict[str, object]:
            return {
                "processes": (vswitchd.running, (directory / "ovs-vswitchd.pid").read_text(), database.running),
                "database": (directory / "conf.db").read_bytes(),
                "files": sorted(path.name for path in directory.iterdir()),
                "flows": run("ovs-ofctl", "--no-stats", "dump-flows", "br-int"),
            }

        yield directory, state


def run_directories(directory: Path) -> dict[str, str]:
    """What tells OVS and OVN programs where their sockets, logs and databases are."""
    kinds = ("RUNDIR", "LOGDIR", "DBDIR", "SYSCONFDIR")
    return {f"{project}_{kind}": str(directory) for project in ("OVS", "OVN") for kind in kinds}
