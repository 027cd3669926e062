"""Both files of each pair of notebooks hold the same cells; building the docs runs them."""

from pathlib import Path

import jupytext
import pytest

DOCS = Path(__file__).parents[1] / "docs" / "tutorials"
NAMES = ["explore", "compare_methods", "strokes_to_importances", "gru_time_series"]


@pytest.mark.parametrize("name", NAMES)
def test_the_pair_holds_the_same_cells(name):
    script, notebook = (jupytext.read(DOCS / f"{name}.{suffix}") for suffix in ("py", "ipynb"))
    assert [(c.cell_type, c.source) for c in script.cells] == [(c.cell_type, c.source) for c in notebook.cells]
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")


def test_every_notebook_is_tested():
    assert {path.stem for path in DOCS.glob("*.ipynb")} == set(NAMES)
