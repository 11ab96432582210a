"""Fetching the live schema, before there is a replica: one blocking exchange with a deadline."""

from __future__ import annotations

import errno
import json
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ovnkit.errors import ConnectionFailed, Timeout
from ovnkit.remote import Remote, format_remotes

__all__ = ["fetch_schema"]

_RETRY_AFTER = 0.05
_PATIENCE = 2.0
_SHORTEST = 0.001
_HOPELESS = (errno.EACCES, errno.EPERM)


def fetch_schema(
    remotes: Sequence[Remote], database: str, context: ssl.SSLContext | None, *, timeout: float
) -> tuple[Remote, Mapping[str, Any]]:
    """The first server that answers, and its schema of ``database``.

    Raises Timeout when none did within ``timeout`` seconds (it names the last failure), and ConnectionFailed at once
    where waiting for any of them cannot help: no permission for a socket, a certificate that is refused, a server that
    does not have this database.
    """
    deadline = time.monotonic() + timeout
    pause = _RETRY_AFTER
    patience = _PATIENCE
    failure: str = "nothing was tried"
    while True:
        hopeless: list[ConnectionFailed] = []
        for remote in remotes:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Timeout(
                    f"the schema of {database} from {format_remotes(tuple(remotes))}; last failure: {failure}", timeout
                )
            try:
                # One server that does not answer must not use up the time of the others.
                return remote, _ask(remote, database, context, left if len(remotes) == 1 else min(left, patience))
            except (OSError, ValueError) as exc:
                hopeless += _hopeless(remote, exc)
                failure = f"{remote}: {_explained(exc)}"
        if len(hopeless) == len(remotes):
            raise hopeless[0]
        time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
        pause = min(pause * 2, 1.0)
        patience *= 2


def _explained(exc: OSError | ValueError) -> str:
    if isinstance(exc, (FileNotFoundError, ConnectionRefusedError)):
        return f"{exc.strerror}; does the server run, and does it listen there?"
    return exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)


def _hopeless(remote: Remote, exc: Exception) -> list[ConnectionFailed]:
    """The error for a failure that waiting cannot help; none for another."""
    if isinstance(exc, ConnectionFailed):
        return [exc]
    if isinstance(exc, ssl.SSLError):
        failed = ConnectionFailed(str(remote), f"TLS failed: {exc}")
    elif isinstance(exc, OSError) and exc.errno in _HOPELESS:
        failed = ConnectionFailed(str(remote), f"{exc.strerror}: {_who_may(remote)}")
    else:
        return []
    failed.__cause__ = exc
    return [failed]


def _who_may(remote: Remote) -> str:
    if remote.scheme == "unix":
        return "the socket belongs to another user; run as that user or root, or join the group of the socket"
    return "this connection is not permitted"


def _ask(remote: Remote, database: str, context: ssl.SSLContext | None, timeout: float) -> Mapping[str, Any]:
    if remote.scheme == "unix":
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        plain.settimeout(timeout)
        try:
            plain.connect(remote.path)
        except BaseException:
            plain.close()
            raise
    else:
        plain = socket.create_connection((remote.host, remote.port), timeout)
    with plain:
        if remote.scheme != "ssl":
            return _exchange(plain, remote, database)
        assert context is not None
        with context.wrap_socket(plain, server_hostname=remote.host) as wrapped:
            return _exchange(wrapped, remote, database)


def _exchange(sock: socket.socket, remote: Remote, database: str) -> Mapping[str, Any]:
    deadline = time.monotonic() + (sock.gettimeout() or 0.0)
    sock.sendall(json.dumps({"method": "get_schema", "params": [database], "id": 0}).encode())
    data = b""
    while True:
        sock.settimeout(max(_SHORTEST, deadline - time.monotonic()))
        part = sock.recv(1 << 20)
        if not part:
            raise OSError("the server closed the connection; is it an OVSDB server?")
        data += part
        try:
            reply = json.loads(data)
        except ValueError:
            continue
        if isinstance(reply, dict) and reply.get("error"):
            raise ConnectionFailed(str(remote), f"no database {database} here: {reply['error']}")
        schema = reply.get("result") if isinstance(reply, dict) else None
        if not isinstance(schema, dict):
            raise OSError("the answer is not that of an OVSDB server")
        return schema
