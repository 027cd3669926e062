"""The build of the documentation fails where a page would show something wrong."""

import json
import sys
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("myst_nb")
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import docutils_namespace

DOCS = Path(__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS))
QUIET = {"nb_execution_mode": "off", "html_static_path": [], "html_css_files": []}


def warnings_of(folder, **pages):
    """What Sphinx warns of when it reads these pages with the configuration of the documentation."""
    for name, text in pages.items():
        (folder / name.replace("_ipynb", ".ipynb").replace("_md", ".md")).write_text(text)
    found = StringIO()
    places = [str(path) for path in (folder, DOCS, folder / "_build", folder / "_build/doctrees")]
    with docutils_namespace():
        Sphinx(*places, "dummy", confoverrides=QUIET, status=None, warning=found).build()
    return found.getvalue()


def notebook(**output):
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "source": "1", "outputs": [output]}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


def test_a_number_of_a_stored_file_is_no_warning(tmp_path):
    assert warnings_of(tmp_path, index_md='# Page\n\n{{ score("copy", "online EWC").alone }} %\n') == ""


@pytest.mark.parametrize("expression", ["no_such_name", 'score("copy", "no such method")'])
def test_a_number_that_is_missing_is_a_warning(tmp_path, expression):
    assert "Substitution error" in warnings_of(tmp_path, index_md="# Page\n\n{{ " + expression + " }} %\n")


def test_a_warning_in_the_output_of_a_cell_is_a_warning(tmp_path):
    page = notebook(output_type="stream", name="stderr", text="a/file.py:1: UserWarning: look here\n")
    assert "stderr was found" in warnings_of(tmp_path, index_ipynb=page)


@pytest.mark.parametrize("place", [DOCS.parent, Path.home() / "somewhere"])
def test_a_page_that_shows_a_path_of_the_machine_is_refused(tmp_path, place):
    import conf

    (tmp_path / "page.html").write_text("<p>nothing of the kind</p>")
    conf.refuse_paths_of_the_machine(SimpleNamespace(outdir=tmp_path), None)
    (tmp_path / "page.html").write_text(f"<p>{place}/file.py:1: UserWarning</p>")
    with pytest.raises(ExtensionError, match="shows a path of this machine"):
        conf.refuse_paths_of_the_machine(SimpleNamespace(outdir=tmp_path), None)


def test_old_addresses_lead_to_pages(tmp_path):
    import conf

    conf.keep_old_addresses(SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(name="html")), None)
    assert 'url=../reference/methods/ewc.html"' in (tmp_path / "methods/ewc.html").read_text()
    missing = [new for new in conf.MOVED.values() if not any((DOCS / new).parent.glob(f"{Path(new).name}.*"))]
    assert missing == []
