"""The responder behind 169.254.169.254: on each host, in a namespace of its own behind the network's localport."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ovnkit.lab.attachment import INTERFACE, Attachment
from ovnkit.lab.endpoint import Endpoint

if TYPE_CHECKING:
    from pathlib import Path

    from ovnkit.lab.processes import Launcher

__all__ = ["METADATA_ADDRESS", "METADATA_URL", "MetadataResponder"]

METADATA_ADDRESS = "169.254.169.254"
METADATA_URL = f"http://{METADATA_ADDRESS}/"


class MetadataResponder(Endpoint):
    """Answers HTTP with the name of its own host, so that one sees which host has answered."""

    def __init__(self, name: str, launcher: Launcher, directory: Path, *, port: str, attachment: Attachment) -> None:
        super().__init__(name, launcher, directory)
        self.port = port
        self._attachment = attachment

    def start_all(self, address: str) -> None:
        """Plug it in with its address in the network (``10.0.0.2/24``) and start to answer. Raises LabError."""
        addresses = [f"address add {one} dev {INTERFACE}" for one in (address, f"{METADATA_ADDRESS}/32")]
        self._attachment.plug(self.port, commands=addresses)
        self.start_peer("serve", "80", f"host={self._attachment.host.name} client={{client}} path={{path}}\n")
