"""pyproject.toml, environment.yml, constraints.txt, CITATION.cff and CHANGELOG.md tell the same story."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import wmcl

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIRED = [Requirement(text) for group in (PROJECT["dependencies"], *EXTRAS.values()) for text in group]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())


def ranges(requirements):
    """Name -> version range; a name that occurs twice is an error."""
    parsed = [Requirement(text) for text in requirements]
    names = [canonicalize_name(r.name) for r in parsed]
    assert len(set(names)) == len(names)
    return {name: r.specifier for name, r in zip(names, parsed, strict=True)}


@pytest.fixture(scope="module")
def conda():
    """Requirements of conda, and those of pip."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    dependencies = environment["dependencies"]
    (pip,) = (d["pip"] for d in dependencies if isinstance(d, dict))
    return ranges(d for d in dependencies if isinstance(d, str)), pip


@pytest.fixture(scope="module")
def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return ranges(line for line in lines if line and not line.startswith("#"))


def test_conda_environment_has_the_dependencies_of_the_package(conda):
    _, pip = conda
    assert pip[-1] == "-e ."
    assert ranges(pip[:-1]) == ranges(PROJECT["dependencies"])


def test_conda_environment_has_the_python_of_the_package(conda):
    packages, _ = conda
    assert packages == {"python": SpecifierSet(PROJECT["requires-python"]), "pip": SpecifierSet()}


def test_constraints_are_exact(pins):
    for name, pin in pins.items():
        (only,) = pin
        assert only.operator == "==", name
        assert not set("+*") & set(only.version), f"{name}{pin}: local suffixes and wildcards are not for every machine"


@pytest.mark.parametrize("required", REQUIRED, ids=str)
def test_constraints_hold_a_version_in_range(pins, required):
    (pin,) = pins[canonicalize_name(required.name)]
    assert required.specifier.contains(pin.version)


def test_hook_has_the_ruff_of_the_constraints(pins):
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    (revision,) = (r["rev"] for r in repositories if r["repo"].endswith("/ruff-pre-commit"))
    (pin,) = pins["ruff"]
    assert revision == f"v{pin.version}"


def test_citation_names_the_paper():
    (paper,) = CITATION["references"]
    assert paper["title"] == "Continual Learning in Recurrent Neural Networks"
    assert paper["url"] == PROJECT["urls"]["Paper"]
    names = [author["family-names"] for author in paper["authors"]]
    assert names == ["Ehret", "Henning", "Cervera", "Meulemans", "Oswald", "Grewe"]


def test_licence_is_the_same_everywhere():
    assert CITATION["license"] == PROJECT["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()


def test_version_is_the_same_everywhere():
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    newest = next(heading for heading in headings if heading != "Unreleased")
    assert {CITATION["version"], newest} == {wmcl.__version__}
    assert PROJECT["dynamic"] == ["version"]
