"""What a host tells its ovn-controller is read as ovn-controller reads it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ovnkit.vswitch import VSwitch
from ovnkit.vswitch.chassis_config import chassis_config
from ovnkit.vswitch.chassis_keys import CHASSIS_KEYS


def test_everything_is_in_one_object(vs: VSwitch) -> None:
    vs.register_chassis(
        "hv1",
        encap_ip="10.0.0.2,fd00::2",
        remote="ssl:10.0.0.1:6642,ssl:10.0.0.3:6642",
        encap_type="geneve,vxlan",
        hostname="one.example",
        options={"ovn-monitor-all": "true", "ovn-cms-options": "a"},
    )
    vs.enable_gateway()
    vs.add_bridge_mapping("physnet1", "br-ex")
    config = vs.chassis_config()
    assert config.registered
    assert (config.system_id, config.hostname) == ("hv1", "one.example")
    assert config.remotes == ("ssl:10.0.0.1:6642", "ssl:10.0.0.3:6642")
    assert (config.encap_types, config.encap_ips) == (("geneve", "vxlan"), ("10.0.0.2", "fd00::2"))
    assert (config.integration_bridge, config.bridge_mappings) == ("br-int", {"physnet1": "br-ex"})
    assert (config.cms_options, config.gateway) == (("a", "enable-chassis-as-gw"), True)
    assert config.options == {"ovn-monitor-all": "true"}
    assert config.is_managed("ovn-cms-options", "enable-chassis-as-gw")
    assert config.is_managed("ovn-monitor-all")
    assert config.managed == {
        "hostname",
        "ovn-bridge-mappings/physnet1",
        "ovn-cms-options/a",
        "ovn-cms-options/enable-chassis-as-gw",
        "ovn-encap-ip",
        "ovn-encap-type",
        "ovn-monitor-all",
        "ovn-remote",
        "system-id",
    }


def test_an_empty_database_tells_nothing(vs: VSwitch) -> None:
    config = vs.chassis_config()
    assert not config.registered
    assert (config.system_id, config.remotes, config.bridge_mappings, config.gateway) == (None, (), {}, False)
    assert config.integration_bridge == "br-int"


def test_the_suffixed_form_of_a_key_counts() -> None:
    config = chassis_config(
        {"system-id": "hv1", "ovn-bridge": "br-a", "ovn-bridge-hv1": "br-b", "ovn-remote": "a", "ovn-remote-hv2": "b"}
    )
    assert (config.integration_bridge, config.remotes) == ("br-b", ("a",))
    assert (config.keys["ovn-bridge"], config.keys["ovn-remote"]) == ("ovn-bridge-hv1", "ovn-remote")


@given(st.dictionaries(st.sampled_from([*CHASSIS_KEYS, "ovnkit-managed", "other"]), st.text(max_size=12)))
def test_whatever_is_written_there_it_is_read(external_ids: dict[str, str]) -> None:
    config = chassis_config(external_ids)
    assert config.external_ids == external_ids
    assert set(config.keys) == external_ids.keys() & CHASSIS_KEYS.keys()
