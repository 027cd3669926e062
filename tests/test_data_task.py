"""Tasks of recorded sequences: batches, their padding, and that everything that learns and measures takes them."""

import numpy as np
import pytest
import torch

from wmcl.data.records import ended
from wmcl.data.strokes import Strokes
from wmcl.likelihoods import Bernoulli, Categorical, Gaussian
from wmcl.networks import LSTM
from wmcl.randomness import generator
from wmcl.tasks import Labelled, Phase, copy_task, data_task, labelled, split_stroke_tasks, with_task_identity
from wmcl.tasks.check import check_sequences
from wmcl.training import Options, Stop, train
from wmcl.training.execution import execution_on

# lengths of the 60,000 training digits: at these shares of all they are as long as this, or shorter
SHARES = (0, 0.01, 0.05, 0.125, 0.25, 0.5, 0.75, 0.875, 0.95, 0.99, 0.999, 0.9999, 1)
LENGTHS = (13, 17, 19, 26, 33, 40, 47, 52, 57, 65, 75, 86, 117)


def recorded(count=40, classes=3, every_step=False, seed=0, longest=9, real=False):
    """Inputs of which the first feature is the number of the sequence."""
    random = np.random.default_rng(seed)
    lengths = random.integers(2, longest + 1, count)
    inputs = [np.hstack([np.full((n, 1), k + 1.0), random.standard_normal((n, 2))]) for k, n in enumerate(lengths)]
    shape = [(int(n),) if every_step else () for n in lengths]
    if real:
        return inputs, [random.normal(5, 10, size=(*each, 2)) for each in shape]
    if classes is None:
        return inputs, [random.integers(2, size=(*each, 2)) for each in shape]
    return inputs, [random.integers(classes, size=each) for each in shape]


def task_of(**settings):
    blocks = settings.pop("blocks", 3)
    inputs, targets = recorded(**settings)
    kind = settings.get("classes", 3), settings.get("real", False)
    return data_task("recorded", *labelled(inputs, targets, *kind).split(), blocks=blocks)


KINDS = pytest.mark.parametrize(("classes", "real"), [(3, False), (None, False), (None, True)])
EVERY = pytest.mark.parametrize("every_step", [False, True])


@KINDS
@EVERY
def test_sequences_are_laid_out_as_they_are(classes, real, every_step):
    inputs, targets = recorded(classes=classes, every_step=every_step, real=real)
    part = labelled(inputs, targets, classes, real)
    chosen = np.array([[3, 0, 3, 7], [1, 2, 39, 4]])
    made = part.sequences(chosen)
    longest = max(len(inputs[n]) for n in chosen.ravel())
    assert made.inputs.shape == (2, longest, 4, 3)
    for member, sample in np.ndindex(chosen.shape):
        own, answers = inputs[chosen[member, sample]], targets[chosen[member, sample]]
        x, y, s, p = (values[member, :, sample].numpy() for values in made.tensors())
        steps = len(own)
        np.testing.assert_array_equal(x[:steps], own.astype(np.float32))
        assert not x[steps:].any()
        is_scored = np.ones(steps, bool) if every_step else np.arange(steps) == steps - 1
        np.testing.assert_array_equal(s, np.pad(is_scored, (0, longest - steps)))
        expected = answers if classes is None else np.eye(classes)[answers]
        np.testing.assert_array_equal(y[s > 0], np.reshape(expected, (-1, made.targets.shape[-1])).astype(np.float32))
        assert not y[s == 0].any()
        assert p.tolist() == [Phase.output if x else Phase.input for x in is_scored] + [Phase.padding] * (
            longest - steps
        )
    per_step = 2 if classes is None else 1
    lengths = np.array([[len(inputs[n]) for n in row] for row in chosen])
    np.testing.assert_array_equal(made.scored_bits(), per_step * (lengths if every_step else np.ones_like(lengths)))
    assert not made.scored[:, : made.window.start].any()


@KINDS
@EVERY
def test_all_its_sets_are_well_formed(classes, real, every_step):
    task = task_of(classes=classes, every_step=every_step, real=real)
    assert task.likelihood == (Gaussian(1.0) if real else Bernoulli() if classes is None else Categorical())
    generators = [generator(seed, "some") for seed in (0, 1)]
    for made in (
        task.validation,
        task.test,
        task.batch([0, 1], 3, 5),
        task.draw(generators, 5),
        task.fixed_set("probe", 5),
    ):
        check_sequences(task, made)


def own(sequences, member):
    """What a member draws, without padding."""
    return [
        sequences.inputs[member, :length, sample].numpy()
        for sample, length in enumerate(sequences.lengths[member].tolist())
    ]


def test_a_batch_depends_on_seed_and_iteration_alone():
    task = task_of(count=200)
    alone, together = task.batch([5], 7, 6), task.batch([2, 5, 9], 7, 6)
    for one, other in zip(own(alone, 0), own(together, 1), strict=True):
        np.testing.assert_array_equal(one, other)
    same = task_of(count=200).batch([5], 7, 6)
    assert torch.equal(alone.inputs, same.inputs)
    numbers = {tuple(each[0, 0] for each in own(task.batch([seed], k, 6), 0)) for seed in (5, 6) for k in range(5)}
    assert len(numbers) == 10


@pytest.mark.parametrize("blocks", [1, 4])
def test_every_training_sequence_is_as_probable_as_any_other(blocks):
    task = task_of(count=40, blocks=blocks)
    count = len(task.draw.train)
    drawn = [task.batch([0], k, 8).inputs[0, 0, :, 0].int() for k in range(1500)]
    found = torch.cat(drawn).bincount(minlength=41)
    used = found[found > 0].double()
    expected = 1500 * 8 / count
    assert len(used) == count
    assert (
        used - expected
    ).abs().max() < 5 * expected**0.5 * 1.5  # blocks make counts of a batch depend on one another
    assert used.std() > 0


def test_every_batch_has_all_classes_though_length_tells_them_apart():
    lengths = [3] * 60 + [20] * 60
    sequences = [np.full((steps + k % 3, 1), float(k)) for k, steps in enumerate(lengths)]
    part = labelled(sequences, [0] * 60 + [1] * 60, classes=2)
    task = data_task("two lengths", part, part, part, blocks=4)
    shares = [float(task.batch([0], n, 16).targets[..., 1].sum(1).mean()) for n in range(40)]
    assert 0.25 < min(shares) < max(shares) < 0.75  # in order of length alone, half of the batches had one class


def waste(task, batch=64, members=(0,), iterations=60):
    """The share of padded steps in all steps of batches."""
    made = [task.batch(list(members), k, batch) for k in range(iterations)]
    padded = sum(each.steps * each.samples * len(members) for each in made)
    return 1 - sum(int(each.lengths.sum()) for each in made) / padded


def test_batches_of_the_published_lengths_waste_less_than_a_fifth():
    lengths = np.interp((np.arange(6000) + 0.5) / 6000, SHARES, LENGTHS).round().astype(int)
    part = Labelled(np.ones((lengths.sum(), 1), np.int8), ended(lengths), np.zeros(6000, np.int64), 2)
    assert waste(data_task("lengths", part, part, part)) < 0.2
    assert waste(data_task("lengths", part, part, part), batch=32, members=range(4), iterations=20) < 0.2
    assert waste(data_task("lengths", part, part, part, blocks=1)) > 0.3  # what there is to gain


def test_batches_of_the_published_digits_waste_less_than_a_fifth(published_strokes):
    strokes = Strokes("Stroke MNIST", **published_strokes)
    np.testing.assert_allclose(np.quantile(strokes.train.lengths, SHARES), LENGTHS, atol=1)
    wasted = [waste(task, iterations=40) for task in split_stroke_tasks(strokes)]
    assert np.mean(wasted) < 0.2
    assert max(wasted) == wasted[0] < 0.35  # 0 or 1: a 1 has less than half of the steps of a 0


def test_sets_are_told_apart():
    task = task_of(count=50)
    train, validation, test = (
        set(part.rows[part.offsets[:-1], 0]) for part in (task.draw.train, task.draw.validation, task.draw.test)
    )
    assert (len(train), len(validation), len(test)) == (35, 5, 10)
    assert len(train | validation | test) == 50
    assert {each[0, 0] for each in own(task.validation, 0)} == validation
    assert {each[0, 0] for each in own(task.test, 0)} == test
    assert {each[0, 0] for each in own(task.fixed_set("probe", 8), 0)} < test
    assert len(own(task.fixed_set("probe", 800), 0)) == 10
    drawn = [each[0, 0] for each in own(task.draw([generator(0, "coreset")], 20), 0)]
    assert set(drawn) < train
    assert len(set(drawn)) == 20
    assert len(own(task.draw([generator(0, "coreset")], 100), 0)) == 100
    inputs, targets = recorded(count=50)
    other = labelled(inputs, targets, 3).split(seed=1)
    assert set(other[2].rows[other[2].offsets[:-1], 0]) != test


def test_task_identity_is_added_to_whatever_is_drawn():
    tasks = [task_of(), task_of(seed=1)]
    for number, (plain, task) in enumerate(zip(tasks, with_task_identity(tasks), strict=True)):
        assert task.inputs == plain.inputs + 2
        pairs = [
            (plain.batch([3], 2, 4), task.batch([3], 2, 4)),
            (plain.validation, task.validation),
            (plain.draw([generator(1, "x")], 4), task.draw([generator(1, "x")], 4)),
            (plain.fixed_set("probe", 4), task.fixed_set("probe", 4)),
        ]
        for without, made in pairs:
            assert torch.equal(made.inputs[..., : plain.inputs], without.inputs)
            is_own = (made.phase != Phase.padding).float()
            assert torch.equal(made.inputs[..., plain.inputs + number], is_own)
            assert not made.inputs[..., plain.inputs + 1 - number].any()


def test_steps_are_captured_where_batches_are_alike():
    assert copy_task(2).has_alike_batches
    assert not task_of().has_alike_batches
    assert execution_on("cuda", alike=False).capture is None
    assert execution_on("cuda").capture is not None


def test_the_loss_does_not_depend_on_who_pads_whom():
    """A member that trains beside others sees longer batches, and ends with the same network."""
    task, network = task_of(count=60, every_step=True), LSTM(3, 5, 3, initialisation="fan_in")
    alone, together = (
        train(network, task, seeds, Stop(8), Options(batch=6), progress=False) for seeds in ([1], [0, 1, 2])
    )
    for name, value in alone.parameters.items():
        torch.testing.assert_close(value[0], together.parameters[name][1], rtol=1e-4, atol=1e-6)
    longer, shorter = (sum(task.batch(seeds, k, 6).steps for k in range(8)) for seeds in ([0, 1, 2], [1]))
    assert longer > shorter


def few(**changes):
    inputs, targets = recorded(count=6)
    return {"sequences": inputs, "targets": targets, "classes": 3} | changes


BAD = {
    "none": (few(sequences=[], targets=[]), "sequences is empty"),
    "another number of targets": (few(targets=[0, 1]), "targets has 2 entries for 6 sequences"),
    "another number of features": (
        few(sequences=[*recorded(count=5)[0], np.zeros((3, 2))]),
        r"sequence 5 has the shape \(3, 2\): it must be .* with the 3 features",
    ),
    "an empty one": (few(sequences=[*recorded(count=5)[0], np.zeros((0, 3))]), r"sequence 5 has the shape \(0, 3\)"),
    "a class too high": (few(targets=[0, 1, 2, 0, 3, 0]), "sequence 4: targets must lie between 0 and 2"),
    "a negative class": (few(targets=[0, 1, 2, 0, -1, 0]), "sequence 4: targets must lie between 0 and 2"),
    "no bits": (
        few(targets=[[0.0], [0.5], [1.0], [2.0], [0.0], [0.0]], classes=None),
        "sequence 3: .* between 0 and 1",
    ),
    "a number that is none": (
        few(sequences=[*recorded(count=5)[0], np.full((3, 3), np.nan)]),
        "sequence 5: numbers must be finite",
    ),
    "complex numbers": (few(sequences=[*recorded(count=5)[0], np.full((3, 3), 1j)]), "sequence 5 holds complex128"),
    "words": (few(sequences=[*recorded(count=5)[0], np.full((3, 3), "a")]), "sequence 5 holds <U1: it must hold real"),
    "a number too large for float32": (
        few(sequences=[*recorded(count=5)[0], np.full((3, 3), 1e300)]),
        "sequence 5: numbers must be finite, as float32",
    ),
    "targets of two kinds": (few(targets=[0, 1, 2, 0, 1, [0, 1]]), r"targets of sequence 5 have the shape \(2,\)"),
    "bits of two widths": (
        few(targets=[[0.0], [0.0, 1.0], [1.0], [1.0], [0.0], [0.0]], classes=None),
        r"targets have the shapes \[\(1,\), \(2,\)\]: all must have as many output units",
    ),
    "another number of answers": (
        few(targets=[np.zeros(len(each) - (k == 2), int) for k, each in enumerate(recorded(count=6)[0])]),
        r"sequence 2 has \d steps and \d targets",
    ),
    "one class": (few(targets=[0] * 6, classes=1), "classes is 1: it must be a whole number of at least 2"),
    "classes that are real numbers": (few(real=True), "classes is 3 with real=True: targets must be classes or real"),
    "a real number that is none": (
        few(targets=[[0.5], [-7.0], [np.inf], [0.0], [0.0], [1.0]], classes=None, real=True),
        "sequence 2: targets must be finite",
    ),
    "a real number that is none at a step": (
        few(
            targets=[np.full((len(each), 1), np.nan if k == 3 else 1.5) for k, each in enumerate(recorded(6)[0])],
            classes=None,
            real=True,
        ),
        "sequence 3: targets must be finite",
    ),
    "real numbers without saying so": (
        few(targets=[[0.0], [1.0], [-7.5], [0.0], [0.0], [1.0]], classes=None),
        r"sequence 2: targets must lie between 0 and 1, unless they are real numbers \(real=True\)",
    ),
    "single real numbers": (
        few(targets=[0.5] * 6, classes=None, real=True),
        "targets are single numbers: give the number of classes, or vectors of bits or of real numbers",
    ),
    "classes without their number": (few(targets=[0, 1, 2, 0, 1, 0], classes=None), "targets are single numbers"),
    "answers that are no whole numbers": (few(targets=[0.5] * 6), "targets"),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_does_not_fit_is_refused(bad):
    arguments, message = BAD[bad]
    with pytest.raises(ValueError, match=message):
        labelled(**arguments)


def test_sets_that_do_not_fit_are_refused():
    part = labelled(*recorded(), classes=3)
    with pytest.raises(ValueError, match=r"validation is 0.1 and test is 0.95 with 40 sequences"):
        part.split(test=0.95)
    with pytest.raises(ValueError, match=r"validation is 0.0"):
        part.split(validation=0.0)
    other = labelled(*recorded(), classes=4)
    with pytest.raises(ValueError, match="test has classes: 4; it must be as in train, 3"):
        data_task("x", part, part, other)
    bits = recorded(classes=None)
    with pytest.raises(ValueError, match="test has real numbers: True; it must be as in train, False"):
        data_task("x", labelled(*bits), labelled(*bits), labelled(*bits, real=True))
    every = labelled(*recorded(every_step=True), classes=3)
    with pytest.raises(ValueError, match="validation has a target at every step: True; it must be as in train, False"):
        data_task("x", part, every, part)
    with pytest.raises(ValueError, match="blocks is 0"):
        data_task("x", part, part, part, blocks=0)


def test_a_lead_is_blank_and_has_a_phase_of_its_own():
    data = labelled([np.arange(1, 9).reshape(4, 2), np.ones((2, 2)), np.full((3, 2), 5)], [0, 1, 0], classes=2)
    with_lead = data.with_lead(np.array([2, 0, 1]))
    assert data.leads is None
    np.testing.assert_array_equal(
        with_lead.rows, [[0, 0], [0, 0], [5, 6], [7, 8], [1, 1], [1, 1], [0, 0], [5, 5], [5, 5]]
    )
    found = with_lead.take(np.array([2, 0])).sequences(np.array([[0, 1]]))
    phases = [
        [Phase.lead, Phase.input, Phase.output, Phase.padding],
        [Phase.lead, Phase.lead, Phase.input, Phase.output],
    ]
    assert found.phase[0].T.tolist() == phases
    assert found.targets[0, [2, 3], [0, 1]].tolist() == [[1, 0], [1, 0]]
    for steps in ([2, 2, 1], [-1, 0, 0]):
        number = 1 if steps[0] == 2 else 0
        with pytest.raises(ValueError, match=f"sequence {number}: its lead must be at least 0 and shorter"):
            data.with_lead(np.array(steps))
