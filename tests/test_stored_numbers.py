"""The numbers of the pages and of the README are those of the stored files."""

import re
import sys
from pathlib import Path

import jinja2
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from stored_numbers import SUBSTITUTIONS, Estimate, cell, doubling, over_published, score  # noqa: E402

PAGES = sorted((ROOT / "docs").glob("*.md")) + sorted((ROOT / "docs/findings").glob("*.md"))
WRITTEN = {page: re.findall(r"\{\{(.*?)\}\}", page.read_text(), re.DOTALL) for page in PAGES}
EXPRESSIONS = sorted({" ".join(each.split()) for expressions in WRITTEN.values() for each in expressions})
LITERAL = re.compile(r"\[-?\d[\d.e-]*, -?\d[\d.e-]*\]")


def evaluate(expression):
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    return environment.from_string("{{" + expression + "}}").render(SUBSTITUTIONS)


def cost(reports, front, term, method="online EWC (sampled)"):
    return cell(reports, (front, method), term, table="costs")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_number_of_a_page_is_in_a_stored_file(expression):
    assert not expression.startswith("-")  # which Jinja reads as a command about spaces
    assert re.search(r"\d", evaluate(expression))


def test_intervals_are_read_from_files_but_for_one_pilot():
    """The run with 2,000 steps is not among the stored files; [0, 1] is a range of values."""
    found = [
        interval
        for page in PAGES
        for interval in LITERAL.findall(re.sub(r"\{\{.*?\}\}", "", page.read_text(), flags=re.DOTALL))
    ]
    assert sorted(found) == ["[0, 1]", "[54.8, 71.0]"]


@pytest.mark.parametrize(
    "expression",
    ['score("copy", "no such method")', 'cell("stability_plasticity", "multitask", "no such column")', "no_such_name"],
)
def test_a_number_that_is_not_there_fails_the_build(expression):
    with pytest.raises((KeyError, jinja2.UndefinedError)):
        evaluate(expression)


def test_an_entry_that_is_there_twice_is_refused():
    with pytest.raises(KeyError, match="has 2 entries"):
        cell("stability_plasticity", ("information", "SI"), "retention")


def test_numbers_are_written_with_their_intervals():
    one = Estimate(0.25, -0.5, 1.0, ".2f")
    assert (str(one), str(one.negative), one.alone, one.interval) == (
        "0.25 [-0.50, 1.00]",
        "-0.25 [-1.00, 0.50]",
        "0.25",
        "[-0.50, 1.00]",
    )
    assert str(one.to(".1f")) == "0.2 [-0.5, 1.0]"
    assert str(cell("linear_rnn", ("linear", "slope"), "read", table="*participation ratio*")) == "0.92 [0.79, 1.05]"


def test_what_a_method_is_above_a_published_run_is_in_points():
    assert over_published("published", "SI").alone == "-21.4"


README = (ROOT / "README.md").read_text()
FRONT = "stability_plasticity"


@pytest.mark.parametrize(
    "text",
    [
        f"Twice the load (bits held) multiplies importance by {doubling('orthogonal', 'memory_load').alone}, "
        f"twice the retention (steps for which they are held) by {doubling('orthogonal', 'retention').alone}, "
        f"a sequence of twice the length by {doubling('orthogonal', 'steps', length=True).alone}.",
        f"With another initialisation: {doubling('xavier', 'memory_load').alone}, "
        f"{doubling('xavier', 'retention').alone} and {doubling('xavier', 'steps', length=True).alone}.",
        f"it loses {cost(FRONT, 'information', 'retention')} more when bits are held for 11 steps instead of 6,",
        f"For 20 bits instead of 5 it is {cost(FRONT, 'information', 'memory load')}. In accuracy these are "
        f"{cost(FRONT, 'accuracy', 'retention')} and {cost(FRONT, 'accuracy', 'memory load')}",
        f"masks with a penalty on important weights are at {score('copy', 'masking + SI').alone} % accuracy, "
        f"a hypernetwork at {score('copy', 'HNET (chunked)').alone} % and 100 stored examples of each task "
        f"at {score('copy', 'coresets').alone} %;",
        f"EWC, which hardly learns the third task, is at {score('copy', 'online EWC').alone} %, "
        f"no protection at {score('copy', 'fine-tuning').alone} %",
    ],
)
def test_the_readme_has_the_numbers_of_the_stored_files(text):
    assert text in " ".join(README.split())


def test_the_readme_is_short_and_its_links_lead_somewhere():
    assert 60 <= len(README.splitlines()) <= 80
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_example_of_the_readme_is_ten_lines():
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(example.splitlines()) == 10
    compile(example, "README.md", "exec")
