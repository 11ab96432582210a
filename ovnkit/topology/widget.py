"""The interactive picture in a notebook, with what is selected in it readable from Python. Extra: ``notebook``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ovnkit.errors import MissingExtra
from ovnkit.topology.html import drawing, frame, script, style
from ovnkit.topology.notebook import html

try:
    import anywidget
    import traitlets
except ImportError as exc:
    raise MissingExtra("anywidget", "notebook") from exc

if TYPE_CHECKING:
    from ovnkit.topology.graph import Topology
    from ovnkit.topology.nodes import Node

__all__ = ["TopologyWidget"]

_MOST_BYTES = 600_000
"""A larger page is not put into the notebook for its exports: they get the picture that does not move."""


class TopologyWidget(anywidget.AnyWidget):
    """A topology that is searched, selected, folded, dragged and zoomed; the wheel zooms with Ctrl.

    ``selected`` is the key of the node that is selected, or "", and ``search`` the text that is searched for. Both can
    be read, set and observed (``observe(function, "selected")``), as ipywidgets have it.
    """

    _esm = script()
    _css = style()
    picture = traitlets.Unicode().tag(sync=True)
    data = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)
    search = traitlets.Unicode().tag(sync=True)

    def __init__(self, topology: Topology) -> None:
        picture, data = drawing(topology)
        super().__init__(picture=picture, data=data)
        self.topology = topology

    def __repr__(self) -> str:
        chosen = self.selected_node
        return f"<TopologyWidget of {self.topology!r}{f', selected {chosen!r}' if chosen is not None else ''}>"

    @property
    def selected_node(self) -> Node | None:
        """The node that is selected; None where it is none, or a link."""
        return self.topology.nodes.get(self.selected)

    def select(self, name: str | Node) -> None:
        """Select a node by its key, name or label. Raises NotFound, NotUnique."""
        self.selected = self.topology[name].key

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and for exports, where nothing answers it, the page within a frame."""
        bundle = super()._repr_mimebundle_(**options)
        still = frame(self.topology)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["text/html"] = still if len(still) <= _MOST_BYTES else html(self.topology)
        return bundle
