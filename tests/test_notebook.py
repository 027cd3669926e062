"""The notebooks of the docs run, and both files of each pair hold the same cells."""

from pathlib import Path

import jupytext
import nbclient
import pytest

DOCS = Path(__file__).parents[1] / "docs"
PRINTED = {
    "explore": "sampled: memory_load",
    "compare_methods": "final      coresets",
    "strokes_to_importances": "of the importance; a tenth of its weights hold",
}


@pytest.mark.parametrize("name", PRINTED)
def test_the_pair_holds_the_same_cells(name):
    script, notebook = (jupytext.read(DOCS / f"{name}.{suffix}") for suffix in ("py", "ipynb"))
    assert [(c.cell_type, c.source) for c in script.cells] == [(c.cell_type, c.source) for c in notebook.cells]
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")


def test_every_notebook_is_tested():
    assert {path.stem for path in DOCS.glob("*.ipynb")} == set(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_it_runs(name):
    notebook = jupytext.read(DOCS / f"{name}.ipynb")
    done = nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(DOCS)}}, timeout=240).execute()
    printed = "".join(out.get("text", "") for cell in done.cells for out in cell.get("outputs", []))
    assert PRINTED[name] in printed
