"""Sphinx configuration."""

import os
import sys
from pathlib import Path

from sphinx.errors import ExtensionError

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import stored_numbers  # noqa: E402

import wmcl  # noqa: E402

project = "wmcl"
author = "The wmcl developers"
version = release = wmcl.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "substitution", "colon_fence"]
myst_substitutions = stored_numbers.SUBSTITUTIONS
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_timeout = 300  # seconds a cell, also on a busy machine
nb_execution_raise_on_error = True
nb_output_stderr = "warn"  # a warning in the output of a cell is a warning of the build
os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"  # scikit-dimension imports progress bars of notebooks
html_theme = "furo"
html_title = "wmcl"
html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["pages.css"]
exclude_patterns = ["_build", "results"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True, "show-inheritance": False}
napoleon_google_docstring = True
nitpicky = False


def read_again_with_new_numbers(app, docname, source):
    """A page with numbers of stored results is read again when one of these changes."""
    if "{{" in source[0]:
        for path in (*stored_numbers.RESULTS.glob("*.nc"), *stored_numbers.RESULTS.glob("*.md")):
            app.env.note_dependency(str(path), docname=docname)


def refuse_paths_of_the_machine(app, exception):
    """No page may show where on this machine it was built."""
    pages = () if exception else Path(app.outdir).rglob("*.html")
    found = [page for page in pages if str(ROOT) in page.read_text() or str(Path.home()) + "/" in page.read_text()]
    if found:
        raise ExtensionError(f"{', '.join(map(str, found))} shows a path of this machine: print it nowhere in a cell")


def setup(app):
    """Connect the two checks."""
    app.connect("source-read", read_again_with_new_numbers)
    app.connect("build-finished", refuse_paths_of_the_machine)
