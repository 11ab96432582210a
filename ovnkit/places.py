"""Where the databases of a machine may be found: what the environment, the distribution and other software say."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from ovnkit.errors import OvnkitError
from ovnkit.ini import values
from ovnkit.remote import Tls

__all__ = ["Place", "default_remote", "places"]


@attrs.frozen
class Place:
    """Where a database may be: who says so, its connection string, and the files for ``ssl:``.

    ``trouble`` is why nothing could be found out there, and then there is no ``remote``. ``last``: it was named for
    this user, so that no other place is to be tried after it.
    """

    source: str
    remote: str = ""
    tls: Tls | None = None
    trouble: OSError | str = ""
    last: bool = False


@attrs.frozen
class _Names:
    """How others call a database."""

    short: str
    variable: str
    options: str
    directory: str
    run: str
    socket: str
    microovn: str


_NAMES: Final[dict[str, _Names]] = {
    "OVN_Northbound": _Names("nb", "OVN_NB_DB", "OVN_NBCTL_OPTIONS", "OVN_RUNDIR", "ovn", "ovnnb_db.sock", "ovn"),
    "OVN_Southbound": _Names("sb", "OVN_SB_DB", "OVN_SBCTL_OPTIONS", "OVN_RUNDIR", "ovn", "ovnsb_db.sock", "ovn"),
    "Open_vSwitch": _Names("", "", "", "OVS_RUNDIR", "openvswitch", "db.sock", "switch"),
}
_PREFIXES: Final = ("var/run", "run", "usr/local/var/run")
_MICROOVN: Final = "var/snap/microovn/common"
_SERVER: Final = ("etc/neutron/plugins/ml2/ml2_conf.ini", "etc/kolla/neutron-server/ml2_conf.ini")
_AGENT: Final = (
    "etc/neutron/neutron_ovn_metadata_agent.ini",
    "etc/neutron/networking_ovn_metadata_agent.ini",
    "etc/kolla/neutron-ovn-metadata-agent/neutron_ovn_metadata_agent.ini",
)
_NEUTRON: Final = {"nb": _SERVER, "sb": _SERVER + _AGENT, "": _AGENT}
_OPTIONS: Final = {
    "--db": "db",
    "-p": "key",
    "--private-key": "key",
    "-c": "cert",
    "--certificate": "cert",
    "-C": "ca",
    "--ca-cert": "ca",
}


def default_remote(database: str) -> str:
    """Where a client of one database looks when nothing is said: the first of ``places()``.

    An empty variable counts as unset; then it is the distribution's socket.
    """
    return next(place.remote for place in places(database) if place.remote)


def places(database: str, *, root: Path = Path("/")) -> Iterator[Place]:
    """Where a database may be, the most particular place first; files are read when their turn has come.

    1. ``OVN_NB_DB`` or ``OVN_SB_DB``, and ``--db`` and the files for TLS in ``OVN_NBCTL_OPTIONS`` or
       ``OVN_SBCTL_OPTIONS`` (ovn-nbctl(8), Environment); ``OVN_RUNDIR`` or ``OVS_RUNDIR`` (ovn-ctl(8)). Where one of
       them is set, it is the last place.
    2. The sockets of distributions, and of what was built from source.
    3. MicroOVN's sockets and ``ovn.env``.
    4. The ``[ovn]`` and ``[ovs]`` sections of Neutron's files.

    ``root``: where the files of the system are, such as ``/proc/PID/root`` of a container.
    """
    names = _NAMES[database]
    if (named := _from_environment(names)) is not None:
        yield named
        return
    yield from _sockets(root, [f"{prefix}/{names.run}/{names.socket}" for prefix in _PREFIXES])
    yield from _microovn(root, names)
    yield from _neutron(root, names)


def _from_environment(names: _Names) -> Place | None:
    options = _parsed(os.environ.get(names.options, "")) if names.options else {}
    tls = Tls(options["key"], options["cert"], options["ca"]) if {"key", "cert", "ca"} <= options.keys() else None
    if "db" in options:
        return Place(names.options, options["db"], tls, last=True)
    if named := os.environ.get(names.variable, ""):
        return Place(names.variable, named, tls, last=True)
    if directory := os.environ.get(names.directory, ""):
        return Place(names.directory, f"unix:{directory}/{names.socket}", last=True)
    return None


def _parsed(text: str) -> dict[str, str]:
    """Those of the options of ovn-nbctl(8) that say where the database is."""
    found: dict[str, str] = {}
    try:
        words = iter(shlex.split(text))
    except ValueError:
        return found
    for word in words:
        name, is_whole, value = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
        if name in _OPTIONS:
            found[_OPTIONS[name]] = value if is_whole else next(words, "")
    return found


def _sockets(root: Path, paths: list[str]) -> Iterator[Place]:
    seen: set[str] = set()
    for path in paths:
        # /var/run is /run where both are there.
        real = os.path.realpath(root / path)
        if real not in seen:
            seen.add(real)
            yield Place(f"/{path.rpartition('/')[0]}", f"unix:{root / path}")


def _microovn(root: Path, names: _Names) -> Iterator[Place]:
    home = root / _MICROOVN
    try:
        home.stat()
    except OSError as exc:
        yield Place("MicroOVN", trouble=exc)
        return
    yield Place("MicroOVN", f"unix:{home / 'run' / names.microovn / names.socket}")
    if not names.short:
        return
    path, variable = home / "data/env/ovn.env", f"OVN_{names.short.upper()}_CONNECT"
    source = f"MicroOVN's {path}"
    try:
        words = shlex.split(path.read_text(encoding="utf-8"), comments=True)
    except OSError as exc:
        yield Place(source, trouble=exc)
    except ValueError as exc:
        yield Place(source, trouble=str(exc))
    else:
        # `export` may stand before each.
        settings = dict(word.split("=", 1) for word in words if "=" in word)
        pki = home / "data/pki"
        tls = Tls(pki / "client-privkey.pem", pki / "client-cert.pem", pki / "cacert.pem")
        remote = settings.get(variable, "")
        yield Place(source, remote, tls, trouble="" if remote else f"it does not set {variable}")


def _neutron(root: Path, names: _Names) -> Iterator[Place]:
    absent: list[Place] = []
    for path in _NEUTRON[names.short]:
        place = _said_in(root / path, names)
        if isinstance(place.trouble, FileNotFoundError):
            absent.append(place)
        else:
            yield place
    if len(absent) == len(_NEUTRON[names.short]):
        yield attrs.evolve(absent[0], source="Neutron")


def _said_in(path: Path, names: _Names) -> Place:
    section, option = ("ovn", f"ovn_{names.short}_connection") if names.short else ("ovs", "ovsdb_connection")
    source = f"[{section}] {option} of {path}"
    try:
        found = values(path.read_text(encoding="utf-8"), path=str(path))
    except OSError as exc:
        return Place(source, trouble=exc)
    except (OvnkitError, ValueError) as exc:
        return Place(source, trouble=str(exc))

    def said(name: str) -> str:
        # Of an option that stands there more than once, Neutron takes the last.
        return found.get((section, name), [""])[-1].replace("\n", "").strip()

    remote = ",".join(filter(None, map(str.strip, said(option).split(","))))
    files = [said(f"ovn_{names.short}_{file}") for file in ("private_key", "certificate", "ca_cert")]
    tls = Tls(*files) if names.short and all(files) else None
    return Place(source, remote, tls, trouble="" if remote else "it is not set there")
