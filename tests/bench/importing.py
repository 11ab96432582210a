"""What an import costs, beyond what is needed anyway."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from tests.bench.children import ROOT
from tests.bench.table import OURS, OVSDBAPP, Line, Verdict

__all__ = ["measure"]

_SCRIPT = """
import time
{before}
began = time.perf_counter()
{timed}
print(time.perf_counter() - began)
"""
_ANYWAY = "import ovs.db.idl, attrs, msgspec"
_USED = "from ovnkit import Northbound\nfrom ovnkit.northbound import LogicalSwitch"
_RIVAL = "from ovsdbapp.backend.ovs_idl import connection\nfrom ovsdbapp.schema.ovn_northbound import impl_idl"


def measure(times: int) -> list[Line]:
    """The median of several new processes, after one that leaves the compiled files behind."""
    used = {OURS: _median(_USED, _ANYWAY, times), OVSDBAPP: _median(_RIVAL, _ANYWAY, times)}
    alone = {OURS: _median("import ovnkit", "", times)}
    return [
        Line("import of Northbound and a row class", "ms", used, (Verdict.at_most(60, used[OURS], "ms"),)),
        Line("import ovnkit alone", "ms", alone, (Verdict.at_most(20, alone[OURS], "ms"),)),
    ]


def _median(timed: str, before: str, times: int) -> float:
    script = _SCRIPT.format(before=before, timed=timed)
    spent: list[float] = []
    with tempfile.TemporaryDirectory() as compiled:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        for number in range(times + 1):
            command = [sys.executable, "-c", script]
            done = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
            if number:
                spent.append(float(done.stdout) * 1000)
    return statistics.median(spent)
