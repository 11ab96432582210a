"""The program at the far end of a test connection: TCP and HTTP, with nothing but the standard library.

It runs by itself in a namespace (``python -I peer.py …``) and imports nothing of ovnkit, so that it starts fast.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import signal
import socket
import socketserver
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

__all__ = ["READY", "get", "listen", "main", "send", "serve"]

READY = "listening"
_CHUNK = 1 << 16
_LENGTH = struct.Struct("!Q")


class _Digest(socketserver.BaseRequestHandler):
    """Reads a length and that many bytes, and answers with their SHA-256."""

    def handle(self) -> None:
        digest = hashlib.sha256()
        (left,) = _LENGTH.unpack(_exactly(self.request, _LENGTH.size))
        while left:
            chunk = self.request.recv(min(left, _CHUNK))
            if not chunk:
                return
            digest.update(chunk)
            left -= len(chunk)
        self.request.sendall(digest.digest())


class _DigestServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        chunk = connection.recv(size - len(received))
        if not chunk:
            raise ConnectionError("the peer closed the connection")
        received += chunk
    return received


def listen(port: int) -> None:
    """Take TCP connections and answer each with the digest of what it sent."""
    with _DigestServer(("", port), _Digest) as server:
        print(READY, flush=True)
        server.serve_forever()


def send(address: str, port: int, size: int, timeout: float) -> None:
    """Send ``size`` bytes, compare digests, and print the time that it took."""
    block = bytes(range(256)) * (_CHUNK // 256)
    digest = hashlib.sha256()
    # One deadline for all of it: the timeout of a socket starts anew with every call.
    signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, timeout)
    started = time.monotonic()
    with socket.create_connection((address, port)) as connection:
        connection.sendall(_LENGTH.pack(size))
        left = size
        while left:
            chunk = block[:left]
            connection.sendall(chunk)
            digest.update(chunk)
            left -= len(chunk)
        same = _exactly(connection, digest.digest_size) == digest.digest()
    if not same:
        raise ConnectionError("the bytes that arrived are not those that were sent")
    print(json.dumps({"size": size, "seconds": time.monotonic() - started}), flush=True)


def _give_up(*_: object) -> None:
    raise TimeoutError("not done in time")


def serve(port: int, body: str) -> None:
    """Answer every HTTP GET with a text."""

    class Responder(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = body.replace("{client}", self.client_address[0]).replace("{path}", self.path).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            print(f"{self.client_address[0]} {format % args}", flush=True)

    with ThreadingHTTPServer(("", port), Responder) as server:
        print(READY, flush=True)
        server.serve_forever()


def get(url: str, timeout: float) -> None:
    """Print a web page."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)
    connection.request("GET", parts.path or "/")
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    if answer.status != 200:
        raise ConnectionError(f"{url} answered {answer.status}")
    sys.stdout.write(text)


def main(arguments: list[str]) -> None:
    """Do what the arguments say."""
    match arguments:
        case ["listen", port]:
            listen(int(port))
        case ["send", address, port, size, timeout]:
            send(address, int(port), int(size), float(timeout))
        case ["serve", port, body]:
            serve(int(port), body)
        case ["get", url, timeout]:
            get(url, float(timeout))
        case _:
            raise SystemExit(f"not understood: {arguments}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        raise SystemExit(str(error)) from None
