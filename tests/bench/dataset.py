"""The data set: switches of 200 ports as OpenStack makes them, the same in every run, and the operations that write it.

It needs nothing but the standard library, because every contestant imports it.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from typing import Any

DATABASE = "OVN_Northbound"
PORTS_PER_SWITCH = 200
STAMP = "stamp"

_NAMESPACE = uuid.UUID("6f766e6b-6974-5062-8e63-6862656e6368")

Operation = dict[str, Any]


def row_uuid(name: str) -> str:
    """The uuid of the row with a name."""
    return str(uuid.uuid5(_NAMESPACE, name))


def switch_name(number: int) -> str:
    return f"neutron-{row_uuid(f'network {number}')}"


def port_name(number: int) -> str:
    """OpenStack names a port by its id."""
    return row_uuid(f"port {number}")


def address(number: int) -> str:
    """MAC and IP address of a port."""
    high, middle, low = number >> 16 & 255, number >> 8 & 255, number & 255
    return f"fa:16:3e:{high:02x}:{middle:02x}:{low:02x} 10.{high}.{middle}.{low}"


def address_of(text: str) -> str:
    """A MAC address that is always the same for the same text."""
    return ":".join(f"{octet:02x}" for octet in (0x0A, *hashlib.sha256(text.encode()).digest()[:5]))


def port_columns(number: int) -> dict[str, Any]:
    """The columns of a port besides its name, as Python values."""
    own = port_name(number)
    return {
        "addresses": [address(number)],
        "external_ids": {
            "neutron:device_id": row_uuid(f"server {own}"),
            "neutron:device_owner": "compute:nova",
            "neutron:port_name": f"port-{number}",
            "neutron:revision_number": "4",
        },
        "options": {"requested-chassis": f"compute-{number % 97}"},
    }


def insert_port(name: str, columns: dict[str, Any]) -> Operation:
    """The operation that inserts a port."""
    row = {
        "name": name,
        "addresses": ["set", columns["addresses"]],
        "external_ids": ["map", [list(pair) for pair in columns["external_ids"].items()]],
        "options": ["map", [list(pair) for pair in columns["options"].items()]],
    }
    return {"op": "insert", "table": "Logical_Switch_Port", "uuid": row_uuid(name), "row": row}


def insert_switch(name: str, ports: list[str] | None = None) -> Operation:
    """The operation that inserts a switch with ports that are named."""
    row = {"name": name, "ports": references(ports or [])}
    return {"op": "insert", "table": "Logical_Switch", "uuid": row_uuid(name), "row": row}


def delete_switch(name: str) -> Operation:
    """The operation that deletes a switch, and with it its ports."""
    return {"op": "delete", "table": "Logical_Switch", "where": [["name", "==", name]]}


def references(names: list[str]) -> list[Any]:
    return ["set", [["uuid", row_uuid(name)] for name in names]]


def switches(first_port: int, ports: int) -> Iterator[list[Operation]]:
    """The transactions that bring the data set from ``first_port`` to ``ports`` ports, a switch each."""
    for start in range(first_port, ports, PORTS_PER_SWITCH):
        numbers = range(start, start + PORTS_PER_SWITCH)
        inserts = [insert_port(port_name(number), port_columns(number)) for number in numbers]
        names = [port_name(number) for number in numbers]
        yield [*inserts, insert_switch(switch_name(start // PORTS_PER_SWITCH), names)]


class Batches:
    """The bulk write: transactions of 200 ports, each for one switch that is there; ``tag`` makes names unique."""

    def __init__(self, tag: str, transactions: int) -> None:
        self.switches = [f"bulk-{tag}-{number}" for number in range(transactions)]
        numbers = range(PORTS_PER_SWITCH)
        self.ports = {
            switch: [(f"{switch}-{number}", port_columns(number)) for number in numbers] for switch in self.switches
        }
