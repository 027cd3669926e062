"""Every form of data of one's own gives what the plain form gives, bit for bit; what is unclear is refused."""

from collections import namedtuple

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from tests import naive
from wmcl.importance import fisher_diagonal
from wmcl.likelihoods import Categorical
from wmcl.networks import Elman
from wmcl.tasks import Labelled, Phase, copy_task, data_task, labelled
from wmcl.tasks.check import check_sequences
from wmcl.training import Options, Stop, evaluate, train

LENGTHS = [3, 1, 4, 2]
ARRAYS = [np.random.default_rng(n).standard_normal((steps, 2)) for n, steps in enumerate(LENGTHS)]
CLASSES = [0, 2, 1, 2]
BY_STEP = [np.array([0, 1, 2]), np.array([2]), np.array([1, 1, 0, 0]), np.array([2, 0])]
REAL = [np.random.default_rng(n).standard_normal((steps, 2)) for n, steps in enumerate(LENGTHS)]
WORDS = ["cat", "ant", "bee"]


def padded(parts, value=np.nan):
    """The parts side by side, with what must not be read after their ends."""
    made = np.full(
        (len(parts), max(map(len, parts)), *parts[0].shape[1:]), value, dtype=np.result_type(*parts, np.asarray(value))
    )
    for row, part in zip(made, parts, strict=True):
        row[: len(part)] = part
    return made


IS_OWN = np.arange(4) < np.array(LENGTHS)[:, None]
PADDED = padded(ARRAYS)
PLAIN, PLAIN_BY_STEP = labelled(ARRAYS, CLASSES, 3), labelled(ARRAYS, BY_STEP, 3)


def assert_same(found, expected, labels=None):
    for field in ("rows", "offsets", "targets", "leads", "scored"):
        one, other = getattr(found, field), getattr(expected, field)
        assert (one is None) == (other is None), field
        if one is not None:
            assert one.dtype == other.dtype, field
            np.testing.assert_array_equal(one, other)
    assert (found.classes, found.real) == (expected.classes, expected.real)
    assert found.labels == (expected.labels if labels is None else labels)


class Awkward:
    """Something ragged that can be made a list."""

    def __init__(self, values, name):
        self.values = values
        setattr(self, name, lambda: [each.tolist() for each in values])


def objects(parts):
    made = np.empty(len(parts), dtype=object)
    made[:] = parts
    return made


INPUTS = {
    "a list of tensors": (list(map(torch.from_numpy, ARRAYS)), {}),
    "a tensor that learns": ([torch.from_numpy(each).requires_grad_() for each in ARRAYS], {}),
    "an object array": (objects(ARRAYS), {}),
    "object arrays": ([each.astype(object) for each in ARRAYS], {}),
    "nested lists": ([each.tolist() for each in ARRAYS], {}),
    "to_list": (Awkward(ARRAYS, "to_list"), {}),
    "tolist": (Awkward(ARRAYS, "tolist"), {}),
    "lists of arrays": ([list(each) for each in ARRAYS], {}),
    "a generator": (lambda: iter(ARRAYS), {}),
    "frames": ([pd.DataFrame(each) for each in ARRAYS], {}),
    "padded with lengths": (PADDED, {"lengths": LENGTHS}),
    "a padded tensor with lengths": (torch.from_numpy(PADDED), {"lengths": torch.tensor(LENGTHS)}),
    "padded with lengths in a column": (PADDED, {"lengths": np.array(LENGTHS, float)[:, None]}),
    "padded with a mask": (PADDED, {"mask": IS_OWN}),
    "padded in front, with a mask": (
        np.stack([np.roll(each, 4 - n, 0) for each, n in zip(PADDED, LENGTHS, strict=True)]),
        {"mask": torch.from_numpy(IS_OWN[:, ::-1].copy())},
    ),
    "a mask of 0 and 1": (torch.from_numpy(PADDED), {"mask": IS_OWN.astype(int)}),
    "masked": (np.ma.masked_invalid(PADDED), {}),
    "masked one by one": (list(np.ma.masked_invalid(PADDED)), {}),
}


@pytest.mark.parametrize("form", INPUTS)
def test_every_form_of_inputs(form):
    values, more = INPUTS[form]

    def fresh():
        return values() if callable(values) else values

    assert_same(labelled(fresh(), CLASSES, 3, **more), PLAIN)
    assert_same(labelled(fresh(), BY_STEP, 3, **more), PLAIN_BY_STEP)
    assert_same(labelled(fresh(), REAL, real=True, **more), labelled(ARRAYS, REAL, real=True))


@pytest.mark.parametrize(
    "targets",
    [
        np.array(CLASSES),
        np.array(CLASSES)[:, None],
        torch.tensor(CLASSES),
        torch.tensor(CLASSES)[:, None],
        np.array(CLASSES, float),
        [[each] for each in CLASSES],
        pd.Series(CLASSES),
        [np.float32(each) for each in CLASSES],
    ],
)
def test_every_form_of_one_class_a_sequence(targets):
    assert_same(labelled(ARRAYS, targets, 3), PLAIN)


@pytest.mark.parametrize(
    "targets",
    [
        padded(BY_STEP, -100),
        padded(BY_STEP, -100)[..., None],
        padded([each.astype(float) for each in BY_STEP]),
        torch.from_numpy(padded(BY_STEP, 77)),
        np.ma.masked_less(padded(BY_STEP, -5), 0),
        BY_STEP,
        [each[:, None] for each in BY_STEP],
        [each.tolist() for each in BY_STEP],
        [torch.from_numpy(each) for each in BY_STEP],
        Awkward(BY_STEP, "to_list"),
    ],
)
def test_every_form_of_a_class_a_step(targets):
    assert_same(labelled(PADDED, targets, 3, lengths=LENGTHS), PLAIN_BY_STEP)


class Pairs(Dataset):
    def __init__(self, *columns, make=lambda *parts: parts):
        self.columns, self.make = columns, make

    def __len__(self):
        return len(self.columns[0])

    def __getitem__(self, n):
        return self.make(*(column[n] for column in self.columns))


class Once(IterableDataset):
    def __iter__(self):
        return zip(ARRAYS, CLASSES, strict=True)


Named = namedtuple("Named", "x y length")
PARTS = torch.from_numpy(PADDED), torch.tensor(LENGTHS), torch.tensor(CLASSES)
ITEMS = {
    "pairs": Pairs(ARRAYS, CLASSES),
    "triples": TensorDataset(*PARTS),
    "mappings": Pairs(ARRAYS, CLASSES, make=lambda x, y: {"input": x, "label": y}),
    "mappings with a mask": Pairs(PADDED, CLASSES, IS_OWN, make=lambda x, y, m: {"x": x, "y": y, "mask": m}),
    "named tuples": Pairs(PADDED, CLASSES, LENGTHS, make=Named),
    "a subset": Subset(Pairs([None, *ARRAYS], [None, *CLASSES]), range(1, 5)),
    "an iterable one": Once(),
    "a list": list(zip(ARRAYS, CLASSES, strict=True)),
    "a loader": DataLoader(TensorDataset(*PARTS), batch_size=3),
    "a loader of items": DataLoader(TensorDataset(*PARTS), batch_size=None),
    "a loader of mappings": DataLoader(
        Pairs(*PARTS, make=lambda x, n, y: {"inputs": x, "targets": y, "lengths": n}), batch_size=3
    ),
    "a loader of lists": DataLoader(
        Pairs(ARRAYS, CLASSES), batch_size=3, collate_fn=lambda items: tuple(zip(*items, strict=True))
    ),
    "a loader of an iterable one": DataLoader(Once(), batch_size=1),
}


@pytest.mark.parametrize("form", ITEMS)
def test_every_form_of_items(form):
    assert_same(labelled(ITEMS[form], classes=3), PLAIN)


def test_items_may_leave_lengths_to_the_argument():
    assert_same(labelled(Pairs(PADDED, CLASSES), classes=3, lengths=LENGTHS), PLAIN)


def test_items_that_were_divided_stay_divided():
    loader = DataLoader(TensorDataset(*PARTS), batch_size=2, sampler=[3, 0])
    assert_same(labelled(loader, classes=3), PLAIN.take(np.array([3, 0])))


LABELS = {
    "words": ([WORDS[n] for n in CLASSES], None, ("ant", "bee", "cat")),
    "words in an array": (np.array([WORDS[n] for n in CLASSES]), None, ("ant", "bee", "cat")),
    "words in a series": (pd.Series([WORDS[n] for n in CLASSES]), None, ("ant", "bee", "cat")),
    "words in order": ([WORDS[n] for n in CLASSES], WORDS, tuple(WORDS)),
    "words and how many": ([WORDS[n] for n in CLASSES], 3, ("ant", "bee", "cat")),
    "words in a column": ([[WORDS[n]] for n in CLASSES], None, ("ant", "bee", "cat")),
    "categories": (pd.Categorical([WORDS[n] for n in CLASSES], categories=WORDS), None, tuple(WORDS)),
    "categories of a series": (pd.Series([WORDS[n] for n in CLASSES], dtype="category"), None, ("ant", "bee", "cat")),
    "numbers as categories": (pd.Categorical([10 * n for n in CLASSES]), None, (0, 10, 20)),
    "numbers in order": ([10.0 * n for n in CLASSES], [20, 10, 0], (20, 10, 0)),
    "bytes": ([WORDS[n].encode() for n in CLASSES], None, (b"ant", b"bee", b"cat")),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_are_numbered_and_kept(kind):
    targets, classes, labels = LABELS[kind]
    found = labelled(ARRAYS, targets, classes)
    assert (found.labels, found.classes, found.targets.dtype) == (labels, 3, np.int64)
    names = [each.encode() for each in WORDS] if kind == "bytes" else WORDS
    wanted = [10 * n for n in CLASSES] if isinstance(labels[0], int) else [names[n] for n in CLASSES]
    assert [found.labels[n] for n in found.targets] == wanted
    assert f"3 classes ({', '.join(map(str, labels))}) at the last step" in repr(found)
    assert found.take(np.array([1, 0])).labels == labels


def test_labels_at_every_step():
    words = [[WORDS[n] for n in each] for each in BY_STEP]
    expected = labelled(ARRAYS, BY_STEP, 3)
    assert_same(labelled(ARRAYS, words, WORDS), expected, tuple(WORDS))
    categories = [pd.Categorical(each, categories=WORDS) for each in words]
    assert_same(labelled(ARRAYS, categories), expected, tuple(WORDS))
    rows = padded([np.array(each, dtype=object) for each in words], None)
    assert_same(labelled(PADDED, rows, WORDS, mask=IS_OWN), expected, tuple(WORDS))
    masked = np.ma.MaskedArray(padded([np.array(each) for each in words], ""), ~IS_OWN)
    assert_same(labelled(PADDED, masked, WORDS, lengths=LENGTHS), expected, tuple(WORDS))
    words[2][1] = -100
    found = labelled(ARRAYS, words, WORDS)
    assert found.scored.tolist() == [n != 5 for n in range(10)]


def test_true_and_false_are_classes_or_bits():
    flags = [True, False, False, True]
    for given_ in (flags, np.array(flags), torch.tensor(flags), np.array(flags)[:, None]):
        found = labelled(ARRAYS, given_, 2)
        assert (found.classes, found.labels, found.targets.tolist()) == (2, (False, True), [1, 0, 0, 1])
    assert labelled(ARRAYS, flags).labels == (False, True)
    assert labelled(ARRAYS, np.array(flags)[:, None]).classes is None  # rows are bits, as ever
    steps = labelled(ARRAYS, [each > 0 for each in BY_STEP], 2)
    assert steps.at_every_step
    assert steps.targets.tolist() == [int(n > 0) for each in BY_STEP for n in each]


def test_sets_with_other_labels_are_refused():
    one, other = labelled(ARRAYS, list("abab")), labelled(ARRAYS, list("acac"))
    with pytest.raises(ValueError, match=r"test has labels: \('a', 'c'\); it must be as in train, \('a', 'b'\)"):
        data_task("x", one, one, other)
    data_task("x", one, one, labelled(ARRAYS, list("aaaa"), one.labels))


SCORED = [
    np.array([False, True, False]),
    np.array([True]),
    np.array([True, False, False, True]),
    np.array([True, True]),
]


def test_every_form_of_scored_steps():
    flat = np.concatenate(SCORED)
    expected = Labelled(
        PLAIN.rows, PLAIN.offsets, np.where(flat, np.concatenate(BY_STEP), 0), 3, scored=flat
    )  # what is not scored has no class
    unread = [np.where(s, each.astype(float), np.nan) for s, each in zip(SCORED, BY_STEP, strict=True)]
    ignored = [np.where(s, each, -100) for s, each in zip(SCORED, BY_STEP, strict=True)]
    assert_same(labelled(ARRAYS, BY_STEP, 3, scored=SCORED), expected)
    assert_same(labelled(ARRAYS, unread, 3, scored=SCORED), expected)
    assert_same(labelled(ARRAYS, ignored, 3), expected)
    assert_same(labelled(ARRAYS, [np.ma.masked_less(each, 0) for each in ignored], 3), expected)
    marks = padded(SCORED, False)
    assert_same(labelled(PADDED, padded(ignored, -100), 3, lengths=LENGTHS, scored=marks.astype(int)), expected)
    assert_same(labelled(PADDED, padded(BY_STEP, 9), 3, mask=IS_OWN, scored=torch.from_numpy(marks)), expected)
    items = Pairs(ARRAYS, BY_STEP, SCORED, make=lambda x, y, s: {"x": x, "y": y, "scored": s})
    assert_same(labelled(items, classes=3), expected)
    assert "3 classes at 6 of 10 steps" in repr(expected)
    assert_same(expected.take(np.array([2, 0])), labelled(ARRAYS[2::-2], BY_STEP[2::-2], 3, scored=SCORED[2::-2]))


@pytest.mark.parametrize("real", [False, True])
def test_scored_vectors(real):
    targets = REAL if real else [(each > 0).astype(float) for each in REAL]
    unread = [np.where(s[:, None], each, np.nan) for s, each in zip(SCORED, targets, strict=True)]
    expected = labelled(ARRAYS, targets, real=real, scored=SCORED)
    assert not expected.targets[~expected.scored].any()
    assert_same(labelled(ARRAYS, unread, real=real, scored=SCORED), expected)
    assert_same(labelled(ARRAYS, [np.ma.masked_invalid(each) for each in unread], real=real), expected)
    assert_same(
        labelled(ARRAYS, targets, real=real, scored=[np.ones(n) for n in LENGTHS]), labelled(ARRAYS, targets, real=real)
    )


def test_the_last_step_alone_is_one_target_a_sequence():
    last = [np.arange(n) == n - 1 for n in LENGTHS]
    targets = [np.full(n, each) for n, each in zip(LENGTHS, CLASSES, strict=True)]
    assert_same(labelled(ARRAYS, targets, 3, scored=last), PLAIN)
    assert_same(labelled(ARRAYS, [np.where(s, y, -100) for s, y in zip(last, targets, strict=True)], 3), PLAIN)


@st.composite
def ragged(draw):
    """Sequences of any length and width, the sequences one of them scored at least once, and what pads them."""
    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=5))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    inputs = [random.standard_normal((n, draw(st.just(2)))) for n in lengths]
    targets = [random.integers(0, 3, n) for n in lengths]
    scored = [random.random(n) < 0.5 for n in lengths]
    for flags in scored:
        flags[random.integers(len(flags))] = True
    return inputs, targets, scored, draw(st.integers(0, 2)), draw(st.sampled_from([np.nan, np.inf, 0.0, 5.0]))


@given(ragged())
def test_ragged_and_padded_are_the_same(case):
    inputs, targets, scored, further, value = case
    lengths = [len(each) for each in inputs]
    steps = max(lengths) + further
    expected = labelled(inputs, targets, 3, scored=scored)

    def wide(parts, filled):
        return np.stack(
            [
                np.concatenate([each, np.full((steps - len(each), *each.shape[1:]), filled, np.result_type(each))])
                for each in parts
            ]
        )

    x, y, s = wide(inputs, value), wide(targets, 1), wide(scored, False)
    own = np.arange(steps) < np.array(lengths)[:, None]
    for more in ({"lengths": lengths}, {"mask": own}):
        assert_same(labelled(x, y, 3, scored=s, **more), expected)
        assert_same(labelled(torch.from_numpy(x), np.where(s, y, -100), 3, **more), expected)
        assert_same(labelled(x, targets, 3, scored=scored, **more), expected)
    masked = np.ma.MaskedArray(x, np.broadcast_to(~own[..., None], x.shape))
    assert_same(labelled(masked, np.ma.MaskedArray(y, ~s), 3), expected)
    items = TensorDataset(*map(torch.from_numpy, (x, np.array(lengths), np.where(s, y, -100))))
    assert_same(labelled(items, classes=3), expected)


# ------------------------------------------------------------------------------- the mask is carried through


def masked_data(count=24, seed=0):
    random = np.random.default_rng(seed)
    lengths = random.integers(2, 7, count)
    inputs = [random.standard_normal((n, 2)).astype(np.float32).astype(float) for n in lengths]
    targets = [random.integers(0, 3, n) for n in lengths]
    scored = [random.random(n) < 0.4 for n in lengths]
    for flags in scored:
        flags[random.integers(len(flags))] = True
    return inputs, targets, scored


def test_sequences_are_scored_where_the_mask_is_true():
    inputs, targets, scored = masked_data()
    data = labelled(inputs, targets, 3, scored=scored)
    chosen = np.array([[3, 0, 7], [1, 2, 5]])
    made = data.sequences(chosen)
    for member, sample in np.ndindex(chosen.shape):
        n = chosen[member, sample]
        steps = len(inputs[n])
        further = made.steps - steps
        assert made.scored[member, :, sample].tolist() == [*scored[n].astype(float), *[0.0] * further]
        wanted = np.eye(3)[targets[n]] * scored[n][:, None]
        np.testing.assert_array_equal(made.targets[member, :steps, sample], wanted)
        phases = [Phase.output if each else Phase.input for each in scored[n]] + [Phase.padding] * further
        assert made.phase[member, :, sample].tolist() == phases
    own = made.scored.sum((0, 2)).nonzero()[:, 0].tolist()
    assert made.window == slice(own[0], own[-1] + 1)
    task = data_task("masked", *data.split(0.3, 0.3), blocks=2)
    for each in (task.validation, task.test, task.batch([0, 1], 3, 4), task.fixed_set("probe", 4)):
        check_sequences(task, each)


def test_evaluation_and_importance_count_scored_steps_alone():
    inputs, targets, scored = masked_data(6)
    network = Elman(2, 4, 3, initialisation="fan_in")
    parameters = network.init([0, 1], dtype=torch.float64)
    data = labelled(padded(inputs), padded(targets, 0), 3, lengths=list(map(len, inputs)), scored=scored)
    made = data.sequences(np.arange(6)[None]).to(torch.float64)
    found = evaluate(network, parameters, made, Categorical())
    fisher = fisher_diagonal(network, parameters, made, Categorical(), "empirical")
    for member in range(2):
        losses, right, squares = [], [], 0
        for x, y, flags in zip(inputs, targets, scored, strict=True):
            leaves = naive.leaves_of(parameters, member)
            logits = naive.unrolled(network, lambda name, t, own=leaves: own[name], torch.from_numpy(x))[2]
            of_steps = torch.nn.functional.cross_entropy(logits, torch.from_numpy(y), reduction="none")
            own = torch.from_numpy(flags)
            losses += of_steps[own].tolist()
            right += (logits.argmax(1) == torch.from_numpy(y))[own].tolist()
            squares += torch.autograd.grad(of_steps[own].sum(), leaves["W_hh"])[0] ** 2
        assert float(found.loss[member]) == pytest.approx(np.mean(losses), rel=1e-12)
        assert float(found.accuracy[member]) == pytest.approx(np.mean(right))
        torch.testing.assert_close(fisher["W_hh"][member], squares / 6)


def test_what_is_not_scored_is_not_learned():
    """Steps without a target may show any class; the network that learns the others is the same."""
    inputs, targets, scored = masked_data(40)
    spoiled = [np.where(flags, each, 2 - each) for flags, each in zip(scored, targets, strict=True)]
    values = []
    for each in (targets, spoiled):
        task = data_task("masked", *labelled(inputs, each, 3, scored=scored).split(), blocks=2)
        values.append(train(Elman(2, 4, 3), task, [0], Stop(3), Options(batch=5), progress=False).parameters)
    for name, value in values[0].items():
        assert torch.equal(value, values[1][name])


# ---------------------------------------------------------------------------------------------------- refusals


def changed(parts, sequence, step, value):
    made = [np.array(each, dtype=np.result_type(each, value)) for each in parts]
    made[sequence][step] = value
    return made


CALL = {"sequences": ARRAYS, "targets": CLASSES, "classes": 3}
STEPS = CALL | {"targets": BY_STEP}
PAD = CALL | {"sequences": PADDED, "lengths": LENGTHS}
HOLE = np.array([[1, 0, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1], [1, 1, 0, 0]], bool)
BAD = {
    "a number that is none": (
        CALL | {"sequences": changed(ARRAYS, 2, (3, 0), np.nan)},
        r"sequence 2: numbers must be finite, as float32 \(step 3\)",
    ),
    "padding that is not told": (CALL | {"sequences": PADDED}, r"sequence 0: numbers must be finite, .*\(step 3\)"),
    "a class too high at a step": (
        STEPS | {"targets": changed(BY_STEP, 2, 1, 3)},
        r"sequence 2: targets must lie between 0 and 2 \(step 1\)",
    ),
    "a class that is no whole number": (
        STEPS | {"targets": changed(BY_STEP, 2, 1, 0.5)},
        "targets of sequence 2 hold 0.5 at step 1: a class must be a whole number",
    ),
    "a class that is not there": (
        CALL | {"targets": [0, 2, np.nan, 1]},
        "targets of sequence 2 hold nan: a class must be a whole number",
    ),
    "a sequence with nothing scored": (
        STEPS | {"scored": [*SCORED[:3], np.zeros(2, bool)]},
        "sequence 3: no step is scored: at least one must be",
    ),
    "a sequence of -100": (CALL | {"targets": [0, 1, -100, 2]}, "sequence 2: no step is scored"),
    "a masked class": (CALL | {"targets": np.ma.masked_equal(CLASSES, 0)}, "sequence 0: no step is scored"),
    "scored with one target": (
        CALL | {"scored": SCORED},
        "scored is given with one target a sequence: it must be left",
    ),
    "scored for other sequences": (STEPS | {"scored": SCORED[:3]}, "scored has 3 entries for 4 sequences"),
    "scored for other steps": (
        STEPS | {"scored": [*SCORED[:3], np.ones(5)]},
        "sequence 3 has 2 steps and 5 flags in scored: there must be one each",
    ),
    "scored by weights": (
        STEPS | {"scored": [*SCORED[:3], np.array([1, 0.5])]},
        "scored of sequence 3 is 0.5 at step 1: it must be true or false",
    ),
    "scored padding": (
        PAD | {"targets": padded(BY_STEP, 0), "scored": np.ones((4, 4), bool)},
        "scored of sequence 0 is true at step 3, which is padding: it must be false",
    ),
    "a length too great": (
        PAD | {"lengths": [3, 1, 5, 2]},
        "length of sequence 2 is 5: it must be a whole number from 1 to its 4 steps",
    ),
    "no length": (PAD | {"lengths": [3, 0, 4, 2]}, "length of sequence 1 is 0: it must be"),
    "half a length": (PAD | {"lengths": [3, 1, 4, 1.5]}, "length of sequence 3 is 1.5: it must be"),
    "too few lengths": (PAD | {"lengths": [3, 1]}, "lengths has 2 entries for 4 sequences: it must have one for each"),
    "lengths and a mask": (PAD | {"mask": IS_OWN}, "lengths and mask are both given: give the one or the other"),
    "a mask with a hole": (
        CALL | {"sequences": PADDED, "mask": HOLE},
        "mask of sequence 0 leaves out step 1 between others: its steps must follow each other",
    ),
    "a mask of padding alone": (
        CALL | {"sequences": PADDED, "mask": IS_OWN & (np.arange(4) != 1)[:, None]},
        "mask of sequence 1 leaves no step",
    ),
    "a mask of other steps": (
        CALL | {"sequences": PADDED, "mask": IS_OWN[:, :3]},
        "mask of sequence 0 has 3 steps: it must have its 4",
    ),
    "a feature that is masked": (
        CALL | {"sequences": [*ARRAYS[:3], np.ma.MaskedArray(ARRAYS[3], [[0, 0], [1, 0]])]},
        "sequence 3 is masked at step 1, which is its own: all its features must be there",
    ),
    "an output that is masked": (
        {"sequences": ARRAYS, "targets": [*REAL[:3], np.ma.MaskedArray(REAL[3], [[0, 0], [1, 0]])], "real": True},
        "targets of sequence 3 are masked in part at step 1",
    ),
    "a ragged step": (
        CALL | {"sequences": [*ARRAYS[:3], [[0.0, 1.0], [0.0]]]},
        r"sequence 3 has the shape \(1,\) at step 1 and \(2,\) at step 0: they must be the same",
    ),
    "nothing at a step": (CALL | {"sequences": [*ARRAYS[:3], [[0.0, None]]]}, "sequence 3 holds object: it must hold"),
    "another class": (
        CALL | {"targets": ["a", "b", "x", "a"], "classes": ["a", "b"]},
        r"targets of sequence 2 hold 'x': they must be of 2 labels \('a', 'b'\)",
    ),
    "another class at a step": (
        CALL | {"targets": [list("abb"), ["b"], list("abxb"), list("ab")], "classes": ["a", "b"]},
        "targets of sequence 2 hold 'x' at step 2",
    ),
    "a missing category": (
        CALL | {"targets": pd.Categorical(["a", None, "b", "a"]), "classes": None},
        "targets of sequence 1 hold None: they must be of 2 labels",
    ),
    "a missing word": (
        CALL | {"targets": ["a", "b", None, "a"], "classes": None},
        "targets of sequence 2 hold None: a class must be a word or a number",
    ),
    "words and numbers": (
        CALL | {"targets": ["a", "b", 3, "a"], "classes": None},
        "targets of sequence 2 hold 3, and the first class is of the type str: all must be of one type",
    ),
    "other categories": (
        CALL | {"targets": [pd.Categorical(["a"] * n, categories=["a", str(n)]) for n in LENGTHS], "classes": None},
        r"targets of sequence 1 have the categories \['a', '1'\]: they must be those of sequence 0",
    ),
    "another number of labels": (
        CALL | {"targets": list("abab")},
        r"classes is 3 but targets have 2 labels \('a', 'b'\): it must be their number",
    ),
    "one label": (CALL | {"targets": list("aaaa"), "classes": None}, r"targets have 1 label \('a'\): there must be"),
    "a label twice": (CALL | {"targets": list("abab"), "classes": ["a", "b", "a"]}, "each label must be there once"),
    "labels that are lists": (CALL | {"classes": [["a"], ["b"]]}, "labels must be words or numbers"),
    "a word as classes": (CALL | {"classes": "ab"}, "classes is of the type str: it must"),
    "dates": (CALL | {"targets": np.array(["2020-01-01"] * 4, "M8[D]")}, r"targets of sequence 0 are datetime64\[D\]"),
    "one of many": (
        CALL | {"targets": np.eye(4)[:, None]},
        r"targets of sequence 0 have the shape \(1, 4\): they must",
    ),
    "no items": ({"sequences": ARRAYS, "classes": 3}, "item 0 is of the type ndarray: it must be .* or give targets"),
    "items of four": (
        {"sequences": Pairs(ARRAYS, CLASSES, CLASSES, CLASSES), "classes": 3},
        r"item 0 has 4 parts: it must be \(inputs, target\), \(inputs, length, target\) or a mapping",
    ),
    "an unknown key": (
        {"sequences": [{"x": ARRAYS[0], "y": 0, "attention_mask": 1}], "classes": 3},
        "item 0 has the key 'attention_mask': it must be one of inputs, input, x, targets",
    ),
    "two names of the same": (
        {"sequences": [{"x": ARRAYS[0], "y": 0, "label": 1}], "classes": 3},
        "item 0 has the key 'label' and another one for its targets",
    ),
    "no target": ({"sequences": [{"x": ARRAYS[0]}], "classes": 3}, "item 0 has no targets: it must have one of"),
    "items of two forms": (
        {"sequences": [(ARRAYS[0], 0), (ARRAYS[1], 1, 1)], "classes": 3},
        "item 1 has inputs, lengths, targets: it must have inputs, targets, as the first one has",
    ),
    "a length that is a word": (
        {"sequences": [(ARRAYS[0], "long", 0), (ARRAYS[1], "short", 1)], "classes": 3},
        "length of sequence 0 is 'long': it must be a whole number",
    ),
    "items and targets": (
        {"sequences": Pairs(ARRAYS, CLASSES), "targets": CLASSES, "classes": 3},
        "targets is given with sequences of the type Pairs, whose items have targets: it must be left out",
    ),
    "items and lengths": (
        {"sequences": TensorDataset(*PARTS), "lengths": LENGTHS, "classes": 3},
        "lengths is given, but items have one of their own",
    ),
    "no item": ({"sequences": [], "classes": 3}, "sequences is empty: there must be at least one"),
    "a number": ({"sequences": 3}, "targets is None and sequences is of the type int: give targets"),
    "a dictionary": (
        CALL | {"sequences": {"a": 1}},
        "sequences is of the type dict: it must have one entry a sequence",
    ),
    "batches that are time first": (
        {
            "sequences": DataLoader(TensorDataset(*PARTS), 3, collate_fn=lambda items: (torch.zeros(4, 3, 2), [0] * 3)),
            "classes": 3,
        },
        "batch 0 has 4 inputs, 3 targets: it must have as many of each, batch first",
    ),
    "what never ends": (
        {"sequences": DataLoader(copy_task(2).stream(), batch_size=2)},
        r"sequences is TaskStream\(.*\), which is endless: it must end",
    ),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_cannot_be_understood_is_refused(bad):
    arguments, message = BAD[bad]
    with pytest.raises(ValueError, match=message) as refused:
        labelled(**arguments)
    assert "\n" not in str(refused.value)


def test_fields_that_do_not_fit_are_refused():
    rows, offsets = np.zeros((3, 1)), np.array([0, 2, 3])
    with pytest.raises(ValueError, match="scored has 2 steps and targets has 3 entries: both must have one for each"):
        Labelled(rows, offsets, np.zeros(3, int), 2, scored=np.ones(2, bool))
    with pytest.raises(ValueError, match="sequence 1: no step is scored"):
        Labelled(rows, offsets, np.zeros(3, int), 2, scored=np.array([True, True, False]))
    with pytest.raises(ValueError, match="targets holds 1 at a step that is not scored: it must be 0 there"):
        Labelled(rows, offsets, np.ones(3, int), 2, scored=np.array([True, False, True]))
    with pytest.raises(ValueError, match="labels has 1 entries with classes=2: it must have one each"):
        Labelled(rows, offsets, np.ones(3, int), 2, labels=("a",))
