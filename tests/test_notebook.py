"""The notebook of the docs runs, and both files of its pair hold the same cells."""

from pathlib import Path

import jupytext
import nbclient

DOCS = Path(__file__).parents[1] / "docs"


def test_the_pair_holds_the_same_cells():
    script, notebook = (jupytext.read(DOCS / f"explore.{suffix}") for suffix in ("py", "ipynb"))
    assert [(c.cell_type, c.source) for c in script.cells] == [(c.cell_type, c.source) for c in notebook.cells]
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")


def test_it_runs():
    notebook = jupytext.read(DOCS / "explore.ipynb")
    done = nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(DOCS)}}, timeout=120).execute()
    printed = "".join(out.get("text", "") for cell in done.cells for out in cell.get("outputs", []))
    assert "sampled: load" in printed
