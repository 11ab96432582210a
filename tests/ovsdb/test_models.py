"""From the row classes alone a schema is written that a server accepts, and that of each release is within them."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from ovnkit import Northbound
from ovnkit.northbound import NB, LogicalSwitch
from ovnkit.ovsdb import DatabaseSchema, schema_of
from ovnkit.ovsdb.server import Server
from ovnkit.southbound import SB
from ovnkit.vswitch import VS
from tests.ovsdb.conftest import StartServer

MARKS: list[Any] = [NB, SB, VS]

# What digest() makes of the newest schemas: `python -m tests.ovsdb.test_models DIR` prints it of each in DIR.
NEWEST = {
    "OVN_Northbound": "a45c30696c8d10aa",
    "OVN_Southbound": "a0c675dd498c021e",
    "Open_vSwitch": "f4c156bfa3dc205f",
}
INSTALLED = {
    "OVN_Northbound": ("23.03", Path("/usr/share/ovn/ovn-nb.ovsschema")),
    "OVN_Southbound": ("23.03", Path("/usr/share/ovn/ovn-sb.ovsschema")),
    "Open_vSwitch": ("3.1", Path("/usr/share/openvswitch/vswitch.ovsschema")),
}


def digest(schema: DatabaseSchema) -> str:
    """What tells two schemas apart."""
    return hashlib.sha256(json.dumps(schema.to_json(), sort_keys=True).encode()).hexdigest()[:16]


@pytest.mark.parametrize("mark", MARKS)
def test_it_equals_the_newest_schema_in_content(mark: Any) -> None:
    assert digest(schema_of(mark)) == NEWEST[mark.name]


@pytest.mark.parametrize("mark", MARKS)
def test_it_comes_back_from_its_json(mark: Any) -> None:
    schema = schema_of(mark)

    assert DatabaseSchema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


@pytest.mark.parametrize("mark", MARKS)
def test_that_of_the_installed_release_has_its_tables_and_columns_and_no_others(mark: Any) -> None:
    release, path = INSTALLED[mark.name]
    if not path.exists() and "CI" not in os.environ:
        pytest.skip(f"{path} is not installed")
    theirs = DatabaseSchema.from_json(json.loads(path.read_text(encoding="utf-8")))
    if theirs.version != mark.releases[release]:
        pytest.skip(f"another release is installed: {theirs.version}")
    ours = schema_of(mark, release)

    assert ours.version == theirs.version
    assert {name: table.columns.keys() for name, table in ours.tables.items()} == {
        name: table.columns.keys() for name, table in theirs.tables.items()
    }


def test_words_that_are_gone_are_in_older_releases_only() -> None:
    assert "stt" in (schema_of(SB, "25.03").tables["Encap"].columns["type"].type.key.enum or ())
    assert "stt" not in (schema_of(SB).tables["Encap"].columns["type"].type.key.enum or ())


def test_an_unknown_release_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not of 22\.03"):
        schema_of(NB, "22.03")


def test_a_server_serves_it(start_server: StartServer, tmp_path: Path) -> None:
    path = tmp_path / "newest.ovsschema"
    path.write_text(json.dumps(schema_of(NB).to_json()))
    server: Server = start_server(str(path))
    with Northbound.connect(server.remote, timeout=10) as nb:
        nb.add_switch("web")
        assert nb.get(LogicalSwitch, name="web").name == "web"
        assert digest(nb.schema) == digest(schema_of(NB))


if __name__ == "__main__":
    import sys

    for path in sorted(Path(sys.argv[1]).glob("*/*.ovsschema")):
        schema = DatabaseSchema.from_json(json.loads(path.read_text(encoding="utf-8")))
        print(path, digest(schema))


@pytest.mark.parametrize(
    ("version", "release"),
    [("20.27.0", "23.03"), ("20.28.0", "23.09"), ("20.41.0", "25.03"), ("99.0.0", "26.03"), ("20.9.0", None)],
)
def test_the_release_of_a_schema_is_the_newest_that_is_not_newer(version: str, release: str | None) -> None:
    assert SB.release_of(version) == release
