"""Manager rows come and go one by one."""

from __future__ import annotations

import pytest

from ovnkit.errors import InvalidValue
from ovnkit.vswitch import Manager, OpenVSwitch, VSwitch
from tests.operations import check_operation

pytestmark = pytest.mark.filterwarnings("ignore::ovnkit.ovsdb.OpenToAll")

LOCAL = "ptcp:6640:127.0.0.1"


def test_a_manager_is_added_beside_others_and_removed(vs: VSwitch) -> None:
    vs.add_manager("punix:/run/other.sock")
    changes = check_operation(vs, lambda on, dry: on.add_manager(LOCAL, inactivity_probe=30000, dry_run=dry))
    manager = vs.get(Manager, target=LOCAL)
    assert changes.ref == manager.ref
    assert (manager.inactivity_probe, manager.max_backoff) == (30000, None)
    assert len(vs.get(OpenVSwitch).manager_options) == 2
    check_operation(vs, lambda on, dry: on.remove_manager(LOCAL, dry_run=dry))
    assert [row.target for row in vs.find(Manager)] == ["punix:/run/other.sock"]


def test_of_a_manager_that_is_there_only_what_is_said_changes(vs: VSwitch) -> None:
    vs.add_manager(LOCAL, inactivity_probe=30000)
    check_operation(vs, lambda on, dry: on.add_manager(LOCAL, max_backoff=2000, dry_run=dry))
    manager = vs.get(Manager, target=LOCAL)
    assert (manager.inactivity_probe, manager.max_backoff) == (30000, 2000)


@pytest.mark.parametrize("target", ["ptcp:6640", "ptcp:6640:0.0.0.0", "ptcp:6640:[::]", "tcp:10.0.0.1:6640"])
def test_plain_tcp_off_loopback_needs_to_be_asked_for(vs: VSwitch, target: str) -> None:
    with pytest.raises(InvalidValue, match="insecure=True"):
        check_operation(vs, lambda on, dry: on.add_manager(target, dry_run=dry))
    assert vs.add_manager(target, insecure=True)


@pytest.mark.parametrize("probe", [-1, 1, 999, 2**31])
def test_a_probe_that_the_server_would_change_is_refused(vs: VSwitch, probe: int) -> None:
    with pytest.raises(InvalidValue, match="milliseconds"):
        vs.add_manager(LOCAL, inactivity_probe=probe)
