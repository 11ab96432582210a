"""Whatever a host's database holds, it is brought to the spec, and nothing of others is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovnkit.deploy import Central, HostSpec, Spec
from ovnkit.deploy.configure import configure
from ovnkit.errors import Conflict, InvalidValue
from ovnkit.ovsdb import Exactly
from ovnkit.vswitch import OpenVSwitch, VSwitch
from ovnkit.vswitch.chassis_config import ChassisConfig, chassis_config
from ovnkit.vswitch.direct import DirectChassis
from ovnkit.vswitch.mappings import ENABLE_CHASSIS_AS_GW, availability_zones
from tests.deploy.site import running

HOST = "hv1"
IDENTITY = ("system-id", "ovn-remote", "ovn-encap-type", "ovn-encap-ip")
OPTIONS = {"ovn-monitor-all": ("true", "false"), "ovn-encap-csum": ("true", "false"), "ovn-bridge": ("br-int", "br-x")}
LISTS = ("ovn-bridge-mappings", "ovn-cms-options")
FOREIGN = ("rundir", "strange key", "ovn-remote-hv9", "ovn-unknown")


@pytest.fixture(scope="module")
def vs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VSwitch]:
    with running(tmp_path_factory.mktemp("site"), [HOST]) as site, site.vswitch(HOST) as client:
        yield client


def _lists(items: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(items), unique_by=lambda item: item.partition(":")[::2], max_size=4).map(",".join)


MAPPINGS = _lists(["physnet1:br-ex", "physnet2:br-two", "theirs:br-their", "physnet1:br-other", "bad"])
CMS = _lists([ENABLE_CHASSIS_AS_GW, "availability-zones=az1", "availability-zones=az2", "card-serial-number=7", "x"])
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@st.composite
def starting_states(draw: st.DrawFn) -> dict[str, str]:
    """external_ids: keys with and without the suffix of the chassis, of others, and a record of what ovnkit has set."""
    plain = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "system-id": st.sampled_from([HOST, HOST, "other"]),
                "ovn-remote": st.sampled_from(["tcp:192.0.2.99:6642", ""]),
                "ovn-encap-type": st.sampled_from(["geneve", "vxlan"]),
                "ovn-encap-ip": st.sampled_from(["192.0.2.1", "192.0.2.77"]),
                "ovn-bridge-mappings": MAPPINGS,
                "ovn-cms-options": CMS,
                **{key: st.sampled_from(values) for key, values in OPTIONS.items()},
            },
        )
    )
    suffixed = {f"{key}-{HOST}": value for key, value in plain.items() if draw(st.integers(0, 9)) == 0}
    foreign = {key: draw(TEXT) for key in FOREIGN if draw(st.booleans())}
    found = {**plain, **suffixed, **foreign}
    entries = [*found]
    for key, value in found.items():
        if key.startswith("ovn-bridge-mappings"):
            entries += [f"{key}/{item.partition(':')[0]}" for item in value.split(",") if item]
        elif key.startswith("ovn-cms-options"):
            entries += [f"{key}/{item}" for item in value.split(",") if item]
    ours = [entry for entry in entries if not entry.startswith(FOREIGN) and entry not in LISTS and draw(st.booleans())]
    return {**found, "ovnkit-managed": ",".join(sorted(ours))} if ours else found


WANTED = st.fixed_dictionaries(
    {
        "gateway": st.booleans(),
        "bridge_mappings": st.dictionaries(st.just("physnet1"), st.just("br-ex"))
        | st.just({"physnet1": "br-ex", "physnet2": "br-two"}),
        "options": st.fixed_dictionaries(
            {},
            optional={
                "ovn-monitor-all": st.booleans(),
                "ovn-encap-csum": st.booleans(),
                "ovn-cms-options": st.sampled_from(["card-serial-number=7", "card-serial-number=7,x"]),
            },
        ),
        "availability_zones": st.lists(st.sampled_from(["az1", "az2"]), unique=True),
    }
)


@settings(max_examples=150)
@given(before=starting_states(), wanted=WANTED)
def test_any_state_is_brought_to_the_spec_and_keeps_what_is_not_ovnkit_s(
    vs: VSwitch, before: dict[str, str], wanted: dict[str, Any]
) -> None:
    host = HostSpec(name=HOST, system_id=HOST, encap_ip="192.0.2.1", **wanted)
    spec = Spec(central=Central(northbound="unix:/nb", southbound="unix:/sb"), hosts=[host])
    with vs.transaction() as tx:
        tx.update(tx.get(OpenVSwitch), external_ids=before)
    tx = vs.transaction()
    try:
        configure(tx, spec, host)
        tx.commit()
    except (Conflict, InvalidValue):
        assert before.get("system-id") == "other" or _cannot_be_mapped(before, host)
        return
    after = dict(vs.get(OpenVSwitch).external_ids)
    assert bool(tx.changes()) == (after != before)
    # Without a replica it comes to the same.
    with vs.transaction() as again:
        again.update(again.get(OpenVSwitch), external_ids=before)
    direct = DirectChassis(vs.remote).edit(lambda draft: configure(draft, spec, host), comment="x", timeout=10)
    assert [(change.before, change.after) for change in direct] == [
        (change.before, change.after) for change in tx.changes()
    ]
    vs.wait(OpenVSwitch, external_ids=Exactly(after), timeout=10)
    check_as_in_spec(chassis_config(after), spec, host)
    check_kept(before, after, host)
    with vs.transaction() as again:
        configure(again, spec, host)
        assert again.changes() == []


def _cannot_be_mapped(before: dict[str, str], host: HostSpec) -> bool:
    """Whether what is mapped is malformed, or in the way of what is wanted."""
    text = before.get(f"ovn-bridge-mappings-{HOST}", before.get("ovn-bridge-mappings", ""))
    return bool(host.bridge_mappings) and any(item in text.split(",") for item in ("bad", "physnet1:br-other"))


def check_as_in_spec(config: ChassisConfig, spec: Spec, host: HostSpec) -> None:
    assert config.system_id == host.system_id
    assert config.remotes == (spec.central.southbound,)
    assert config.encap_types == (spec.encap.type,)
    assert config.encap_ips == (host.encap_ip,)
    assert host.bridge_mappings.items() <= config.bridge_mappings.items()
    assert set(host.cms_options) <= set(config.cms_options)
    assert set(host.availability_zones) <= set(config.availability_zones)
    assert host.settings.items() <= config.options.items()


def check_kept(before: dict[str, str], after: dict[str, str], host: HostSpec) -> None:
    """Others' keys and items are as they were; ovnkit's own are gone unless they are in the spec."""
    ours = set(filter(None, before.get("ovnkit-managed", "").split(",")))
    config = chassis_config({**before, "system-id": HOST})
    names = {key: config.keys.get(key, key) for key in (*IDENTITY, *OPTIONS, *LISTS)}
    set_by_spec = {names[key] for key in (*IDENTITY, *host.settings)}
    assert {name: after.get(name) for name in FOREIGN} == {name: before.get(name) for name in FOREIGN}
    for key in OPTIONS.keys() - host.settings.keys():
        assert after.get(names[key]) == (None if names[key] in ours else before.get(names[key])), key
    # A list under its plain name comes to count where ovnkit's own list for this chassis goes.
    for name in before.keys() - set_by_spec - ours - {*names.values(), *LISTS, "ovnkit-managed"}:
        assert after.get(name) == before[name]

    mappings = names["ovn-bridge-mappings"]
    for item in filter(None, before.get(mappings, "").split(",")):
        physnet = item.partition(":")[0]
        stays = physnet in host.bridge_mappings or f"{mappings}/{physnet}" not in ours
        if "bad" not in before[mappings].split(","):
            assert (item in after.get(mappings, "").split(",")) == stays, item
    options = names["ovn-cms-options"]
    replaced = {option.partition("=")[0] for option in host.cms_options if "=" in option}
    for zone in availability_zones(before.get(options, "")):
        stays = zone in host.availability_zones or f"{options}/availability-zones={zone}" not in ours
        assert (zone in availability_zones(after.get(options, ""))) == stays, zone
    for item in filter(None, before.get(options, "").split(",")):
        if availability_zones(item):
            continue
        if item in host.cms_options or item.partition("=")[0] not in replaced:
            stays = item in host.cms_options or f"{options}/{item}" not in ours
            assert (item in after.get(options, "").split(",")) == stays, item
