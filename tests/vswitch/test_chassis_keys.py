"""The keys of ovn-controller(8): which there are, what may be in them, and which form of a key counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.errors import InvalidValue
from ovnkit.vswitch.chassis_keys import CHASSIS_KEYS, check_option, check_system_id, effective, effective_key

GOOD = {
    "system-id": ["hv1", "2a0de0a1-5b0d-4d0f-9a0e-8a8b0a7a2c11", "a/b;c"],
    "hostname": ["cmp1", "cmp1.example.org"],
    "ovn-remote": ["tcp:10.0.0.1:6642", "ssl:[fd00::1]:6642,unix:/run/ovn/ovnsb_db.sock"],
    "ovn-remote-probe-interval": ["0", "1000", "60000"],
    "ovn-encap-type": ["geneve", "geneve,vxlan", "stt"],
    "ovn-encap-ip": ["10.0.0.1", "10.0.0.1,fd00::1"],
    "ovn-encap-ip-default": ["10.0.0.1"],
    "ovn-encap-csum": ["true", "false"],
    "ovn-encap-tos": ["inherit", "0", "255"],
    "ovn-monitor-all": ["true", "True", "false"],
    "ovn-bridge": ["br-int"],
    "ovn-bridge-datapath-type": ["system", "netdev"],
    "ovn-bridge-mappings": ["physnet1:br-ex,physnet2:br-b"],
    "ovn-chassis-mac-mappings": ["physnet1:aa:bb:cc:dd:ee:ff,physnet2:a1:b2:c3:d4:e5:f6"],
    "ovn-cms-options": ["enable-chassis-as-gw,availability-zones=az1:az2"],
    "ovn-transport-zones": ["tz1,tz2"],
    "ovn-trim-wmark-perc-lflow-cache": ["0", "100"],
    "ct-zone-range": ["1-65535", "7-7"],
    "ovn-evpn-vxlan-ports": ["4789,4790"],
    "ovn-evpn-local-ip": ["10.0.0.1", "10-10.0.0.1,20-fd00::1"],
    "ovn-bridge-remote": ["unix:/run/br-int.mgmt", "tcp:127.0.0.1:6653"],
    "dynamic-routing-port-mapping": ["lsp1=eth1,lsp2=eth2"],
    "ovn-openflow-probe-interval": ["0", "5"],
}
BAD = {
    "hostname": ["", "a b", "-a"],
    "ovn-remote": ["10.0.0.1:6642", "tcp:", "tcp:10.0.0.1:99999", "ptcp:6642", "tcp:10.0.0.1:6642,", "tcp:10.0.0.1"],
    "ovn-remote-probe-interval": ["999", "-1", "1.5", "5s", "01000", "²", "2147483648"],
    "ovn-encap-type": ["GENEVE", "gre"],
    "ovn-encap-ip": ["10.0.0.256", "10.0.0.1/24"],
    "ovn-encap-ip-default": ["10.0.0.1,10.0.0.2"],
    "ovn-encap-csum": ["True", "yes"],
    "ovn-encap-tos": ["256", "0x10"],
    "ovn-monitor-all": ["yes", "1", " true"],
    "ovn-bridge": ["br int", "sixteen-letters-"],
    "ovn-bridge-datapath-type": ["dpdk"],
    "ovn-bridge-mappings": ["physnet1", "a:b, c:d"],
    "ovn-chassis-mac-mappings": ["physnet1", "physnet1:aa:bb:cc:dd:ee", "physnet1:zz:bb:cc:dd:ee:ff"],
    "ovn-cms-options": ["a,,b", "a, b"],
    "ovn-transport-zones": ["tz1,,tz2", "tz1, tz2"],
    "ovn-trim-wmark-perc-lflow-cache": ["101"],
    "ct-zone-range": ["0-5", "5-4", "1-65536", "5"],
    "ovn-evpn-vxlan-ports": ["0", "65536", "4789;4790"],
    "ovn-evpn-local-ip": ["x", "16777216-10.0.0.1"],
    "ovn-bridge-remote": ["br-int"],
    "dynamic-routing-port-mapping": ["lsp1", "=eth1"],
    "ovn-openflow-probe-interval": ["4"],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in GOOD.items() for value in values])
def test_a_good_value_is_written_as_it_is(key: str, value: str) -> None:
    assert check_option(key, value) == value


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in BAD.items() for value in values])
def test_a_bad_value_is_refused_under_its_own_key(key: str, value: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        check_option(key, value)
    assert (caught.value.table, caught.value.column) == ("Open_vSwitch", f"external_ids:{key}")
    assert caught.value.allowed


def test_addresses_and_remotes_are_written_in_canonical_form() -> None:
    assert check_option("ovn-encap-ip", "FD00:0::1") == "fd00::1"
    assert check_option("ovn-remote", "tcp:10.0.0.1:6642, tcp:10.0.0.2:6642") == "tcp:10.0.0.1:6642,tcp:10.0.0.2:6642"


def test_an_unknown_key_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(InvalidValue, match="did you mean 'ovn-encap-df_default'"):
        check_option("ovn-encap-df-default", "true")


@pytest.mark.parametrize("key", sorted(CHASSIS_KEYS))
def test_the_default_of_a_key_is_a_good_value_of_it(key: str) -> None:
    default = CHASSIS_KEYS[key].default
    if default:
        assert check_option(key, default) == default
    else:
        with pytest.raises(InvalidValue):
            check_option(key, "")


def test_a_key_knows_the_releases_that_read_it() -> None:
    assert [CHASSIS_KEYS["ovn-set-local-ip"].read_by(release) for release in ("21.12", "22.03", "24.03", "24.09")] == [
        False, True, True, False,
    ]  # fmt: skip
    assert CHASSIS_KEYS["ovn-encap-ip"].read_by("26.03.1")


@pytest.mark.parametrize(
    "system_id", ["default", "mappings", "remote", "datapath-type", "remote-probe-interval", "probe-interval"]
)
def test_a_chassis_named_like_the_suffix_of_a_key_is_refused(system_id: str) -> None:
    with pytest.raises(InvalidValue, match="no suffix of a key"):
        check_system_id(system_id)


@pytest.mark.parametrize("system_id", ["", "random", "a b", "a@b", "a%b", "a,b", "a:b", "-a", "é", "a\n", "x" * 65])
def test_a_system_id_that_breaks_tunnel_names_or_files_is_refused(system_id: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        check_system_id(system_id)
    assert caught.value.column == "external_ids:system-id"


@given(st.from_regex(r"[A-Za-z0-9_./-]{1,64}", fullmatch=True), st.sampled_from(sorted(CHASSIS_KEYS)))
def test_no_key_of_an_accepted_chassis_is_the_key_of_an_option(system_id: str, key: str) -> None:
    try:
        check_system_id(system_id)
    except InvalidValue:
        return
    external_ids = dict.fromkeys(CHASSIS_KEYS, "bare")
    assert effective(external_ids, key, system_id) == "bare"


def test_the_key_of_the_chassis_beats_the_bare_one() -> None:
    external_ids = {"ovn-bridge": "br-int", "ovn-bridge-hv1": "br-hv1"}
    assert effective(external_ids, "ovn-bridge", "hv1") == "br-hv1"
    assert effective_key(external_ids, "ovn-bridge", "hv1") == "ovn-bridge-hv1"
    assert effective(external_ids, "ovn-bridge", "hv2") == "br-int"
    assert effective(external_ids, "ovn-bridge", None) == "br-int"
    assert effective({}, "ovn-bridge", "hv1") is None


def test_a_key_without_suffix_form_is_read_bare() -> None:
    assert effective({"system-id": "hv1", "system-id-hv1": "x"}, "system-id", "hv1") == "hv1"
