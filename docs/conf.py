"""The site: `make docs` builds it in docs/_build/html from the pages here, the gallery, and tables of the code."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))
sys.path.insert(0, str(DOCS / "_ext"))
os.environ.setdefault("MPLBACKEND", "agg")

project = "copympi"
author = "The copympi developers"
copyright = f"2026, {author}"
release = metadata.version("copympi")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # formulas without a network
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "docstrings",  # this and the next three stand in docs/_ext: docstrings, which are plain text, as RST
    "generated",  # pages of the reference that are made from the code
    "outside",  # pages that stand outside of docs/, and links to them
    "inside",  # links that lead nowhere
]
exclude_patterns = ["_build", "_ext", "gallery", "**/sg_execution_times.rst", "sg_execution_times.rst"]
nitpicky = True

autodoc_typehints = "none"  # docstrings say types, with shapes and units
autodoc_member_order = "bysource"
autoclass_content = "class"

myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 4
myst_links_external_new_tab = False

html_theme = "furo"
html_title = f"copympi {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_sphinx = False

copybutton_prompt_text = r"\$ |>>> "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": ["gallery"],
    "gallery_dirs": ["auto_gallery"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("matplotlib", "figures.scrape"),  # docs/_ext
    "reset_modules": ("matplotlib", "figures.plain_warnings"),
    "matplotlib_animations": False,
    "plot_gallery": True,
    "abort_on_example_error": False,  # all are run; the build fails after the last
    "capture_repr": ("_repr_html_",),
    "write_computation_times": False,
    "show_memory": False,
    "min_reported_time": 3600,
    "copyfile_regex": "",
    "remove_config_comments": True,
    "show_signature": False,
}
