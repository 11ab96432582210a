"""ovn-controller on a host: asked, ended and started, and programs that are in Kolla's containers."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ovnkit.deploy.daemons import controller_runs, end_controller, restart_controller, run_program, start_controller
from ovnkit.deploy.host import CommandHost
from ovnkit.errors import HostFailed, Timeout

# It answers no more at once, and has ended half a second later.
_APPCTL = """\
#!/bin/sh
echo "$@" >>{directory}/asked
case $3 in
version) [ -e {directory}/answers ] || {{ echo "cannot connect (No such file or directory)" >&2; exit 1; }} ;;
exit) rm {directory}/answers; (sleep 0.5; kill "$(cat {directory}/ovn-controller.pid)") >/dev/null 2>&1 & ;;
esac
"""
START = ("sh", "-c", "echo start >>$OVN_RUNDIR/asked; : >$OVN_RUNDIR/answers")


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@attrs.frozen
class Controlled:
    """A host whose ovn-controller is a process that sleeps."""

    host: CommandHost
    process: subprocess.Popen[bytes]
    directory: Path

    @property
    def asked(self) -> list[str]:
        return (self.directory / "asked").read_text().splitlines()


@pytest.fixture
def controlled(tmp_path: Path) -> Iterator[Controlled]:
    program(tmp_path / "ovn-appctl", _APPCTL.format(directory=tmp_path))
    (tmp_path / "answers").touch()
    host = CommandHost("ctl", ("env", f"PATH={tmp_path}:/usr/bin:/bin", f"OVN_RUNDIR={tmp_path}"))
    # Ended, it is waited for by the shell.
    with subprocess.Popen(["sh", "-c", f"sleep 60 & echo $! >{tmp_path}/ovn-controller.pid; wait"]) as child:
        while not (tmp_path / "ovn-controller.pid").exists() or not (tmp_path / "ovn-controller.pid").read_text():
            time.sleep(0.01)
        yield Controlled(host, child, tmp_path)
        child.kill()


def test_it_is_waited_for_until_its_process_has_ended(controlled: Controlled) -> None:
    assert controller_runs(controlled.host)
    began = time.monotonic()
    end_controller(controlled.host, START, timeout=10)
    assert time.monotonic() - began > 0.4
    assert controlled.process.wait(2) is not None
    assert not controller_runs(controlled.host)
    assert "-t ovn-controller exit" in controlled.asked
    end_controller(controlled.host, START, timeout=10)
    assert sum("exit" in line for line in controlled.asked) == 1


def test_a_restart_leaves_rows_and_flows_and_starts_when_the_last_one_has_ended(controlled: Controlled) -> None:
    restart_controller(controlled.host, START, timeout=10)
    asked = [line for line in controlled.asked if "version" not in line]
    assert asked == ["-t ovn-controller exit --restart", "start"]
    assert controlled.process.poll() is not None
    assert controller_runs(controlled.host)


def test_a_start_that_came_to_nothing_is_tried_again(controlled: Controlled) -> None:
    (controlled.directory / "answers").unlink()
    second = "cd $OVN_RUNDIR; echo start >>asked; [ $(grep -c start asked) = 2 ] && : >answers; :"
    start_controller(controlled.host, ["sh", "-c", second], timeout=10)
    assert controlled.asked.count("start") == 2


def test_one_that_does_not_come_is_a_timeout(controlled: Controlled) -> None:
    (controlled.directory / "answers").unlink()
    with pytest.raises(Timeout, match="ovn-controller of ctl to answer"):
        start_controller(controlled.host, ["true"], timeout=0.3)
    with pytest.raises(Timeout):
        start_controller(controlled.host, (), timeout=0.3)


def test_what_the_host_has_not_is_run_in_kollas_container(tmp_path: Path) -> None:
    program(tmp_path / "docker", '#!/bin/sh\necho "$@"\n')
    host = CommandHost("ctl", ("env", f"PATH={tmp_path}"))
    (tmp_path / "sh").symlink_to("/bin/sh")
    said = run_program(host, ["ovs-ofctl", "dump-flows", "br-int"])
    assert said == "exec -i openvswitch_vswitchd ovs-ofctl dump-flows br-int\n"
    said = run_program(host, ["ovn-appctl", "-t", "ovn-controller", "version"])
    assert said == "exec -i ovn_controller ovn-appctl -t ovn-controller version\n"


def test_a_host_without_the_programs_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    host = CommandHost("ctl", ("env", f"PATH={tmp_path}"))
    with pytest.raises(HostFailed, match="ended with status 127"):
        controller_runs(host)
