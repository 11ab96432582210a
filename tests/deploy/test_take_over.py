"""Decisions of a take-over: what is the agent's, what is written down of it, and what a record says after a kill."""

from __future__ import annotations

import json
import stat
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from ovnkit import deploy
from ovnkit.deploy.agent import AGENT_CONTROLLER, Namespace, Service
from ovnkit.deploy.flows import parse_flows
from ovnkit.deploy.record import Record
from ovnkit.deploy.remains import BridgeBefore, PortBefore, Remains, agent_bridges, tunnel_bridge
from ovnkit.deploy.sequence import StepResult
from ovnkit.deploy.spec import HostSpec
from ovnkit.deploy.take_over_record import TakeOverRecord, note_given_back, read_take_over
from ovnkit.errors import InvalidValue, NeedsHost
from ovnkit.vswitch.patch_ports import classify
from ovnkit.vswitch.patch_state import BridgeState, HostState, PortState
from tests.deploy.site import Site

HOST = HostSpec(name="ctl", system_id="c1", encap_ip="192.0.2.1", access=["nsenter", "--net=/x"])
START = ("systemctl", "start", "ovn-controller")
BRIDGE = BridgeBefore("br-ex", {"fail_mode": "secure", "protocols": ["OpenFlow10"]}, ({"target": AGENT_CONTROLLER},))
PORT = PortBefore("int-br-ex", "br-int", {}, {"type": "patch", "options": {"peer": "phy-br-ex"}})
SERVICE = Service("unit", "neutron-openvswitch-agent", running=True, enabled=True)
REMAINS = Remains(
    bridges={"br-ex": attrs.evolve(BRIDGE, flows=("priority=0 actions=NORMAL",))},
    ports={"int-br-ex": PORT},
    veths={"int-br-ex": "phy-br-ex"},
    services=(SERVICE,),
    ovn_flows=True,
)


def patch(name: str, peer: str) -> PortState:
    return PortState(name=name, peer=peer, ofport=4)


def host(*bridges: BridgeState) -> HostState:
    return HostState(bridges=bridges, mappings={"physnet1": "br-ex"}, wanted={}, controller_running=True)


# -- what is the agent's ---------------------------------------------------------------------------------------------


def tunnels(*ports: PortState) -> HostState:
    return host(
        BridgeState(name="br-int", ports=(patch("patch-tun", "patch-int"),)),
        BridgeState(name="br-tun", ports=(PortState(name="br-tun", type="internal"), *ports)),
    )


def test_the_tunnel_bridge_is_the_agents_as_long_as_nothing_but_tunnels_is_on_it() -> None:
    inner = patch("patch-int", "patch-tun")
    for ports, name in (
        ((inner,), "br-tun"),
        ((inner, PortState(name="vxlan-1", type="vxlan")), "br-tun"),
        ((inner, PortState(name="eth5", type="")), None),
        ((), None),
    ):
        state = tunnels(*ports)
        assert tunnel_bridge(state, classify(state)) == name


def test_bridges_are_the_agents_by_controller_ports_or_flows_and_others_are_not_looked_at() -> None:
    flows = parse_flows("cookie=0x9f3ec1d40a7e5b26, priority=0 actions=NORMAL")
    free = host(BridgeState(name="br-int"), BridgeState(name="br-ex"), BridgeState(name="br-own"))

    def names(state: HostState, **of: str) -> list[str]:
        seen = {name.replace("_", "-"): flows for name in of}
        return [bridge.name for bridge in agent_bridges(state, classify(state), seen)]

    assert names(free) == []
    assert names(free, br_ex="", br_own="") == ["br-ex"]
    connected = host(
        BridgeState(name="br-int", controllers={AGENT_CONTROLLER: False}),
        BridgeState(name="br-ex", ports=(patch("phy-br-ex", "int-br-ex"),)),
        BridgeState(name="br-own", controllers={AGENT_CONTROLLER: True}),
    )
    assert names(connected) == ["br-int", "br-ex"]


# -- the record ------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ctl.undo"


def note(path: Path, *remains: Remains) -> None:
    with closing(TakeOverRecord(path, HOST, START)) as record:
        for one in remains:
            record.note(one)


def test_what_is_written_is_read_again_and_for_nobody_else(path: Path) -> None:
    note(path, REMAINS)
    found = read_take_over(path)
    assert found is not None
    assert (found.host, found.access, found.start, found.remains) == ("ctl", HOST.access, START, REMAINS)
    assert not found.finished
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_first_counts_and_what_comes_to_light_later_is_added(path: Path) -> None:
    note(path, REMAINS)
    size = path.stat().st_size
    half_done = attrs.evolve(REMAINS, ports={}, services=(), ovn_flows=False)
    note(path, half_done)
    assert path.stat().st_size == size, "nothing new"
    other = attrs.evolve(PORT, name="phy-br-ex", bridge="br-ex")
    changed = BridgeBefore("br-ex", {"fail_mode": "standalone"}, ())
    note(path, Remains(bridges={"br-ex": changed}, ports={"phy-br-ex": other}))
    found = read_take_over(path)
    assert found is not None
    assert found.remains == attrs.evolve(REMAINS, ports={"int-br-ex": PORT, "phy-br-ex": other})


def test_keys_lead_back_to_before_the_first_change_and_the_end_is_noted(path: Path) -> None:
    note(path, REMAINS)
    with closing(TakeOverRecord(path, HOST, START)) as record:
        record.note_keys({"ovn-remote": (None, "tcp:a:6642")})
        record.note_keys({"ovn-remote": ("tcp:a:6642", "tcp:b:6642")})
        record.note_finished()
    found = read_take_over(path)
    assert found is not None
    assert found.keys is not None
    assert found.keys.keys == {"ovn-remote": (None, "tcp:b:6642")}
    assert found.finished


def test_what_is_given_back_is_forgotten_and_may_be_taken_over_again(path: Path) -> None:
    note(path, REMAINS)
    note_given_back(path)
    assert read_take_over(path) is None
    assert not deploy.give_back(path).steps
    note(path, attrs.evolve(REMAINS, ports={}))
    found = read_take_over(path)
    assert found is not None
    assert found.remains.ports == {}


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_line_that_a_kill_has_cut_off_was_followed_by_nothing(path: Path, cut: int) -> None:
    note(path)
    head = path.stat().st_size
    note(path, REMAINS)
    path.write_bytes(path.read_bytes()[: head + cut])
    assert read_take_over(path) is None
    note(path, REMAINS)
    found = read_take_over(path)
    assert found is not None
    assert found.remains == REMAINS


def test_the_record_of_another_host_or_of_another_kind_is_refused(path: Path, tmp_path: Path) -> None:
    note(path, REMAINS)
    with pytest.raises(InvalidValue, match="a record of host cmp1"):
        TakeOverRecord(path, attrs.evolve(HOST, name="cmp1"), START)
    other = tmp_path / "apply.undo"
    Record(other).close()
    with pytest.raises(InvalidValue, match="take-over record"):
        deploy.give_back(other)
    with pytest.raises(InvalidValue, match="undo record"):
        deploy.undo(path)


@pytest.mark.parametrize("line", ["{}", '{"host": "ctl"}', '{"remains": {}}', '{"remains": {"bridges": 5}}'])
def test_a_line_that_nobody_has_written_is_refused(path: Path, line: str) -> None:
    note(path, REMAINS)
    path.write_bytes(path.read_bytes() + line.encode() + b"\n")
    with pytest.raises(InvalidValue, match="take-over record"):
        read_take_over(path)


def test_a_record_is_lines_of_json(path: Path) -> None:
    note(path, REMAINS)
    first, second = (json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line)
    assert first == {"format": "ovnkit take-over record 1"}
    assert second["remains"]["ports"]["int-br-ex"]["interface"] == PORT.interface


# -- without a host beyond the database ------------------------------------------------------------------------------


def test_without_access_nothing_is_changed_and_the_command_is_named(site: Site, path: Path) -> None:
    with site.vswitch("ctl") as vs:
        vs.add_bridge("br-int")
    before = site.everything()
    with pytest.raises(NeedsHost, match="by hand: "):
        deploy.take_over(site.spec(), "ctl", undo_record=path, dry_run=True, timeout=5)
    assert not path.exists()
    report = deploy.take_over(site.spec(), "ctl", undo_record=path, timeout=5)
    assert isinstance(report.problem, NeedsHost)
    assert report.given_back is None
    assert read_take_over(path) is None
    assert site.everything() == before


def test_a_host_that_the_spec_does_not_have_is_named(site: Site, path: Path) -> None:
    with pytest.raises(KeyError, match="no host 'nobody'"):
        deploy.take_over(site.spec(), "nobody", undo_record=path)
    with pytest.raises(KeyError, match="no host 'nobody'"):
        deploy.reconcile(site.spec(), "nobody")


def test_a_report_says_what_is_left_and_what_became_of_the_way_back() -> None:
    report = deploy.TakeOverReport(
        "ctl: take over",
        (StepResult("a step", "done", 0.1),),
        namespaces=(Namespace("qrouter-1"), Namespace("qdhcp-2", (7, 8))),
        given_back=deploy.SequenceReport("ctl: give back", (StepResult("it", "done", 0.2),)),
    )
    assert str(report).split("\n") == [
        "ctl: take over",
        "  done          a step (0.1 s)",
        "  left          namespace qrouter-1",
        "  left          namespace qdhcp-2, 2 processes run in it",
        "ctl: give back",
        "  done          it (0.2 s)",
    ]
