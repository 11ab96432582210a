"""The rules by which certificates are judged: a good and a bad case of each."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from ovnkit.deploy import pki
from ovnkit.errors import InvalidValue
from ovnkit.remote import Tls
from tests.ovsdb.authority import Authority

NOW = datetime.now(UTC)


@attrs.frozen
class Scene:
    """An authority, a server and a chassis of it, and another authority."""

    authority: pki.Certificate
    server: pki.Certificate
    chassis: pki.Certificate
    other: pki.Certificate


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    directory = tmp_path_factory.mktemp("pki")
    authority = pki.create_authority(directory)
    server = pki.issue(directory, "server", names=["nb.example", "192.0.2.10"], usage=["server", "client"])
    chassis = pki.issue(directory, "chassis", common_name="cmp1")
    other = pki.create_authority(tmp_path_factory.mktemp("other"), common_name="another")
    return Scene(authority.certificate, server.certificate, chassis.certificate, other.certificate)


def rules(certificate: pki.Certificate, scene: Scene, **arguments: Any) -> dict[str, str]:
    """The rules that find something, and how grave that is."""
    given: dict[str, Any] = {"authorities": [scene.authority], "now": NOW, **arguments}
    return {finding.rule: finding.severity for finding in pki.check(certificate, **given)}


def test_nothing_is_wrong_with_what_is_made(scene: Scene) -> None:
    key = pki.KeyFile("key.pem", 0o600, 0)
    names = ["NB.example", "192.0.2.10"]
    assert rules(scene.server, scene, key=key, owner=0, usage=["server", "client"], names=names) == {}
    assert rules(scene.chassis, scene, key=key, owner=0, usage=["client"], system_id="cmp1") == {}
    assert rules(scene.authority, scene) == {}


@pytest.mark.parametrize(
    ("mode", "good"), [(0o600, True), (0o400, True), (0o640, False), (0o604, False), (0o620, False)]
)
def test_a_key_is_for_its_owner_alone(scene: Scene, mode: int, *, good: bool) -> None:
    found = rules(scene.chassis, scene, key=pki.KeyFile("key.pem", mode, 0), owner=0)
    assert found == ({} if good else {"key-mode": "refuse"})


def test_a_key_belongs_to_whoever_uses_it(scene: Scene) -> None:
    assert rules(scene.chassis, scene, key=pki.KeyFile("key.pem", 0o600, 7), owner=0) == {"key-owner": "refuse"}
    assert rules(scene.chassis, scene, key=pki.KeyFile("key.pem", 0o600, 7), owner=7) == {}


def test_a_key_belongs_to_its_certificate(scene: Scene) -> None:
    assert rules(attrs.evolve(scene.chassis, key_matches=False), scene) == {"key-mismatch": "refuse"}
    assert rules(attrs.evolve(scene.chassis, key_matches=None), scene) == {}


@pytest.mark.parametrize(
    ("days", "found"),
    [
        (-1, {"not-yet-valid": "refuse"}),
        (0, {}),
        (334, {}),
        (336, {"expires-soon": "warn"}),
        (366, {"expired": "refuse"}),
    ],
)
def test_a_certificate_has_its_time(scene: Scene, days: float, found: dict[str, str]) -> None:
    assert rules(scene.chassis, scene, now=NOW + timedelta(days=days)) == found


def test_so_has_its_authority(scene: Scene) -> None:
    (finding,) = pki.check(scene.authority, authorities=[scene.authority], now=NOW + timedelta(days=3640))
    assert (finding.rule, finding.severity) == ("expires-soon", "warn")
    late = attrs.evolve(scene.chassis, not_after=NOW + timedelta(days=9000))
    (finding,) = pki.check(late, authorities=[scene.authority], now=NOW + timedelta(days=3640))
    assert finding.seen.startswith("of its authority OVN authority: it ends")
    (finding,) = pki.check(late, authorities=[scene.authority], now=NOW + timedelta(days=4000))
    assert (finding.rule, finding.severity) == ("expired", "refuse")


def test_its_authority_is_trusted(scene: Scene) -> None:
    assert rules(scene.chassis, scene, authorities=[scene.other]) == {"untrusted": "refuse"}
    assert rules(scene.chassis, scene, authorities=[]) == {"untrusted": "refuse"}
    assert rules(scene.chassis, scene, authorities=[scene.other, scene.authority]) == {}
    # One that is no authority vouches for nobody, not even for itself.
    assert rules(scene.chassis, scene, authorities=[scene.chassis]) == {"untrusted": "refuse"}


def test_it_is_for_what_it_is_used_for(scene: Scene) -> None:
    assert rules(scene.chassis, scene, usage=["server"]) == {"usage": "refuse"}
    assert rules(scene.chassis, scene, usage=["client"]) == {}


@pytest.mark.parametrize("usage", [None, frozenset({"any"})])
def test_without_a_usage_it_is_for_everything(scene: Scene, usage: frozenset[str] | None) -> None:
    certificate = attrs.evolve(scene.chassis, usage=usage)
    assert rules(certificate, scene, usage=["server"], system_id="cmp1") == {"any-usage": "warn"}


def test_a_chassis_is_no_server(scene: Scene) -> None:
    both = attrs.evolve(scene.chassis, usage=frozenset({"client", "server"}))
    assert rules(both, scene, system_id="cmp1") == {"chassis-serves": "warn"}


def test_under_rbac_the_cn_is_the_system_id(scene: Scene) -> None:
    assert rules(scene.chassis, scene, system_id="cmp2") == {"system-id": "refuse"}
    assert rules(attrs.evolve(scene.chassis, common_name=None), scene, system_id="cmp1") == {"system-id": "refuse"}


@pytest.mark.parametrize(
    ("there", "name", "good"),
    [
        (("nb.example",), "nb.example", True),
        (("NB.example",), "nb.EXAMPLE", True),
        (("nb.example",), "sb.example", False),
        (("*.example",), "nb.example", True),
        (("*.example",), "a.nb.example", False),
        (("*.example",), "example", False),
        (("2001:db8::1",), "2001:DB8:0::1", True),
        (("192.0.2.10",), "192.0.2.11", False),
        ((), "cmp1", True),
        ((), "cmp2", False),
        (("nb.example",), "cmp1", False),
    ],
)
def test_a_server_has_the_name_that_clients_connect_to(
    scene: Scene, there: tuple[str, ...], name: str, *, good: bool
) -> None:
    found = rules(attrs.evolve(scene.chassis, names=there), scene, names=[name])
    assert found == ({} if good else {"name": "refuse"})


def test_a_name_that_cannot_be_one_is_refused(scene: Scene) -> None:
    with pytest.raises(InvalidValue, match=r"certificate\.names"):
        pki.check(scene.server, authorities=[], names=["ssl:192.0.2.10:6641"])


def test_a_finding_says_what_why_and_what_to_do(scene: Scene) -> None:
    (finding,) = pki.check(scene.chassis, authorities=[scene.authority], system_id="evil\x1b[2J", now=NOW)
    assert finding.mend in str(finding)
    assert finding.why in str(finding)
    assert str(finding).isprintable()


def test_files_that_were_brought_along(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path / "ca"), Authority(tmp_path / "stranger", "stranger")
    tls = authority.tls("cmp1", days=(-60, 20))
    tls.key.chmod(0o600)
    assert [finding.rule for finding in pki.check_files(tls, system_id="cmp1")] == ["expires-soon", "any-usage"]
    tls.key.chmod(0o644)
    wrong = Tls(tls.key, authority.sign("other")[1], stranger.certificate)
    found = {finding.rule for finding in pki.check_files(wrong, owner=os.geteuid() + 1, system_id="cmp1")}
    assert {"key-mode", "key-owner", "key-mismatch", "untrusted", "system-id"} <= found
    with pytest.raises(FileNotFoundError):
        pki.check_files(attrs.evolve(tls, key=tmp_path / "none"))


def test_a_whole_directory(tmp_path: Path) -> None:
    directory = tmp_path / "pki"
    pki.create_authority(directory)
    pki.issue(directory, "good")
    pki.issue(directory, "bad").key.chmod(0o640)
    found = pki.check_directory(directory)
    assert {name: [finding.rule for finding in findings] for name, findings in found.items()} == {
        "bad": ["key-mode"],
        "ca": [],
        "good": [],
    }
