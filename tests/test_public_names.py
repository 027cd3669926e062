"""What is public is little, listed and used."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [
    *("data", "dimensionality", "importance", "likelihoods", "methods", "networks", "plotting", "published"),
    *("pytorch", "stages", "statistics", "studies", "sweeps", "tasks", "training"),
]
NAMES = {package: importlib.import_module(f"wmcl.{package}").__all__ for package in PACKAGES}
API = (ROOT / "docs" / "reference" / "api.md").read_text()


def texts(*patterns):
    paths = [path for pattern in patterns for path in ROOT.glob(pattern) if path.name != "api.md"]
    return "\n".join(path.read_text() for path in paths)


USES = texts("README.md", "docs/**/*.md", "docs/tutorials/*.py", "analyses/**/*.py", "figures/*.py")


def test_there_are_at_most_182():
    assert sum(map(len, NAMES.values())) <= 182


@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_of_the_api_lists_exactly_these(package):
    listed = re.search(rf"automodule:: wmcl\.{package}\n   :members: (.*)\n", API)
    assert sorted(listed.group(1).split(", ")) == sorted(NAMES[package])


@pytest.mark.parametrize("package", PACKAGES)
def test_each_is_used_by_a_page_an_analysis_or_a_figure(package):
    unused = [name for name in NAMES[package] if not re.search(rf"\b{name}\b", USES)]
    assert not unused
