"""The examples of the pages on methods run."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
METHODS = sorted((DOCS / "reference" / "methods").glob("*.md"))


@pytest.mark.parametrize("page", [*METHODS, DOCS / "guides" / "choosing_a_method.md"], ids=lambda page: page.stem)
def test_examples_run(page):
    """Those of the page on adding a method run when the docs are built."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert blocks
    exec("\n".join(blocks), {})


def test_every_page_is_listed():
    listed = (METHODS[0].parent / "index.md").read_text()
    assert [page.stem for page in METHODS if page.stem != "index" and f"\n{page.stem}\n" not in listed] == []
