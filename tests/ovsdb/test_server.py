"""A private ovsdb-server starts, answers, and ends with the program that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ovnkit.errors import ServerFailed
from ovnkit.ovsdb.server import Process, Server, find_program, find_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.skipif(
    find_program("ovsdb-server") is None and "CI" not in os.environ, reason="ovsdb-server is not installed"
)


def _server(tmp_path: Path, *, listen: Sequence[str] = (), options: Sequence[str] = ()) -> Server:
    schema = find_schema("vswitch.ovsschema")
    return Server(tmp_path / "v.db", schema, run_dir=tmp_path, name="v", listen=listen, options=options)


def _databases(remote: str) -> list[str]:
    client = find_program("ovsdb-client")
    assert client is not None
    return subprocess.run([client, "list-dbs", remote], check=True, capture_output=True, text=True).stdout.split()


def _gone(pid: int, *, within: float = 5.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_server_answers_as_soon_as_it_is_started_and_ends_with_the_block(tmp_path: Path) -> None:
    with _server(tmp_path) as server:
        assert "Open_vSwitch" in _databases(server.remote)
        pid = server.process.pid
        assert int(server.pidfile.read_text()) == pid
    assert _gone(pid)
    assert not server.running


def test_started_again_after_a_kill_it_has_the_same_database(tmp_path: Path) -> None:
    vsctl = find_program("ovs-vsctl")
    assert vsctl is not None
    with _server(tmp_path) as server:
        command = [vsctl, f"--db={server.remote}", "--no-wait", "--", "init", "--", "set", "Open_vSwitch", "."]
        subprocess.run([*command, "external_ids:kept=yes"], check=True)
        server.kill()
        assert server.process.returncode == -signal.SIGKILL
        server.start()
        command = [vsctl, f"--db={server.remote}", "--no-wait", "get", "Open_vSwitch", ".", "external_ids:kept"]
        assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "yes\n"


def test_start_of_a_running_server_changes_nothing(tmp_path: Path) -> None:
    with _server(tmp_path) as server:
        pid = server.process.pid
        server.start()
        assert server.process.pid == pid


def test_it_listens_on_tcp_as_well(tmp_path: Path) -> None:
    with _server(tmp_path, listen=["ptcp:0:127.0.0.1"]) as server:
        appctl = find_program("ovs-appctl")
        assert appctl is not None
        listing = [appctl, "-t", str(server.control), "ovsdb-server/list-remotes"]
        assert "ptcp:0:127.0.0.1" in subprocess.run(listing, check=True, capture_output=True, text=True).stdout


def test_a_wrong_schema_is_an_error_that_shows_the_reason(tmp_path: Path) -> None:
    schema = tmp_path / "bad.ovsschema"
    schema.write_text("{}")
    with pytest.raises(ServerFailed, match="Parsing database schema"):
        Server(tmp_path / "x.db", schema, run_dir=tmp_path).start()


def test_a_server_that_ends_at_once_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="--no-such-option") as caught:
        _server(tmp_path, options=["--no-such-option"]).start()
    assert "ended with status 1" in caught.value.reason


def test_a_run_directory_that_is_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="longer than 107 bytes"):
        Server(tmp_path / "x.db", tmp_path / "x", run_dir=tmp_path / ("d" * 100))


def test_a_schema_that_is_not_installed_is_an_error_that_names_the_directories() -> None:
    with pytest.raises(ServerFailed, match="/usr/share/openvswitch"):
        find_schema("none.ovsschema")


_OWNER = """
import sys, time
from pathlib import Path
from ovnkit.ovsdb.server import Server, find_schema
directory = Path(sys.argv[1])
server = Server(directory / "v.db", find_schema("vswitch.ovsschema"), run_dir=directory, name="v").start()
print(server.process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_the_server_does_not_outlive_its_program(tmp_path: Path, number: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.send_signal(number)
    assert _gone(pid)


def test_the_server_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    server = _server(tmp_path)
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
    try:
        assert not server.process.wait(0.2)
        assert "Open_vSwitch" in _databases(server.remote)
    finally:
        server.stop()


def test_a_process_that_asks_for_it_survives_its_program(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from ovnkit.ovsdb.server import Process\n"
        "log = pathlib.Path(sys.argv[1], 'log')\n"
        "print(Process(['sleep', '60'], log=log, die_with_parent=False).pid)"
    )
    outcome = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, capture_output=True, text=True)
    pid = int(outcome.stdout)
    assert not _gone(pid, within=0.2)
    os.kill(pid, signal.SIGKILL)


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="cannot be run"):
        Process(["/none/such"], log=tmp_path / "log", die_with_parent=False)


def test_stop_ends_a_process_that_is_suspended(tmp_path: Path) -> None:
    process = Process(["sleep", "60"], log=tmp_path / "log")
    process.signal(signal.SIGSTOP)
    process.stop()
    assert process.returncode == -signal.SIGTERM
