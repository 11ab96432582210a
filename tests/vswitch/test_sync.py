"""Waiting for ovs-vswitchd."""

from __future__ import annotations

import threading
import time

import pytest

from ovnkit.errors import Timeout
from ovnkit.vswitch import OpenVSwitch, VSwitch


def test_without_ovs_vswitchd_it_ends_with_the_timeout(vs: VSwitch) -> None:
    began = time.monotonic()
    with pytest.raises(Timeout, match="ovs-vswitchd to reach configuration 1"):
        vs.sync(timeout=0.2)
    assert 0.15 < time.monotonic() - began < 2


def test_it_waits_until_the_configuration_is_carried_out(vs: VSwitch) -> None:
    done = threading.Event()

    def carry_out() -> None:
        row = vs.wait(OpenVSwitch, next_cfg=1, timeout=5)
        with vs.transaction() as tx:
            tx.update(tx[row.ref], cur_cfg=1)
        done.set()

    thread = threading.Thread(target=carry_out)
    thread.start()
    vs.sync(timeout=5)
    thread.join()
    assert done.is_set()
    assert vs.get(OpenVSwitch).cur_cfg == 1
