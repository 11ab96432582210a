"""Deploy OVN on the hosts that a TOML file describes: show the plan, apply it, look whether it came true.

    python examples/deploy_cluster.py examples/cluster.toml             what would change, host by host
    python examples/deploy_cluster.py examples/cluster.toml --apply     change it, and verify

Exit status: 0 all is as the file says, 2 there is something to apply, 1 it failed. Apply as often as you like.
"""

from __future__ import annotations

import argparse
import sys

from ovnkit import OvnkitError, deploy


def main() -> int:
    parser = argparse.ArgumentParser(description="Deploy OVN on the hosts that a TOML file describes.")
    parser.add_argument("spec", help="the TOML file")
    parser.add_argument("--apply", action="store_true", help="carry the plan out and verify what came of it")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds, for each step")
    options = parser.parse_args()
    try:
        spec = deploy.load(options.spec)
        plan = deploy.plan(spec, timeout=options.timeout)
        if not options.apply:
            print(plan)
            return 1 if not plan.ok else 2 if plan else 0
        report = plan.apply()
        print(report)
        verification = deploy.verify(spec, timeout=options.timeout)
        print(verification)
        return 0 if report.ok and verification.ok else 1
    except (OvnkitError, OSError) as error:
        print(f"deploy_cluster.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
