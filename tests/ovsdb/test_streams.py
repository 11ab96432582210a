"""What a stream gives `ovs`, and what it tells the client's dialer: bytes, nothing yet, the end, or why it failed."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ovs.poller import Poller
from ovs.stream import Stream

from ovnkit.ovsdb.dialer import Dialer
from ovnkit.ovsdb.streams import forget, stream_names
from ovnkit.remote import Tls, parse_remotes
from tests.ovsdb.authority import LOOPBACK, Authority, free_port

BUFFER = 1 << 18


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def tls(authority: Authority) -> Tls:
    return authority.tls("client")


@pytest.fixture(scope="module")
def served(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key, certificate = authority.sign("server", *LOOPBACK)
    context.load_cert_chain(certificate, key)
    return context


Say = Callable[[ssl.SSLSocket], object]


class End:
    """A stream under test, with its dialer."""

    def __init__(self, remote: str, tls: Tls | None) -> None:
        remotes = parse_remotes(remote)
        self.dialer = Dialer(remotes, tls)
        self.names = stream_names(remotes, self.dialer)
        opened: tuple[int, Any] = Stream.open(self.names[0])
        self.error, self.stream = opened

    def connect(self) -> int:
        while True:
            error: int = self.stream.connect()
            if error != errno.EAGAIN:
                return error
            poller: Any = Poller()
            self.stream.connect_wait(poller)
            poller.timer_wait(5000)
            poller.block()

    def wakes(self, milliseconds: int = 0) -> bool:
        """Whether waiting for something to read ends before that."""
        poller: Any = Poller()
        self.stream.recv_wait(poller)
        if poller.timeout == 0:
            return True
        poll = select.poll()
        poll.register(self.stream.socket, select.POLLIN)
        return bool(poll.poll(milliseconds))

    def recv(self, n: int = BUFFER) -> tuple[int, bytes]:
        """As the connection does: what there is, or EAGAIN."""
        error, data = self.stream.recv(n)
        return error, data if isinstance(data, bytes) else data.encode()

    def read(self, size: int, n: int = BUFFER) -> bytes:
        data = bytearray()
        while len(data) < size:
            error, part = self.recv(n)
            if error == errno.EAGAIN:
                assert self.wakes(5000)
                continue
            assert (error, bool(part)) == (0, True), self.dialer.trouble
            data += part
        return bytes(data)

    def last(self) -> tuple[int, bytes]:
        while True:
            error, data = self.recv()
            if error != errno.EAGAIN:
                return error, data
            assert self.wakes(5000)

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()
        forget(self.names)


@pytest.fixture
def talk(tls: Tls, served: ssl.SSLContext) -> Iterator[Callable[[Say], End]]:
    """Connects a TLS stream to a server that says something."""
    with contextlib.ExitStack() as stack:

        def start(say: Say) -> End:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve() -> None:
                with served.wrap_socket(listener.accept()[0], server_side=True) as server:
                    say(server)

            thread = threading.Thread(target=serve)
            thread.start()
            stack.callback(thread.join)
            end = End(f"ssl:127.0.0.1:{listener.getsockname()[1]}", tls)
            stack.callback(end.close)
            assert end.connect() == 0
            return end

        yield start


def test_what_is_decrypted_already_is_not_waited_for(talk: Callable[[Say], End]) -> None:
    record = bytes(range(32, 127)) * 100
    done = threading.Event()

    def say(server: ssl.SSLSocket) -> None:
        server.sendall(record)
        done.wait(10)

    end = talk(say)
    try:
        data = end.read(100, n=100)
        while len(data) < len(record):
            # Nothing more comes from the server.
            assert end.wakes(2000)
            data += end.read(1, n=100)
        assert data == record
        assert end.recv() == (errno.EAGAIN, b"")
        assert not end.wakes(20)
    finally:
        done.set()


def test_a_large_message_comes_in_few_reads(talk: Callable[[Say], End]) -> None:
    content = b"".join(b"%07d," % number for number in range(1 << 20))

    def say(server: ssl.SSLSocket) -> None:
        server.sendall(content)
        server.recv(1)

    end = talk(say)
    parts: list[bytes] = []
    while sum(map(len, parts)) < len(content):
        parts.append(end.read(1))
        assert len(parts[-1]) <= BUFFER
    assert b"".join(parts) == content
    assert len(parts) < len(content) >> 14
    end.stream.send(b"x")


def test_what_is_sent_arrives_however_large_it_is(talk: Callable[[Say], End]) -> None:
    got: list[bytes] = []
    message = os.urandom(1 << 22)

    def say(server: ssl.SSLSocket) -> None:
        while sum(map(len, got)) < len(message):
            got.append(server.recv(1 << 16))

    end = talk(say)
    left = message
    while left:
        sent = end.stream.send(left)
        if sent == -errno.EAGAIN:
            poll = select.poll()
            poll.register(end.stream.socket, select.POLLOUT)
            assert poll.poll(5000)
            continue
        assert sent > 0
        left = left[sent:]
    assert end.last() == (0, b"")
    assert b"".join(got) == message


def exchange(server: ssl.SSLSocket, content: bytes, expected: int) -> int:
    """Say and hear so much at the same time; returns how much was heard."""
    server.settimeout(0)
    left, heard = memoryview(content), 0
    poll = select.poll()
    poll.register(server, select.POLLIN)
    while left or heard < expected:
        if left:
            with contextlib.suppress(ssl.SSLWantWriteError):
                left = left[server.send(left[: 1 << 14]) :]
        else:
            assert server.pending() or poll.poll(5000)
        with contextlib.suppress(ssl.SSLWantReadError):
            heard += len(server.recv(1 << 16))
    return heard


def send_all(end: End, message: bytes) -> None:
    while message:
        sent = end.stream.send(message)
        assert sent > 0 or sent == -errno.EAGAIN
        message = message[max(0, sent) :]


def test_one_thread_may_read_while_others_write(talk: Callable[[Say], End]) -> None:
    down = b"".join(b"%07d," % number for number in range(1 << 20)) * 4
    up, writers, each = b"x" * 100, 4, 5000
    heard: list[int] = []
    end = talk(lambda server: heard.append(exchange(server, down, len(up) * writers * each)))
    lock = threading.Lock()

    def write() -> None:
        for _ in range(each):
            with lock:
                # A message that has begun to leave leaves before another.
                send_all(end, up)

    threads = [threading.Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    assert end.read(len(down)) == down
    for thread in threads:
        thread.join()
    assert end.last() == (0, b"")
    assert heard == [len(up) * writers * each]


@pytest.mark.parametrize("politely", [True, False])
def test_what_came_before_the_end_is_given_and_then_the_end(talk: Callable[[Say], End], politely: bool) -> None:
    def say(server: ssl.SSLSocket) -> None:
        server.sendall(b"all")
        if politely:
            with contextlib.suppress(OSError):
                server.settimeout(0)
                server.unwrap()

    end = talk(say)
    assert end.read(3) == b"all"
    assert end.dialer.trouble == ""
    assert end.last() == (0, b"")
    assert end.last() == (0, b"")
    assert end.dialer.trouble.endswith("the server closed the connection")


def test_a_reset_ends_it_after_what_came_before(talk: Callable[[Say], End]) -> None:
    def say(server: ssl.SSLSocket) -> None:
        server.sendall(b"all")
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        heard.wait(5)

    heard = threading.Event()
    end = talk(say)
    assert end.read(3) == b"all"
    heard.set()
    # Python takes some resets for an end.
    assert end.last() in {(errno.ECONNRESET, b""), (0, b"")}
    assert end.dialer.trouble


@pytest.mark.parametrize("first", ["send", "recv"])
def test_what_the_server_said_before_it_refused_a_certificate_is_told(
    authority: Authority, tls: Tls, tmp_path: Path, first: str
) -> None:
    # With TLS 1.3 the client's handshake is over when the server refuses its certificate.
    key, certificate = authority.sign("strict", *LOOPBACK)
    strict = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    strict.load_cert_chain(certificate, key)
    strict.load_verify_locations(Authority(tmp_path / "other", "other").certificate)
    strict.verify_mode = ssl.CERT_REQUIRED

    def serve(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client, contextlib.suppress(ssl.SSLError):
            strict.wrap_socket(client, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        end = End(f"ssl:127.0.0.1:{listener.getsockname()[1]}", tls)
        assert end.connect() == 0
        thread.join()
    if first == "send":
        while (sent := end.stream.send(b"hello")) >= 0:
            pass
        assert sent == -errno.EPROTO
    else:
        assert end.last() == (errno.EPROTO, b"")
    end.close()
    # Another thread that reads comes too late.
    assert end.recv() in {(errno.EBADF, b""), (errno.EPROTO, b"")}
    assert f"does not know the CA of the certificate in {tls.cert}" in end.dialer.trouble


def test_a_server_that_does_not_answer_the_handshake_is_waited_for_without_work(tls: Tls) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        end = End(f"ssl:127.0.0.1:{listener.getsockname()[1]}", tls)
        client, _ = listener.accept()
        with client:
            assert end.stream.connect() == errno.EAGAIN
            client.recv(1 << 16)
            poller: Any = Poller()
            end.stream.connect_wait(poller)
            assert poller.timeout != 0
            # The socket can be written to, which does not help.
            assert poller.poll.poll(20) == []
            end.close()
        assert end.dialer.trouble.endswith("no answer")


@pytest.mark.parametrize("scheme", ["tcp", "ssl"])
def test_a_server_that_is_not_there_is_told(tls: Tls, scheme: str) -> None:
    remote = f"{scheme}:127.0.0.1:{free_port()}"
    end = End(remote, tls)
    assert (end.error or end.connect()) == errno.ECONNREFUSED
    assert end.dialer.trouble == f"{remote}: Connection refused"
    end.close()


def test_a_socket_that_is_not_there_is_told(tmp_path: Path) -> None:
    end = End(f"unix:{tmp_path}/none.sock", None)
    assert end.error == errno.ENOENT
    assert end.dialer.trouble == f"unix:{tmp_path}/none.sock: No such file or directory"
    end.close()


def test_each_client_hears_of_its_own_trouble_alone(tls: Tls) -> None:
    remote = f"tcp:127.0.0.1:{free_port()}"
    others = set(Stream._SOCKET_METHODS)
    one, other = End(remote, tls), Dialer(parse_remotes(remote))
    names = stream_names(parse_remotes(remote), other)
    assert one.names != names
    assert one.error or one.connect()
    assert one.dialer.trouble
    assert not other.trouble
    one.close()
    forget(names)
    assert set(Stream._SOCKET_METHODS) == others
