"""Who may import whom in analyses/: studies stand beside each other, and private names stay in their file."""

import ast
from pathlib import Path

import pytest

ANALYSES = Path(__file__).parents[1] / "analyses"
STUDIES = sorted(path.name for path in ANALYSES.glob("*_study"))
FILES = sorted(path for path in ANALYSES.rglob("*.py") if "__pycache__" not in path.parts)


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module or "", [each.name for each in node.names]
        elif isinstance(node, ast.Import):
            yield from ((each.name, []) for each in node.names)


def test_there_are_studies():
    assert len(STUDIES) == 6


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ANALYSES)))
def test_a_study_imports_no_other_study_and_nobody_a_private_name(path):
    own = path.relative_to(ANALYSES).parts[0]
    for module, names in imports(path):
        top = module.split(".")[0]
        if own in (*STUDIES, "benchmark_tasks"):
            assert top not in STUDIES or top == own, f"{path} imports {module}"
        assert not any(part.startswith("_") and part != "__future__" for part in (*module.split("."), *names)), module
