"""How often each fault was tried; FAULTS=200 tries each so many times, by default a few."""

import multiprocessing
import os

import pytest

from tests.faults.small import undisturbed_run


def rounds(few, share=1):
    """Seeds of random choices: few every day; FAULTS of them in ``make faults``, or a share where one is slow."""
    return range(max(1, int(os.environ["FAULTS"]) // share) if "FAULTS" in os.environ else few)


def kind(item):
    name, _, case = item.name.removeprefix("test_").removesuffix("]").partition("[")
    return " ".join([*name.split("_"), *case.split("_")])


@pytest.fixture
def tried(request, record_property):
    """Count a fault of this kind; what the test then asserts is that nothing came of it."""

    def count():
        record_property("fault", kind(request.node))

    count()  # of what is counted, tests/conftest.py takes one off
    return count


@pytest.fixture(scope="session")
def context():
    """Starts clean processes quickly: one server imports everything once, and forks."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["tests.faults.small"])
    return found


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    return undisturbed_run(tmp_path_factory.mktemp("undisturbed"))
