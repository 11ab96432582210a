"""Settings of Sphinx for ovnkit's documentation."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

_HERE = Path(__file__).parent
sys.path.insert(0, str(_HERE / "extensions"))

# Sphinx wants its pages in one directory, and whoever runs the notebooks wants them among the examples.
(_HERE / "notebooks").mkdir(exist_ok=True)
for notebook in (_HERE.parent / "examples" / "notebooks").glob("*.ipynb"):
    shutil.copy2(notebook, _HERE / "notebooks")

project = "ovnkit"
release = installed_version("ovnkit")
extensions = ["myst_nb", "sphinx.ext.autodoc", "api", "commands"]
exclude_patterns = ["_build", "extensions"]
html_theme = "furo"
html_title = f"ovnkit {release}"

myst_heading_anchors = 3
# What notebooks show is made against a lab, by `python -m tests.notebooks`, and not while the pages are built.
nb_execution_mode = "off"

autodoc_class_signature = "separated"
autodoc_member_order = "bysource"
autodoc_typehints_format = "fully-qualified"
python_use_unqualified_type_names = True
autodoc_preserve_defaults = True
nitpicky = True
# What signatures name and no page has: types of others (there are no inventories of theirs here), type variables, and
# types of ovnkit that are not public.
nitpick_ignore_regex = [
    ("py:(class|obj)", r"(?!ovnkit\.).*"),
    ("py:(class|obj)", r"ovnkit\.[\w.]+\.(_\w+|[A-Z]{1,2}(_co)?)"),
    ("py:class", r"ovnkit\.(deploy\.(databases|hosts|preflight\.facts)|formats|lab|ovsdb|topology)\.[\w.]+"),
]
# A name in a signature that two modules have is no fault.
suppress_warnings = ["ref.python"]
