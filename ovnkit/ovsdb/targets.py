"""Where a database server listens or connects to: the ``target`` of a Connection or Manager row (ovsdb(7))."""

from __future__ import annotations

import ipaddress
import re

from ovnkit.errors import InvalidValue
from ovnkit.remote import parse_remotes

__all__ = ["check_probe", "check_target"]

_PASSIVE = re.compile(r"(ptcp|pssl):([0-9]{1,5})?(?::([0-9A-Za-z.:\[\]_-]+))?")
_ALLOWED = "ptcp:PORT[:ADDRESS] or pssl:PORT[:ADDRESS], with an IPv6 address in brackets"
_ALLOWED_ACTIVE = f"{_ALLOWED}, punix:PATH, or to connect to: tcp:HOST:PORT, ssl:HOST:PORT, unix:PATH"


def check_target(target: object, *, table: str, active: bool = False, insecure: bool = False) -> None:
    """Raise InvalidValue, for column ``target`` of ``table``, unless a server can listen there.

    ``active`` permits what it connects to, and sockets. Plain TCP off loopback gives the database to everyone who can
    reach it, and is refused unless ``insecure``.
    """
    plain = _is_plain(target, active=active) if isinstance(target, str) else None
    if plain is None:
        raise InvalidValue(table=table, column="target", value=target, allowed=_ALLOWED_ACTIVE if active else _ALLOWED)
    if plain and not insecure:
        allowed = "TLS, or a loopback address; plain TCP elsewhere needs insecure=True"
        raise InvalidValue(table=table, column="target", value=target, allowed=allowed)


def _is_plain(target: str, *, active: bool) -> bool | None:
    """Whether the target carries unencrypted traffic to or from other machines; None for a malformed one."""
    if match := _PASSIVE.fullmatch(target):
        return _is_plain_listener(match[1], match[2] or "6640", match[3])
    if not active:
        return None
    if target.startswith("punix:"):
        return False if target.removeprefix("punix:") and target.isprintable() else None
    try:
        (remote,) = parse_remotes(target)
    except ValueError:
        return None
    return remote.scheme == "tcp" and not remote.is_loopback


def _is_plain_listener(scheme: str, port: str, host: str | None) -> bool | None:
    if not 1 <= int(port) <= 65535:
        return None
    if host is None:
        return scheme == "ptcp"
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    if (address.version == 6) != (host.startswith("[") and host.endswith("]")):
        return None
    return scheme == "ptcp" and not address.is_loopback


def check_probe(milliseconds: int | None, *, table: str) -> None:
    """Raise InvalidValue unless this is an inactivity probe that a server takes as it is given."""
    if milliseconds is not None and milliseconds != 0 and not 1000 <= milliseconds <= 2**31 - 1:
        allowed = "milliseconds: 0 (no probes) or 1000 to 2147483647"
        raise InvalidValue(table=table, column="inactivity_probe", value=milliseconds, allowed=allowed)
