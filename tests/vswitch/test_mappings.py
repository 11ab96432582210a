"""The comma-separated values of a chassis: one item changes, its neighbours stay byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.errors import Conflict, InvalidValue
from ovnkit.vswitch import mappings

PHYSNETS = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=",:"), min_size=1, max_size=12
)
BRIDGES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}", fullmatch=True)
MAPPINGS = st.dictionaries(PHYSNETS, BRIDGES, max_size=5)
ITEMS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","), min_size=1, max_size=12)


@given(MAPPINGS)
def test_rendered_mappings_are_parsed_back(given_mappings: dict[str, str]) -> None:
    assert mappings.parse_bridge_mappings(mappings.render_bridge_mappings(given_mappings)) == given_mappings


@given(MAPPINGS)
def test_ovn_controller_reads_well_formed_mappings_as_they_are_parsed(given_mappings: dict[str, str]) -> None:
    assert mappings.read_bridge_mappings(mappings.render_bridge_mappings(given_mappings)) == given_mappings


@pytest.mark.parametrize(
    "text",
    [
        "a", "a:", ":br-a", "a:br-a,", ",a:br-a", "a:br-a,,b:br-b", " a:br-a", "a:br-a, b:br-b", "a:br-a ",
        "a:br-a,a:br-b", "a:br-a,a:br-a", "a:br-a:c", "a:sixteen-letters-", "a:-rf", "a:..", "a:br/ex", "a:br\nex",
        "é:br",
    ],
)  # fmt: skip
def test_what_ovn_controller_would_drop_or_choke_on_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        mappings.parse_bridge_mappings(text)
    assert (caught.value.table, caught.value.column) == ("Open_vSwitch", "external_ids:ovn-bridge-mappings")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", {}),
        ("a:br-a, b:br-b", {"a": "br-a", " b": "br-b"}),
        ("a:br-a,,b:br-b", {"a": "br-a"}),
        ("a:br-a,b,c:br-c", {"a": "br-a"}),
        ("a:br:x", {"a": "br:x"}),
    ],
)
def test_reading_follows_ovn_controller_where_the_text_is_bad(text: str, read: dict[str, str]) -> None:
    assert mappings.read_bridge_mappings(text) == read


@given(MAPPINGS, PHYSNETS)
def test_adding_keeps_the_text_that_was_there_and_adding_again_changes_nothing(
    before: dict[str, str], physnet: str
) -> None:
    before.pop(physnet, None)
    text = mappings.render_bridge_mappings(before)
    after = mappings.add_bridge_mapping(text, physnet, "br-new", shared_bridge=True)
    assert after.startswith(text)
    assert mappings.parse_bridge_mappings(after) == {**before, physnet: "br-new"}
    assert mappings.add_bridge_mapping(after, physnet, "br-new", shared_bridge=True) == after
    assert mappings.remove_bridge_mapping(after, physnet) == text


def test_an_odd_but_readable_neighbour_stays_as_it_is() -> None:
    assert mappings.add_bridge_mapping(" a:br-a,b:br:x,", "c", "br-c") == " a:br-a,b:br:x,c:br-c"
    assert mappings.remove_bridge_mapping(" a:br-a,c:br-c,b:br:x,", "c") == " a:br-a,b:br:x,"


def test_nothing_is_added_behind_an_item_at_which_ovn_controller_stops_reading() -> None:
    with pytest.raises(InvalidValue, match="stops reading at 'b'"):
        mappings.add_bridge_mapping("a:br-a,b", "c", "br-c")


def test_a_physical_network_does_not_move_in_one_write() -> None:
    with pytest.raises(Conflict, match="wait until its patch ports are gone"):
        mappings.add_bridge_mapping("a:br-a", "a", "br-b")


def test_a_bridge_is_shared_only_on_demand() -> None:
    with pytest.raises(InvalidValue, match="'br-a' carries 'a'"):
        mappings.add_bridge_mapping("a:br-a", "b", "br-a")
    assert mappings.add_bridge_mapping("a:br-a", "b", "br-a", shared_bridge=True) == "a:br-a,b:br-a"


@given(st.lists(ITEMS, unique=True, max_size=5), ITEMS)
def test_a_cms_option_comes_and_goes_without_its_neighbours(items: list[str], item: str) -> None:
    others = [other for other in items if other != item]
    text = ",".join(others)
    added = mappings.add_cms_option(text, item)
    assert added == ",".join([*others, item])
    assert mappings.add_cms_option(added, item) == added
    assert mappings.remove_cms_option(added, item) == text
    assert mappings.remove_cms_option(text, item) == text


def test_a_cms_option_with_blanks_around_it_is_seen_and_removed() -> None:
    text = "x, enable-chassis-as-gw ,y"
    assert mappings.cms_options(text) == ("x", mappings.ENABLE_CHASSIS_AS_GW, "y")
    assert mappings.remove_cms_option(text, mappings.ENABLE_CHASSIS_AS_GW) == "x,y"
    assert mappings.add_cms_option(text, mappings.ENABLE_CHASSIS_AS_GW) == f"{text},{mappings.ENABLE_CHASSIS_AS_GW}"


def test_a_named_cms_option_is_replaced_in_its_place() -> None:
    text = "a,availability-zones=az1, b,availability-zones=az9"
    assert mappings.put_cms_option(text, "availability-zones", "az1:az2") == "a,availability-zones=az1:az2, b"
    assert mappings.put_cms_option("", "availability-zones", "az1") == "availability-zones=az1"
    assert (
        mappings.put_cms_option("availability-zones", "availability-zones", "az1")
        == "availability-zones,availability-zones=az1"
    )


ZONES = st.text("abz0-9 ._", min_size=1, max_size=5).map(str.strip).filter(bool)


@given(st.lists(ITEMS, unique=True, max_size=3), st.lists(ZONES, unique=True, max_size=3), ZONES)
def test_a_zone_comes_and_goes_without_its_neighbours(items: list[str], zones: list[str], zone: str) -> None:
    others = [other for other in zones if other != zone]
    listed = [f"availability-zones={':'.join(others)}"] if others else []
    text = ",".join([*items, *listed])
    added = mappings.add_availability_zone(text, zone)
    assert mappings.availability_zones(added) == (*others, zone)
    assert mappings.add_availability_zone(added, zone) == added
    assert mappings.remove_availability_zone(added, zone) == text
    assert mappings.remove_availability_zone(text, zone) == text


def test_a_zone_joins_the_item_that_neutron_reads() -> None:
    text = "availability-zones=, x , availability-zones= az1:az2 ,availability-zones=az9"
    assert mappings.availability_zones(text) == ("az1", "az2")
    added = mappings.add_availability_zone(text, "az3")
    assert mappings.availability_zones(added) == ("az1", "az2", "az3")
    assert mappings.remove_availability_zone("availability-zones=,a", "az1") == "availability-zones=,a"
    assert mappings.add_availability_zone("availability-zones=,a", "az1") == "availability-zones=az1,a"


@pytest.mark.parametrize("zone", ["", " a", "a:b", "a=b", "a,b", "a\n"])
def test_a_zone_that_is_no_single_zone_is_refused(zone: str) -> None:
    for function in (mappings.add_availability_zone, mappings.remove_availability_zone):
        with pytest.raises(InvalidValue):
            function("x", zone)


@pytest.mark.parametrize("item", ["", " a", "a ", "a,b", "a\nb", "\x1b"])
def test_a_cms_option_that_is_no_single_item_is_refused(item: str) -> None:
    for function in (mappings.add_cms_option, mappings.remove_cms_option):
        with pytest.raises(InvalidValue):
            function("x", item)


def test_encap_types_are_known_and_each_there_once() -> None:
    assert mappings.parse_encap_types("geneve,vxlan") == ("geneve", "vxlan")
    for text in ("", "gre", "geneve, vxlan", "geneve,geneve", "geneve,"):
        with pytest.raises(InvalidValue):
            mappings.parse_encap_types(text)


@given(
    st.lists(
        st.ip_addresses().filter(lambda a: not (a.is_unspecified or a.is_multicast)),
        min_size=1,
        max_size=3,
        unique=True,
    )
)
def test_encap_addresses_come_back_in_canonical_form(addresses: list[object]) -> None:
    texts = [getattr(address, "exploded") for address in addresses]  # noqa: B009
    assert mappings.parse_encap_ips(",".join(texts)) == tuple(str(address) for address in addresses)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.1,",
        "10.0.0",
        "010.0.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::",
        "fe80::1%eth0",
        "10.0.0.1, 10.0.0.2",
        "fd00::1,fd00:0::1",
        "host",
    ],
)
def test_what_is_no_address_of_one_host_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        mappings.parse_encap_ips(text)
