"""The faults, each inflicted as often as it is wanted while the writers write."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from tests.chaos.scene import Scene

__all__ = [
    "CRASH_POINTS",
    "crash_at",
    "cut_replies",
    "isolate_follower",
    "kill_leader",
    "lose_majority",
    "restart_server",
    "stop_follower",
    "stop_leader",
    "stop_server",
    "transfer_leadership",
]

_STOP_SECONDS = 10.0
_BRIEF_STOP_SECONDS = 1.5
_MAJORITY_LOST_SECONDS = 15.0
_KILL_PERIOD = 2.7
_CRASH_SECONDS = 20.0
_FIRES_SECONDS = 0.7

CRASH_POINTS = {
    "crash-before-sending-append-request": ("leader", "crash before sending append_request"),
    "crash-after-sending-append-request": ("leader", "crash after sending append_request"),
    "crash-before-sending-execute-command-reply": ("leader", "crash before sending execute_command_reply"),
    "crash-after-sending-execute-command-reply": ("leader", "crash after sending execute_command_reply"),
    "crash-before-sending-execute-command-request": ("follower", "crash before sending execute_command_request"),
    "crash-after-sending-execute-command-request": ("follower", "crash after sending execute_command_request"),
    "crash-after-receiving-append-request-update": ("follower", "crash after receiving append_request with update"),
    "crash-before-sending-install-snapshot-reply": ("follower", "crash before sending install_snapshot_reply"),
}
"""The points of ``cluster/failure-test`` in the role where each fires, and what a server says that dies there."""


def kill_leader(scene: Scene) -> None:
    """SIGKILL the leader every few seconds; it comes back at once, or when the others have gone on without it."""
    cluster = scene.cluster.cluster
    for _ in range(scene.wanted):
        leader = cluster.leader()
        began = scene.event()
        cluster.kill(leader)
        if scene.rng.random() < 0.5:
            cluster.launch(leader)
        scene.recovered(began)
        if not cluster.servers[leader].running:
            cluster.launch(leader)
        cluster.servers[leader].wait_ready()
        cluster.wait_joined()
        scene.counted()
        scene.until(began + (0.5 if scene.brief else _KILL_PERIOD))


def transfer_leadership(scene: Scene) -> None:
    """The routine that precedes every snapshot of a leader."""
    for _ in range(scene.wanted):
        began = scene.event()
        scene.cluster.cluster.transfer_leadership()
        scene.recovered(began)
        scene.counted()
        scene.rest(0.2)


def crash_at(points: Sequence[str]) -> Callable[[Scene], None]:
    """Each of the points in turn; that a server has ended at its point is read from what it said last."""
    return partial(_crash_in_turn, points)


def _crash_in_turn(points: Sequence[str], scene: Scene) -> None:
    for number in range(scene.wanted):
        point = points[number % len(points)]
        if point == "crash-before-sending-install-snapshot-reply":
            crashed = _crash_at_snapshot(scene, point)
        else:
            crashed = _crash(scene, point)
        cluster = scene.cluster.cluster
        process = cluster.servers[crashed].process
        words = CRASH_POINTS[point][1]
        if process.returncode in (None, 0) or words not in process.last_words():
            scene.trouble.append(f"{point}: {process.returncode}, {process.last_words()[-200:]}")
        else:
            scene.evidence.append(point)
        cluster.restart_all()
        scene.counted()
        scene.rest(0.2)


def _crash(scene: Scene, point: str) -> int:
    cluster = scene.cluster.cluster
    role = CRASH_POINTS[point][0]
    deadline = time.monotonic() + _CRASH_SECONDS * scene.patience
    attempt = 0
    while True:
        # Some points need a writer on a certain follower, and who is where is not to be seen from outside.
        followers = cluster.followers()
        chosen = cluster.leader() if role == "leader" else followers[attempt % len(followers)]
        began = scene.event()
        cluster.failure_test(chosen, point)
        if cluster.servers[chosen].process.wait(_FIRES_SECONDS * scene.patience):
            scene.recovered(began)
            return chosen
        if time.monotonic() > deadline:
            raise TimeoutError(f"{point}: no server crashed there")
        cluster.failure_test(chosen, "clear")
        attempt += 1
        if attempt % len(followers) == 0:
            cluster.transfer_leadership()


def _crash_at_snapshot(scene: Scene, point: str) -> int:
    """A follower that was away while the others wrote snapshots needs one, and dies before it says that it has it."""
    cluster = scene.cluster.cluster
    deadline = time.monotonic() + 2 * _CRASH_SECONDS * scene.patience
    while True:
        follower = scene.cluster.busiest_follower()
        began = scene.event()
        cluster.kill(follower)
        scene.recovered(began)
        # A leader hands over before it writes its own, to one that has written it already.
        for index in (*cluster.followers(), cluster.leader()):
            cluster.control(index, "ovsdb-server/compact", timeout=10.0)
        scene.recovered(scene.event())
        began = scene.event()
        cluster.restart_to_crash(follower, point)
        if cluster.servers[follower].process.wait(4 * _FIRES_SECONDS * scene.patience):
            scene.recovered(began)
            return follower
        if time.monotonic() > deadline:
            raise TimeoutError(f"{point}: no server crashed there")
        cluster.failure_test(follower, "clear")


def stop_leader(scene: Scene) -> None:
    """SIGSTOP, for longer than anybody waits."""
    _stop(scene, scene.cluster.cluster.leader)


def stop_follower(scene: Scene) -> None:
    """SIGSTOP of the follower with the most clients."""
    _stop(scene, scene.cluster.busiest_follower)


def _stop(scene: Scene, choose: Callable[[], int]) -> None:
    cluster = scene.cluster.cluster
    _outage(scene, choose, cluster.stop, cluster.cont)


def _outage(
    scene: Scene, choose: Callable[[], int], begin: Callable[[int], object], end: Callable[[int], object]
) -> None:
    """A member is out for a while, and comes back as it was."""
    for _ in range(scene.wanted):
        chosen = choose()
        began = scene.event()
        begin(chosen)
        scene.recovered(began)
        scene.until(began + (_BRIEF_STOP_SECONDS if scene.brief else _STOP_SECONDS))
        began = scene.event()
        end(chosen)
        # Else the next one to be stopped leaves one that is behind, and nobody has a majority.
        scene.cluster.cluster.wait_caught_up()
        scene.recovered(began)
        scene.counted()
        scene.rest(1.0)


def lose_majority(scene: Scene) -> None:
    """Kill two of three, one of them the leader or not; what counts is the time from their restart."""
    cluster = scene.cluster.cluster
    for _ in range(scene.wanted):
        lost = [cluster.leader(), cluster.followers()[0]] if scene.rng.random() < 0.5 else cluster.followers()
        for index in lost:
            cluster.kill(index)
        time.sleep(_BRIEF_STOP_SECONDS if scene.brief else _MAJORITY_LOST_SECONDS)
        for index in lost:
            cluster.launch(index)
        began = scene.event()
        scene.recovered(began)
        cluster.wait_joined()
        scene.counted()
        scene.rest(1.0)


def isolate_follower(scene: Scene) -> None:
    """A follower with clients on it neither hears the others nor is heard: ``stop-raft-rpc``."""
    cluster = scene.cluster.cluster
    _outage(
        scene,
        scene.cluster.busiest_follower,
        lambda chosen: cluster.failure_test(chosen, "stop-raft-rpc"),
        lambda chosen: cluster.failure_test(chosen, "clear"),
    )


def cut_replies(scene: Scene) -> None:
    """Cut the connection between the server's answer and the client."""
    proxy = scene.proxy
    assert proxy is not None
    deadline = time.monotonic() + 0.2 * scene.wanted + 60.0
    proxy.budget = scene.wanted
    told = 0
    while proxy.budget > 0:
        if time.monotonic() > deadline:
            scene.trouble.append(f"only {proxy.replies_cut} replies could be cut")
            break
        time.sleep(0.02)
        if proxy.replies_cut >= told + 500:
            told = proxy.replies_cut
            scene.say(f"{told} of {scene.wanted}")
    proxy.budget = 0
    scene.faults = proxy.replies_cut
    scene.evidence.append(f"{proxy.requests_cut} requests and {proxy.questions_cut} answers to questions cut as well")
    scene.recovered(scene.event())


def restart_server(scene: Scene) -> None:
    """SIGKILL the only server and start it again; what counts is the time from its start."""
    server = scene.standalone.server
    for _ in range(scene.wanted):
        server.kill()
        scene.rest(0.5)
        began = scene.event()
        server.start()
        scene.recovered(began)
        scene.counted()
        scene.rest(0.5)


def stop_server(scene: Scene) -> None:
    """SIGSTOP the only server; what counts is the time from its SIGCONT."""
    for _ in range(scene.wanted):
        scene.standalone.stop()
        time.sleep(_BRIEF_STOP_SECONDS if scene.brief else _STOP_SECONDS)
        began = scene.event()
        scene.standalone.cont()
        scene.recovered(began)
        scene.counted()
        scene.rest(1.0)
