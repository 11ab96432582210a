"""A drawing in a notebook that follows the network."""

from __future__ import annotations

import threading
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from ovnkit.errors import InvalidValue, MissingExtra, OvnkitError
from ovnkit.ovsdb.client import Client
from ovnkit.topology.graph import Topology

__all__ = ["Live"]


class Live:
    """Draws a topology where it is made, and again whenever the databases have changed. ``stop()`` ends it.

    ``topology`` is what is shown now. What cannot be drawn any more (what it is around is gone, a client was closed) is
    said in the place of the drawing, and ends it.
    """

    def __init__(self, topology: Topology, *, interval: float = 0.5) -> None:
        if not interval > 0:
            raise InvalidValue(table="live", column="interval", value=interval, allowed="more than 0 seconds")
        try:
            ipython: Any = import_module("IPython.display")
        except ImportError as exc:
            raise MissingExtra("ipython", "notebook") from exc
        self.topology = topology
        self.error: OvnkitError | None = None
        self._interval = interval
        self._stopped = threading.Event()
        self._drawn: list[tuple[int, bool]] | None = None
        self._display: Any = ipython.DisplayHandle()
        self._display.display(topology)
        self._thread = threading.Thread(target=self._follow, name="ovnkit-live", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Draw no more; what was drawn last stays."""
        self._stopped.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"ended: {self.error}" if self.error else "stopped" if self._stopped.is_set() else "following"
        return f"<Live {self.topology!r} {state}>"

    def _versions(self) -> list[tuple[int, bool]]:
        """What is another one when there is something to draw or to say: a closed client changes no more."""
        source = self.topology.source
        clients: tuple[Client[Any, Any] | None, ...] = (source.nb, source.sb, *source.vswitches)
        return [(client.version, client.state == "closed") for client in clients if client is not None]

    def _follow(self) -> None:
        while not self._stopped.wait(self._interval):
            versions = self._versions()
            if versions == self._drawn:
                continue
            self._drawn = versions
            try:
                self.topology = self.topology.again()
            except OvnkitError as error:
                self.error = error
                self._display.update({"text/plain": str(error)}, raw=True)
                return
            self._display.update(self.topology)
