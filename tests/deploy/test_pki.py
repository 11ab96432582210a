"""Certificates made: what they say by openssl's judgement, what stays, what is refused, and a rotation."""

from __future__ import annotations

import multiprocessing
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ovnkit.deploy import pki
from ovnkit.deploy.pki.issue import differences, due
from ovnkit.errors import Conflict, InvalidValue, MissingExtra

LONG = "c" * 64


def openssl(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["openssl", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def text_of(certificate: Path) -> str:
    done = openssl("x509", "-noout", "-text", "-in", certificate)
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


def verified(identity: pki.Identity, *options: str, ca: Path | None = None) -> bool:
    return openssl("verify", "-x509_strict", *options, "-CAfile", ca or identity.ca, identity.cert).returncode == 0


def content(directory: Path) -> dict[str, object]:
    """Every file and link below a directory, with what is in it, and when it was changed."""
    return {
        str(path.relative_to(directory)): path.readlink()
        if path.is_symlink()
        else (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(directory.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    pki.create_authority(tmp_path / "pki")
    return tmp_path / "pki"


# -- what is made ----------------------------------------------------------------------------------------------------


def test_the_authority_is_one_for_openssl(directory: Path) -> None:
    authority = pki.create_authority(directory)
    text = text_of(authority.cert)
    assert "Subject: CN = OVN authority" in text
    assert "ASN1 OID: prime256v1" in text
    assert "X509v3 Basic Constraints: critical CA:TRUE, pathlen:0" in text
    assert "X509v3 Key Usage: critical Certificate Sign, CRL Sign" in text
    assert verified(authority)
    assert authority.certificate.is_authority
    left = authority.certificate.not_after - datetime.now(UTC)
    assert timedelta(days=3649) < left <= timedelta(days=3650)


def test_a_server_has_its_names_and_may_be_both(directory: Path) -> None:
    server = pki.issue(
        directory,
        "central-ctl",
        names=["192.0.2.10", "2001:DB8::1", "NB1.example"],
        usage=["server", "client"],
        days=100,
    )
    text = text_of(server.cert)
    assert "Subject: CN = central-ctl" in text
    assert "CA:FALSE" in text
    assert "Key Usage: critical Digital Signature" in text
    for name in ("IP Address:192.0.2.10", "IP Address:2001:DB8:0:0:0:0:0:1", "DNS:nb1.example"):
        assert name in text
    for purpose in ("sslserver", "sslclient"):
        assert verified(server, "-purpose", purpose)
    assert verified(server, "-verify_hostname", "nb1.example")
    assert verified(server, "-verify_ip", "2001:db8::1")
    assert not verified(server, "-verify_ip", "192.0.2.11")
    assert set(server.certificate.names) == {"192.0.2.10", "2001:db8::1", "nb1.example"}
    assert timedelta(days=99) < server.certificate.not_after - datetime.now(UTC) <= timedelta(days=100)


@pytest.mark.parametrize("system_id", ["cmp1", LONG])
def test_a_chassis_has_its_system_id_and_is_never_a_server(directory: Path, system_id: str) -> None:
    chassis = pki.issue(directory, "chassis-cmp1", common_name=system_id)
    assert f"Subject: CN = {system_id}" in text_of(chassis.cert)
    assert verified(chassis, "-purpose", "sslclient")
    assert not verified(chassis, "-purpose", "sslserver")
    assert (chassis.certificate.common_name, chassis.certificate.usage) == (system_id, frozenset({"client"}))


def test_a_certificate_is_good_for_a_host_whose_clock_is_behind(directory: Path) -> None:
    assert pki.issue(directory, "a").certificate.not_before < datetime.now(UTC) - timedelta(minutes=50)


def test_a_certificate_does_not_outlive_its_authority(tmp_path: Path) -> None:
    authority = pki.create_authority(tmp_path / "pki", days=100)
    assert pki.issue(tmp_path / "pki", "a", days=1000).certificate.not_after == authority.certificate.not_after


def test_show_tells_what_openssl_tells(directory: Path) -> None:
    for identity in (pki.create_authority(directory), pki.issue(directory, "a", names=["a.example"])):
        (shown,) = pki.show(identity.cert, key=identity.key)
        assert shown == identity.certificate
        assert shown.key_matches
        fields = openssl("x509", "-noout", "-serial", "-enddate", "-issuer", "-in", identity.cert).stdout.splitlines()
        end = datetime.strptime(fields[1].partition("=")[2], "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
        assert int(fields[0].partition("=")[2], 16) == int(shown.serial, 16)
        assert end == shown.not_after
        assert fields[2] == f"issuer=CN = {shown.issuer}"
    assert pki.show(pki.issue(directory, "b").cert, key=pki.create_authority(directory).key)[0].key_matches is False
    assert pki.show(pki.issue(directory, "b").cert)[0].key_matches is None


def test_a_certificate_of_openssl_is_read_as_well(tmp_path: Path) -> None:
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/O=Other/OU=None"),
        *("-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"),
    )
    (shown,) = pki.show(tmp_path / "cert.pem", key=tmp_path / "key.pem")
    assert (shown.common_name, shown.names, shown.usage, shown.key_matches) == (None, (), None, True)
    assert shown.issuer == "OU=None,O=Other"


@given(
    chassis=st.dictionaries(st.from_regex(r"h[a-z0-9.-]{0,20}", fullmatch=True), st.uuids().map(str), max_size=4),
    members=st.dictionaries(
        st.from_regex(r"h[a-z0-9.-]{0,60}", fullmatch=True),
        st.lists(st.one_of(st.ip_addresses().map(str), st.just("nb.example")), min_size=1),
        max_size=4,
    ),
)
def test_every_part_of_a_cluster_gets_a_certificate_of_its_kind(
    chassis: dict[str, str], members: dict[str, list[str]]
) -> None:
    wanted = pki.subjects(chassis=chassis, members=members, clients=["ovnkit", "neutron"])
    assert len({subject.name for subject in wanted}) == len(wanted) == len(chassis) + len(members) + 2
    by_name = {subject.name: subject for subject in wanted}
    for host, system_id in chassis.items():
        subject = by_name[f"chassis-{host}"]
        assert (subject.common_name, subject.usage, subject.names) == (system_id, frozenset({"client"}), ())
    for host, names in members.items():
        subject = by_name[f"central-{host}"]
        assert (subject.usage, set(subject.names)) == (frozenset({"server", "client"}), set(names))


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    common_name=st.text(min_size=1, max_size=70),
    names=st.lists(
        st.one_of(
            st.ip_addresses().map(str), st.from_regex(r"[a-zA-Z0-9_-]{1,63}(\.[a-z0-9-]{1,63}){0,3}", fullmatch=True)
        ),
        max_size=5,
    ),
)
def test_a_certificate_says_what_was_asked_for_or_it_is_refused(
    directory: Path, common_name: str, names: list[str]
) -> None:
    try:
        made = pki.issue(directory, "a", common_name=common_name, names=names, renew=True)
    except InvalidValue:
        assert (
            not common_name.isprintable()
            or common_name.strip() != common_name
            or len(common_name.encode()) > 64
            or [name for name in names if name.replace(".", "").isdigit()]
        )
        return
    assert made.certificate.common_name == common_name
    assert set(made.certificate.names) == {name.lower() for name in names}
    assert not pki.issue(directory, "a", common_name=common_name, names=names).changed
    assert verified(made)


def test_a_whole_cluster_at_once(tmp_path: Path) -> None:
    wanted = pki.subjects(chassis={"ctl": "ctl", "cmp1": "cmp1"}, members={"ctl": ["192.0.2.10"]})
    made = pki.issue_all(tmp_path / "pki", wanted)
    assert [identity.name for identity in made] == ["chassis-ctl", "chassis-cmp1", "central-ctl", "client-ovnkit"]
    assert all(verified(identity) and identity.changed for identity in made)
    before = content(tmp_path / "pki")
    assert [identity.changed for identity in pki.issue_all(tmp_path / "pki", wanted)] == [False] * 4
    assert content(tmp_path / "pki") == before
    more = pki.subjects(chassis={"ctl": "ctl", "cmp1": "cmp1", "cmp2": "cmp2"}, members={"ctl": ["192.0.2.10"]})
    assert [one.name for one in pki.issue_all(tmp_path / "pki", more) if one.changed] == ["chassis-cmp2"]


def test_nothing_is_made_where_one_of_many_contradicts(tmp_path: Path) -> None:
    directory = tmp_path / "pki"
    pki.issue_all(directory, pki.subjects(members={"ctl": ["192.0.2.10"]}))
    before = content(directory)
    with pytest.raises(Conflict, match=r"central-ctl .*its names are 192\.0\.2\.10, not 192\.0\.2\.11"):
        pki.issue_all(directory, pki.subjects(chassis={"cmp1": "cmp1"}, members={"ctl": ["192.0.2.11"]}))
    assert content(directory) == before


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "../out"}, r"certificate\.name"),
        ({"name": ".hidden"}, r"certificate\.name"),
        ({"name": "a/b"}, r"certificate\.name"),
        ({"name": ""}, r"certificate\.name"),
        ({"name": "ca"}, r"certificate\.name"),
        ({"name": "cacert.pem"}, r"certificate\.name"),
        ({"name": "a", "common_name": "c" * 65}, r"certificate\.common_name"),
        ({"name": "a", "common_name": ""}, r"certificate\.common_name"),
        ({"name": "a", "common_name": "é" * 33}, r"certificate\.common_name"),
        ({"name": "a", "common_name": "\ud800"}, r"certificate\.common_name"),
        ({"name": "a", "common_name": "x\ny"}, r"certificate\.common_name"),
        ({"name": "a", "common_name": "x\0"}, r"certificate\.common_name"),
        ({"name": "a", "common_name": " x"}, r"certificate\.common_name"),
        ({"name": "a" * 65}, r"certificate\.common_name"),
        ({"name": "a", "names": ["not a name"]}, r"certificate\.names"),
        ({"name": "a", "names": ["192.0.2.300"]}, r"certificate\.names"),
        ({"name": "a", "names": ["fe80::1%eth0"]}, r"certificate\.names"),
        ({"name": "a", "names": ["*.example"]}, r"certificate\.names"),
        ({"name": "a", "names": ["192.0.2.1:6641"]}, r"certificate\.names"),
        ({"name": "a", "names": "a.example"}, r"certificate\.names"),
        ({"name": "a", "usage": []}, r"certificate\.usage"),
        ({"name": "a", "usage": ["any"]}, r"certificate\.usage"),
        ({"name": "a", "usage": ["server"]}, r"certificate\.names"),
        ({"name": "a", "days": 0}, r"certificate\.days"),
        ({"name": "a", "days": float("nan")}, r"certificate\.days"),
        ({"name": "a", "days": True}, r"certificate\.days"),
        ({"name": "a", "days": 10**9}, r"certificate\.days"),
    ],
    ids=str,
)
def test_what_cannot_be_in_a_certificate_is_refused_before_anything_is_made(
    tmp_path: Path, arguments: dict[str, object], said: str
) -> None:
    directory = tmp_path / "pki"
    pki.create_authority(directory)
    before = content(directory)
    with pytest.raises(InvalidValue, match=said):
        pki.issue(directory, **arguments)  # type: ignore[arg-type]
    assert content(directory) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"chassis": {"a": "x", "b": "x"}}, "a system-id of its own"),
        ({"chassis": {"a": "x@y"}}, "system-id"),
        ({"chassis": {"a": "c" * 65}}, "system-id"),
        ({"chassis": {"a": "random"}}, "system-id"),
        ({"chassis": {"a": "central-ctl"}, "members": {"ctl": ["192.0.2.10"]}}, "a CN that is no system-id"),
        ({"chassis": {"a": "client-ovnkit"}}, "a CN that is no system-id"),
        ({"members": {"ctl": []}}, "names"),
        ({"members": {"ctl": "192.0.2.10"}}, "a list of names"),
    ],
    ids=str,
)
def test_a_cluster_in_which_one_could_pose_as_another_is_refused(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        pki.subjects(**arguments)  # type: ignore[arg-type]


def test_a_directory_that_others_can_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    for call in (pki.create_authority, pki.prepare_authority, pki.check_directory):
        with pytest.raises(InvalidValue, match=r"pki\.directory.*mode 0770.*chmod go-w"):
            call(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a directory away")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(InvalidValue, match=r"pki\.directory.*of uid 65534"):
        pki.create_authority(tmp_path)


def test_without_an_authority_nothing_is_signed(tmp_path: Path) -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: pki.issue(tmp_path, "a"),
        lambda: pki.prepare_authority(tmp_path),
        lambda: pki.switch_authority(tmp_path),
        lambda: pki.retire_authority(tmp_path),
    )
    for call in calls:
        with pytest.raises(InvalidValue, match=r"create_authority\(\) makes"):
            call()
    with pytest.raises(FileNotFoundError):
        pki.issue(tmp_path / "none", "a")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"common_name": "b"}, "its CN is 'a', not 'b'"),
        ({"names": ["a.example", "b.example"]}, r"its names are a\.example, not a\.example, b\.example"),
        ({"usage": ["server", "client"]}, "it is for client, not client, server"),
    ],
    ids=str,
)
def test_what_is_there_is_replaced_only_when_that_is_asked(
    directory: Path, changed: dict[str, object], said: str
) -> None:
    asked: dict[str, object] = {"common_name": "a", "names": ["a.example"]}
    pki.issue(directory, "one", **asked)  # type: ignore[arg-type]
    before = content(directory)
    with pytest.raises(Conflict, match=f"{said}; renew replaces it"):
        pki.issue(directory, "one", **{**asked, **changed})  # type: ignore[arg-type]
    assert content(directory) == before
    new = pki.issue(directory, "one", renew=True, **{**asked, **changed})  # type: ignore[arg-type]
    assert new.changed
    assert not pki.issue(directory, "one", **{**asked, **changed}).changed  # type: ignore[arg-type]


def test_a_key_that_others_could_read_is_not_kept(directory: Path) -> None:
    old = pki.issue(directory, "a")
    old.key.chmod(0o640)
    with pytest.raises(Conflict, match="mode 0640"):
        pki.issue(directory, "a")
    new = pki.issue(directory, "a", renew=True)
    assert new.certificate.serial != old.certificate.serial
    pki.create_authority(directory).key.chmod(0o604)
    calls: tuple[Callable[[], object], ...] = (
        lambda: pki.create_authority(directory),
        lambda: pki.issue(directory, "b"),
    )
    for call in calls:
        with pytest.raises(Conflict, match=r"the authority cannot be used.*mode 0604"):
            call()


def test_a_certificate_that_another_authority_has_signed_is_not_kept(tmp_path: Path, directory: Path) -> None:
    pki.create_authority(tmp_path / "other")
    foreign = pki.issue(tmp_path / "other", "a")
    ours = pki.issue(directory, "a")
    for name in ("key", "cert"):
        (ours.key.parent / f"{name}.pem").write_bytes((foreign.key.parent / f"{name}.pem").read_bytes())
    with pytest.raises(Conflict, match="it is signed by OVN authority"):
        pki.issue(directory, "a")


def test_a_file_in_the_place_of_a_certificate_is_not_touched(directory: Path) -> None:
    (directory / "a").mkdir()
    (directory / "b").write_text("mine")
    for name in ("a", "b"):
        for renew in (False, True):
            with pytest.raises(Conflict, match="the name is taken"):
                pki.issue(directory, name, renew=renew)
    assert (directory / "a").is_dir()
    assert (directory / "b").read_text() == "mine"


def test_another_authority_is_never_put_over_one(directory: Path) -> None:
    before = content(directory)
    with pytest.raises(Conflict, match=r"the CN 'OVN authority', not 'mine'.*prepare_authority\(\)"):
        pki.create_authority(directory, common_name="mine")
    assert not pki.create_authority(directory, common_name="OVN authority", days=1).changed
    assert content(directory) == before


def test_a_dying_authority_signs_nothing(tmp_path: Path) -> None:
    pki.create_authority(tmp_path / "pki", days=0.005)
    with pytest.raises(Conflict, match=r"expires soon.*prepare_authority\(\)"):
        pki.issue(tmp_path / "pki", "a")
    pki.prepare_authority(tmp_path / "pki")
    pki.switch_authority(tmp_path / "pki")
    assert pki.issue(tmp_path / "pki", "a").changed


def test_files_that_are_something_else_are_refused_without_a_word_of_what_is_in_them(
    directory: Path, tmp_path: Path
) -> None:
    identity = pki.issue(directory, "a")
    (tmp_path / "empty").touch()
    (tmp_path / "secret").write_text("-----BEGIN PRIVATE KEY-----\nMARKER\n-----END PRIVATE KEY-----\n")
    for cert in (identity.key, tmp_path / "empty", tmp_path / "secret"):
        with pytest.raises(InvalidValue, match=r"file\.certificate") as caught:
            pki.show(cert)
        assert "MARKER" not in str(caught.value)
    for key in (identity.cert, tmp_path / "empty", tmp_path / "secret"):
        with pytest.raises(InvalidValue, match=r"file\.key.*unencrypted") as caught:
            pki.show(identity.cert, key=key)
        assert caught.value.__suppress_context__
        assert "MARKER" not in str(caught.value)
    encrypted = tmp_path / "encrypted.pem"
    openssl("ec", "-in", identity.key, "-aes128", "-passout", "pass:secret", "-out", encrypted)
    with pytest.raises(InvalidValue, match="unencrypted"):
        pki.show(identity.cert, key=encrypted)


def test_without_the_package_the_extra_is_named(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    for call in (
        lambda: pki.create_authority(directory),
        lambda: pki.issue(directory, "a"),
        lambda: pki.show(directory / "cacert.pem"),
    ):
        with pytest.raises(MissingExtra, match=r"ovnkit\[deploy\]"):
            call()


def test_what_is_imported_with_deploy_does_not_need_the_package() -> None:
    code = "import sys; from ovnkit import deploy; deploy.pki.issue; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"


# -- the files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_keys_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        pki.create_authority(tmp_path / "pki")
        for renew in (False, True):
            pki.issue(tmp_path / "pki", "a", renew=renew)
        pki.prepare_authority(tmp_path / "pki")
    finally:
        os.umask(before)
    keys = list((tmp_path / "pki").rglob("key.pem"))
    assert len(keys) >= 4
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert not [path for path in (tmp_path / "pki").rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o022]
    assert (tmp_path / "pki").stat().st_mode & 0o077 == 0
    for path in (tmp_path / "pki").rglob("*"):
        assert path.name == "key.pem" or not path.is_file() or b"PRIVATE" not in path.read_bytes()


def test_nothing_of_a_key_is_in_what_is_printed(directory: Path) -> None:
    identity = pki.issue(directory, "a")
    secret = "".join(identity.key.read_text().splitlines()[1:-1])
    for shown in (repr(identity), str(identity), repr(pki.check_directory(directory))):
        assert secret[:20] not in shown
        assert "PRIVATE" not in shown


def test_only_the_pair_before_is_left_beside_the_present_one(directory: Path) -> None:
    for _ in range(4):
        pki.issue(directory, "a", renew=True)
    assert len(list(directory.glob(".a@*"))) == 2


def test_what_a_killed_run_has_left_is_no_hindrance(directory: Path) -> None:
    (directory / ".a@00").mkdir()
    (directory / ".a@new").symlink_to(".a@00")
    (directory / ".cacert.pem@new").write_text("half")
    assert pki.issue(directory, "a").changed
    pki.prepare_authority(directory)
    assert len(pki.show(directory / "cacert.pem")) == 2
    assert {path.name for path in directory.iterdir() if path.name[0] != "."} == {"a", "ca", "cacert.pem", "next-ca"}


def test_no_reader_ever_sees_a_key_beside_the_certificate_of_another(directory: Path) -> None:
    link = pki.issue(directory, "a").key.parent
    ended = threading.Event()
    mixed: list[str] = []
    seen: set[str] = set()

    def read() -> None:
        while not ended.is_set():
            pair = link.resolve()
            try:
                (certificate,) = pki.show(pair / "cert.pem", key=pair / "key.pem")
            except FileNotFoundError:
                # Two others have followed it meanwhile.
                continue
            seen.add(certificate.serial)
            if not certificate.key_matches:
                mixed.append(certificate.serial)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(50):
            pki.issue(directory, "a", renew=True)
    finally:
        ended.set()
        reader.join()
    assert not mixed
    assert len(seen) > 1


def _issue(directory: Path, name: str) -> str:
    return pki.issue(directory, name).certificate.serial


def test_many_at_once_make_each_certificate_once(directory: Path) -> None:
    names = [f"c{number}" for number in range(4)] * 4
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        serials = pool.starmap(_issue, [(directory, name) for name in names])
    assert len(set(serials)) == 4
    assert not any(pki.check_directory(directory).values())


# -- time ------------------------------------------------------------------------------------------------------------


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=st.floats(1, 4000), left=st.floats(-1, 1))
def test_a_certificate_is_made_anew_before_it_ends(directory: Path, life: float, left: float) -> None:
    authority = pki.create_authority(directory).certificate
    now = datetime.now(UTC)
    signed = attrs.evolve(
        pki.issue(directory, "a").certificate,
        not_before=now - timedelta(days=life * (1 - left)),
        not_after=now + timedelta(days=life * left),
    )
    assert due(signed, authority, now) == (life * left < min(30, life / 3))


def test_names_are_compared_as_a_set() -> None:
    wanted = pki.Subject(name="a", names=("b.example", "192.0.2.1"))
    there = pki.Certificate(
        common_name="a",
        names=("192.0.2.1", "b.example"),
        usage=frozenset({"client"}),
        issuer="x",
        serial="1",
        not_before=datetime.now(UTC),
        not_after=datetime.now(UTC),
        is_authority=False,
        pem="",
    )
    assert differences(there, wanted) == ()
    assert differences(attrs.evolve(there, usage=None), wanted) == ("it is for any, not client",)
    assert differences(attrs.evolve(there, names=()), wanted) == ("its names are none, not 192.0.2.1, b.example",)


# -- another authority -----------------------------------------------------------------------------------------------


def test_one_authority_follows_another_and_at_every_moment_each_takes_what_is_in_use(directory: Path) -> None:
    def made() -> tuple[pki.Identity, pki.Identity]:
        return pki.issue(directory, "a"), pki.issue(directory, "b", names=["b.example"], usage=["server"])

    old = pki.create_authority(directory)
    first = made()
    prepared = pki.prepare_authority(directory)
    assert prepared.changed
    assert not pki.prepare_authority(directory).changed
    both = pki.show(directory / "cacert.pem")
    assert [one.serial for one in both] == [old.certificate.serial, prepared.certificate.serial]
    assert pki.trust(*both, *both) == (directory / "cacert.pem").read_text()
    assert not any(identity.changed for identity in made())
    with pytest.raises(Conflict, match="another authority is prepared"):
        pki.retire_authority(directory)
    assert pki.switch_authority(directory).certificate.serial == prepared.certificate.serial
    assert not pki.switch_authority(directory).changed
    assert all(verified(identity) for identity in first)
    with pytest.raises(Conflict, match=r"still in use.*a, b"):
        pki.retire_authority(directory)
    second = made()
    assert all(identity.changed and verified(identity) for identity in second)
    assert pki.retire_authority(directory).changed
    assert not pki.retire_authority(directory).changed
    assert [one.serial for one in pki.show(directory / "cacert.pem")] == [prepared.certificate.serial]
    assert all(verified(identity) for identity in made())
    assert not any(identity.changed for identity in made())
    # The key of the old one is gone.
    assert len(list(directory.glob(".ca@*"))) == 1
    with pytest.raises(Conflict, match="no authority is prepared"):
        pki.switch_authority(directory)


def test_only_authorities_are_trusted(directory: Path) -> None:
    with pytest.raises(InvalidValue, match="certificates of authorities"):
        pki.trust(pki.issue(directory, "a").certificate)
