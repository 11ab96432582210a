"""A private ovsdb-server process: started, waited for and ended by the program that needs it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from ovnkit.errors import ServerFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Process", "Server", "enter_namespace", "find_program", "find_schema"]

_SYSTEM_DIRECTORIES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_SCHEMA_VARIABLES = ("OVN_PKGDATADIR", "OVS_PKGDATADIR")
_SCHEMA_DIRECTORIES = (
    "/usr/share/ovn",
    "/usr/share/openvswitch",
    "/usr/local/share/ovn",
    "/usr/local/share/openvswitch",
)
_LONGEST_SOCKET_PATH = 107
_LOG_TAIL = 2000
_POLL_SECONDS = 0.002

# The parent may be gone before the death signal of prctl(2) is set; then another process is the parent.
_DIE_WITH_PARENT = 'if [ "$PPID" = "$0" ]; then exec "$@"; fi'


def find_program(name: str, env: Mapping[str, str] | None = None) -> str | None:
    """The absolute path of a program, or None if there is none.

    Looked for in ``PATH`` (of ``env`` if it is given), then in the system directories: daemons live in sbin.
    """
    path = (os.environ if env is None else env).get("PATH", os.defpath)
    return shutil.which(name, path=os.pathsep.join((path, *_SYSTEM_DIRECTORIES)))


def find_schema(name: str, env: Mapping[str, str] | None = None) -> Path:
    """The installed schema file, such as ``vswitch.ovsschema``.

    Looked for in ``OVN_PKGDATADIR`` and ``OVS_PKGDATADIR`` (of ``env`` if it is given) if these are set, then where
    distributions put it. Raises ServerFailed, which names the directories.
    """
    variables = os.environ if env is None else env
    chosen = [variables[variable] for variable in _SCHEMA_VARIABLES if variables.get(variable)]
    directories = (*chosen, *_SCHEMA_DIRECTORIES)
    for directory in directories:
        candidate = Path(directory, name)
        if candidate.is_file():
            return candidate
    raise ServerFailed("ovsdb-server", f"no schema {name} in {', '.join(directories)}; its package is not installed")


def enter_namespace(namespace: str | Path) -> list[str]:
    """The command prefix that runs a program in a network namespace, given by name (of ``ip netns``) or by path.

    Unlike ``ip netns exec`` it mounts nothing, so it also works in a container and in a bare root.
    """
    path = Path("/run/netns", namespace)
    return [find_program("nsenter") or "nsenter", f"--net={path}", "--"]


class Process:
    """A child process in a session of its own, with its output in a file.

    A thread starts it and waits for it: with ``die_with_parent`` the kernel kills the child when *that thread* ends,
    and so when this program ends, however it ends.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        namespace: str | Path | None = None,
        cwd: Path | None = None,
        die_with_parent: bool = True,
    ) -> None:
        self.argv = tuple(argv)
        self.log = log
        self._env = dict(os.environ if env is None else env)
        self._cwd = cwd
        inside = enter_namespace(namespace) if namespace is not None else []
        guard = [find_program("setpriv") or "setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", _DIE_WITH_PARENT]
        guard.append(str(os.getpid()))
        self._command = (*(guard if die_with_parent else []), *inside, *argv)
        self._child: subprocess.Popen[bytes] | None = None
        self._failure: OSError | None = None
        self._begun = threading.Event()
        self._ended = threading.Event()
        # From here on, and not in a later call, so that an interrupted constructor has no child to lose.
        threading.Thread(target=self._live, name=f"ovnkit-{Path(argv[0]).name}", daemon=True).start()
        self._begun.wait()
        if self._failure is not None:
            raise ServerFailed(self.argv[0], f"cannot be run: {self._failure}") from self._failure

    def _live(self) -> None:
        try:
            with self.log.open("ab") as output:
                self._child = self._spawn(output)
        except OSError as error:
            self._failure = error
            return
        finally:
            self._begun.set()
        self._child.wait()
        self._ended.set()

    def _spawn(self, output: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            env=self._env,
            cwd=self._cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process id; of the program itself, for every prefix replaces itself by what it runs."""
        assert self._child is not None
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return not self._ended.is_set()

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._child.returncode if self._child is not None and self._ended.is_set() else None

    def signal(self, number: int) -> None:
        """Send a signal; nothing happens to a process that has ended."""
        if self._child is not None and self.running:
            self._child.send_signal(number)

    def wait(self, timeout: float | None = None) -> bool:
        """Whether the process ended within ``timeout`` seconds."""
        return self._ended.wait(timeout)

    def stop(self, *, timeout: float = 5.0) -> None:
        """Ask the process to end; after ``timeout`` seconds kill it."""
        self.signal(signal.SIGTERM)
        # A stopped process would only see the request after it goes on.
        self.signal(signal.SIGCONT)
        if not self.wait(timeout):
            self.kill()

    def kill(self) -> None:
        """Kill the process and wait for its end."""
        self.signal(signal.SIGKILL)
        self.wait()

    def last_words(self) -> str:
        """The end of what the process wrote."""
        try:
            return self.log.read_bytes()[-_LOG_TAIL:].decode(errors="replace").strip()
        except OSError:
            return ""


class Server:
    """A standalone ``ovsdb-server`` for one database file, listening on a Unix socket in ``run_dir``.

    The file is created from ``schema`` when it is missing. ``listen`` takes passive connection methods
    (``ptcp:6641:192.0.2.1``), ``extra_remotes`` the ``db:DATABASE,TABLE,COLUMN`` form, ``options`` any further
    arguments (certificates, say); see ovsdb-server(1). With ``namespace`` it listens inside a network namespace; its
    Unix socket is reachable from everywhere. ``env``: variables on top of this program's own; ovsdb-server and
    ovsdb-tool are those of its ``PATH``. A server with ``die_with_parent`` never outlives the program that started
    it. Its log, pidfile and control socket are in ``run_dir``; ``timeout`` (seconds) is for the start.

    ::

        with Server(tmp / "nb.db", find_schema("ovn-nb.ovsschema"), run_dir=tmp, name="nb") as server:
            Northbound.connect(server.remote)
    """

    def __init__(
        self,
        database: Path,
        schema: Path,
        *,
        run_dir: Path,
        name: str = "ovsdb-server",
        listen: Sequence[str] = (),
        extra_remotes: Sequence[str] = (),
        options: Sequence[str] = (),
        namespace: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        die_with_parent: bool = True,
        timeout: float = 10.0,
    ) -> None:
        self.database = database.absolute()
        self.schema = schema
        self.name = name
        self.run_dir = run_dir.absolute()
        self.socket = self.run_dir / f"{name}.sock"
        self.control = self.run_dir / f"{name}.ctl"
        self.pidfile = self.run_dir / f"{name}.pid"
        self.log = self.run_dir / f"{name}.log"
        self.timeout = timeout
        self._namespace = namespace
        directories = ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")
        self._env = {**os.environ, **dict.fromkeys(directories, str(self.run_dir)), **(env or {})}
        self._die_with_parent = die_with_parent
        self._listeners = (f"punix:{self.socket}", *listen, *extra_remotes)
        self._options = tuple(options)
        self._process: Process | None = None
        if len(os.fsencode(self.socket)) > _LONGEST_SOCKET_PATH:
            reason = (
                f"the socket path {self.socket} is longer than {_LONGEST_SOCKET_PATH} bytes; choose a shorter run_dir"
            )
            raise ServerFailed("ovsdb-server", reason)

    @property
    def remote(self) -> str:
        """Where clients on this machine connect to: ``unix:PATH``."""
        return f"unix:{self.socket}"

    @property
    def process(self) -> Process:
        """The running process. Raises ServerFailed when the server was not started."""
        if self._process is None:
            raise ServerFailed("ovsdb-server", f"{self.name} is not started")
        return self._process

    @property
    def running(self) -> bool:
        """Whether the server was started and has not ended."""
        return self._process is not None and self._process.running

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Start the server and wait until it answers; a running one is left alone. Raises ServerFailed."""
        self.launch()
        self.wait_ready()
        return self

    def launch(self) -> None:
        """Start the server without waiting for it, so that several can start at once; ``wait_ready`` comes next."""
        if self.running:
            return
        self.run_dir.mkdir(parents=True, exist_ok=True)
        if not self.database.exists():
            self._create()
        self.socket.unlink(missing_ok=True)
        self._process = Process(
            [
                _required("ovsdb-server", self._env),
                *self._options,
                *(f"--remote={listener}" for listener in self._listeners),
                f"--unixctl={self.control}",
                f"--pidfile={self.pidfile}",
                "--overwrite-pidfile",
                "--no-chdir",
                "-vconsole:info",
                "-vsyslog:off",
                str(self.database),
            ],
            log=self.log,
            env=self._env,
            namespace=self._namespace,
            die_with_parent=self._die_with_parent,
        )

    def wait_ready(self) -> None:
        """Wait until the server answers; one that does not within ``timeout`` seconds is ended. Raises ServerFailed."""
        process = self.process
        deadline = time.monotonic() + self.timeout
        while not _answers(self.socket, deadline - time.monotonic()):
            late = time.monotonic() > deadline
            if late or process.wait(_POLL_SECONDS):
                reason = (
                    f"does not answer after {self.timeout:g} s" if late else f"ended with status {process.returncode}"
                )
                process.kill()
                raise ServerFailed(" ".join(process.argv), f"{reason}: {process.last_words()}")

    def stop(self) -> None:
        """End the server and wait for its end; its database file stays."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """Kill the server (SIGKILL), as a crash would."""
        if self._process is not None:
            self._process.kill()

    def _create(self) -> None:
        self.database.parent.mkdir(parents=True, exist_ok=True)
        command = [_required("ovsdb-tool", self._env), "create", str(self.database), str(self.schema)]
        outcome = subprocess.run(command, env=self._env, capture_output=True, text=True, check=False)
        if outcome.returncode:
            raise ServerFailed(" ".join(command), outcome.stderr.strip())


def _required(program: str, env: Mapping[str, str]) -> str:
    path = find_program(program, env)
    if path is None:
        raise ServerFailed(program, "is not installed; it belongs to the distribution's Open vSwitch packages")
    return path


def _answers(path: Path, timeout: float) -> bool:
    request = json.dumps({"method": "list_dbs", "params": [], "id": 0}).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(max(timeout, _POLL_SECONDS))
        try:
            connection.connect(str(path))
            connection.sendall(request)
            return bool(connection.recv(1))
        except OSError:
            return False
