"""``[neutron]``: in Python and in TOML, what is refused, and where a secret may stand."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnkit import deploy
from ovnkit.deploy import Secret, Spec, TlsFiles
from ovnkit.deploy.neutron.releases import RELEASES
from ovnkit.errors import SpecError
from tests.deploy.neutron.clouds import MARKER, agent, cloud

TEXT = f"""
[central]
northbound = "unix:/nb"
southbound = "unix:/sb"

[neutron]
servers = ["ctl"]
release = "queens"

[neutron.metadata]
nova_host = "192.0.2.10"
shared_secret = "{MARKER}"

[[host]]
name = "ctl"
encap_ip = "192.0.2.10"
"""


def refused(make: Callable[[], object]) -> SpecError:
    with pytest.raises(SpecError) as caught:
        make()
    assert "4711" not in str(caught.value) + repr(vars(caught.value))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("fields", "key", "allowed"),
    [
        ({"servers": []}, "neutron.servers", "at least one host"),
        ({"servers": "ctl"}, "neutron.servers", "a list"),
        ({"servers": ["ctl", "ctl"]}, "neutron.servers", "once"),
        ({"servers": ["cmp9"]}, "neutron.servers", "cmp1, ctl"),
        ({"metadata": agent(hosts=["cmp9"])}, "neutron.metadata.hosts", "cmp1, ctl"),
        ({"release": "essex"}, "neutron.release", "queens"),
        ({"release": "Queens"}, "neutron.release", "queens"),
        ({"project_network_types": []}, "neutron.project_network_types", "geneve"),
        ({"project_network_types": ["vxlan"]}, "neutron.project_network_types", "geneve"),
        ({"type_drivers": ["flat"]}, "neutron.type_drivers", "also geneve"),
        ({"type_drivers": ["geneve"], "flat_networks": ["*"]}, "neutron.type_drivers", "also flat"),
        ({"vni_ranges": ["1"]}, "neutron.vni_ranges", "LOW:HIGH"),
        ({"vni_ranges": ["9:1"]}, "neutron.vni_ranges", "LOW:HIGH"),
        ({"vni_ranges": ["0:9"]}, "neutron.vni_ranges", "LOW:HIGH"),
        ({"vni_ranges": ["1:16777216"]}, "neutron.vni_ranges", "16777215"),
        ({"vni_ranges": ["1:9\n[ovn]"]}, "neutron.vni_ranges", "LOW:HIGH"),
        ({"vlan_ranges": ["physnet1:1:4095"]}, "neutron.vlan_ranges", "4094"),
        ({"vlan_ranges": ["physnet2:1:9"]}, "neutron.vlan_ranges", "physnet1"),
        ({"flat_networks": ["physnet2"]}, "neutron.flat_networks", "physnet1"),
        ({"flat_networks": ["a,b"]}, "neutron.flat_networks", "physical network"),
        ({"max_header_size": 30}, "neutron.max_header_size", "38 or more"),
        ({"max_header_size": True}, "neutron.max_header_size", "38 or more"),
        ({"max_header_size": "38"}, "neutron.max_header_size", "38 or more"),
        ({"l3_scheduler": "leastloadet"}, "neutron.l3_scheduler", "leastloaded or chance"),
        ({"distributed_floating_ip": 1}, "neutron.distributed_floating_ip", "true or false"),
        ({"dns_servers": ["ns1.example"]}, "neutron.dns_servers", "an IP address"),
        ({"dns_domain": "a b"}, "neutron.dns_domain", "a DNS name"),
        ({"probe_interval": 60}, "neutron.probe_interval", "milliseconds from 1000"),
        ({"service_plugins": ["a,b"]}, "neutron.service_plugins", "without blanks and commas"),
        ({"extension_drivers": ["[ovn]"]}, "neutron.extension_drivers", "without blanks and commas"),
        ({"owner": "root:root"}, "neutron.owner", "a user"),
        ({"owner": "-x"}, "neutron.owner", "a user"),
        ({"tls": ("a", "b", "c")}, "neutron.tls", "three files"),
        ({"tls": TlsFiles("/k", "c.pem", "/a")}, "neutron.tls.certificate", "absolute path"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_at_once(fields: dict[str, Any], key: str, allowed: str) -> None:
    error = refused(lambda: cloud(**fields))
    assert error.key == key
    assert allowed in error.allowed


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"nova_host": "http://nova"}, "nova_host"),
        ({"nova_host": ""}, "nova_host"),
        ({"nova_port": 0}, "nova_port"),
        ({"nova_protocol": "ftp"}, "nova_protocol"),
        ({"ovsdb": "tcp:192.0.2.10:6640"}, "ovsdb"),
        ({"ovsdb": "ssl:127.0.0.1:6640"}, "ovsdb"),
        ({"ovsdb": "tcp:127.0.0.1:6640,unix:/b"}, "ovsdb"),
        ({"shared_secret": "4711"}, "shared_secret"),
        ({"shared_secret": Secret("")}, "shared_secret"),
        ({"shared_secret": Secret("4711\n")}, "shared_secret"),
        ({"shared_secret": Secret("[4711]")}, "shared_secret"),
        ({"shared_secret": Secret("4711\0")}, "shared_secret"),
    ],
)
def test_what_the_agent_cannot_be_told_is_refused(fields: dict[str, Any], key: str) -> None:
    assert refused(lambda: agent(**fields)).key == f"neutron.metadata.{key}"


def test_what_contradicts_the_rest_of_the_spec_is_refused() -> None:
    assert refused(lambda: cloud("ssl")).key == "neutron.tls"
    spec = cloud()
    several = attrs.evolve(spec.central, southbound="tcp:192.0.2.10:6642,tcp:192.0.2.11:6642")
    assert attrs.evolve(spec, central=several).neutron == spec.neutron
    queens = cloud(release="queens")
    assert refused(lambda: attrs.evolve(queens, central=several)).key == "neutron.release"
    vxlan = deploy.Encap(type="vxlan")
    assert refused(lambda: attrs.evolve(spec, encap=vxlan)).key == "encap.type"


def test_it_is_read_from_toml() -> None:
    found = deploy.loads(TEXT).neutron
    assert found == deploy.NeutronSpec(servers=["ctl"], release="queens", metadata=agent())
    assert deploy.loads(TEXT.split("[neutron]", maxsplit=1)[0]).neutron is None


def test_a_file_with_a_secret_is_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text(TEXT)
    path.chmod(0o640)
    assert "this one has 0640" in refused(lambda: deploy.load(path)).allowed
    path.chmod(0o600)
    assert deploy.load(path) == deploy.loads(TEXT)


def test_a_secret_may_be_in_a_file_of_its_own_beside_the_spec(tmp_path: Path) -> None:
    path, secret = tmp_path / "cluster.toml", tmp_path / "metadata.secret"
    path.write_text(TEXT.replace(f'shared_secret = "{MARKER}"', 'shared_secret_file = "metadata.secret"'))
    assert refused(lambda: deploy.load(path)).key == "neutron.metadata.shared_secret_file"
    secret.write_text(f"{MARKER}\n")
    secret.chmod(0o640)
    assert "mode 0600" in refused(lambda: deploy.load(path)).allowed
    secret.chmod(0o600)
    spec = deploy.load(path)
    assert spec == deploy.loads(TEXT)
    text = deploy.dumps(spec)
    assert f'shared_secret_file = "{secret}"' in text
    assert "4711" not in text
    assert deploy.loads(text) == spec


def test_a_secret_that_was_given_is_written_on_demand_only() -> None:
    spec = deploy.loads(TEXT)
    assert "secrets=True" in refused(lambda: deploy.dumps(spec)).allowed
    assert deploy.loads(deploy.dumps(spec, secrets=True)) == spec


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("shared_secret =", "shared_secrt =", "neutron.metadata.shared_secrt"),
        ("shared_secret =", "pw =", "neutron.metadata.pw"),
        ("[neutron.metadata]", "[neutron.meta]", "neutron.meta"),
        ("[neutron.metadata]", "[nuetron.metadata]", "nuetron"),
        ("[neutron.metadata]", "[central.metadata]", "central.metadata"),
        (f'"{MARKER}"', f'["{MARKER}"]', "neutron.metadata.shared_secret"),
        (f'"{MARKER}"', f'{{ a = "{MARKER}" }}', "neutron.metadata.shared_secret"),
        (f'"{MARKER}"', f'"{MARKER}\\n"', "neutron.metadata.shared_secret"),
        (f'"{MARKER}"', f'"{MARKER}', "line 12"),
        (f'"{MARKER}"', f'"{MARKER}"\nshared_secret = "{MARKER}"', "line 13"),
        (f'"{MARKER}"', f'"""\n{MARKER}', "end of file"),
        (f'"{MARKER}"', f'"{MARKER}"\nshared_secret_file = "x"', "neutron.metadata.shared_secret"),
        (f'shared_secret = "{MARKER}"\n', "", "neutron.metadata.shared_secret"),
        ("nova_host =", "nova_hots =", "neutron.metadata.nova_hots"),
        ("servers =", "server =", "neutron.server"),
        ("release =", "max_header_size = 1.5\nrelease =", "neutron.max_header_size"),
    ],
)  # fmt: skip
def test_a_wrong_toml_is_refused_without_showing_a_secret(before: str, after: str, key: str) -> None:
    assert TEXT.count(before) == 1
    assert refused(lambda: deploy.loads(TEXT.replace(before, after), file="cluster.toml")).key == key


@given(st.data())
def test_however_a_file_is_damaged_its_secret_is_not_shown(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(TEXT)))
    end = data.draw(st.integers(start, min(len(TEXT), start + 20)))
    filler = data.draw(st.sampled_from(["", "[[host]]", "[a]", "{", '"', "\n", " = ", '"""', "é", "'", ","]))
    text = TEXT[:start] + filler + TEXT[end:]
    try:
        spec = deploy.loads(text)
    except SpecError as error:
        # Where its key is damaged nobody can tell that it is one.
        if 'shared_secret = "' in text:
            assert "4711" not in str(error)  # noqa: PT017
    else:
        assert "shared_secret" not in text or "4711" not in repr(spec)


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    text = st.text(min_size=1, max_size=9).filter(lambda one: one.isprintable() and not one.startswith("["))
    secure = draw(st.booleans())
    fields: dict[str, Any] = {
        "release": draw(st.sampled_from(RELEASES)),
        "vni_ranges": draw(st.lists(st.sampled_from(["1:2", "7:9"]), unique=True)),
        "flat_networks": draw(st.lists(st.sampled_from(["*", "physnet1"]), unique=True)),
        "max_header_size": draw(st.integers(38, 99)),
        "distributed_floating_ip": draw(st.booleans()),
        "probe_interval": draw(st.sampled_from([None, 0, 5000])),
        "dns_domain": draw(st.sampled_from([None, "cloud.example."])),
        "tls": TlsFiles("/k", "/c", "/a") if secure else draw(st.sampled_from([None, TlsFiles("/k", "/c", "/a")])),
        "metadata": draw(
            st.none() | st.builds(agent, shared_secret=text.map(Secret), hosts=st.sampled_from([None, [], ["cmp1"]]))
        ),
    }
    return cloud("ssl" if secure else "tcp", **fields)


@given(specs())
def test_a_spec_written_as_toml_is_read_back(spec: Spec) -> None:
    assert deploy.loads(deploy.dumps(spec, secrets=True)) == spec


def test_a_secret_is_shown_by_nothing_but_reveal(tmp_path: Path) -> None:
    secret = Secret(MARKER)
    assert secret.reveal() == MARKER
    assert [repr(secret), str(secret), f"{secret}", f"{secret!r}", "%s" % secret] == ["***"] * 5  # noqa: UP031
    assert secret == Secret(MARKER, file="/x")
    assert hash(secret) == hash(Secret(MARKER))
    assert secret != Secret("other")
    assert secret != MARKER
    assert copy.deepcopy(secret) is secret
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(attrs.asdict(agent()))
    with pytest.raises(AttributeError):
        secret.file = "x"
    with pytest.raises(TypeError, match="not int"):
        Secret(4711)  # type: ignore[arg-type]
