"""Verification: every check with a good and a bad observation, the table, and databases in which nothing runs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import pytest

from ovnkit import Tls, deploy
from ovnkit.deploy import Central, Check, Encap, HostSpec, Spec, Verification
from ovnkit.deploy.observe import Facts, LocalFacts
from ovnkit.deploy.verify import checks
from ovnkit.errors import HostFailed, InvalidRemote, OvnkitError, Timeout
from ovnkit.ovsdb import Ref
from ovnkit.ovsdb.server import Server, find_schema
from ovnkit.southbound import Chassis
from ovnkit.southbound.chassis import ChassisSummary, EncapSummary
from tests.deploy.site import Site

CENTRAL = Central(northbound="unix:/nb", southbound="unix:/sb")
SPEC = Spec(
    central=CENTRAL,
    hosts=[
        HostSpec(name="ctl", system_id="c1", encap_ip="192.0.2.1", gateway=True, bridge_mappings={"physnet1": "br-ex"}),
        HostSpec(name="cmp", system_id="c2", encap_ip="192.0.2.2", ovsdb="unix:/cmp"),
    ],
)
NB_CFG = 7


def chassis(number: int, **changed: Any) -> ChassisSummary:
    fields: dict[str, Any] = {
        "name": f"c{number}",
        "hostname": "",
        "encaps": (EncapSummary("geneve", f"192.0.2.{number}"),),
        "bridge_mappings": {},
        "cms_options": (),
        "gateway": False,
        "availability_zones": (),
        "transport_zones": (),
        "nb_cfg": NB_CFG,
        "nb_cfg_timestamp": None,
        "remote": False,
        "ref": Ref(Chassis, UUID(int=number)),
    }
    return ChassisSummary(**{**fields, **changed})


CONTROLLER = chassis(1, gateway=True, bridge_mappings={"physnet1": "br-ex"})
FACTS = Facts(
    {"c1": CONTROLLER, "c2": chassis(2)},
    provider_ports={"c1": {"provnet": "physnet1", "elsewhere": "physnet2"}},
)
LOCAL = {
    "ctl": LocalFacts(frozenset({"br-int", "br-ex"}), {"provnet": (2, 3)}, frozenset({"192.0.2.2"})),
    "cmp": LocalFacts(frozenset({"br-int"}), {}, frozenset({"192.0.2.1"})),
}


def failing(
    *,
    spec: Spec = SPEC,
    facts: Facts = FACTS,
    nb_cfg: int | None = NB_CFG,
    **local: LocalFacts | OvnkitError,
) -> list[tuple[str, str, str, str]]:
    """The checks that do not hold: host, what, expected, observed."""
    found = checks(spec, facts, {**LOCAL, **local}, nb_cfg)
    return [(check.host, check.what, check.expected, check.observed) for check in found if not check.ok]


def with_chassis(one: ChassisSummary) -> Facts:
    return attrs.evolve(FACTS, chassis={**FACTS.chassis, one.name: one})


# -- the checks ------------------------------------------------------------------------------------------------------


def test_all_checks_hold_where_all_is_as_the_spec_says() -> None:
    assert failing() == []
    assert [(check.host, check.what) for check in checks(SPEC, FACTS, LOCAL, NB_CFG)] == [
        ("central", "Southbound database"),
        ("central", "ovn-northd answers"),
        ("ctl", "chassis registered"),
        ("ctl", "encapsulation"),
        ("ctl", "gateway"),
        ("ctl", "bridge mappings"),
        ("ctl", "caught up"),
        ("ctl", "local database"),
        ("ctl", "bridge of physnet1"),
        ("ctl", "patch ports of provnet"),
        ("ctl", "tunnels"),
        ("ctl", "interfaces without error"),
        ("cmp", "chassis registered"),
        ("cmp", "encapsulation"),
        ("cmp", "gateway"),
        ("cmp", "caught up"),
        ("cmp", "local database"),
        ("cmp", "tunnels"),
        ("cmp", "interfaces without error"),
    ]


def test_zones_beside_those_of_the_spec_are_as_good_and_a_missing_one_is_not() -> None:
    host = attrs.evolve(SPEC.host("ctl"), availability_zones=("az1", "az2"))
    spec = attrs.evolve(SPEC, hosts=[host, SPEC.host("cmp")])
    seen = attrs.evolve(CONTROLLER, availability_zones=("az1", "az9"))
    assert failing(spec=spec, facts=with_chassis(seen)) == [("ctl", "availability zones", "az1, az2", "az1, az9")]
    assert failing(spec=spec, facts=with_chassis(attrs.evolve(seen, availability_zones=("az9", "az2", "az1")))) == []


def test_flows_are_looked_at_on_the_hosts_that_could_be_asked() -> None:
    found = list(checks(SPEC, FACTS, LOCAL, NB_CFG, {"ctl": 12}))
    assert [(check.host, check.ok) for check in found if "flows" in check.what] == [("ctl", True)]
    seen: dict[str, int | OvnkitError] = {"ctl": 0, "cmp": HostFailed("cmp", "ovs-ofctl", 1, "no such bridge")}
    failed = [check for check in checks(SPEC, FACTS, LOCAL, NB_CFG, seen) if not check.ok]
    assert [(check.host, check.what, check.expected) for check in failed] == [
        ("ctl", "flows of OVN in br-int", "some"),
        ("cmp", "flows of OVN in br-int", "some"),
    ]
    assert (failed[0].observed, "no such bridge" in failed[1].observed) == ("none", True)


def test_of_some_hosts_alone_nothing_is_said_of_others() -> None:
    found = checks(SPEC, FACTS, {"cmp": LOCAL["cmp"]}, NB_CFG)
    assert {check.host for check in found} == {"central", "cmp"}


def test_a_southbound_that_is_out_of_reach_shows_nothing_of_now() -> None:
    facts = attrs.evolve(FACTS, state="reconnecting")
    assert failing(facts=facts) == [("central", "Southbound database", "ready", "reconnecting")]


def test_without_northd_no_chassis_can_be_said_to_have_caught_up() -> None:
    assert failing(nb_cfg=None) == [
        ("central", "ovn-northd answers", "sb_cfg followed nb_cfg", "sb_cfg stays behind nb_cfg"),
        ("ctl", "caught up", "an nb_cfg from ovn-northd", "nb_cfg 7"),
        ("cmp", "caught up", "an nb_cfg from ovn-northd", "nb_cfg 7"),
    ]


def test_a_chassis_that_is_missing() -> None:
    facts = attrs.evolve(FACTS, chassis={"c1": CONTROLLER})
    assert failing(facts=facts) == [("cmp", "chassis registered", "c2", "no Chassis row")]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (
            chassis(2, encaps=(EncapSummary("geneve", "192.0.2.9"),)),
            ("encapsulation", "geneve 192.0.2.2", "geneve 192.0.2.9"),
        ),
        (
            chassis(2, encaps=(EncapSummary("vxlan", "192.0.2.2"),)),
            ("encapsulation", "geneve 192.0.2.2", "vxlan 192.0.2.2"),
        ),
        (
            chassis(2, encaps=(EncapSummary("geneve", "192.0.2.2"), EncapSummary("geneve", "192.0.2.3"))),
            ("encapsulation", "geneve 192.0.2.2", "geneve 192.0.2.2, geneve 192.0.2.3"),
        ),
        (chassis(2, encaps=()), ("encapsulation", "geneve 192.0.2.2", "none")),
        (chassis(2, gateway=True), ("gateway", "no", "yes")),
        (chassis(2, nb_cfg=6), ("caught up", "nb_cfg 7", "nb_cfg 6")),
        (chassis(2, nb_cfg=None), ("caught up", "nb_cfg 7", "no Chassis_Private row")),
    ],
)
def test_a_chassis_that_is_not_as_it_should_be(seen: ChassisSummary, expected: tuple[str, ...]) -> None:
    assert failing(facts=with_chassis(seen)) == [("cmp", *expected)]


def test_a_chassis_that_is_ahead_has_caught_up() -> None:
    assert failing(facts=with_chassis(chassis(2, nb_cfg=NB_CFG + 1))) == []


def test_a_chassis_that_is_no_gateway_or_lacks_a_mapping() -> None:
    seen = attrs.evolve(CONTROLLER, gateway=False, bridge_mappings={"physnet1": "br-other"})
    assert failing(facts=with_chassis(seen)) == [
        ("ctl", "gateway", "yes", "no"),
        ("ctl", "bridge mappings", "physnet1:br-ex", "physnet1:br-other"),
    ]


def test_mappings_of_others_are_shown_and_do_no_harm() -> None:
    seen = chassis(2, bridge_mappings={"theirs": "br-their"})
    assert failing(facts=with_chassis(seen)) == []
    shown = [check for check in checks(SPEC, with_chassis(seen), LOCAL, NB_CFG) if check.what == "bridge mappings"]
    assert [(check.host, check.observed) for check in shown] == [("ctl", "physnet1:br-ex"), ("cmp", "theirs:br-their")]


def test_two_kinds_of_tunnels_are_two_encapsulations() -> None:
    spec = attrs.evolve(SPEC, encap=Encap(type="geneve,vxlan"), hosts=[SPEC.hosts[1]])
    both = (EncapSummary("geneve", "192.0.2.2"), EncapSummary("vxlan", "192.0.2.2"))
    assert failing(spec=spec, facts=with_chassis(chassis(2, encaps=both))) == []
    assert failing(spec=spec) == [
        ("cmp", "encapsulation", "geneve 192.0.2.2, vxlan 192.0.2.2", "geneve 192.0.2.2"),
    ]


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ({"state": "reconnecting"}, ("local database", "ready", "reconnecting")),
        ({"bridges": frozenset({"br-int"})}, ("bridge of physnet1", "br-ex", "no such bridge")),
        ({"patch_ports": {}}, ("patch ports of provnet", "a pair with port numbers", "none")),
        (
            {"patch_ports": {"provnet": (2,)}},
            ("patch ports of provnet", "a pair with port numbers", "1 ends, OpenFlow ports [2]"),
        ),
        (
            {"patch_ports": {"provnet": (2, -1)}},
            ("patch ports of provnet", "a pair with port numbers", "2 ends, OpenFlow ports [-1, 2]"),
        ),
        ({"tunnels": frozenset({"192.0.2.77"})}, ("tunnels", "1 of 1", "0 of 1, none to 192.0.2.2")),
        ({"errors": ("eth1: No such device",)}, ("interfaces without error", "all", "eth1: No such device")),
    ],
)
def test_a_host_that_is_not_as_it_should_be(local: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert failing(ctl=attrs.evolve(LOCAL["ctl"], **local)) == [("ctl", *expected)]


def test_a_host_that_cannot_be_reached_is_a_check_that_does_not_hold() -> None:
    assert failing(cmp=Timeout("the schema", 3.0)) == [
        ("cmp", "local database", "ready", str(Timeout("the schema", 3.0)))
    ]


def test_no_patch_ports_are_asked_for_where_the_provider_network_is_not_carried() -> None:
    facts = attrs.evolve(FACTS, provider_ports={})
    assert failing(facts=facts, ctl=attrs.evolve(LOCAL["ctl"], patch_ports={})) == []


@pytest.mark.parametrize(
    ("zones", "others", "tunnelled"),
    [("", "", True), ("a", "", False), ("", "b", False), ("a,b", "b,c", True), ("a", "b", False)],
)
def test_tunnels_are_asked_for_within_a_transport_zone(zones: str, others: str, tunnelled: bool) -> None:
    hosts = [
        attrs.evolve(host, options={"ovn-transport-zones": zone} if zone else {})
        for host, zone in zip(SPEC.hosts, (zones, others), strict=True)
    ]
    bare = {name: attrs.evolve(own, tunnels=frozenset[str]()) for name, own in LOCAL.items()}
    spec = attrs.evolve(SPEC, hosts=hosts)
    missing = [what for _, what, _, _ in failing(spec=spec, ctl=bare["ctl"], cmp=bare["cmp"])]
    assert missing == (["tunnels", "tunnels"] if tunnelled else [])


# -- the table -------------------------------------------------------------------------------------------------------


def test_a_verification_prints_as_a_table() -> None:
    verification = Verification(
        (
            Check("central", "ovn-northd answers", "yes", "yes", ok=True),
            Check("compute-7", "tunnels", "2 of 2", "1 of 2, none to 192.0.2.2", ok=False),
            Check("c", "interfaces\nwithout error", "all", "tap\x1b[2J: gone\n", ok=False),
        )
    )
    assert (
        str(verification)
        == """\
     host       what                         observed                   expected
ok   central    ovn-northd answers           yes
NOT  compute-7  tunnels                      1 of 2, none to 192.0.2.2  2 of 2
NOT  c          'interfaces\\nwithout error'  'tap\\x1b[2J: gone\\n'       all"""
    )
    assert not verification
    assert not verification.ok
    assert [check.host for check in verification.failed] == ["compute-7", "c"]
    assert Verification(verification.checks[:1])


# -- databases in which nothing runs ---------------------------------------------------------------------------------


def test_where_nothing_runs_the_table_says_so_within_the_timeout(site: Site) -> None:
    spec = site.spec(ctl={"bridge_mappings": {"physnet1": "br-ex"}})
    assert deploy.plan(spec).apply()
    began = time.monotonic()
    verification = deploy.verify(spec, timeout=1)
    assert 1 <= time.monotonic() - began < 2.5
    assert not verification.ok
    missing = {(check.host, check.what) for check in verification.failed}
    assert missing == {
        ("central", "ovn-northd answers"),
        ("ctl", "chassis registered"),
        ("ctl", "bridge of physnet1"),
        ("cmp1", "chassis registered"),
        ("cmp2", "chassis registered"),
        *((host, "tunnels") for host in site.hosts),
    }


def test_a_host_out_of_reach_is_in_the_table_and_the_others_are_looked_at(site: Site) -> None:
    site.add_chassis("cmp1", encap_ip="192.0.2.2")
    spec = site.spec(ctl={"ovsdb": f"unix:{site.directory}/none.sock"})
    began = time.monotonic()
    verification = deploy.verify(spec, timeout=3)
    assert time.monotonic() - began < 4.5
    found = {(check.host, check.what): check for check in verification.checks}
    assert not found["ctl", "local database"].ok
    assert "none.sock" in found["ctl", "local database"].observed
    assert found["cmp1", "chassis registered"].ok
    assert found["cmp2", "local database"].ok


def test_verification_raises_nothing_but_nb_cfg(site: Site) -> None:
    before = site.everything()
    deploy.verify(site.spec(), timeout=1)
    northbound, *others = site.everything()
    assert others == before[1:]
    assert [columns["nb_cfg"] for columns in northbound.values()] == [1]


@pytest.mark.parametrize("database", ["northbound", "southbound"])
def test_without_a_central_database_there_is_nothing_to_look_at(site: Site, database: str) -> None:
    spec = site.spec()
    remotes = {"northbound": spec.central.northbound, "southbound": spec.central.southbound}
    central = Central(**{**remotes, database: f"unix:{site.directory}/none.sock"})  # type: ignore[arg-type]
    began = time.monotonic()
    with pytest.raises(Timeout, match=r"none\.sock"):
        deploy.verify(attrs.evolve(spec, central=central), timeout=2)
    assert time.monotonic() - began < 6


# -- TLS -------------------------------------------------------------------------------------------------------------

StartTls = Callable[[str], str]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """One certificate for all ends, which is its own authority."""
    directory = tmp_path_factory.mktemp("tls")
    key, cert = directory / "key.pem", directory / "cert.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ovnkit"]
    name = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*request, *name], check=True, capture_output=True)
    return Tls(key, cert, cert)


@pytest.fixture
def start_tls(tmp_path: Path, tls: Tls) -> Iterator[StartTls]:
    """Starts a server for a schema that takes TLS connections alone; returns where it listens."""
    servers: list[Server] = []

    def start(schema: str) -> str:
        options = [f"--private-key={tls.key}", f"--certificate={tls.cert}", f"--ca-cert={tls.ca}"]
        name = f"s{len(servers)}"
        server = Server(
            tmp_path / f"{name}.db",
            find_schema(schema),
            run_dir=tmp_path,
            name=name,
            options=options,
            listen=["pssl:0:127.0.0.1"],
        )
        servers.append(server)
        server.start()
        # With port 0 the kernel chooses one, and the server writes which.
        port = server.log.read_text().split("listening on port ")[1].split()[0]
        return f"ssl:127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop()


def test_certificates_reach_every_database(start_tls: StartTls, tls: Tls) -> None:
    central = Central(northbound=start_tls("ovn-nb.ovsschema"), southbound=start_tls("ovn-sb.ovsschema"))
    host = HostSpec(name="ctl", system_id="ctl", encap_ip="192.0.2.1", ovsdb=start_tls("vswitch.ovsschema"))
    spec = Spec(central=central, hosts=[host])
    with pytest.raises(InvalidRemote, match="tls=Tls"):
        deploy.plan(spec)
    with pytest.raises(InvalidRemote, match="tls=Tls"):
        deploy.verify(spec, timeout=1)
    plan = deploy.plan(spec, tls=tls)
    assert plan.apply()
    assert not deploy.plan(spec, tls=tls)
    verification = deploy.verify(spec, tls=tls, timeout=2)
    assert ("ctl", "local database") not in {(check.host, check.what) for check in verification.failed}


def test_each_server_of_a_spec_may_have_a_name_of_its_own(start_tls: StartTls, tls: Tls) -> None:
    central = Central(northbound=start_tls("ovn-nb.ovsschema"), southbound=start_tls("ovn-sb.ovsschema"))
    host = HostSpec(name="ctl", system_id="ctl", encap_ip="192.0.2.1", ovsdb=start_tls("vswitch.ovsschema"))
    spec = Spec(central=central, hosts=[host])
    names = dict.fromkeys((central.northbound, central.southbound, str(host.ovsdb)), "127.0.0.1")
    named = attrs.evolve(tls, server_name=names)
    assert deploy.plan(spec, tls=named).ok
    deploy.verify(spec, tls=named, timeout=2)
    foreign = attrs.evolve(tls, server_name={**names, "ssl:192.0.2.9:6642": "other"})
    for use in (deploy.plan, deploy.verify):
        with pytest.raises(InvalidRemote, match=r"ssl:192\.0\.2\.9:6642"):
            use(spec, tls=foreign, timeout=1)
    wrong = attrs.evolve(tls, server_name={**names, str(host.ovsdb): "other"})
    problem = deploy.plan(spec, tls=wrong).hosts[0].problem
    assert "not for other" in str(problem)
