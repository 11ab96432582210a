"""Fetching the live schema, before there is a replica: one blocking exchange with a deadline."""

from __future__ import annotations

import errno
import json
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any

from ovnkit.errors import ConnectionFailed, Timeout
from ovnkit.remote import Remote, format_remotes

__all__ = ["fetch_schema"]

_RETRY_AFTER = 0.05
_SHORTEST = 0.001
_HOPELESS = (errno.EACCES, errno.EPERM)


def fetch_schema(
    remotes: tuple[Remote, ...], database: str, context: ssl.SSLContext | None, *, timeout: float
) -> Mapping[str, Any]:
    """The schema of ``database`` from the first server that answers.

    Raises Timeout when none did within ``timeout`` seconds (it names the last failure), and ConnectionFailed at once
    where waiting cannot help: no permission for a socket, a certificate that is refused, a server that does not have
    this database.
    """
    deadline = time.monotonic() + timeout
    pause = _RETRY_AFTER
    failure: str = "nothing was tried"
    while True:
        for index, remote in enumerate(remotes):
            left = deadline - time.monotonic()
            if left <= 0:
                raise Timeout(
                    f"the schema of {database} from {format_remotes(remotes)}; last failure: {failure}", timeout
                )
            try:
                # One server that does not answer must not use up the time of the others.
                return _ask(remote, database, context, left / (len(remotes) - index))
            except ConnectionFailed:
                raise
            except ssl.SSLError as exc:
                raise ConnectionFailed(str(remote), f"TLS failed: {exc}") from exc
            except (OSError, ValueError) as exc:
                if isinstance(exc, OSError) and exc.errno in _HOPELESS:
                    raise ConnectionFailed(str(remote), f"{exc.strerror}: {_who_may(remote)}") from exc
                failure = f"{remote}: {exc.strerror if isinstance(exc, OSError) and exc.strerror else exc}"
        time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
        pause = min(pause * 2, 1.0)


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
        if context is None:
            raise ConnectionFailed(str(remote), "ssl: needs tls=Tls(key, cert, ca)")
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
        if not isinstance(reply, dict) or "result" not in reply:
            raise OSError("the answer is not that of an OVSDB server")
        if reply.get("error"):
            raise ConnectionFailed(str(remote), f"no database {database} here: {reply['error']}")
        schema: Mapping[str, Any] = reply["result"]
        return schema
