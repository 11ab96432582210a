"""A spec is checked when it is written down, in Python and in TOML; errors name key, value and what is allowed."""

from __future__ import annotations

import ipaddress
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit.deploy import toml
from ovnkit.deploy.spec import Central, Encap, HostSpec, Spec, derived_system_id
from ovnkit.errors import SpecError

CLUSTER = """
[central]
northbound = "ssl:10.0.0.1:6641"
southbound = "ssl:10.0.0.1:6642,ssl:10.0.0.2:6642"

[encap]
type = "geneve"

[[host]]
name = "ctl1"
system_id = "ctl1"
encap_ip = "10.0.0.1"
ovsdb = "unix:/run/openvswitch/db.sock"
gateway = true
bridge_mappings = { physnet1 = "br-ex" }
options = { ovn-monitor-all = true, ovn-remote-probe-interval = 60000, ovn-cms-options = "card-serial-number=X" }
availability_zones = ["az1"]

[[host]]
name = "cmp1"
encap_ip = "10.0.0.11"
ovsdb = "ssl:10.0.0.11:6640"
"""

CENTRAL = Central(northbound="ssl:10.0.0.1:6641", southbound="ssl:10.0.0.1:6642")


def host(name: str = "cmp1", **fields: Any) -> HostSpec:
    given: dict[str, Any] = {"name": name, "encap_ip": "10.0.0.11", **fields}
    return HostSpec(**given)


def refused(make: Callable[[], object]) -> SpecError:
    with pytest.raises(SpecError) as caught:
        make()
    return caught.value


def refused_text(text: str) -> SpecError:
    error = refused(lambda: toml.loads(text, file="cluster.toml"))
    assert error.file == "cluster.toml"
    assert str(error).startswith("cluster.toml: ")
    return error


def changed(before: str, after: str) -> str:
    assert CLUSTER.count(before) == 1
    return CLUSTER.replace(before, after)


def test_a_cluster_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text(CLUSTER, encoding="utf-8")
    spec = toml.load(path)
    assert spec.central == Central(northbound="ssl:10.0.0.1:6641", southbound="ssl:10.0.0.1:6642,ssl:10.0.0.2:6642")
    assert spec.encap == Encap(type="geneve")
    ctl1, cmp1 = spec.hosts
    assert ctl1 == HostSpec(
        name="ctl1",
        system_id="ctl1",
        encap_ip="10.0.0.1",
        ovsdb="unix:/run/openvswitch/db.sock",
        gateway=True,
        bridge_mappings={"physnet1": "br-ex"},
        options={
            "ovn-monitor-all": "true",
            "ovn-remote-probe-interval": "60000",
            "ovn-cms-options": "card-serial-number=X",
        },
        availability_zones=("az1",),
    )
    assert (cmp1.system_id, cmp1.gateway, cmp1.bridge_mappings, cmp1.options) == (
        derived_system_id("cmp1"),
        False,
        {},
        {},
    )
    assert spec.host("cmp1") is cmp1


def test_the_smallest_cluster_is_two_addresses_and_a_host() -> None:
    central = '[central]\nnorthbound = "unix:/nb"\nsouthbound = "tcp:127.0.0.1:6642"\n'
    spec = toml.loads(central + '[[host]]\nname = "a"\nencap_ip = "fd00::1"\n')
    assert (spec.encap.type, spec.hosts[0].ovsdb) == ("geneve", None)


def test_cms_options_hold_the_gateway_flag_beside_the_others() -> None:
    ctl1 = toml.loads(CLUSTER).host("ctl1")
    assert ctl1.cms_options == ("enable-chassis-as-gw", "card-serial-number=X")
    assert ctl1.settings == {"ovn-monitor-all": "true", "ovn-remote-probe-interval": "60000"}


def test_the_system_id_that_a_name_gives_never_changes() -> None:
    assert derived_system_id("cmp1") == "821d5f4a-5979-58d5-994d-fb4b8b9fb728"


def test_addresses_and_remotes_become_canonical() -> None:
    one = host(encap_ip="FD00:0:0::1", ovsdb="ssl:[fd00:0::1]")
    assert (one.encap_ip, one.ovsdb) == ("fd00::1", "ssl:[fd00::1]:6640")
    assert Central(northbound="unix:/nb", southbound="ssl:a:6642, ssl:b:6642").southbound == "ssl:a:6642,ssl:b:6642"


def test_a_spec_is_immutable_hashable_and_pickles() -> None:
    spec = toml.loads(CLUSTER)
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert hash(spec) == hash(toml.loads(CLUSTER))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        spec.hosts[0].gateway = False  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fields", "key", "allowed"),
    [
        ({"encap_ip": "10.0.0.1"}, "host.cmp2.encap_ip", "host cmp1 has this one"),
        ({"encap_ip": "10.0.0.2", "system_id": "one"}, "host.cmp2.system_id", "host cmp1 has this one"),
        ({"encap_ip": "10.0.0.2", "ovsdb": "ssl:10.0.0.1"}, "host.cmp2.ovsdb", "host cmp1 has this one"),
        ({"encap_ip": "10.0.0.2", "name": "cmp1"}, "host[1].name", "host cmp1 has this one"),
    ],
)
def test_two_hosts_share_nothing(fields: dict[str, str], key: str, allowed: str) -> None:
    first = host("cmp1", system_id="one", encap_ip="10.0.0.1", ovsdb="ssl:10.0.0.1:6640")
    second = host(**{"name": "cmp2", "ovsdb": "ssl:10.0.0.2", **fields})
    error = refused(lambda: Spec(central=CENTRAL, hosts=[first, second]))
    assert (error.file, error.key) == (None, key)
    assert allowed in error.allowed
    assert refused_text(dumped(first, second)).key == key


def dumped(*hosts: HostSpec) -> str:
    """The text of a spec that Spec itself would refuse."""
    alone = [toml.dumps(Spec(central=CENTRAL, hosts=[one])) for one in hosts]
    return alone[0] + "".join(text[text.index("[[host]]") :] for text in alone[1:])


def test_one_tunnel_address_in_two_spellings_is_one_address() -> None:
    hosts = [host("a", encap_ip="fd00::1", ovsdb="unix:/a"), host("b", encap_ip="FD00:0::1", ovsdb="unix:/b")]
    assert refused(lambda: Spec(central=CENTRAL, hosts=hosts)).key == "host.b.encap_ip"


BAD_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"encap_ip": "10.0.0.300"}, "encap_ip", "IPv4 or IPv6 address"),
    ({"encap_ip": "10.0.0.1/24"}, "encap_ip", "IPv4 or IPv6 address"),
    ({"encap_ip": "10.0.0.1,10.0.0.2"}, "encap_ip", "one IPv4 or IPv6 address"),
    ({"encap_ip": "0.0.0.0"}, "encap_ip", "IPv4 or IPv6 address"),
    ({"encap_ip": "cmp1.example.org"}, "encap_ip", "IPv4 or IPv6 address"),
    ({"system_id": "default"}, "system_id", "ovn-encap-ip-default as its own ovn-encap-ip"),
    ({"system_id": "mappings"}, "system_id", "ovn-bridge-mappings as its own ovn-bridge"),
    ({"system_id": "a@b"}, "system_id", "'@'"),
    ({"system_id": "x" * 65}, "system_id", "1 to 64"),
    ({"ovsdb": "10.0.0.1:6640"}, "ovsdb", "tcp:, ssl: or unix:"),
    ({"ovsdb": "tcp:10.0.0.1:0"}, "ovsdb", "port"),
    ({"bridge_mappings": {"phys net": "br-ex"}}, "bridge_mappings.phys net", "without blanks"),
    ({"bridge_mappings": {"a:b": "br-ex"}}, "bridge_mappings.a:b", "':'"),
    ({"bridge_mappings": {"physnet1": "br ex"}}, "bridge_mappings.physnet1", "a bridge name"),
    ({"bridge_mappings": {"a": "br-ex", "b": "br-ex"}}, "bridge_mappings.b", "a bridge of its own"),
    ({"bridge_mappings": {"a": "br-int"}}, "bridge_mappings.a", "integration bridge"),
    ({"bridge_mappings": {"a": "br-x"}, "options": {"ovn-bridge": "br-x"}}, "bridge_mappings.a", "integration bridge"),
    ({"options": {"ovn-remote": "tcp:10.0.0.1:6642"}}, "options.ovn-remote", "central.southbound"),
    ({"options": {"ovn-encap-ip": "10.0.0.1"}}, "options.ovn-encap-ip", "encap_ip of the host"),
    ({"options": {"ovn-bridge-mappings": "a:b"}}, "options.ovn-bridge-mappings", "bridge_mappings of the host"),
    ({"options": {"ovn-encap-type": "vxlan"}}, "options.ovn-encap-type", "encap.type"),
    ({"options": {"system-id": "x"}}, "options.system-id", "begins with ovn-"),
    ({"options": {"ovn-monitor-al": "true"}}, "options.ovn-monitor-al", "did you mean 'ovn-monitor-all'"),
    ({"options": {"ovn-remote-cmp1": "ssl:a:1"}}, "options.ovn-remote-cmp1", "a key of ovn-controller(8)"),
    ({"options": {"ovn-monitor-all": "yes"}}, "options.ovn-monitor-all", "true or false"),
    ({"options": {"ovn-remote-probe-interval": 500}}, "options.ovn-remote-probe-interval", "0 (no probes) or 1000"),
    ({"options": {"ovn-cms-options": "enable-chassis-as-gw"}}, "options.ovn-cms-options", "gateway = true"),
    ({"options": {"ovn-cms-options": "a,availability-zones=az1"}}, "options.ovn-cms-options", "availability_zones ="),
    ({"ovsdb": "ssh://a b/x"}, "ovsdb", "ssh://[USER@]HOST"),
    ({"ovsdb": "ssh:a"}, "ovsdb", "ssh://[USER@]HOST"),
    ({"access": "telnet://a"}, "access", "ssh://[USER@]HOST"),
    ({"availability_zones": ["a:b"]}, "availability_zones", "one availability zone"),
    ({"availability_zones": ["az1", "az1"]}, "availability_zones", "each zone once"),
    ({"options": {"ovn-encap-ip-default": "10.0.0.9"}}, "options.ovn-encap-ip-default", "10.0.0.11"),
]


@pytest.mark.parametrize(("fields", "key", "allowed"), BAD_FIELDS)
def test_a_bad_field_of_a_host_is_refused(fields: dict[str, Any], key: str, allowed: str) -> None:
    error = refused(lambda: host(**fields))
    assert (error.file, error.key) == (None, f"host.cmp1.{key}")
    assert allowed in error.allowed
    bad = next(iter(fields.values()))
    parts = [*bad, *map(str, bad.values())] if isinstance(bad, dict) else bad if isinstance(bad, list) else [bad]
    assert str(error.value) in parts


@pytest.mark.parametrize(("fields", "key", "allowed"), BAD_FIELDS)
def test_toml_is_refused_for_the_same_reason(fields: dict[str, Any], key: str, allowed: str) -> None:
    lines = [f"{field} = {toml._rendered(value)}" for field, value in fields.items()]
    if "encap_ip" not in fields:
        lines.append('encap_ip = "10.0.0.11"')
    text = toml.dumps(Spec(central=CENTRAL)) + '[[host]]\nname = "cmp1"\n' + "\n".join(lines)
    error = refused_text(text)
    assert error.key == f"host.cmp1.{key}"
    assert allowed in error.allowed


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 5),
        ("system_id", None),
        ("encap_ip", 5),
        ("ovsdb", 5),
        ("gateway", "yes"),
        ("bridge_mappings", "a:b"),
        ("access", 5),
        ("availability_zones", "az1"),
        ("options", 5),
    ],
)
def test_a_field_of_a_wrong_type_is_refused(field: str, value: Any) -> None:
    error = refused(lambda: host(**{field: value}))
    assert error.key == ("host.name" if field == "name" else f"host.cmp1.{field}")
    assert error.value == value


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "é", "\ud800", "a" * 64])
def test_a_bad_name_is_refused(name: str) -> None:
    assert refused(lambda: host(name)).key == "host.name"


def test_a_bad_name_in_toml_is_named_by_its_place() -> None:
    assert refused_text(changed('name = "cmp1"', 'name = "cmp 1"')).key == "host[1].name"


@pytest.mark.parametrize("field", ["northbound", "southbound"])
@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("tcp:10.0.0.1:6641", "central.insecure = true"),
        ("ssl:10.0.0.1:6641,tcp:central.example.org:6641", "central.insecure = true"),
        ("10.0.0.1:6641", "it must begin with"),
        ("ssl:10.0.0.1", "a port is missing"),
        ("", "empty element"),
        (5, "ssl:HOST"),
    ],
)
def test_bad_central_remotes_are_refused(field: str, value: Any, allowed: str) -> None:
    given: dict[str, Any] = {"northbound": "unix:/nb", "southbound": "unix:/sb", field: value}
    error = refused(lambda: Central(**given))
    assert (error.key, error.value) == (f"central.{field}", value)
    assert allowed in error.allowed


@pytest.mark.parametrize(
    "remote", ["tcp:127.0.0.1:6641", "tcp:[::1]:6641", "tcp:localhost:6641", "unix:/run/x", "ssl:10.0.0.1:6641"]
)
def test_what_cannot_be_overheard_needs_no_insecure(remote: str) -> None:
    assert Central(northbound=remote, southbound=remote).northbound == remote


def test_plain_tcp_is_accepted_as_insecure_and_only_so() -> None:
    plain = Central(northbound="tcp:10.0.0.1:6641", southbound="tcp:10.0.0.1:6642", insecure=True)
    one = host(ovsdb="tcp:10.0.0.11:6640")
    assert Spec(central=plain, hosts=[one]).hosts == (one,)
    error = refused(lambda: Spec(central=CENTRAL, hosts=[one]))
    assert (error.key, error.value) == ("host.cmp1.ovsdb", "tcp:10.0.0.11:6640")
    flag: Any = "no"
    assert (
        refused(lambda: Central(northbound="unix:/nb", southbound="unix:/sb", insecure=flag)).key == "central.insecure"
    )


@pytest.mark.parametrize("type_", ["gre", "stt", "", "geneve, vxlan", 5])
def test_an_unknown_encapsulation_is_refused(type_: Any) -> None:
    error = refused(lambda: Encap(type=type_))
    assert (error.key, error.value) == ("encap.type", type_)


@pytest.mark.parametrize(
    ("before", "after", "key", "value", "allowed"),
    [
        ("northbound =", "nothbound =", "central.nothbound", "ssl:10.0.0.1:6641", "did you mean 'northbound'"),
        ('type = "geneve"', 'typ = "geneve"', "encap.typ", "geneve", "did you mean 'type'"),
        ("[encap]", "[encaps]", "encaps", {"type": "geneve"}, "did you mean 'encap'"),
        ("gateway = true", "gatway = true", "host.ctl1.gatway", True, "did you mean 'gateway'"),
        ("gateway = true", 'gateway = "yes"', "host.ctl1.gateway", "yes", "true or false"),
        ("gateway = true", "gateway = 1", "host.ctl1.gateway", 1, "true or false"),
        ('name = "cmp1"\n', "", "host[1].name", None, "must be given"),
        ('encap_ip = "10.0.0.11"\n', "", "host.cmp1.encap_ip", None, "must be given"),
        ('{ physnet1 = "br-ex" }', '"physnet1:br-ex"', "host.ctl1.bridge_mappings", "physnet1:br-ex", "a table"),
        ('{ physnet1 = "br-ex" }', "{ physnet1 = 5 }", "host.ctl1.bridge_mappings.physnet1", 5, "a bridge name"),
        ("ovn-monitor-all = true", "ovn-monitor-all = 1.5", "host.ctl1.options.ovn-monitor-all", 1.5, "true or false"),
        (
            '{ physnet1 = "br-ex" }', '{ physnet1 = "br-ex", physnet1 = "br-b" }',
            "host[0].bridge_mappings.physnet1", "br-b", "each physical network once",
        ),
        ('name = "cmp1"', 'name = "cmp1"\nname = "cmp2"', "host[1].name", "cmp2", "each key once"),
        ('name = "cmp1"', "name = cmp1", "line 20", "name = cmp1", "TOML"),
        ('"ssl:10.0.0.11:6640"', '"ssl:', "line 22", 'ovsdb = "ssl:', "TOML"),
    ],
)  # fmt: skip
def test_a_wrong_toml_is_refused_with_key_and_value(
    before: str, after: str, key: str, value: object, allowed: str
) -> None:
    error = refused_text(changed(before, after))
    assert (error.key, error.value) == (key, value)
    assert allowed in error.allowed


def test_a_physical_network_twice_in_its_own_table_is_refused() -> None:
    error = refused_text(CLUSTER + '[host.bridge_mappings]\nphysnet1 = "br-a"\nphysnet1 = "br-b"\n')
    assert (error.key, error.value) == ("host[1].bridge_mappings.physnet1", "br-b")
    assert "each physical network once" in error.allowed


def test_what_is_no_table_of_hosts_is_refused() -> None:
    assert refused_text(CLUSTER.split("[[host]]", maxsplit=1)[0] + "[host]\nname = 'a'\n").key == "host"
    assert refused_text("host = [1]\n" + CLUSTER.split("[[host]]", maxsplit=1)[0]).key == "host[0]"
    assert refused_text("central = 5").key == "central"
    assert refused_text("").key == "central"


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    path.write_bytes(b"# caf\xe9\n")
    error = refused(lambda: toml.load(path))
    assert (error.file, error.key, error.value) == (str(path), "byte 5", b"\xe9")


BRIDGES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}", fullmatch=True).filter(lambda name: name != "br-int")
PHYSNETS = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=",:"), min_size=1, max_size=9
)
MAPPINGS = st.lists(st.tuples(PHYSNETS, BRIDGES), max_size=3, unique_by=(lambda p: p[0], lambda p: p[1])).map(dict)
OPTION_VALUES: dict[str, st.SearchStrategy[str | int | bool]] = {
    "ovn-monitor-all": st.booleans(),
    "ovn-remote-probe-interval": st.one_of(st.just(0), st.integers(1000, (1 << 31) - 1)),
    "ovn-cms-options": st.sampled_from(["x=az1:az2", 'card-serial-number="x\\y"']),
    "ovn-transport-zones": st.from_regex(r"[!-+.-~]{1,9}", fullmatch=True),
}
OPTIONS = st.fixed_dictionaries({}, optional=OPTION_VALUES)
ADDRESSES = st.ip_addresses().filter(lambda address: not (address.is_unspecified or address.is_multicast))


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    names = draw(st.lists(st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}", fullmatch=True), max_size=3, unique=True))
    addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = draw(
        st.lists(ADDRESSES, min_size=len(names), max_size=len(names), unique=True)
    )
    insecure = draw(st.booleans())
    scheme = "tcp" if insecure else "ssl"
    return Spec(
        central=Central(northbound=f"{scheme}:10.0.0.1:6641", southbound=f"{scheme}:10.0.0.1:6642", insecure=insecure),
        encap=Encap(type=draw(st.sampled_from(["geneve", "vxlan", "geneve,vxlan"]))),
        hosts=[
            HostSpec(
                name=name,
                encap_ip=address.exploded,
                ovsdb=f"unix:/run/{name}",
                gateway=draw(st.booleans()),
                bridge_mappings=draw(MAPPINGS),
                availability_zones=draw(st.lists(st.sampled_from(["az1", "az two", 'z"']), unique=True)),
                options=draw(OPTIONS),
            )
            for name, address in zip(names, addresses, strict=True)
        ],
    )


@given(specs())
def test_a_spec_written_as_toml_is_read_back(spec: Spec) -> None:
    assert toml.loads(toml.dumps(spec)) == spec


@given(st.text())
def test_whatever_the_text_the_answer_is_a_spec_or_a_spec_error(text: str) -> None:
    try:
        toml.loads(text)
    except SpecError as error:
        assert error.key  # noqa: PT017
        assert error.allowed  # noqa: PT017


@given(st.data())
def test_a_damaged_cluster_is_a_spec_or_a_spec_error(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(CLUSTER)))
    end = data.draw(st.integers(start, min(len(CLUSTER), start + 40)))
    filler = data.draw(
        st.one_of(st.text(max_size=5), st.sampled_from(["[[host]]", "[a]", "{", '"', "\n", " = ", "[[", "é"]))
    )
    try:
        toml.loads(CLUSTER[:start] + filler + CLUSTER[end:])
    except SpecError as error:
        assert error.key  # noqa: PT017
        assert error.allowed  # noqa: PT017
