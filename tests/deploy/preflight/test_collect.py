"""Collecting facts: the script on this machine, and what becomes of all that it could print."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.deploy.host import CommandHost
from ovnkit.deploy.preflight.collect import clock_lead, collect, host_facts
from ovnkit.deploy.preflight.facts import HostFacts, Known, Unknown, Unread
from ovnkit.deploy.preflight.procfs import parse_mountinfo
from ovnkit.deploy.preflight.script import SCRIPT, Section, sections
from ovnkit.errors import HostFailed
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.remote import parse_remotes
from tests.ovsdb.authority import Authority

T = TypeVar("T")
U = TypeVar("U")

HERE = CommandHost("here")
MARK = "mark"
PARTS = [line.split()[1] for line in SCRIPT.splitlines() if line.startswith("part ")]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to see whose a socket is")


def here(*, servers: str = "unix:none", ports: frozenset[int] = frozenset({6081}), **more: Any) -> HostFacts:
    return collect(HERE, servers=parse_remotes(servers), ports=ports, timeout=60, **more)


@pytest.fixture(scope="module")
def facts() -> HostFacts:
    return here()


def test_the_kernel_is_that_of_this_machine(facts: HostFacts) -> None:
    assert facts.release.value == os.uname().release
    assert facts.hostname.value == os.uname().nodename


def still(look: Callable[[], T], work: Callable[[], U]) -> tuple[T, U]:
    """What is there, and what work makes of it, when nobody else has changed it meanwhile: others use this machine."""
    for _ in range(50):
        before, done = look(), work()
        if look() == before:
            return before, done
    pytest.fail("what is there changes all the time")


def script() -> Mapping[str, Section]:
    return sections(HERE.run(["sh", "-c", SCRIPT, "preflight", MARK, "17C1", "", "", ""], timeout=60), MARK)


def test_the_mount_table_has_as_many_rows_as_it_has() -> None:
    rows, parts = still(lambda: Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines(), script)
    assert int(parts["mount_count"].text) == len(rows)
    assert parts["mount_max"].text == Path("/proc/sys/fs/mount-max").read_text(encoding="utf-8")
    netns = [row for row in rows if row.split(" ")[4].startswith("/run/netns")]
    assert len(parse_mountinfo(parts["mounts"].text)) == len(netns)


def test_a_host_is_told_from_a_container(facts: HostFacts) -> None:
    own = Path("/proc/self/ns/pid").readlink().name == "pid:[4026531836]"
    assert facts.view.value.processes is own


@as_root
def test_in_a_pid_namespace_of_its_own_it_sees_its_own_processes() -> None:
    inside = CommandHost("inside", ("unshare", "--fork", "--pid", "--mount-proc"))
    found = collect(inside, servers=(), ports=frozenset({6081}), timeout=60)
    assert not found.view.value.processes
    with pytest.raises(Unread, match="its own processes only"):
        found.running("ovs-vswitchd")


def test_modules_are_those_that_sysfs_shows(facts: HostFacts) -> None:
    assert {path.name for path in Path("/sys/module").iterdir()} <= facts.modules.value.present


def test_interfaces_are_those_that_there_are() -> None:
    names, facts = still(lambda: {name for _, name in socket.if_nameindex()}, here)
    assert {link.name for link in facts.links.value} == names
    assert facts.addresses()["127.0.0.1"].name == "lo"


def test_settings_are_read(facts: HostFacts) -> None:
    path = "net/ipv4/conf/all/rp_filter"
    assert facts.sysctls.value[path] == Path("/proc/sys", path).read_text(encoding="utf-8").strip()


def test_the_clock_of_this_machine_is_its_own(facts: HostFacts) -> None:
    assert facts.clock == Known(0.0)


def test_without_a_certificate_there_is_none(facts: HostFacts) -> None:
    assert (facts.certificate, facts.key) == (Known(None), Known(None))


def test_the_disk_is_that_of_the_databases(tmp_path: Path) -> None:
    host = CommandHost("here", ("env", f"OVN_DBDIR={tmp_path}/not/yet/there"))
    found = collect(host, servers=(), ports=frozenset({6081}), timeout=60).disk.value
    size = shutil.disk_usage(tmp_path)
    assert 0.5 * size.free < found.free < 2 * size.free


def test_what_a_write_takes_is_tried_where_the_databases_are_or_are_to_be(tmp_path: Path) -> None:
    host = CommandHost("here", ("env", f"OVN_DBDIR={tmp_path}"))

    def sync(*, central: bool) -> float | None:
        return collect(host, servers=(), ports=frozenset({6081}), central=central, timeout=60).sync.value

    assert sync(central=False) is None
    to_be = sync(central=True)
    assert to_be is not None
    assert 0 < to_be < 10_000
    (tmp_path / "ovnsb_db.db").touch()
    assert sync(central=False)
    assert [path.name for path in tmp_path.iterdir()] == ["ovnsb_db.db"]


def test_schemas_are_those_that_are_installed(facts: HostFacts) -> None:
    for name, file in (("OVN_Northbound", "ovn-nb.ovsschema"), ("OVN_Southbound", "ovn-sb.ovsschema")):
        assert facts.schemas.value[name] == json.loads(find_schema(file).read_text(encoding="utf-8"))["version"]


def test_files_of_the_system_id_are_read(tmp_path: Path) -> None:
    for name in ("openvswitch/system-id.conf", "ovn/system-id-override"):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(f"{path.stem}\n", encoding="utf-8")
    host = CommandHost("here", ("env", f"OVS_SYSCONFDIR={tmp_path}", f"OVN_SYSCONFDIR={tmp_path}"))
    found = collect(host, servers=(), ports=frozenset({6081}), timeout=60)
    assert (found.system_id_conf, found.system_id_override) == (Known("system-id"), Known("system-id-override"))


@as_root
def test_a_listener_is_found_with_its_owner() -> None:
    with ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        tcp6 = stack.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        wanted = {("tcp", tcp.getsockname()[1]), ("tcp", tcp6.getsockname()[1]), ("udp", udp.getsockname()[1])}
        found = here(ports=frozenset(port for _, port in wanted))
    assert {(one.protocol, one.port) for one in found.sockets.value} == wanted
    own = Path("/proc/self/comm").read_text(encoding="utf-8").strip()
    assert {found.owners.value.get(one.inode) for one in found.sockets.value} == {own}


def test_a_port_that_nobody_has_is_not_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert here(ports=frozenset({port})).sockets == Known(())


def test_servers_are_connected_to_or_are_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as gone:
        there, away = server.getsockname()[1], gone.getsockname()[1]
        gone.close()
        found = {
            probe.port: probe for probe in here(servers=f"tcp:127.0.0.1:{there},ssl:127.0.0.1:{away}").probes.value
        }
    assert found[there].connected
    assert (found[away].outcome, found[away].silent) == ("Connection refused", False)


def test_a_server_that_says_nothing_is_silent() -> None:
    """Its queue of connections is full, so that the kernel drops what comes."""
    with socket.socket() as server, ExitStack() as stack:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        (probe,) = here(servers=f"tcp:127.0.0.1:{server.getsockname()[1]}").probes.value
    assert (probe.connected, probe.silent) == (False, True)


def test_programs_are_found_with_their_user_and_limits(tmp_path: Path) -> None:
    schema = find_schema("vswitch.ovsschema")
    with Server(tmp_path / "conf.db", schema, run_dir=tmp_path, name="db") as server:
        process = int(server.pidfile.read_text(encoding="utf-8"))
        found = {one.pid: one for one in here().running("ovsdb-server")}
    assert process in found
    limit = subprocess.run(["sh", "-c", "ulimit -Sn"], capture_output=True, text=True, check=True).stdout.strip()
    assert str(found[process].open_files or "unlimited") == limit
    assert found[process].user
    assert not found[process].apart
    assert any(remote.startswith("punix:") for remote in found[process].remotes)
    assert found[process].pinned == ()


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts what is called ovn-controller, with any words."""
    program, script = tmp_path / "ovn-controller", tmp_path / "script"
    program.symlink_to(sys.executable)
    script.write_text("import time\nprint(flush=True)\ntime.sleep(60)\n", encoding="utf-8")
    with ExitStack() as stack:

        def start(*words: str, before: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
            command = [*before, str(program), str(script), *words]
            child = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
            stack.callback(child.kill)
            assert child.stdout is not None
            child.stdout.readline()
            return child

        yield start


def test_who_uses_the_socket_of_a_server_is_told_from_who_uses_another(
    tmp_path: Path, controller: Callable[..., subprocess.Popen[bytes]]
) -> None:
    other = tmp_path / "other.sock"
    with (
        Server(tmp_path / "conf.db", find_schema("vswitch.ovsschema"), run_dir=tmp_path, name="db") as server,
        socket.socket(socket.AF_UNIX) as another,
    ):
        another.bind(str(other))
        right, wrong = controller(server.remote), controller(f"unix:{other}")
        nowhere, by_tcp = controller(f"unix:{tmp_path}/none.sock"), controller("tcp:127.0.0.1:6640")
        found = {one.pid: one for one in here().processes.value}
        pid = int(server.pidfile.read_text(encoding="utf-8"))
    assert found[right.pid].sockets == found[pid].sockets != ()
    assert len(found[wrong.pid].sockets) == 1
    assert found[wrong.pid].sockets != found[pid].sockets
    assert (found[nowhere.pid].sockets, found[by_tcp.pid].sockets) == ((), ("-",))


@as_root
def test_the_files_of_a_command_line_are_read_before_those_of_the_database(
    tmp_path: Path, controller: Callable[..., subprocess.Popen[bytes]]
) -> None:
    key = tmp_path / "key.pem"
    key.touch(mode=0o640)
    child = controller(f"--private-key={key}", "-c", "/nowhere", before=("unshare", "--net"))
    inside = CommandHost("inside", ("nsenter", f"--net=/proc/{child.pid}/ns/net"))
    found = collect(inside, servers=(), ports=frozenset({6081}), timeout=60, key="/not/there", certificate=str(key))
    assert found.key.value is not None
    assert found.key.value.mode == 0o640
    assert found.certificate == Known(None)
    (process,) = found.running("ovn-controller")
    assert (process.key, process.certificate) == (str(key), "/nowhere")


def test_pidfiles_are_of_programs_that_run_or_are_gone(tmp_path: Path) -> None:
    host = CommandHost("here", ("env", f"OVS_RUNDIR={tmp_path}", f"OVN_RUNDIR={tmp_path}/none"))
    (tmp_path / "ovs-vswitchd.pid").write_text("4194999\n", encoding="utf-8")
    with Server(tmp_path / "conf.db", find_schema("vswitch.ovsschema"), run_dir=tmp_path, name="ovsdb-server") as one:
        pid = int(one.pidfile.read_text(encoding="utf-8"))
        found = collect(host, servers=(), ports=frozenset({6081}), timeout=60).pidfiles
        modes = collect(host, servers=(), ports=frozenset({6081}), timeout=60).socket_files.value
        wanted = {path: path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if path.is_socket()}
    assert {Path(path): mode for path, mode in modes.items()} == wanted != {}
    assert {file.program: (file.pid, file.runs) for file in found.value} == {
        "ovs-vswitchd": (4194999, False),
        "ovsdb-server": (pid, True),
    }


@as_root
def test_a_database_that_is_mounted_by_itself_is_seen_and_indeed_cannot_be_compacted(tmp_path: Path) -> None:
    database, control = tmp_path / "ovnnb_db.db", tmp_path / "ctl"
    for command in (["create", str(database), str(find_schema("ovn-nb.ovsschema"))],):
        subprocess.run(["ovsdb-tool", *command], check=True)
    script = f'mount --bind "{database}" "{database}" && exec ovsdb-server "$@"'
    words = [f"--remote=punix:{tmp_path}/sock", f"--unixctl={control}", "--no-chdir", "-vconsole:off", str(database)]
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *words]
    with subprocess.Popen(command) as child:
        try:
            deadline = time.monotonic() + 10
            while not control.exists():
                if child.poll() is not None:
                    pytest.skip("no mount namespaces here")
                assert time.monotonic() < deadline
                time.sleep(0.01)
            found = {one.pid: one for one in here().running("ovsdb-server")}
            compact = ["ovs-appctl", "-t", str(control), "ovsdb-server/compact"]
            compacted = subprocess.run(compact, capture_output=True, text=True, check=False)
        finally:
            child.kill()
    assert found[child.pid].pinned == (str(database),)
    assert compacted.returncode
    assert "Device or resource busy" in compacted.stderr


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    program = tmp_path / "neutron-ovn-metadata-agent"
    program.write_text("import time\ntime.sleep(60)\n", encoding="utf-8")
    with subprocess.Popen([sys.executable, program]) as child:
        yield child
        child.kill()


def test_an_agent_is_found_by_what_its_interpreter_runs(agent: subprocess.Popen[bytes]) -> None:
    assert agent.pid in {one.pid for one in here().running("neutron-ovn-metadata-agent")}


@as_root
def test_an_agent_with_mounts_of_its_own_is_found_with_its_own_netns(tmp_path: Path) -> None:
    program = tmp_path / "neutron-ovn-metadata-agent"
    program.write_text("import time\nprint(flush=True)\ntime.sleep(60)\n", encoding="utf-8")
    script = 'mount -t tmpfs none /run && mkdir /run/netns && mount --bind /run/netns /run/netns && exec "$0" "$@"'
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, sys.executable, str(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        try:
            if not child.stdout.readline():
                pytest.skip("no mount namespaces here")
            found = {one.pid: one for one in here().running("neutron-ovn-metadata-agent")}
        finally:
            child.kill()
    own = found[child.pid]
    assert own.apart
    assert own.netns is not None
    assert not own.netns.shared


def test_a_certificate_and_the_mode_of_a_key_are_read(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    tls = Authority(tmp_path / "ca").tls("gw1")
    Path(tls.key).chmod(0o640)
    found = here(certificate=str(tls.cert), key=str(tls.key))
    assert found.key.value is not None
    assert found.key.value.mode == 0o640
    assert found.certificate.value is not None
    assert found.certificate.value.name == "gw1"
    assert found.certificate.value.ends > time.time()


def test_the_script_writes_nothing_and_the_contents_of_a_key_stay_where_they_are(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("MARKER-OF-A-SECRET\n", encoding="utf-8")
    before = sorted(path.stat().st_mtime_ns for path in (tmp_path, key))
    printed = HERE.run(["sh", "-c", SCRIPT, "preflight", MARK, "17C1", str(key), str(key), ""], timeout=60)
    assert "MARKER" not in printed
    assert sorted(path.stat().st_mtime_ns for path in (tmp_path, key)) == before


@pytest.mark.may_skip  # for shells that are not installed
@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_every_part_comes_to_its_end_in_any_shell(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    words = [shell, "sh"] if shell == "busybox" else [shell]
    found = sections(HERE.run([*words, "-c", SCRIPT, "preflight", MARK, "17C1", "", "", ""], timeout=60), MARK)
    assert list(found) == PARTS
    assert found["release"].text.strip() == os.uname().release
    assert found["links"].status == 0


def test_a_host_without_any_of_the_programs_leaves_facts_unknown(tmp_path: Path) -> None:
    """A container with a shell and nothing else: what it cannot tell it does not make up."""
    for name in ("sh", "cat", "grep", "tr", "wc", "head", "date"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    bare = SCRIPT.replace("PATH=$PATH:/usr/sbin:/sbin", f"PATH={tmp_path}")
    printed = HERE.run(["sh", "-c", bare, "preflight", MARK, "17C1", "/x", "/x", "", "127.0.0.1", "1"], timeout=60)
    found = host_facts(sections(printed, MARK), sent=time.time(), received=time.time())
    assert found.release.value == os.uname().release
    for fact in (found.links, found.disk, found.firewall, found.probes):
        assert isinstance(fact, Unknown)
    assert isinstance(found.links, Unknown)
    assert "ip" in found.links.reason


def test_a_host_that_does_not_answer_is_an_error() -> None:
    with pytest.raises(HostFailed):
        collect(CommandHost("nowhere", ("false",)), servers=(), ports=frozenset({1}), timeout=10)


def test_a_host_that_prints_something_else_is_a_host_of_which_nothing_is_known() -> None:
    found = collect(CommandHost("motd", ("echo", "welcome")), servers=(), ports=frozenset({1}), timeout=10)
    assert all(isinstance(fact, Unknown) for fact in attrs.asdict(found, recurse=False).values())


# -- what is printed ---------------------------------------------------------------------------------------------------


def test_every_part_of_the_script_is_there_once() -> None:
    assert len(set(PARTS)) == len(PARTS)


def test_a_part_has_its_text_its_status_and_what_it_said() -> None:
    printed = (
        "Welcome to gw1\nmark begin one\n6.1\n\nmark end one 0 \n"
        "mark begin two\n\nmark end two 1 cannot open it \nmark begin three\nno newline\nmark end three 44 \n"
    )
    assert sections(printed, MARK) == {
        "one": Section("6.1\n", 0),
        "two": Section("", 1, "cannot open it "),
        "three": Section("no newline", 44),
    }


def test_a_part_that_did_not_end_is_not_among_them() -> None:
    assert sections("mark begin one\n6.1\nmark begin two\nx\n\nmark end two 0 \n", MARK).keys() == {"two"}


@given(st.dictionaries(st.sampled_from(PARTS), st.tuples(st.text(), st.integers(0, 255), st.text())))
def test_whatever_a_part_prints_is_read_as_it_was_printed(parts: dict[str, tuple[str, int, str]]) -> None:
    printed = "".join(
        f"{MARK} begin {name}\n{text}\n{MARK} end {name} {status} {' '.join(said.split())}\n"
        for name, (text, status, said) in parts.items()
    )
    found = sections(printed, MARK)
    assert {name: (part.text, part.status) for name, part in found.items()} == {
        name: (text, status) for name, (text, status, _) in parts.items()
    }


@given(st.text() | st.lists(st.sampled_from([f"{MARK} begin one", f"{MARK} end one 0 ", "x", ""])).map("\n".join))
def test_garbage_has_no_parts_or_some(printed: str) -> None:
    assert sections(printed, MARK).keys() <= {"one"}


@given(
    st.dictionaries(st.sampled_from(PARTS), st.builds(Section, st.text(), st.sampled_from([0, 0, 1, 44]), st.text()))
)
def test_facts_are_known_or_not_whatever_was_printed(parts: dict[str, Section]) -> None:
    found = host_facts(parts, sent=1000.0, received=1001.0)
    assert all(isinstance(fact, Known | Unknown) for fact in attrs.asdict(found, recurse=False).values())


@given(st.sampled_from(PARTS))
def test_a_part_that_failed_leaves_no_fact_that_rests_on_it(name: str) -> None:
    """All is there but for one part."""
    texts = {**dict.fromkeys(PARTS, ""), "view": "files processes"}
    texts |= {"links": "[]", "mount_count": "1", "mount_max": "100", "clock": "1000", "disk": "/d ext4 1 1 1 1% /"}
    texts |= {"sync": "8+0 records out\n32768 bytes (33 kB, 32 KiB) copied, 0.1 s, 1 kB/s"}
    texts |= {"certificate": "subject=\nnotAfter=Jan  2 03:04:05 2030 GMT", "key": "600 root"}
    parts = {part: Section(text, 0) for part, text in texts.items()}
    before = attrs.asdict(host_facts(parts, sent=1000.0, received=1001.0), recurse=False)
    assert not [fact for fact, value in before.items() if isinstance(value, Unknown)]
    after = host_facts({**parts, name: Section("", 1, "not permitted")}, sent=1000.0, received=1001.0)
    lost = [fact for fact, value in attrs.asdict(after, recurse=False).items() if isinstance(value, Unknown)]
    alone_is_not_enough = {"modules", "modules_shown", "modules_built_in", "modules_loadable", "mount_max"}
    assert lost or name in alone_is_not_enough


@pytest.mark.parametrize(
    ("there", "sent", "received", "lead"),
    [
        (1000, 1000.2, 1000.9, 0.0),
        (1000, 1000.9, 1001.2, 0.0),
        (1010, 1000.0, 1003.0, 7.0),
        (990, 1000.5, 1003.0, -9.5),
    ],
)
def test_a_clock_is_ahead_or_behind_by_what_the_way_there_does_not_explain(
    there: int, sent: float, received: float, lead: float
) -> None:
    assert clock_lead(there, sent=sent, received=received) == pytest.approx(lead)


@given(st.floats(0, 1e9), st.floats(0, 100), st.floats(0, 1), st.floats(-1000, 1000))
def test_a_clock_that_agrees_has_no_lead_and_another_no_more_than_it_has(
    sent: float, way: float, part: float, ahead: float
) -> None:
    received = sent + way
    lead = clock_lead(int(sent + part * way + 2000 + ahead), sent=sent + 2000, received=received + 2000)
    assert lead == 0 or (lead > 0) == (ahead > 0)
    assert abs(lead) <= abs(ahead) + 1e-3
