"""All writing operations of the three clients have one shape."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ovnkit import Northbound, Southbound, VSwitch
from ovnkit.northbound import NorthboundTransaction
from ovnkit.ovsdb import Client, Transaction
from ovnkit.southbound import SouthboundTransaction
from ovnkit.vswitch import VSwitchTransaction

CLIENTS: dict[type[Client[Any, Any]], type[Transaction[Any]]] = {
    Northbound: NorthboundTransaction,
    Southbound: SouthboundTransaction,
    VSwitch: VSwitchTransaction,
}


def operations() -> Iterator[Any]:
    """Every method that says that it returns Changes."""
    for client in CLIENTS:
        for name, method in inspect.getmembers(client, inspect.isfunction):
            if not name.startswith("_") and inspect.signature(method).return_annotation == "Changes":
                yield pytest.param(client, name, method, id=f"{client.__name__}.{name}")


OPERATIONS = list(operations())


def test_the_names_that_others_build_on_are_there() -> None:
    promised = {
        Northbound: """add_switch remove_switch add_switch_port remove_switch_port add_router remove_router
            connect_router disconnect_router add_provider_network remove_provider_network set_gateway unset_gateway
            add_snat remove_snat add_floating_ip remove_floating_ip add_dhcp remove_dhcp add_metadata_port
            remove_metadata_port add_acl remove_acl add_port_group remove_port_group add_address_set remove_address_set
            add_load_balancer remove_load_balancer add_route remove_route add_policy remove_policy add_dns remove_dns
            add_qos remove_qos add_static_mac remove_static_mac sync""",
        Southbound: "chassis gateways location stale_chassis remove_chassis add_listener remove_listener",
        VSwitch: """register_chassis unregister_chassis enable_gateway disable_gateway add_bridge_mapping
            remove_bridge_mapping add_manager remove_manager reconcile_patch_ports add_bridge add_port bind_interface
            chassis_config patch_ports sync""",
    }
    for client, names in promised.items():
        assert [name for name in names.split() if not hasattr(client, name)] == []


@pytest.mark.parametrize(("client", "name", "method"), OPERATIONS)
def test_an_operation_works_on_a_client_and_in_its_transaction(
    client: type[Client[Any, Any]], name: str, method: Callable[..., Any]
) -> None:
    assert getattr(CLIENTS[client], name) is method


@pytest.mark.parametrize(("client", "name", "method"), OPERATIONS)
def test_an_operation_can_be_tried_without_writing(
    client: type[Client[Any, Any]], name: str, method: Callable[..., Any]
) -> None:
    dry_run = inspect.signature(method).parameters["dry_run"]
    assert (dry_run.kind, dry_run.default) == (dry_run.KEYWORD_ONLY, False)


@pytest.mark.parametrize(("client", "name", "method"), OPERATIONS)
def test_an_operation_says_by_what_it_finds_its_thing(
    client: type[Client[Any, Any]], name: str, method: Callable[..., Any]
) -> None:
    assert "Identity: " in (method.__doc__ or "")
