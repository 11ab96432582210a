"""Whether servers take a connection at all, before a replica is asked of them."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from ovnkit.ovsdb.dialer import Dialer
from ovnkit.ovsdb.exchange import unreachable
from ovnkit.remote import parse_remotes
from tests.ovsdb.authority import free_port


def why(text: str) -> dict[str, int | None]:
    found = unreachable(parse_remotes(text), Dialer(()), timeout=2.0)
    return {str(remote): error.errno for remote, error in found.items()}


def test_each_server_is_told_with_the_reason(tmp_path: Path) -> None:
    gone, dead = f"unix:{tmp_path}/gone.sock", f"tcp:127.0.0.1:{free_port()}"
    assert why(f"{gone},{dead}") == {gone: errno.ENOENT, dead: errno.ECONNREFUSED}


def test_one_that_takes_a_connection_is_enough(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert why(f"unix:{tmp_path}/gone.sock,tcp:127.0.0.1:{port}") == {}
        assert why(f"ssl:127.0.0.1:{port}") == {}
