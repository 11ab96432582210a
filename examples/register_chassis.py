"""Register this host as a chassis of OVN, and as a gateway where it has a provider bridge.

On the host itself, as root (its database is a Unix socket):

    python examples/register_chassis.py cmp1 --encap-ip 192.0.2.11 --remote tcp:192.0.2.10:6642
    python examples/register_chassis.py ctl --encap-ip 192.0.2.10 --remote tcp:192.0.2.10:6642 --gateway physnet1:br-ex

Run again it changes nothing. With --dry-run it only says what it would change.
"""

from __future__ import annotations

import argparse
import sys

from ovnkit import OvnkitError, VSwitch


def main() -> int:
    parser = argparse.ArgumentParser(description="Register this host as a chassis of OVN.")
    parser.add_argument("system_id", help="the name of the chassis; system-id.conf has to say the same")
    parser.add_argument("--encap-ip", required=True, help="the address of this host's tunnels")
    parser.add_argument("--remote", required=True, help="where the Southbound database is")
    parser.add_argument("--gateway", metavar="PHYSNET:BRIDGE", help="be a gateway, with this provider bridge")
    parser.add_argument("--dry-run", action="store_true", help="change nothing, say what would change")
    options = parser.parse_args()
    try:
        # One transaction: ovn-controller never sees half of it.
        with VSwitch.connect() as vswitch, vswitch.transaction(comment="register_chassis.py") as tx:
            tx.register_chassis(options.system_id, encap_ip=options.encap_ip, remote=options.remote)
            if options.gateway:
                physnet, _, bridge = options.gateway.partition(":")
                tx.add_bridge(bridge)
                tx.add_bridge_mapping(physnet, bridge)
                tx.enable_gateway()
            print(tx.changes())
            if options.dry_run:
                tx.discard()
    except OvnkitError as error:
        print(f"register_chassis.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
