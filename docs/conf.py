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


MOVED = {  # pages whose address has changed since version 0.9
    "api": "reference/api",
    "architecture": "reference/architecture",
    "audioset": "reference/audioset",
    "checkpoints": "guides/checkpoints",
    "clusters": "guides/clusters",
    "compare_methods": "tutorials/compare_methods",
    "comparison": "findings/comparison_copy",
    "comparison_audioset": "findings/comparison_sounds",
    "comparison_pos": "findings/comparison_languages",
    "comparison_strokes": "findings/comparison_strokes",
    "concepts": "reference/concepts",
    "data": "guides/data",
    "explore": "tutorials/explore",
    "gpu": "guides/gpu",
    "gru_time_series": "tutorials/gru_time_series",
    "linear_rnn": "findings/linear_rnn",
    "methods/adding": "guides/own_method",
    "methods/bounds": "reference/methods/bounds",
    "methods/choosing": "guides/choosing_a_method",
    "methods/context_modulation": "reference/methods/context_modulation",
    "methods/coresets": "reference/methods/coresets",
    "methods/ewc": "reference/methods/ewc",
    "methods/generative_replay": "reference/methods/generative_replay",
    "methods/hypernetworks": "reference/methods/hypernetworks",
    "methods/index": "reference/methods/index",
    "methods/masking": "reference/methods/masking",
    "methods/memory_aware_synapses": "reference/methods/memory_aware_synapses",
    "methods/synaptic_intelligence": "reference/methods/synaptic_intelligence",
    "networks": "guides/networks",
    "own_data": "tutorials/own_data",
    "pos_tagging": "reference/pos_tagging",
    "pytorch": "tutorials/own_pytorch_model",
    "real_data": "findings/real_data",
    "results": "findings/load_retention_length",
    "stability_plasticity": "findings/stability_plasticity",
    "start": "tutorials/first_network",
    "statistics": "reference/statistics",
    "stroke_mnist": "reference/stroke_mnist",
    "strokes_to_importances": "tutorials/strokes_to_importances",
    "task_subspaces": "findings/task_subspaces",
    "tasks": "guides/tasks",
    "training": "guides/training",
}


def keep_old_addresses(app, exception):
    """The old address of a page that has moved leads to the new one."""
    for old, new in () if exception or app.builder.name != "html" else MOVED.items():
        path = Path(app.outdir, f"{old}.html")
        path.parent.mkdir(exist_ok=True)
        target = "../" * old.count("/") + f"{new}.html"
        path.write_text(
            f'<!doctype html><meta http-equiv="refresh" content="0; url={target}"><a href="{target}">Moved</a>'
        )


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
    """Connect the two checks and the old addresses."""
    app.connect("source-read", read_again_with_new_numbers)
    app.connect("build-finished", keep_old_addresses)
    app.connect("build-finished", refuse_paths_of_the_machine)
