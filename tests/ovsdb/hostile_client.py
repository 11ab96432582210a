"""A client in a process of its own, whose memory is measured: ``python -m tests.ovsdb.hostile_client REMOTE``.

It answers each line of its input, a name, with a line of JSON once it shows a Child of that name, or says why not.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path

from ovnkit.errors import OvnkitError
from tests.ovsdb.kinds import Child, KindsClient


def megabytes(name: str) -> float:
    """A figure of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


def main() -> None:
    with KindsClient.connect(sys.argv[1], timeout=20) as client:
        print(json.dumps({"state": client.state}), flush=True)
        for line in sys.stdin:
            # From here on the peak is counted anew.
            gc.collect()
            Path("/proc/self/clear_refs").write_text("5")
            before = megabytes("VmRSS")
            print(json.dumps({"before": before}), flush=True)
            name = line.strip()
            try:
                client.wait(Child, name=name, timeout=20)
                failure = ""
            except OvnkitError as exc:
                failure = str(exc)
            peak = megabytes("VmHWM") - before
            gc.collect()
            kept = megabytes("VmRSS") - before
            answer = {"failure": failure, "peak": peak, "kept": kept, "state": client.state}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
