"""The examples of the pages on data run, and what these say is true."""

import gzip
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from wmcl.data.audioset import AUDIOSET, AUDIOSET_REDUCED
from wmcl.data.conllu_file import read_conllu
from wmcl.data.files import Member
from wmcl.data.languages import FULL, REDUCED
from wmcl.data.stroke_mnist import STROKE_MNIST

NAMES = AUDIOSET.name, AUDIOSET_REDUCED.name
DOCS = Path(__file__).parents[1] / "docs"


def examples(page):
    blocks = re.findall(r"```{code-cell} python\n(?::[^\n]*\n)*(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert blocks
    namespace = {}
    for block in blocks:
        exec(block, namespace)
    return namespace


def test_a_task_of_your_own_is_learned_in_about_ten_lines():
    found = examples("tutorials/own_data.md")
    assert (
        len(
            re.search(r"import wmcl\n(.*?)```", (DOCS / "tutorials/own_data.md").read_text(), re.DOTALL)
            .group(1)
            .split("\n")
        )
        < 15
    )
    evaluate = found["wmcl"].training.evaluate
    accuracy = evaluate(found["network"], found["trained"].parameters, found["task"].test, found["task"]).accuracy
    assert accuracy.min() > 0.9
    states = found["predictor"].apply(found["regression"].parameters, found["ahead"].test.inputs)
    errors = (states.logits - found["ahead"].test.targets)[found["ahead"].test.scored > 0]
    assert found["mean_squared_error"].item() == pytest.approx(errors.square().mean().item(), rel=1e-4)
    assert found["mean_squared_error"] < 0.1 * found["following"].targets.var()
    assert found["padding"](found["task"]) < 0.2 < found["padding"](found["mixed"])


def test_the_benchmark_of_your_own_has_tasks():
    (example,) = re.findall(r"```python\n(.*?)```", (DOCS / "tutorials/own_data.md").read_text(), re.DOTALL)
    namespace = {"__name__": __name__}  # where a dataclass looks for its module
    exec(example, namespace)
    first, second = namespace["Waves"](sequences=60).tasks(2)
    assert (first.name, second.name) == ("waves 1", "waves 2")
    assert (first.inputs, first.outputs, first.test.samples) == (1, 2, 12)
    assert namespace["BENCHMARK"].tasks == 3


def test_the_page_on_stroke_mnist_runs():
    with mpl.rc_context({"backend": "agg"}):
        found = examples("reference/stroke_mnist.md")
        found["plt"].close("all")
    assert "stand-in" in found["task"].name


def test_the_page_on_tagging_runs():
    found = examples("reference/pos_tagging.md")
    assert all("stand-in" in task.name for task in found["tasks"])
    assert found["measured"].weighted_f1.sel(data="test", trained_task=2).mean() > 0.5


def test_every_treebank_is_on_its_page_with_its_licence():
    page = (DOCS / "reference/pos_tagging.md").read_text()
    for full, reduced in zip(FULL, REDUCED, strict=True):
        row = re.search(
            rf"^\| {full.language} \| {full.treebank}, {re.escape(full.licence)} \| (.*)$", page, re.MULTILINE
        )
        assert row is not None, full.treebank
        assert ("reduced" in row[1]) == (not reduced.is_full)
        assert (f"of UD {reduced.release}" in row[1]) == (reduced.release != "2.6")
        if reduced.treebank != full.treebank:
            assert reduced.treebank.split("-")[1] in row[1]
        if reduced.licence != full.licence:
            assert reduced.licence in row[1]
    for text in ("http://hdl.handle.net/11234/1-3226", "wmcl data download universal-dependencies-reduced"):
        assert text in page


@pytest.mark.parametrize("language", ["ar", "da", "he"])
def test_the_counts_of_the_page_are_those_of_the_treebanks(language, treebank_files):
    (chosen,) = (each for each in REDUCED if each.language == language)
    files = {}
    for name in chosen.files:
        with gzip.open(treebank_files / f"UD_{chosen.treebank}" / f"{name}.gz") as file:
            files[name] = read_conllu(Member(name, name, file))
    made = chosen.made_of(files)
    parts = made.train, made.validation, made.test
    counts = " | ".join(f"{len(part):,} / {len(part.rows):,}" for part in parts)
    assert (
        f"| {counts} | {max(part.lengths.max() for part in parts)} |" in (DOCS / "reference/pos_tagging.md").read_text()
    )


def test_the_counts_of_the_page_are_those_of_the_data(published_strokes):
    page = (DOCS / "reference/stroke_mnist.md").read_text()
    for split, records in published_strokes.items():
        counts = [len(records), *np.bincount(records.labels)]
        lengths = records.lengths
        steps = f"{lengths.min()}, {np.median(lengths):.0f}, {lengths.mean():.1f}, {lengths.max()}"
        assert f"| {split} | {' | '.join(f'{n:,}' for n in counts)} | {steps} |" in page


def test_the_page_on_audioset_runs():
    with mpl.rc_context({"backend": "agg"}):
        found = examples("reference/audioset.md")
        found["plt"].close("all")
    assert all("stand-in" in task.name for task in found["tasks"])


def test_the_counts_of_the_page_on_audioset_are_those_of_the_data(prepared_audioset):
    page = (DOCS / "reference/audioset.md").read_text()
    for split, records in (("train", prepared_audioset.train), ("test", prepared_audioset.test)):
        counts = np.bincount(records.labels)
        of_a_class = f"{counts.min()}, {np.median(counts):.0f}, {counts.max()}"
        assert f"| {split} | {len(records):,} | {of_a_class} | {records.lengths.max()} |" in page


@pytest.mark.parametrize(
    "text", [AUDIOSET.page, "CC BY 4.0", "CC BY-SA 4.0", "ICASSP 2017", *(f"data download {n}" for n in NAMES)]
)
def test_source_licence_and_citation_of_audioset_are_on_the_page(text):
    assert text in (DOCS / "reference/audioset.md").read_text()


@pytest.mark.parametrize("text", [STROKE_MNIST.page, "CC BY-SA 3.0", "1611.03068", "wmcl data download stroke-mnist"])
def test_source_licence_and_citation_are_on_the_page(text):
    assert text in (DOCS / "reference/stroke_mnist.md").read_text()
