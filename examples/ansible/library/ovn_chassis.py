"""The Ansible module ``ovn_chassis``: ovnkit makes the host on which it runs a chassis of OVN."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ovnkit import Tls
    from ovnkit.deploy import FileChange
    from ovnkit.ovsdb import Changes

DOCUMENTATION = """
module: ovn_chassis
short_description: Make this host a chassis of OVN
description:
  - Sets what ovn-controller(8) reads from the Open_vSwitch database of this host, in one transaction.
  - Looks up in the Southbound database that no other chassis has this name or this tunnel address.
  - Takes away what it has set itself and is asked for no more; what others have set stays.
  - Where O(ovsdb) is a Unix socket and this host has C(/etc/openvswitch), C(system-id.conf) there says the same as
    O(system_id), for ovs-ctl(8) goes by that.
requirements:
  - ovnkit, for the Python that runs modules on this host
options:
  state:
    description: With V(absent), all keys that ovnkit has set are taken away. Stop ovn-controller first.
    choices: [present, absent]
    default: present
  system_id:
    description: The name of the chassis. Required where O(state=present).
    type: str
  encap_ip:
    description: The address of this host's tunnels. Required where O(state=present).
    type: str
  encap_type:
    description: V(geneve), V(vxlan), or both with a comma.
    type: str
    default: geneve
  remote:
    description: Where the Southbound database is, several servers with commas. Required where O(state=present).
    type: str
  insecure:
    description: Permits plain C(tcp:) to another host.
    type: bool
    default: false
  gateway:
    description: Whether this chassis may carry gateways.
    type: bool
    default: false
  bridge_mappings:
    description: The bridge of each physical network.
    type: dict
    default: {}
  availability_zones:
    description: The zones that Neutron knows this host by.
    type: list
    elements: str
    default: []
  options:
    description: Further keys of ovn-controller(8), such as C(ovn-monitor-all).
    type: dict
    default: {}
  ovsdb:
    description: Where this host's own database is; the socket of the distribution where it is left out.
    type: str
  tls:
    description: The PEM files for C(ssl:) in O(remote) and O(ovsdb).
    type: dict
    suboptions:
      key:
        description: The file of the private key.
        type: path
        required: true
      cert:
        description: The file of the certificate.
        type: path
        required: true
      ca:
        description: The file of the CA that has signed the servers' certificates.
        type: path
        required: true
      server_name:
        description: The name in the servers' certificates, where that is not the one in the connection string.
        type: str
  timeout:
    description: Seconds for the Southbound database, and as many for this host's own.
    type: float
    default: 30
"""

EXAMPLES = """
- name: A chassis
  ovn_chassis:
    system_id: cmp1
    encap_ip: 192.0.2.11
    remote: ssl:192.0.2.10:6642
    tls:
      key: /etc/ovn/cmp1-privkey.pem
      cert: /etc/ovn/cmp1-cert.pem
      ca: /etc/ovn/cacert.pem

- name: A gateway
  ovn_chassis:
    system_id: ctl
    encap_ip: 192.0.2.10
    remote: tcp:192.0.2.10:6642
    insecure: true
    gateway: true
    bridge_mappings:
      physnet1: br-ex
"""

RETURN = """
changes:
  description: What was changed, or with C(--check) would be, a line for each key and file.
  returned: success
  type: list
  elements: str
  sample: ["+ Open_vSwitch external_ids:ovn-encap-ip = 192.0.2.11"]
error:
  description: The class of ovnkit's error; C(msg) has what it says.
  returned: failure
  type: str
  sample: Conflict
"""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "state": {"choices": ["present", "absent"], "default": "present"},
    "system_id": {},
    "encap_ip": {},
    "encap_type": {"default": "geneve"},
    "remote": {},
    "insecure": {"type": "bool", "default": False},
    "gateway": {"type": "bool", "default": False},
    "bridge_mappings": {"type": "dict", "default": {}},
    "availability_zones": {"type": "list", "elements": "str", "default": []},
    "options": {"type": "dict", "default": {}},
    "ovsdb": {},
    "tls": {
        "type": "dict",
        "options": {
            # The name of a file, not the key.
            "key": {"type": "path", "required": True, "no_log": False},
            "cert": {"type": "path", "required": True},
            "ca": {"type": "path", "required": True},
            "server_name": {},
        },
    },
    "timeout": {"type": "float", "default": 30.0},
}
REQUIRED = [("state", "present", ["system_id", "encap_ip", "remote"])]
# A plan reads Southbound and the hosts; a spec has both central databases.
NORTHBOUND = "unix:not-asked"
HOST = "localhost"
PARAMETERS = {"central.southbound": "remote", "encap.type": "encap_type"}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, required_if=REQUIRED, supports_check_mode=True)
    try:
        answer = carry_out(module.params, check_mode=module.check_mode)
    except ModuleNotFoundError as error:
        module.fail_json(msg=missing_required_lib(error.name), exception=traceback.format_exc())
    else:
        answer_with = module.fail_json if "error" in answer else module.exit_json
        answer_with(**answer)


def carry_out(parameters: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """What the module answers."""
    from ovnkit import OvnkitError, Tls
    from ovnkit.errors import SpecError

    change = make_chassis if parameters["state"] == "present" else remove_chassis
    try:
        tls = None if parameters["tls"] is None else Tls(**parameters["tls"])
        changes, files = change(parameters, tls, check_mode=check_mode)
    except SpecError as error:
        # By the name that it has here.
        key = PARAMETERS.get(error.key, error.key.removeprefix(f"host.{HOST}."))
        error = SpecError(key=key, value=error.value, allowed=error.allowed)
        return {"msg": str(error), "error": "SpecError"}
    except OvnkitError as error:
        return {"msg": str(error), "error": type(error).__name__}
    lines = [*map(str, files), *(str(changes).splitlines() if changes else ())]
    return {"changed": bool(lines), "changes": lines, "diff": difference(changes, files)}


def make_chassis(
    parameters: dict[str, Any], tls: Tls | None, *, check_mode: bool
) -> tuple[Changes, tuple[FileChange, ...]]:
    """A deployment of one host, which is this one."""
    from ovnkit import deploy

    ovsdb: str | None = parameters["ovsdb"]
    host = deploy.HostSpec(
        name=HOST,
        system_id=parameters["system_id"],
        encap_ip=parameters["encap_ip"],
        ovsdb=ovsdb,
        access="local" if ovsdb is None or ovsdb.startswith("unix:") else None,
        gateway=parameters["gateway"],
        bridge_mappings=parameters["bridge_mappings"],
        availability_zones=parameters["availability_zones"],
        options=parameters["options"],
    )
    spec = deploy.Spec(
        central=deploy.Central(northbound=NORTHBOUND, southbound=parameters["remote"], insecure=parameters["insecure"]),
        encap=deploy.Encap(type=parameters["encap_type"]),
        hosts=[host],
    )
    plan = deploy.plan(spec, tls=tls, timeout=parameters["timeout"])
    (result,) = plan.hosts
    if result.problem is None and result.changed and not check_mode:
        (result,) = plan.apply().hosts
    if result.problem is not None:
        raise result.problem
    return result.changes, tuple(change for change in result.files if isinstance(change, deploy.FileChange))


def remove_chassis(
    parameters: dict[str, Any], tls: Tls | None, *, check_mode: bool
) -> tuple[Changes, tuple[FileChange, ...]]:
    """Take away what ovnkit has set on this host."""
    from ovnkit import VSwitch

    with VSwitch.connect(parameters["ovsdb"], tls=tls, timeout=parameters["timeout"]) as vswitch:
        if check_mode:
            return vswitch.unregister_chassis(dry_run=True), ()
        comment = "ovn_chassis state=absent"
        return vswitch.transact(lambda tx: tx.unregister_chassis(), comment, durable=True), ()


def difference(changes: Changes, files: Iterable[FileChange]) -> dict[str, Any]:
    """Before and after, as ``ansible-playbook --diff`` shows them: of the database, only the keys that change."""
    pairs: list[tuple[str, str | None, str | None]] = [(file.path, file.before, file.after) for file in files]
    for change in changes:
        old, new = change.before or {}, change.after or {}
        pairs += [(key, old.get(key), new.get(key)) for key in {*old, *new} if old.get(key) != new.get(key)]
    return {
        "before": {name: before for name, before, _ in pairs if before is not None},
        "after": {name: after for name, _, after in pairs if after is not None},
        "before_header": "Open_vSwitch",
        "after_header": "Open_vSwitch",
    }


if __name__ == "__main__":
    main()
