"""How often each fault was tried; FAULTS=200 tries each so many times, by default a few."""

import multiprocessing
import os
from collections import Counter

import pytest

from tests.faults.small import undisturbed_run

TRIED = Counter()
FAILED = Counter()


def rounds(few, share=1):
    """Seeds of random choices: few every day; FAULTS of them in ``make faults``, or a share where one is slow."""
    return range(max(1, int(os.environ["FAULTS"]) // share) if "FAULTS" in os.environ else few)


def kind(item):
    name, _, case = item.name.removeprefix("test_").removesuffix("]").partition("[")
    return " ".join([*name.split("_"), *case.split("_")])


@pytest.fixture
def tried(request):
    """Count a fault of this kind; what the test then asserts is that nothing came of it."""

    def count():
        TRIED[kind(request.node)] += 1

    return count


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed and "faults" in item.path.parts:
        FAILED[kind(item)] += 1


def pytest_terminal_summary(terminalreporter):
    if not TRIED:
        return
    terminalreporter.section("faults")
    for name in sorted(TRIED | FAILED):
        terminalreporter.write_line(f"{TRIED[name]:5d} withstood, {FAILED[name]} not: {name}")


@pytest.fixture(scope="session")
def context():
    """Starts clean processes quickly: one server imports everything once, and forks."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["tests.faults.small"])
    return found


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    return undisturbed_run(tmp_path_factory.mktemp("undisturbed"))
