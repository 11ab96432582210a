"""The classless static routes among DHCP options: read and written route by route. Pure logic."""

from __future__ import annotations

from collections.abc import Mapping

from ovnkit.errors import InvalidValue
from ovnkit.northbound.addresses import ip_address, ip_network
from ovnkit.northbound.identity import conflict

__all__ = ["METADATA", "changed_routes", "check_routes"]

METADATA = "169.254.169.254/32"
"""Where instances look for their metadata."""

_OPTION = "classless_static_route"
_DEFAULT = "0.0.0.0/0"
_TABLE = "DHCP_Options"
_COLUMN = f"options:{_OPTION}"


def check_routes(routes: Mapping[str, str]) -> dict[str, str]:
    """Routes from network to next hop, of IPv4. Raises InvalidValue."""
    if not isinstance(routes, Mapping):
        raise InvalidValue(table=_TABLE, column=_COLUMN, value=routes, allowed="a mapping from network to next hop")
    checked = {}
    for target, hop in routes.items():
        network = ip_network(target, table=_TABLE, column=_COLUMN)
        address = ip_address(hop, table=_TABLE, column=_COLUMN)
        if network.version != 4 or address.version != 4:
            raise InvalidValue(table=_TABLE, column=_COLUMN, value=(target, hop), allowed="IPv4 alone")
        checked[str(network)] = str(address)
    return checked


def changed_routes(options: Mapping[str, str], routes: Mapping[str, str], router: str | None) -> dict[str, str]:
    """The option with these routes set, others left; nothing where it needs no change.

    Clients that are given the option take no notice of the router option (RFC 3442), so a default route goes with it:
    to ``router`` where one is given, else to the router that the options have.
    """
    text = options.get(_OPTION)
    if not routes and (text is None or router is None):
        return {}
    before = {} if text is None else _parse(text)
    after = {**before, **routes}
    if _DEFAULT not in routes:
        default = router or before.get(_DEFAULT) or options.get("router")
        if default is not None:
            after[_DEFAULT] = default
    return {} if after == before else {_OPTION: _render(after)}


def _parse(text: str) -> dict[str, str]:
    words = [word.strip() for word in text.strip().removeprefix("{").removesuffix("}").split(",")]
    try:
        return check_routes(dict(zip(words[::2], words[1::2], strict=True)))
    except ValueError as exc:
        raise conflict(f"the {_OPTION} {text!r} that is there cannot be read") from exc


def _render(routes: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{target},{hop}" for target, hop in routes.items()) + "}"
