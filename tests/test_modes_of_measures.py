"""What is measured does not depend on the mode or the default dtype that a function is called in, bit for bit."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from wmcl import dimensionality, importance
from wmcl.dimensionality.by_step import StepScatter
from wmcl.dimensionality.decodability import pattern_bits
from wmcl.dimensionality.kernel import kernel_spectrum
from wmcl.dimensionality.principal_components import cumulative_variance
from wmcl.dimensionality.row_spaces import compare_row_spaces
from wmcl.dimensionality.subspaces import principal_angles
from wmcl.importance.linear_fisher import linear_products, linear_reuse, second_moments, white_moments
from wmcl.importance.perturbation import mean_divergence
from wmcl.importance.reuse import step_shares
from wmcl.importance.summary import summarise
from wmcl.importance.synaptic_intelligence import over_dampings, share
from wmcl.networks import GRU, Elman, LinearRNN
from wmcl.tasks import copy_task
from wmcl.training import evaluate, weighted_f1


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def drawn(generators, samples):
    """Sequences in single precision, whatever the default dtype: what is measured here is not the task."""
    with default_dtype(torch.float32):
        return copy_task(2, 3, width=3).draw(generators, samples)


TASK = replace(copy_task(2, 3, width=3, test_samples=6), draw=drawn)
NETWORK, LINEAR = Elman(4, 6, 3), LinearRNN(4, 6, 3)


def given(network=NETWORK, changed=1.0):
    """Parameters and sequences, made in the mode and with the dtypes of the caller."""
    parameters = {name: changed * value for name, value in network.init([0, 1]).items()}
    return network, parameters, TASK.fixed_set("probe", 6)


def hidden():
    network, parameters, data = given()
    with torch.no_grad():
        return network.apply(parameters, data.inputs).hidden, data


def rows(phase=None):
    return dimensionality.states(*hidden(), phase)


def spectrum():
    return dimensionality.covariance_spectrum(rows())


def perturbed():
    network, parameters, data = given()
    fisher = importance.fisher_diagonal(network, parameters, data, TASK, "exact")
    chosen = importance.Perturbations(sizes=(0.1,), repetitions=2)
    return importance.perturbation_effect(network, parameters, data, TASK, fisher, fisher, [0, 1], chosen)


def linear():
    network, parameters, data = given(LINEAR)
    moments, scored = second_moments(data.inputs), data.scored[0, :, 0]
    white = white_moments(slice(0, 2), data.steps, 4)
    products = linear_products(network, parameters, white, scored)
    return [
        *importance.linear_fisher(network, parameters, moments, scored, 0.5).values(),
        linear_reuse(products),
        step_shares(linear_reuse(products)),
    ]


def path():
    start, end = NETWORK.init([0, 1]), NETWORK.init([2, 3])
    omega = {name: end[name].double() - value for name, value in start.items()}
    found = over_dampings(omega, start, end, (1e-3,))[1e-3]
    return [*found.values(), *share(found).values(), summarise(found, end, 6.0)]


def supervised(mode):
    network, parameters, data = given()
    options = {"iterations": 2, "samples": 3}
    found = dimensionality.supervised_subspace(network, parameters, TASK, [0, 1], 2, mode, test=data, **options)
    return [*vars(found).values(), found.dimension(0.5)]


def decoded():
    states, data = hidden()
    bits = pattern_bits(data)
    found = dimensionality.decodability(states, bits, states, bits)
    return [*vars(found).values(), found.bits_held]


def scatter():
    found = StepScatter.of(hidden()[0])
    return [*vars(found).values(), found.spectrum([0, 2], "step"), found.spectrum_by_step()]


MEASURES = {
    "empirical": lambda: importance.fisher_diagonal(*given(), TASK, "empirical"),
    "sampled": lambda: importance.fisher_diagonal(*given(), TASK, "sampled", [3, 4], draws=2),
    "exact": lambda: importance.fisher_diagonal(*given(GRU(4, 5, 3)), TASK.likelihood, "exact"),
    "MAS": lambda: importance.memory_aware_synapses(*given(), TASK),
    "reuse": lambda: importance.reuse_profile(*given(), TASK, "exact"),
    "protected": lambda: importance.protected_directions(*given(), TASK),
    "memory": lambda: importance.memory_spectrum(*given(), TASK, 1),
    "perturbation": perturbed,
    "divergence": lambda: mean_divergence(*given(), TASK, given(changed=1.1)[1]),
    "linear": linear,
    "synaptic intelligence": path,
    "evaluation": lambda: list(vars(evaluate(*given(), TASK)).values())[:-1],
    "weighted F1": lambda: weighted_f1(torch.tensor([[[3, 1], [0, 2]]])),
    "supervised, all": lambda: supervised("all"),
    "supervised, stop": lambda: supervised("stop"),
    "spectrum": lambda: [
        spectrum(),
        dimensionality.components_for_variance(spectrum()),
        cumulative_variance(spectrum()),
        dimensionality.participation_ratio(spectrum()),
        dimensionality.effective_rank(spectrum()),
    ],
    "kernel": lambda: [kernel_spectrum(rows(), kernel, 20) for kernel in ("cosine", "rbf")],
    "intrinsic": lambda: dimensionality.intrinsic_dimension(rows(), neighbours=3).dimension,
    "subspaces": lambda: [
        principal_angles(rows("input"), rows("output"), 2),
        dimensionality.shared_variance(rows("input"), rows("output")),
        *compare_row_spaces(rows("input"), rows("output")),
    ],
    "decodability": decoded,
    "scatter": scatter,
}


def numbers(found):
    """All numbers of a result, with their types."""
    if isinstance(found, torch.Tensor):
        return [found.detach().numpy()]
    if isinstance(found, np.ndarray):
        return [found]
    if isinstance(found, xr.Dataset):
        return [found[name].values for name in sorted(found.variables)]
    values = found.values() if isinstance(found, dict) else found
    return [each for value in values for each in numbers(value)]


MODES = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
}


@pytest.fixture(scope="module")
def expected():
    """Results in the usual mode, measured once."""
    return {name: numbers(measure()) for name, measure in MEASURES.items()}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", MEASURES)
def test_the_same_bits_in_any_mode(name, mode, expected):
    TASK.__dict__.pop("test", None)  # so that it is made in this mode
    with MODES[mode]():
        found = numbers(MEASURES[name]())
    TASK.__dict__.pop("test", None)
    assert len(found) == len(expected[name]) > 0
    for one, other in zip(found, expected[name], strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["sampled", "MAS", "evaluation"])
def test_results_of_inference_mode_can_be_learned_from(name):
    with torch.inference_mode():
        found = MEASURES[name]()
    values = found.values() if isinstance(found, dict) else found
    assert not any(value.is_inference() for value in values)


@pytest.mark.parametrize("seeds", [(3, 4), range(3, 5), np.array([3, 4], np.int32), torch.tensor([3, 4])], ids=repr)
def test_seeds_of_any_integer_type(seeds, expected):
    for measure in (importance.fisher_diagonal, importance.reuse_profile):
        whole = measure(*given(), TASK, "sampled", [3, 4])
        for name, value in measure(*given(), TASK, "sampled", seeds).items():
            assert torch.equal(value, whole[name])
    network, parameters, data = given()
    options = {"iterations": 1, "samples": 2, "test": data}
    pair = (dimensionality.supervised_subspace(network, parameters, TASK, s, 1, **options) for s in (seeds, [3, 4]))
    assert torch.equal(*(found.basis for found in pair))


def test_a_task_stands_for_its_likelihood():
    network, parameters, data = given()
    for call in (
        lambda one: importance.fisher_diagonal(network, parameters, data, one, "exact"),
        lambda one: importance.reuse_profile(network, parameters, data, one, "empirical"),
        lambda one: importance.memory_aware_synapses(network, parameters, data, one),
        lambda one: importance.protected_directions(network, parameters, data, one),
        lambda one: importance.memory_spectrum(network, parameters, data, one, 1),
        lambda one: list(vars(evaluate(network, parameters, data, one)).values())[:-1],
    ):
        for one, other in zip(numbers(call(TASK)), numbers(call(TASK.likelihood)), strict=True):
            np.testing.assert_array_equal(one, other)
