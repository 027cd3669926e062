"""The examples of the pages on data run, and what these say is true."""

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from wmcl.data.audioset import AUDIOSET, AUDIOSET_REDUCED
from wmcl.data.stroke_mnist import STROKE_MNIST

NAMES = AUDIOSET.name, AUDIOSET_REDUCED.name
DOCS = Path(__file__).parents[1] / "docs"


def examples(page):
    blocks = re.findall(r"```{code-cell} python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert blocks
    namespace = {}
    for block in blocks:
        exec(block, namespace)
    return namespace


def test_a_task_of_your_own_is_learned_in_about_ten_lines():
    found = examples("own_data.md")
    assert (
        len(re.search(r"import wmcl\n(.*?)```", (DOCS / "own_data.md").read_text(), re.DOTALL).group(1).split("\n"))
        < 15
    )
    evaluate = found["wmcl"].training.evaluate
    accuracy = evaluate(found["network"], found["task"], found["trained"].parameters, found["task"].test).accuracy
    assert accuracy.min() > 0.9
    states = found["predictor"].apply(found["regression"].parameters, found["ahead"].test.inputs)
    errors = (states.logits - found["ahead"].test.targets)[found["ahead"].test.scored > 0]
    assert found["mean_squared_error"].item() == pytest.approx(errors.square().mean().item(), rel=1e-4)
    assert found["mean_squared_error"] < 0.1 * found["following"].targets.var()
    assert found["padding"](found["task"]) < 0.2 < found["padding"](found["mixed"])


def test_the_page_on_stroke_mnist_runs():
    with mpl.rc_context({"backend": "agg"}):
        found = examples("stroke_mnist.md")
        found["plt"].close("all")
    assert "stand-in" in found["task"].name


def test_the_counts_of_the_page_are_those_of_the_data(published_strokes):
    page = (DOCS / "stroke_mnist.md").read_text()
    for split, records in published_strokes.items():
        counts = [len(records), *np.bincount(records.labels)]
        lengths = records.lengths
        steps = f"{lengths.min()}, {np.median(lengths):.0f}, {lengths.mean():.1f}, {lengths.max()}"
        assert f"| {split} | {' | '.join(f'{n:,}' for n in counts)} | {steps} |" in page


def test_the_page_on_audioset_runs():
    with mpl.rc_context({"backend": "agg"}):
        found = examples("audioset.md")
        found["plt"].close("all")
    assert all("stand-in" in task.name for task in found["tasks"])


def test_the_counts_of_the_page_on_audioset_are_those_of_the_data(prepared_audioset):
    page = (DOCS / "audioset.md").read_text()
    for split, records in (("train", prepared_audioset.train), ("test", prepared_audioset.test)):
        counts = np.bincount(records.labels)
        of_a_class = f"{counts.min()}, {np.median(counts):.0f}, {counts.max()}"
        assert f"| {split} | {len(records):,} | {of_a_class} | {records.lengths.max()} |" in page


@pytest.mark.parametrize(
    "text", [AUDIOSET.page, "CC BY 4.0", "CC BY-SA 4.0", "ICASSP 2017", *(f"data download {n}" for n in NAMES)]
)
def test_source_licence_and_citation_of_audioset_are_on_the_page(text):
    assert text in (DOCS / "audioset.md").read_text()


@pytest.mark.parametrize("text", [STROKE_MNIST.page, "CC BY-SA 3.0", "1611.03068", "wmcl data download stroke-mnist"])
def test_source_licence_and_citation_are_on_the_page(text):
    assert text in (DOCS / "stroke_mnist.md").read_text()
