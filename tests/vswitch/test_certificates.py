"""The one SSL row of a host: set, changed and taken away, beside what else is in the database."""

from __future__ import annotations

import pytest

from ovnkit import VSwitch
from ovnkit.errors import InvalidValue
from ovnkit.vswitch import SSL, OpenVSwitch
from tests.operations import check_operation

FILES = {"private_key": "/etc/ovn/key.pem", "certificate": "/etc/ovn/cert.pem", "ca_cert": "/etc/ovn/ca.pem"}


def test_files_are_named_changed_and_forgotten(vs: VSwitch) -> None:
    check_operation(vs, lambda on, dry: on.set_ssl(**FILES, dry_run=dry))
    row = vs.get(SSL)
    assert (row.private_key, row.certificate, row.ca_cert) == tuple(FILES.values())
    assert vs.get(OpenVSwitch).ssl == row.ref
    changes = check_operation(vs, lambda on, dry: on.set_ssl(**{**FILES, "ca_cert": "/etc/other.pem"}, dry_run=dry))
    assert [(change.column, change.after) for change in changes] == [("ca_cert", "/etc/other.pem")]
    assert vs.get(SSL).uuid == row.uuid
    check_operation(vs, lambda on, dry: on.unset_ssl(dry_run=dry))
    assert vs.find(SSL) == []
    assert not vs.unset_ssl()


@pytest.mark.parametrize("path", ["key.pem", "", "/etc/\nkey.pem"])
def test_a_path_that_no_daemon_finds_is_refused(vs: VSwitch, path: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        vs.set_ssl(private_key=path, certificate=FILES["certificate"], ca_cert=FILES["ca_cert"])
    assert (caught.value.table, caught.value.column) == ("SSL", "private_key")
    assert vs.find(SSL) == []
