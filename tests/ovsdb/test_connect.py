"""Connecting, losing the connection, and ending."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ovnkit import Northbound, Southbound, VSwitch
from ovnkit.errors import Closed, ConnectionFailed, InvalidRemote, Timeout
from ovnkit.northbound import LogicalSwitch
from ovnkit.ovsdb.server import Server
from tests.ovsdb.conftest import StartServer
from tests.ovsdb.proxy import Proxy


def wait_for_state(client: Northbound, state: str, timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while client.state != state:
        assert time.monotonic() < deadline, client.state
        time.sleep(0.002)


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A TCP listener on the loopback that says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener


def test_without_a_server_it_is_a_timeout_that_names_the_last_failure(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(Timeout, match=r"OVN_Northbound from unix:.*none\.sock.*No such file or directory") as caught:
        Northbound.connect(f"unix:{tmp_path}/none.sock", timeout=0.3)
    assert 0.3 <= time.monotonic() - began < 2
    assert caught.value.seconds == 0.3
    with listening() as listener:
        port = listener.getsockname()[1]
    with pytest.raises(TimeoutError, match="Connection refused"):
        Northbound.connect(f"tcp:127.0.0.1:{port}", timeout=0.2)


def test_a_server_that_says_nothing_is_a_timeout() -> None:
    with listening() as listener, pytest.raises(Timeout, match="timed out"):
        Northbound.connect(f"tcp:127.0.0.1:{listener.getsockname()[1]}", timeout=0.3)


def test_a_server_that_comes_in_time_will_do(nb_server: Server) -> None:
    nb_server.stop()
    thread = threading.Timer(0.2, nb_server.start)
    thread.start()
    with Northbound.connect(nb_server.remote, timeout=10) as nb:
        assert nb.state == "ready"
    thread.join()


def test_one_dead_server_does_not_use_up_the_time_of_the_others(nb_server: Server) -> None:
    with listening() as listener:
        silent = f"tcp:127.0.0.1:{listener.getsockname()[1]}"
        for _ in range(3):
            with Northbound.connect(f"{silent},{nb_server.remote}", timeout=6) as nb:
                assert nb.remote == f"{silent},{nb_server.remote}"
                assert nb.find(LogicalSwitch) == []


def test_a_socket_of_somebody_else_is_a_failure_at_once(nb_server: Server, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        nb_server.socket.chmod(0)
        with pytest.raises(ConnectionFailed, match=r"Permission denied.*another user"):
            Northbound.connect(nb_server.remote, timeout=30)
        return
    program = (
        "import os, sys\n"
        "os.setuid(65534)\n"
        "from ovnkit import Northbound\n"
        "from ovnkit.errors import ConnectionFailed\n"
        "try:\n"
        "    Northbound.connect(sys.argv[1], timeout=30)\n"
        "except ConnectionFailed as exc:\n"
        "    print(exc)\n"
    )
    nb_server.socket.chmod(0o600)
    path = tmp_path
    while path != Path("/tmp") and path != path.parent:
        path.chmod(0o755)
        path = path.parent
    done = subprocess.run(
        [sys.executable, "-c", "import ovnkit.northbound.client\n" + program, nb_server.remote],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert "Permission denied" in done.stdout
    assert "another user" in done.stdout


def test_a_server_without_the_database_is_a_failure_at_once(nb_server: Server) -> None:
    began = time.monotonic()
    with pytest.raises(ConnectionFailed, match="no database OVN_Southbound here") as caught:
        Southbound.connect(nb_server.remote, timeout=30)
    assert time.monotonic() - began < 5
    assert caught.value.remote == nb_server.remote
    assert str(caught.value).endswith(f" here; `ovsdb-client list-dbs {nb_server.remote}` names those that there are")


def test_what_is_no_server_of_ovsdb_is_said_to_be_none() -> None:
    def answer(listener: socket.socket) -> None:
        for reply in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"[1]"):
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.sendall(reply)
            connection.close()

    with listening() as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        remote = f"tcp:127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(Timeout, match="OVSDB server"):
            Northbound.connect(remote, timeout=0.04)
        with pytest.raises(Timeout, match="OVSDB server"):
            Northbound.connect(remote, timeout=0.04)
        thread.join()


@pytest.mark.parametrize("remote", ["", "db.sock", "tcp:", "tcp:1.2.3.4:0", "udp:1.2.3.4:5", "unix:/a,,unix:/b"])
def test_a_connection_string_that_cannot_be_used_is_refused(remote: str) -> None:
    with pytest.raises(InvalidRemote):
        Northbound.connect(remote, timeout=30)


def test_tls_without_a_certificate_is_refused_before_anything_is_tried() -> None:
    with pytest.raises(InvalidRemote, match="needs tls="):
        Northbound.connect("tcp:127.0.0.1:1,ssl:127.0.0.1:1", timeout=5)


def test_environment_and_default_sockets_are_used(
    nb_server: Server, sb_server: Server, start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OVN_NB_DB", "OVN_SB_DB", "OVN_RUNDIR", "OVS_RUNDIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("OVN_NB_DB", nb_server.remote)
    monkeypatch.setenv("OVN_SB_DB", sb_server.remote)
    with Northbound.connect(timeout=5) as nb, Southbound.connect(timeout=5) as sb:
        assert nb.remote == nb_server.remote
        assert sb.remote == sb_server.remote
    start_server("vswitch.ovsschema", "db")
    monkeypatch.setenv("OVS_RUNDIR", str(tmp_path))
    with VSwitch.connect(timeout=5) as vs:
        assert vs.remote == f"unix:{tmp_path}/db.sock"
    start_server("ovn-nb.ovsschema", "ovnnb_db")
    monkeypatch.setenv("OVN_NB_DB", "")
    monkeypatch.setenv("OVN_RUNDIR", str(tmp_path))
    with Northbound.connect(timeout=5) as nb:
        assert nb.remote == f"unix:{tmp_path}/ovnnb_db.sock"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_host_may_be_given_by_name(tmp_path: Path, nb_server: Server, host: str) -> None:
    with listening() as listener:
        port = listener.getsockname()[1]
    server = Server(
        tmp_path / "tcp.db", nb_server.schema, run_dir=tmp_path, name="tcp", listen=[f"ptcp:{port}:127.0.0.1"]
    )
    with server, Northbound.connect(f"tcp:{host}:{port}", timeout=5) as nb:
        nb.transact(lambda tx: tx.insert(LogicalSwitch(name="web")))
        assert nb.get(LogicalSwitch).name == "web"
        server.process.kill()
        wait_for_state(nb, "reconnecting")
        server.start()
        wait_for_state(nb, "ready")


def test_state_follows_the_connection_and_reads_give_the_last_complete_state(nb: Northbound, nb_server: Server) -> None:
    nb.transact(lambda tx: tx.insert(LogicalSwitch(name="web")))
    assert nb.state == "ready"
    nb_server.process.kill()
    wait_for_state(nb, "reconnecting")
    assert nb.get(LogicalSwitch).name == "web"
    nb_server.start()
    wait_for_state(nb, "ready")
    assert nb.get(LogicalSwitch).name == "web"
    nb.close()
    wait_for_state(nb, "closed", timeout=0)
    assert repr(nb).endswith(" closed>")


def test_a_lost_connection_is_back_at_once(nb_behind: Northbound, nb_proxy: Proxy) -> None:
    nb_proxy.cuts = ["before"]
    began = time.monotonic()
    nb_behind.transact(lambda tx: tx.insert(LogicalSwitch(name="web")))
    assert time.monotonic() - began < 0.9


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_close_is_prompt_and_leaves_neither_thread_nor_descriptor(nb_server: Server) -> None:
    before = set(threading.enumerate()), descriptors()
    for _ in range(5):
        nb = Northbound.connect(nb_server.remote, timeout=5)
        watch = nb.on_change(LogicalSwitch, print)
        began = time.monotonic()
        nb.close()
        assert time.monotonic() - began < 0.5
        nb.close()
        watch.close()
    deadline = time.monotonic() + 5
    while (set(threading.enumerate()), descriptors()) != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (set(threading.enumerate()), descriptors()) == before


def test_a_failed_connect_leaves_neither_thread_nor_descriptor(nb_server: Server, tmp_path: Path) -> None:
    before = set(threading.enumerate()), descriptors()
    with pytest.raises(Timeout):
        Northbound.connect(f"unix:{tmp_path}/none.sock", timeout=0.1)
    os.kill(nb_server.process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(Timeout):
            Northbound.connect(nb_server.remote, timeout=0.2)
    finally:
        os.kill(nb_server.process.pid, signal.SIGCONT)
    assert (set(threading.enumerate()), descriptors()) == before


def test_close_while_the_server_hangs_is_prompt(nb: Northbound, nb_server: Server) -> None:
    os.kill(nb_server.process.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        nb.close()
        assert time.monotonic() - began < 0.5
    finally:
        os.kill(nb_server.process.pid, signal.SIGCONT)


def test_after_close_everything_says_closed(nb: Northbound, nb_server: Server) -> None:
    row_ref = nb.transact(lambda tx: tx.insert(LogicalSwitch(name="web")))
    tx = nb.transaction()
    tx.insert(LogicalSwitch(name="late"))
    nb.close()
    uses = (
        lambda: nb.find(LogicalSwitch),
        lambda: nb.get(LogicalSwitch),
        lambda: nb[row_ref],
        lambda: nb.wait(LogicalSwitch, name="x", timeout=1),
        lambda: nb.wait_gone(LogicalSwitch, timeout=1),
        lambda: nb.watch(LogicalSwitch),
        lambda: nb.rows("Logical_Switch"),
        nb.transaction,
        tx.commit,
    )
    for use in uses:
        with pytest.raises(Closed, match=f"{nb_server.remote}: .*closed"):
            use()


def test_close_wakes_whoever_waits(nb: Northbound) -> None:
    with ThreadPoolExecutor(2) as pool:
        waiting: list[Future[Any]] = [
            pool.submit(nb.wait, LogicalSwitch, name="never", timeout=30),
            pool.submit(nb.watch(LogicalSwitch).next, 30),
        ]
        time.sleep(0.05)
        nb.close()
        for future in waiting:
            assert isinstance(future.exception(5), Closed)


def test_after_a_fork_the_child_is_told_to_connect_again(nb: Northbound) -> None:
    nb.transact(lambda tx: tx.insert(LogicalSwitch(name="web")))
    program = (
        "import os, sys\n"
        "from ovnkit import Northbound\n"
        "from ovnkit.errors import Closed\n"
        "from ovnkit.northbound import LogicalSwitch\n"
        "nb = Northbound.connect(sys.argv[1], timeout=10)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    said = []\n"
        "    for use in (lambda: nb.find(LogicalSwitch), nb.transaction, lambda: nb.watch(LogicalSwitch)):\n"
        "        try:\n"
        "            use()\n"
        "        except Closed as exc:\n"
        "            said.append(str(exc))\n"
        "    nb.close()\n"
        "    with Northbound.connect(sys.argv[1], timeout=10) as own:\n"
        "        own.transact(lambda tx: tx.insert(LogicalSwitch(name='child')))\n"
        "    os._exit(0 if len(said) == 3 and all('fork' in text for text in said) else 1)\n"
        "_, status = os.waitpid(pid, 0)\n"
        "assert status == 0, status\n"
        "nb.wait(LogicalSwitch, name='child', timeout=5)\n"
        "nb.transact(lambda tx: tx.insert(LogicalSwitch(name='parent')))\n"
        "nb.close()\n"
    )
    subprocess.run([sys.executable, "-c", program, nb.remote], check=True, timeout=30, cwd=Path(__file__).parents[2])
    nb.wait(LogicalSwitch, name="parent", timeout=5)
    assert {row.name for row in nb.find(LogicalSwitch)} == {"web", "child", "parent"}


def test_many_clients_in_one_process_each_with_its_own_server(start_server: StartServer) -> None:
    servers = [start_server("ovn-nb.ovsschema", f"s{number}") for number in range(6)]
    clients = [Northbound.connect(server.remote, timeout=10) for server in servers for _ in range(3)]
    for number, client in enumerate(clients):
        client.transact(lambda tx, number=number: tx.insert(LogicalSwitch(name=f"c{number}")))  # type: ignore[misc]
    for number, client in enumerate(clients):
        own = number - number % 3
        expected = {f"c{n}" for n in range(own, own + 3)}
        client.wait(LogicalSwitch, name=f"c{own + 2}", timeout=5)
        assert {row.name for row in client.find(LogicalSwitch)} == expected
    for client in clients:
        client.close()


def test_descriptors_beyond_1024_are_no_limit(nb_server: Server) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
    try:
        with Northbound.connect(nb_server.remote, timeout=5) as nb:
            nb.transact(lambda tx: tx.insert(LogicalSwitch(name="web")))
            assert nb.get(LogicalSwitch).name == "web"
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_timeout_without_end_is_one(nb: Northbound) -> None:
    with nb.transaction(timeout=float("inf")) as tx:
        tx.insert(LogicalSwitch(name="web"))
    assert nb.state == "ready"


@pytest.mark.parametrize("chop", [1, 3, 7])
def test_names_in_any_script_arrive_whole_however_the_bytes_are_split(
    nb: Northbound, nb_proxy: Proxy, chop: int
) -> None:
    names = ["Zürich", "東京", "Ελλάδα", "😀😀", "é" * 50, "a}{b", "\u2028"]
    nb.transact(lambda tx: [tx.insert(LogicalSwitch(name=name, external_ids={name: name})) for name in names])
    with Northbound.connect(nb_proxy.remote, timeout=30, monitor={LogicalSwitch: None}) as slow:
        nb_proxy.chop = chop
        assert {row.name for row in slow.find(LogicalSwitch)} == set(names)
        row = nb.get(LogicalSwitch, name="東京")
        nb.transact(lambda tx: tx.update(row, name="京都", external_ids={"😀": "ö"}))
        assert slow.wait(LogicalSwitch, name="京都", timeout=10).external_ids == {"😀": "ö"}
        connections = nb_proxy.connections
        with nb.transaction() as tx:
            for number in range(10):
                tx.insert(LogicalSwitch(name="ñ" * number + "😀" * number + str(number)))
        slow.wait(LogicalSwitch, name="ñ" * 9 + "😀" * 9 + "9", timeout=10)
        assert len(slow.find(LogicalSwitch)) == len(names) + 10
        assert nb_proxy.connections == connections
