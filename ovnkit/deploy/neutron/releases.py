"""The releases of OpenStack whose Neutron can be configured, and what differs between them beside options."""

from __future__ import annotations

from typing import Final, Literal, get_args

__all__ = ["LATEST", "RELEASES", "Release", "is_older", "with_networking_ovn"]

Release = Literal[
    "queens", "rocky", "stein", "train", "ussuri", "victoria", "wallaby", "xena", "yoga", "zed",
    "2023.1", "2023.2", "2024.1", "2024.2", "2025.1", "2025.2", "2026.1", "2026.2",
]  # fmt: skip
RELEASES: Final[tuple[Release, ...]] = get_args(Release)
"""From the oldest to the newest."""

LATEST: Final[Release] = "2026.2"


def is_older(release: Release, than: Release) -> bool:
    """Whether a release is older than another."""
    return RELEASES.index(release) < RELEASES.index(than)


def with_networking_ovn(release: Release) -> bool:
    """Whether OVN's driver and agent are the package networking-ovn; Neutron has them itself since Ussuri."""
    return is_older(release, "ussuri")
