"""The command lines of the central services start what they say: directly, in the foreground, and by systemd."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit import Northbound, VSwitch
from ovnkit.deploy import CommandHost, central, open_host
from ovnkit.deploy.central.commands import Daemon, controller, create_command, join_command, northd, server
from ovnkit.deploy.databases import NORTHBOUND, SOUTHBOUND
from ovnkit.deploy.layout import Layout, TlsFiles, layout_of
from ovnkit.errors import HostFailed
from ovnkit.ovsdb.server import Process, Server, find_program, find_schema
from ovnkit.vswitch import OpenVSwitch
from tests.deploy.members import Members, members

SYSTEMCTL = """\
#!/bin/sh
echo "$*" >>"$SYSTEMD_UNIT_PATH/asked"
[ "$1" = restart ] || exit 0
command=$(sed -n 's/^ExecStart=//p' "$SYSTEMD_UNIT_PATH/$2.service")
setsid sh -c "exec $command" >"$SYSTEMD_UNIT_PATH/$2.out" 2>&1 </dev/null &
"""


@pytest.fixture
def one() -> Iterator[Members]:
    with members(1) as found:
        yield found


def answers(host: CommandHost, daemon: Daemon) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            return daemon.program in host.run(["ovn-appctl", "-t", daemon.control, "version"])
        except HostFailed:
            time.sleep(0.05)
    return False


def initialised(vswitch: Server) -> None:
    """Without its one row, ovn-controller of 23.03 crashes."""
    with VSwitch.connect(vswitch.remote, timeout=10) as vs, vs.transaction() as tx:
        tx.insert(OpenVSwitch())


def started(argv: tuple[str, ...], place: Path, host: CommandHost) -> Process:
    env = dict(word.split("=", 1) for word in host.prefix[1:])
    program = find_program(argv[0])
    assert program
    return Process([program, *argv[1:]], log=place / f"{argv[0]}.out", env={**os.environ, **env})


def test_in_the_foreground_they_run_until_they_are_told_to_end(one: Members) -> None:
    host, place = one.host("s1"), one.place("s1")
    layout = layout_of(host)
    host.run(list(create_command(NORTHBOUND, layout)))
    host.run(list(create_command(SOUTHBOUND, layout)))
    vswitch = Server(place / "conf.db", find_schema("vswitch.ovsschema"), run_dir=place, name="db")
    remotes = {"northbound": f"unix:{place}/ovnnb_db.sock", "southbound": f"unix:{place}/ovnsb_db.sock"}
    daemons = [
        server(NORTHBOUND, layout),
        server(SOUTHBOUND, layout),
        northd(layout, northbound=remotes["northbound"], southbound=remotes["southbound"]),
        controller(layout, ovsdb=vswitch.remote),
    ]
    with vswitch:
        initialised(vswitch)
        processes = [started(daemon.foreground, place, host) for daemon in daemons]
        try:
            for daemon, process in zip(daemons, processes, strict=True):
                assert answers(host, daemon), process.last_words()
            with Northbound.connect(remotes["northbound"], timeout=10) as nb:
                nb.sync(timeout=20)
            for daemon, process in zip(reversed(daemons), reversed(processes), strict=True):
                host.run(["ovn-appctl", "-t", daemon.control, "exit"])
                assert process.wait(10)
        finally:
            for process in processes:
                process.kill()


def test_directly_a_controller_runs_in_the_background(one: Members) -> None:
    host, place = one.host("s1"), one.place("s1")
    with Server(place / "conf.db", find_schema("vswitch.ovsschema"), run_dir=place, name="db") as vswitch:
        initialised(vswitch)
        daemon = controller(layout_of(host), ovsdb=vswitch.remote)
        host.run(list(daemon.direct))
        assert answers(host, daemon)
        host.run(["ovn-appctl", "-t", daemon.control, "exit"])


def test_a_service_that_systemd_starts(one: Members) -> None:
    units, programs = one.place("s1") / "units", one.place("s1") / "bin"
    for directory in (units, programs):
        directory.mkdir()
    (programs / "systemctl").write_text(SYSTEMCTL)
    (programs / "systemctl").chmod(0o755)
    path = f"PATH={programs}:{os.environ['PATH']}:/usr/sbin:/usr/bin"
    spec = one.spec(start="systemd")
    (member,) = spec.central.members
    access = (*one.access("s1"), path, f"SYSTEMD_UNIT_PATH={units}")
    member = attrs.evolve(member, access=access)
    spec = attrs.evolve(spec, central=attrs.evolve(spec.central, members=[member]))
    report = central.create(spec)
    assert report, str(report)
    assert sorted(path.name for path in units.glob("*.service")) == [
        "ovn-nb-db.service",
        "ovn-northd.service",
        "ovn-sb-db.service",
    ]
    asked = (units / "asked").read_text().splitlines()
    assert asked[:3] == ["daemon-reload", "enable ovn-nb-db", "restart ovn-nb-db"]
    assert answers(open_host(access, "s1"), northd(layout_of(open_host(access, "s1")), northbound="", southbound=""))
    with Northbound.connect(spec.central.northbound, timeout=10) as nb:
        nb.sync(timeout=20)
    assert {step.state for step in central.create(spec).steps} == {"already done"}


def test_the_unit_runs_what_runs_in_the_foreground() -> None:
    daemon = server(NORTHBOUND, Layout())
    lines = daemon.unit("/usr/sbin/ovsdb-server").splitlines()
    (command,) = [line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart=")]
    assert shlex.split(command) == ["/usr/sbin/ovsdb-server", *daemon.foreground[1:]]
    assert "Restart=on-failure" in lines


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_a_word_of_a_unit_is_one_word_in_which_nothing_is_replaced(text: str) -> None:
    daemon = northd(Layout(run=f"/{text}"), northbound="unix:a", southbound="unix:b")
    (line,) = [line for line in daemon.unit("/p").splitlines() if line.startswith("ExecStart=")]
    words = shlex.split(line.removeprefix("ExecStart=").replace("%%", "%").replace("$$", "$"))
    assert f"--pidfile=/{text}/ovn-northd.pid" in words


def test_listeners_are_rows_of_the_database_and_certificates_files() -> None:
    tls = TlsFiles("/k", "/c", "/a")
    layout = Layout(run="/r", databases="/d", logs="/l")
    plain, secure = server(SOUTHBOUND, layout), server(SOUTHBOUND, layout, tls=tls)
    for daemon in (plain, secure):
        assert "--remote=db:OVN_Southbound,SB_Global,connections" in daemon.arguments
        assert daemon.operands == ("/d/ovnsb_db.db",)
    assert "--private-key=db:OVN_Southbound,SSL,private_key" in plain.arguments
    assert {"--private-key=/k", "--certificate=/c", "--ca-cert=/a"} <= set(secure.arguments)
    assert create_command(NORTHBOUND, layout) == (
        "ovsdb-tool",
        "create",
        "/d/ovnnb_db.db",
        "/usr/share/ovn/ovn-nb.ovsschema",
    )
    assert join_command(NORTHBOUND, layout, raft="ssl:1:6643", others=["ssl:2:6643", "ssl:3:6643"]) == (
        "ovsdb-tool", "join-cluster", "/d/ovnnb_db.db", "OVN_Northbound", "ssl:1:6643", "ssl:2:6643", "ssl:3:6643",
    )  # fmt: skip
