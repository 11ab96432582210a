"""By when requests have to be over."""

from __future__ import annotations

import heapq

from ovnkit.ovsdb.guard import new_lock
from ovnkit.ovsdb.request import Request

__all__ = ["Deadlines"]

_MANY = 256


class Deadlines:
    """Requests in the order of their deadlines; any thread may add some."""

    def __init__(self) -> None:
        self._lock = new_lock()
        self._heap: list[Request] = []

    def add(self, *requests: Request) -> float:
        """Watch these as well; returns the first deadline of all."""
        with self._lock:
            for request in requests:
                heapq.heappush(self._heap, request)
            return self._heap[0].deadline

    def late(self, now: float, unanswered: int) -> tuple[list[Request], float]:
        """Take out the requests whose time has come, and tell the next deadline. ``unanswered`` is how many can be."""
        heap = self._heap
        late: list[Request] = []
        with self._lock:
            if len(heap) > _MANY and len(heap) > 4 * unanswered:
                # Most have been answered long before their time.
                heap[:] = [request for request in heap if not request.over]
                heapq.heapify(heap)
            while heap and (heap[0].over or heap[0].deadline <= now):
                late.append(heapq.heappop(heap))
            following = heap[0].deadline if heap else float("inf")
        return [request for request in late if not request.over], following

    def all(self) -> list[Request]:
        """Every request that is watched."""
        with self._lock:
            return list(self._heap)
