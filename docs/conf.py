"""Settings of Sphinx for ovnkit's documentation."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "ovnkit"
release = installed_version("ovnkit")
extensions = ["myst_parser"]
myst_heading_anchors = 3
html_theme = "furo"
exclude_patterns = ["_build"]
