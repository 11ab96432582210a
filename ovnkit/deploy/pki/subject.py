"""Who is to have a certificate, and as what: checked as soon as it is written down."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from ovnkit.deploy.pki.certificate import Usage
from ovnkit.errors import InvalidValue
from ovnkit.remote import is_host_name
from ovnkit.vswitch.chassis_keys import check_system_id

__all__ = ["RESERVED", "Subject", "canonical_name", "check_common_name", "subjects"]

RESERVED: Final = ("ca", "next-ca", "cacert.pem")
"""What the authority is called in its directory."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_LONGEST_COMMON_NAME: Final = 64
_CLIENT: Final[frozenset[Usage]] = frozenset({"client"})
_BOTH: Final[frozenset[Usage]] = frozenset({"server", "client"})


def canonical_name(name: object) -> str:
    """A host name or an address as certificates are compared by it. Raises InvalidValue."""
    try:
        address = ipaddress.ip_address(str(name))
        # A zone says which interface of this machine, and means nothing to another.
        if "%" not in str(address):
            return str(address)
    except ValueError:
        if isinstance(name, str) and is_host_name(name) and not name.replace(".", "").isdigit():
            return name.lower()
    allowed = "a host name or an IP address, as in connection strings without the port"
    raise InvalidValue(table="certificate", column="names", value=name, allowed=allowed)


def check_common_name(common_name: object) -> None:
    """Raise InvalidValue unless it can be the CN of a certificate (RFC 5280, upper bounds)."""
    if (
        not isinstance(common_name, str)
        or not common_name.isprintable()
        or not 0 < len(common_name.encode()) <= _LONGEST_COMMON_NAME
        or common_name != common_name.strip()
    ):
        allowed = f"printable characters, without blanks at the ends, 1 to {_LONGEST_COMMON_NAME} bytes in UTF-8"
        raise InvalidValue(table="certificate", column="common_name", value=common_name, allowed=allowed)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise InvalidValue(table="certificate", column="names", value=names, allowed="a list of names, not a text")
    return tuple(dict.fromkeys(map(canonical_name, names)))


def _usage(usage: Iterable[Usage]) -> frozenset[Usage]:
    given = {usage} if isinstance(usage, str) else set(usage)
    found = _BOTH.intersection(given)
    if not found or len(found) != len(given):
        value = usage if isinstance(usage, str) else sorted(map(str, given))
        raise InvalidValue(table="certificate", column="usage", value=value, allowed="server, client, or both")
    return found


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in RESERVED:
        allowed = (
            "1 to 100 of letters, digits, '_', '.' and '-', beginning with a letter or digit, and none of"
            f" {', '.join(RESERVED)}, which are the authority's"
        )
        raise InvalidValue(table="certificate", column="name", value=name, allowed=allowed)


@attrs.frozen(kw_only=True)
class Subject:
    """One certificate that is to be there.

    ``name`` is what its files are called, ``common_name`` its CN, which for a chassis has to be the system-id
    (ovn-rbac(7)). ``names`` are host names and addresses, as in the connection strings of those who connect to it;
    a server needs one. ``usage`` is what it may be shown as.
    """

    name: str
    common_name: str = attrs.field(default=attrs.Factory(lambda self: self.name, takes_self=True))
    names: tuple[str, ...] = attrs.field(default=(), converter=_names)
    usage: frozenset[Usage] = attrs.field(default=_CLIENT, converter=_usage)

    def __attrs_post_init__(self) -> None:
        """Raise InvalidValue for the first field that cannot be."""
        _check_name(self.name)
        check_common_name(self.common_name)
        if "server" in self.usage and not self.names:
            allowed = "the names or addresses that clients connect to, for a server"
            raise InvalidValue(table="certificate", column="names", value=self.names, allowed=allowed)


def subjects(
    *,
    chassis: Mapping[str, str] | None = None,
    members: Mapping[str, Iterable[str]] | None = None,
    clients: Iterable[str] = ("ovnkit",),
) -> tuple[Subject, ...]:
    """All certificates that a cluster needs.

    ``chassis``: the system-id of each chassis by its host; it can be shown to a server, and never as one. ``members``:
    the addresses of each host with central services, as in the connection strings; its servers and ovn-northd show it
    to each other as well. ``clients``: who else connects, such as ovnkit and neutron. Their files are called
    ``chassis-HOST``, ``central-HOST`` and ``client-NAME``. Raises InvalidValue, also where two chassis have one
    system-id, or another has a chassis' system-id for its CN and could be taken for it (ovn-rbac(7)).
    """
    wanted: list[Subject] = []
    owners: dict[str, str] = {}
    for host, system_id in (chassis or {}).items():
        check_system_id(system_id)
        owner = owners.setdefault(system_id, host)
        if owner != host:
            allowed = f"a system-id of its own for each chassis; {owner} has this one"
            raise InvalidValue(table="certificate", column=f"chassis.{host}", value=system_id, allowed=allowed)
        wanted.append(Subject(name=f"chassis-{host}", common_name=system_id))
    for host, names in (members or {}).items():
        # Cut off where it is too long: a server is known by its names.
        common_name = f"central-{host}"[:_LONGEST_COMMON_NAME]
        wanted.append(Subject(name=f"central-{host}", common_name=common_name, names=names, usage=_BOTH))
    wanted.extend(Subject(name=f"client-{name}", common_name=f"client-{name}") for name in clients)
    for subject in wanted[len(owners) :]:
        if subject.common_name in owners:
            allowed = f"a CN that is no system-id; the chassis {owners[subject.common_name]} has this one"
            raise InvalidValue(table="certificate", column=subject.name, value=subject.common_name, allowed=allowed)
    return tuple(wanted)
