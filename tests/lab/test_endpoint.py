"""Commands, pings and transfers inside of namespaces say what happened."""

from __future__ import annotations

import subprocess
import time

import pytest

from ovnkit.errors import LabError, Timeout
from ovnkit.lab import Lab, PingResult, Transfer


def test_a_ping_result_is_true_when_all_were_answered() -> None:
    assert PingResult("10.0.0.1", 2, (1.0, 3.0))
    assert not PingResult("10.0.0.1", 2, (1.0,))
    assert not PingResult("10.0.0.1", 1, ())


def test_a_ping_result_prints_its_numbers() -> None:
    assert str(PingResult("10.0.0.1", 2, (1.0, 3.0))) == "10.0.0.1: 2 of 2 answered, 2.00 ms"
    assert str(PingResult("10.0.0.1", 1, ())) == "10.0.0.1: 0 of 1 answered"


def test_a_transfer_tells_its_speed() -> None:
    assert str(Transfer(10_000_000, 0.5)) == "10.0 MB in 0.50 s, 160 Mbit/s"


@pytest.mark.lab
class TestInALab:
    def test_a_command_runs_inside(self, cluster: Lab) -> None:
        assert cluster.outside.address in cluster.outside.run(["ip", "address"]).stdout

    def test_a_string_is_run_by_the_shell(self, cluster: Lab) -> None:
        assert cluster.outside.run("echo one; echo two").stdout == "one\ntwo\n"

    def test_a_command_that_fails_is_an_error_with_what_it_said(self, cluster: Lab) -> None:
        with pytest.raises(LabError, match=r"echo no >&2; exit 3 ended with status 3: no"):
            cluster.outside.run("echo no >&2; exit 3")

    def test_unchecked_its_status_is_returned(self, cluster: Lab) -> None:
        assert cluster.outside.run("exit 3", check=False).returncode == 3

    def test_a_command_that_takes_too_long_is_ended_with_its_children(self, cluster: Lab) -> None:
        began = time.monotonic()
        with pytest.raises(Timeout, match=r"sleep 61\.5"):
            cluster.outside.run("sleep 61.5 & sleep 61.5", timeout=0.2)
        assert time.monotonic() - began < 5
        assert subprocess.run(["pgrep", "-f", "^sleep 61.5"], capture_output=True, check=False).stdout == b""

    def test_a_ping_that_nobody_answers_is_false(self, cluster: Lab) -> None:
        result = cluster.outside.ping("203.0.113.250", timeout=0.2)
        assert not result
        assert result.received == 0

    def test_waiting_for_a_ping_ends_with_a_timeout(self, cluster: Lab) -> None:
        with pytest.raises(Timeout, match=r"203\.0\.113\.250"):
            cluster.outside.wait_ping("203.0.113.250", timeout=0.3)

    def test_tcp_to_a_closed_port_is_an_error(self, cluster: Lab) -> None:
        with pytest.raises(LabError, match="Connection refused"):
            cluster.outside.tcp(cluster.outside.address, 9)

    def test_tcp_that_is_not_answered_is_an_error_in_time(self, cluster: Lab) -> None:
        began = time.monotonic()
        with pytest.raises(LabError):
            cluster.outside.tcp("203.0.113.250", 9, timeout=0.5)
        assert time.monotonic() - began < 5

    def test_a_port_that_is_taken_is_an_error(self, cluster: Lab) -> None:
        outside = cluster.outside
        with outside.listen(5001), pytest.raises(LabError, match="Address already in use"), outside.listen(5001):
            pass

    def test_a_page_is_served_and_read(self, cluster: Lab) -> None:
        with cluster.outside.serve("you are {client} at {path}", port=8080):
            said = cluster.outside.http(f"http://{cluster.outside.address}:8080/x")
        assert said == f"you are {cluster.outside.address} at /x"

    def test_hosts_know_their_own_database(self, cluster: Lab) -> None:
        host = cluster.host("cmp1")
        assert host.run("ovs-vsctl br-exists br-phy").returncode == 0
        assert "web" in host.run("ovn-nbctl ls-list").stdout

    def test_what_is_not_there_is_an_error_that_names_what_is(self, cluster: Lab) -> None:
        with pytest.raises(LabError, match="no host cmp9; there are: ctl, cmp1, cmp2"):
            cluster.host("cmp9")
        with pytest.raises(LabError, match="no virtual machine none"):
            cluster.vm("none")
