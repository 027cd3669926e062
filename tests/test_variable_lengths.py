"""Measures of networks where sequences differ in length: padding is never a state, and never scored."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch

from wmcl.dimensionality import components_for_variance, covariance_spectrum, states, supervised_subspace
from wmcl.dimensionality.by_step import StepScatter
from wmcl.dimensionality.decodability import pattern_bits
from wmcl.dimensionality.states import steps_of
from wmcl.networks import Elman
from wmcl.stages import dimensionality_at, stages
from wmcl.tasks import Phase, copy_task
from wmcl.tasks.check import check_sequences
from wmcl.tasks.layout import _check_lengths
from wmcl.training import Stop, train

TASK = copy_task((1, 4), width=3, lead=1)
NETWORK = Elman(4, 6, 3, initialisation="fan_in")


@pytest.fixture(scope="module")
def ensemble():
    data = TASK.fixed_set("test", 12).to(torch.float64)
    parameters = NETWORK.init(range(2), dtype=torch.float64)
    return parameters, data, NETWORK.apply(parameters, data.inputs).hidden


def cut(data, sample):
    """A sequence without its padding."""
    return tuple(
        x[0, : int(data.lengths[0, sample]), sample] for x in (data.inputs, data.targets, data.scored, data.phase)
    )


def rows_of(data, hidden, member, phase):
    """States as (step, state) of sequences that were cut, one after the other."""
    for sample in range(data.samples):
        for t, p in enumerate(cut(data, sample)[3].tolist()):
            if phase is None or p == Phase[phase]:
                yield t, hidden[member, t, sample].tolist()


@pytest.mark.parametrize("centre", ["pooled", "step"])
@pytest.mark.parametrize("phase", ["lead", "input", "stop", "output", None])
def test_states_of_sequences_that_were_cut(ensemble, phase, centre):
    _, data, hidden = ensemble
    found = states(hidden, data, phase, centre)
    for member in range(2):
        rows = list(rows_of(data, hidden, member, phase))
        expected = []
        for t, row in rows:
            mean = np.mean([other for s, other in rows if s == t], 0) if centre == "step" else 0.0
            expected.append(np.array(row) - mean)
        assert len(found[member]) == len(expected)
        np.testing.assert_allclose(sorted(found[member].tolist()), sorted(map(list, expected)), atol=1e-14)


def test_padding_does_not_matter_to_any_measure_of_states(ensemble):
    _, data, hidden = ensemble
    spoiled = torch.where((data.phase == Phase.padding)[..., None], 1e6, hidden)
    for phase in ("input", "output", None):
        assert torch.equal(states(spoiled, data, phase), states(hidden, data, phase))
    counted = data.phase != Phase.padding
    for a, b in zip(
        *(
            (s.spectrum_by_step(), s.spectrum([0, 1, 2, 3, 4, 5]))
            for s in (StepScatter.of(h, counted) for h in (spoiled, hidden))
        ),
        strict=True,
    ):
        torch.testing.assert_close(a, b, equal_nan=True)


def test_spectra_of_steps_that_only_some_sequences_reach(ensemble):
    _, data, hidden = ensemble
    scatter = StepScatter.of(hidden, data.phase != Phase.padding)
    by_step = scatter.spectrum_by_step()
    for t in range(data.steps):
        long = [s for s in range(data.samples) if data.lengths[0, s] > t]
        if len(long) < 2:
            assert by_step[:, t].isnan().all()
        else:
            torch.testing.assert_close(by_step[:, t], covariance_spectrum(hidden[:, t, long]))
    for centre in ("pooled", "step"):
        torch.testing.assert_close(
            scatter.spectrum(range(data.steps), centre), covariance_spectrum(states(hidden, data, None, centre))
        )


def test_members_with_their_own_lengths_are_pooled_only_if_they_have_as_many_states(ensemble):
    data = TASK.batch([0, 1], 0, 12)
    hidden = torch.randn(2, data.steps, 12, 5)
    assert states(hidden, data, "stop").shape == (2, 12, 5)
    with pytest.raises(ValueError, match=r"data has \[\d+, \d+\] states of the phase in its members"):
        states(hidden, data, "output")


def test_what_needs_one_length_says_so(ensemble):
    parameters, data, _ = ensemble
    assert steps_of(data, "lead") == [0]
    for phase in ("stop", None, Phase.output):
        with pytest.raises(ValueError, match="falls on different steps in different samples"):
            steps_of(data, phase)
    with pytest.raises(ValueError, match="phase is 'padding'"):
        steps_of(data, "padding")
    with pytest.raises(ValueError, match="data has lengths from 4 to 10"):
        pattern_bits(data)
    with pytest.raises(ValueError, match="'stop' falls on different steps"):
        supervised_subspace(NETWORK, parameters, TASK, [0, 1], 1, "stop", test=data)


def test_a_stage_is_measured_without_padding():
    trained = train(NETWORK, TASK, [0, 1], Stop(iterations=3), progress=False)
    end = stages(trained)[-1]
    data = TASK.fixed_set("few", 5)
    found = dimensionality_at(trained, end, data)
    hidden = NETWORK.apply(end.after.parameters, data.inputs).hidden.detach()
    assert list(found.phase.values) == ["lead", "input", "stop", "output", "all"]
    for phase in found.phase.values:
        for centre in ("pooled", "step"):
            expected = components_for_variance(covariance_spectrum(states(hidden, data, str(phase), centre)))
            np.testing.assert_array_equal(found.components.sel(phase=phase, centre=centre), expected)
    reached = np.array([(data.lengths[0] > t).sum().item() for t in range(data.steps)])
    assert (reached < 2).any()
    np.testing.assert_array_equal(found.components_by_step.isnull(), np.tile(reached < 2, (2, 1)))


def test_malformed_padding_is_refused():
    good = TASK.batch([0], 0, 6)
    check_sequences(TASK, good)
    sample = int((good.lengths[0] < good.steps).nonzero()[0])
    after = int(good.lengths[0, sample])
    for field, value, message in (
        ("phase", int(Phase.output), "phase .* padding to the end"),
        ("scored", 1.0, "scored .* above 0 in padding"),
        ("inputs", 1.0, "inputs .* not 0 in padding"),
    ):
        values = getattr(good, field).clone()
        values[0, -1 if field == "phase" else after, sample] = value
        with pytest.raises(ValueError, match=message):
            check_sequences(TASK, replace(good, **{field: values}))


@pytest.mark.parametrize("own_pattern", [True, False])
def test_one_sequence_of_its_own_length_alone(own_pattern):
    alone = copy_task((3, 7) if own_pattern else 3, (3, 7)).fixed_set("probe", 1)
    end = int(alone.lengths)
    p = (end - 1) // 2 if own_pattern else 3
    assert alone.scored[0, :, 0].nonzero()[:, 0].tolist() == list(range(end - p, end))
    assert torch.equal(alone.targets[0, end - p : end], alone.inputs[0, :p, :, :7])


def test_a_range_has_two_ends():
    with pytest.raises(ValueError, match=r"pattern_length is \(3, 7, 9\): a range must be \(shortest, longest\)"):
        inspect.unwrap(_check_lengths)("pattern_length", (3, 7, 9))
