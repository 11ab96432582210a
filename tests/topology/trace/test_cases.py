"""What trace() says of each case, on databases and northd alone; tests/lab/test_trace.py asks real packets."""

from __future__ import annotations

import pytest

from ovnkit.topology.trace import trace
from tests.topology.trace.cases import CASES, Case
from tests.topology.trace.site import StoodIn


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_verdict_and_the_row_are_those_of_the_fault(site: StoodIn, case: Case) -> None:
    with case.fault(site) as row:
        site.sync()
        found = trace(site.nb, site.sb, case.source, case.target, tcp=case.tcp, ttl=case.ttl)
    assert found.verdict == case.verdict, found
    if case.verdict == "delivered":
        assert found.row is None
        assert found.exit_code == 0
    else:
        assert found.row is not None, found
        assert found.row.uuid == row, found
        assert found.deciding.direction == case.way
        assert found.exit_code == 1
