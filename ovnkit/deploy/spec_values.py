"""How values of a spec are written, and what is refused whichever of its parts they belong to."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping

from ovnkit.errors import InvalidRemote, InvalidValue, SpecError
from ovnkit.remote import format_remotes, lacks_port, parse_remotes

__all__ = [
    "access_words",
    "canonical_address",
    "canonical_or_same",
    "canonical_remotes",
    "check_flag",
    "check_remotes",
    "is_mapping",
    "is_text",
    "translated",
]


def is_text(value: object) -> bool:
    """Whether it is text."""
    return isinstance(value, str)


def is_mapping(value: object) -> bool:
    """Whether it is a mapping."""
    return isinstance(value, Mapping)


def canonical_remotes(value: str) -> str:
    """Bad text and a remote without a port stay as they are, for the check to refuse."""
    return canonical_or_same(value, lambda text: text if lacks_port(text) else format_remotes(parse_remotes(text)))


def canonical_address(value: str) -> str:
    """An IP address as OVN writes it; anything else stays as it is, for the check to refuse."""
    return canonical_or_same(value, lambda text: str(ipaddress.ip_address(text)))


def canonical_or_same(value: str, canonical: Callable[[str], str]) -> str:
    """``canonical(value)``, or the value where that is a ValueError."""
    if not is_text(value):
        return value
    try:
        return canonical(value)
    except ValueError:
        return value


def access_words(value: str | Iterable[str] | None) -> str | tuple[str, ...] | None:
    """The words before a command as a tuple; anything else stays as it is."""
    return tuple(value) if isinstance(value, (list, tuple)) else value  # type: ignore[return-value]  # for the check


def check_remotes(key: str, value: str, *, insecure: bool, port: int | None = None) -> None:
    """Raise SpecError for what is no connection string, and for plain ``tcp:`` off loopback unless ``insecure``.

    ``port``: the usual one; each server then has to have one.
    """
    shape = f"tcp:HOST:{port or 6640}, ssl:HOST:{port or 6640} or unix:PATH, comma-separated"
    if not is_text(value):
        raise SpecError(key=key, value=value, allowed=shape)
    try:
        remotes = parse_remotes(value)
    except InvalidRemote as error:
        raise SpecError(key=key, value=value, allowed=f"{shape}; {error.reason}") from error
    if port is not None and lacks_port(value):
        raise SpecError(key=key, value=value, allowed=f"{shape}; a port is missing")
    if not insecure and any(remote.scheme == "tcp" and not remote.is_loopback for remote in remotes):
        allowed = "ssl:, unix:, or tcp: to a loopback address; plain tcp: elsewhere needs central.insecure = true"
        raise SpecError(key=key, value=value, allowed=allowed)


def check_flag(key: str, value: object) -> None:
    """Raise SpecError for what is neither true nor false."""
    if not isinstance(value, bool):
        raise SpecError(key=key, value=value, allowed="true or false")


def translated(key: str, value: object, check: Callable[[object], object]) -> None:
    """Check a value by the database's rules; what they refuse is refused under the spec's own key."""
    try:
        check(value)
    except InvalidValue as error:
        raise SpecError(key=key, value=value, allowed=error.allowed) from error
