"""Linear networks: the cell, Gaussian targets, the tasks, the closed form of the Fisher, protected directions."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wmcl.importance import fisher_diagonal, linear_fisher, protected_directions, reuse_profile
from wmcl.importance.linear_fisher import linear_products, linear_reuse, second_moments, white_moments
from wmcl.importance.protected import memory_spectrum
from wmcl.likelihoods import Gaussian
from wmcl.networks import NETWORKS, Elman, LinearRNN
from wmcl.networks.linear import LinearCell
from wmcl.networks.recurrence import Weights, unroll
from wmcl.tasks import Phase, Teacher, recall_task, teacher_task
from wmcl.tasks.check import check_sequences
from wmcl.tasks.recall import RecallLayout
from wmcl.training import Options, Stop, evaluate, load_ensemble, save_ensemble, train


def plain_states(parameters, member, inputs):
    """h_t of one sequence (time, feature), by the definition."""
    p = {name: value[member] for name, value in parameters.items()}
    h, hidden = torch.zeros(p["W_hh"].shape[0], dtype=inputs.dtype), []
    for x in inputs:
        h = p["W_ih"] @ x + p["b_ih"] + p["W_hh"] @ h + p["b_hh"]
        hidden.append(h)
    return torch.stack(hidden)


def plain_outputs(parameters, member, inputs):
    return plain_states(parameters, member, inputs) @ parameters["W_out"][member].T + parameters["b_out"][member]


def small(members=2, samples=5, channels=2, pattern=3, retention=4, lead=2, tail=1, units=6, seed=0):
    """A network with biases and a task, and sequences in float64."""
    task = recall_task(channels, pattern, retention, lead=lead, tail=tail)
    network = LinearRNN(channels, units, channels, initialisation="orthogonal")
    parameters = network.init(range(seed, seed + members), torch.float64)
    return network, task, parameters, task.batch(range(members), 0, samples).to(torch.float64)


# the network


def test_forward_and_gradient_are_those_of_a_loop_under_autograd():
    network, _, parameters, data = small()
    leaves = {name: value.requires_grad_() for name, value in parameters.items()}
    found = network.apply(leaves, data.inputs)
    weights = torch.randn(found.logits.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    mine = torch.autograd.grad((found.logits * weights).sum(), list(leaves.values()))
    total = 0.0
    for m in range(2):
        for s in range(data.samples):
            hidden = plain_states(leaves, m, data.inputs[m, :, s])
            torch.testing.assert_close(found.hidden[m, :, s], hidden, rtol=0, atol=1e-12)
            logits = plain_outputs(leaves, m, data.inputs[m, :, s])
            torch.testing.assert_close(found.logits[m, :, s], logits, rtol=0, atol=1e-12)
            total = total + (logits * weights[m, :, s]).sum()
    for own, other in zip(mine, torch.autograd.grad(total, list(leaves.values())), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("steps", [slice(None), slice(2, 3)])
def test_gradcheck(steps):
    g = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=g).requires_grad_()

    shapes = [(2, 3, 2, 1), (2, 2, 1), (2, 2), (2, 2, 2), (2, 2), (2, 3, 2, 2), (2, 3, 2, 2)]

    def run(inputs, W_ih, b_ih, W_hh, b_hh, *taps):
        return unroll(LinearCell(), inputs, Weights(W_ih, b_ih, W_hh, b_hh), steps, taps)[:2]

    assert torch.autograd.gradcheck(run, [normal(*shape) for shape in shapes])


def test_a_trained_network_can_be_kept(tmp_path):
    task = recall_task(1, 2, 2, validation_samples=8)
    network = NETWORKS["linear"](1, 4, 1, initialisation="fan_in")
    trained = train(network, task, [0], Stop(2), Options(batch=4), progress=False)
    save_ensemble(tmp_path / "one.safetensors", trained)
    assert load_ensemble(tmp_path / "one.safetensors").network == network


# Gaussian targets


def grid(*values):
    return torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)


@pytest.mark.parametrize(("z", "y", "std"), [(0.0, 0.0, 1.0), (1.3, -0.4, 1.0), (-5.0, 2.0, 0.1), (0.2, 4.0, 3.0)])
def test_density_divergence_and_moments_are_those_of_torch(z, y, std):
    normal, likelihood = torch.distributions.Normal(grid(z), std), Gaussian(std)
    torch.testing.assert_close(likelihood.nll(grid(z), grid(y)), -normal.log_prob(grid(y)), rtol=1e-9, atol=1e-9)
    other = torch.distributions.Normal(grid(y), std)
    divergence = torch.distributions.kl_divergence(normal, other)
    torch.testing.assert_close(likelihood.divergence(grid(z), grid(y)), divergence, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(likelihood.mean(grid(z)), normal.mean)
    torch.testing.assert_close(likelihood.variance(grid(z)), normal.variance)
    u = grid(0.01, 0.5, 0.9)
    torch.testing.assert_close(likelihood.sample(grid(z, z, z), u), normal.icdf(u), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("z", "std"), [(0.0, 1.0), (1.3, 0.2), (-2.0, 3.0)])
def test_the_factor_is_the_root_of_the_expected_second_derivative(z, std):
    output, likelihood = grid(z, -z), Gaussian(std)
    hessian = torch.autograd.functional.hessian(lambda x: likelihood.nll(x, grid(0.3, 0.1)).sum(), output).view(2, 2)
    factor = likelihood.fisher_factor(output)[0, 0, 0]
    torch.testing.assert_close(factor @ factor.T, hessian)


def test_distillation_has_the_gradient_of_the_cross_entropy_with_the_teacher():
    z, teacher = grid(0.3, -1.0).requires_grad_(), grid(1.0, 2.0)
    normal = torch.distributions.Normal(teacher, 0.5)
    cross = torch.distributions.kl_divergence(normal, torch.distributions.Normal(z, 0.5)) + normal.entropy()
    expected = torch.autograd.grad(cross.sum(), z)[0]
    found = torch.autograd.grad(Gaussian(0.5).distillation(z, teacher).sum(), z)[0]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_samples_are_finite_at_the_ends_of_the_uniforms(dtype):
    ends = torch.tensor([0.0, 1 - 2.0**-53], dtype=torch.float64).to(dtype).view(1, 1, 1, 2)
    drawn = Gaussian().sample(torch.zeros_like(ends), ends)
    assert torch.isfinite(drawn).all()
    assert drawn[..., 0] < -5 < 5 < drawn[..., 1]


@pytest.mark.parametrize("std", [0.0, -1.0, math.inf, math.nan])
def test_impossible_deviations_are_refused(std):
    with pytest.raises(ValueError, match="std is"):
        Gaussian(std)


def test_evaluation_has_a_loss_and_no_accuracy():
    network, task, parameters, data = small()
    found = evaluate(network, parameters, data, task, chunk=2)
    error = (network.apply(parameters, data.inputs, data.window).logits - data.targets[:, data.window]).square()
    torch.testing.assert_close(found.loss, error.mean((1, 2, 3)) / 2 + math.log(2 * math.pi) / 2)
    assert found.accuracy.isnan().all()
    assert found.output_variance.tolist() == [1.0, 1.0]


def test_targets_must_be_finite_and_need_not_be_bits():
    _, task, _, data = small()
    check_sequences(task, data)
    assert data.targets.max() > 1
    with pytest.raises(ValueError, match="finite in the window of scored steps"):
        check_sequences(task, replace(data, targets=data.targets / 0))


# tasks


def test_numbers_are_asked_for_after_the_retention():
    task = recall_task(2, 3, 5, lead=4, tail=2)
    made = task.batch([0, 1], 3, 6)
    check_sequences(task, made)
    assert made.inputs.shape == (2, 14, 6, 2)
    assert (made.inputs[:, :4] == 0).all()
    assert (made.inputs[:, 7:] == 0).all()
    assert torch.equal(made.targets[:, 9:12], made.inputs[:, 4:7])
    assert made.scored[0, :, 0].tolist() == [0] * 9 + [1] * 3 + [0] * 2
    assert made.phase[0, :, 0].tolist() == [Phase.lead] * 4 + [Phase.input] * 5 + [Phase.output] * 5
    assert (
        task.memory_demand.load,
        task.memory_demand.retention,
        task.memory_demand.lead,
        task.memory_demand.scored_bits,
    ) == (6, 5, 4, 6)
    assert task.memory_demand.steps == made.steps
    assert made.inputs[:, 4:7].double().var() == pytest.approx(1, abs=0.5)


def test_a_pattern_that_is_asked_for_while_it_is_shown_is_refused():
    with pytest.raises(ValueError, match="retention is 2 and pattern_length is 3"):
        RecallLayout(1, 3, 2)


TEACHER = Teacher(3, units=8, channels=2, shown_steps=4, delay=1, scored_steps=3, seed=5)


def response(teacher):
    """The map from the shown inputs to the scored outputs, an input after the other, by a loop."""
    columns = []
    for s in range(teacher.shown_steps):
        for c in range(teacher.channels):
            inputs = torch.zeros(teacher.steps, teacher.channels, dtype=torch.float64)
            inputs[s, c] = 1
            columns.append(plain_outputs(teacher.parameters, 0, inputs)[teacher.window].flatten())
    return torch.stack(columns, 1)


@pytest.mark.parametrize("memory", [1, 3, 6])
def test_the_rank_of_what_a_teacher_asks_for_is_its_memory(memory):
    teacher = replace(TEACHER, memory=memory)
    singular = torch.linalg.svdvals(response(teacher))
    assert int((singular > 1e-10).sum()) == memory
    spectrum = torch.linalg.eigvalsh(teacher.parameters["W_hh"][0] @ teacher.parameters["W_hh"][0].T)
    torch.testing.assert_close(spectrum, torch.tensor([0.0] * (8 - memory) + [1.0] * memory, dtype=torch.float64))


def test_targets_are_the_teachers_outputs_of_unit_variance():
    made = teacher_task(TEACHER).batch([0, 1], 0, 4)
    check_sequences(teacher_task(TEACHER), made)
    matrix = response(TEACHER)
    by_output = matrix.view(3, 2, -1).square().sum(-1).mean(0)
    torch.testing.assert_close(by_output, torch.ones(2, dtype=torch.float64))
    shown = made.inputs[:, :4].double().permute(0, 2, 1, 3).flatten(2)
    asked = made.targets[:, TEACHER.window].double().permute(0, 2, 1, 3).flatten(2)
    torch.testing.assert_close(shown @ matrix.T, asked, rtol=0, atol=1e-5)
    own = TEACHER.memory_of(made.inputs, 4)
    hidden = plain_states(TEACHER.parameters, 0, made.inputs[1, :, 2].double())[4]
    torch.testing.assert_close(own[1, 2], hidden @ torch.from_numpy(TEACHER.basis))
    torch.testing.assert_close(own[1, 2].norm(), hidden.norm())


def test_teachers_that_cannot_show_their_memory_are_refused():
    with pytest.raises(ValueError, match="memory is 7: it must be at most 6"):
        replace(TEACHER, memory=7)


# the closed form


def brute_force(parameters, member, data, std=1.0):
    """The exact Fisher: squares of the gradients of every scored output of every sequence, under autograd."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}
    total = {name: torch.zeros_like(value[member]) for name, value in parameters.items()}
    for s in range(data.samples):
        logits = plain_outputs(leaves, member, data.inputs[min(member, len(data.inputs) - 1), :, s])
        for t in data.scored[0, :, s].nonzero()[:, 0]:
            for o in range(logits.shape[1]):
                weighted = data.scored[0, t, s] * logits[t, o] / std
                found = torch.autograd.grad(weighted, list(leaves.values()), retain_graph=True)
                for name, gradient in zip(leaves, found, strict=True):
                    total[name] += gradient[member] ** 2 / data.samples
    return total


@pytest.mark.parametrize("std", [1.0, 0.5])
def test_the_closed_form_is_the_expected_square_of_gradients_of_autograd(std):
    network, _, parameters, data = small(samples=3)
    data = replace(data, scored=data.scored * 0.7)
    found = linear_fisher(network, parameters, second_moments(data.inputs), data.scored[0, :, 0], std)
    for member in range(2):
        expected = brute_force(parameters, member, data, std)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(found[name][member], value, rtol=1e-9, atol=1e-12)


def test_the_closed_form_of_a_network_without_biases():
    network, task, _, data = small()
    network = replace(network, biases=False)
    parameters = network.init([0, 1], torch.float64)
    found = linear_fisher(network, parameters, second_moments(data.inputs), data.scored[0, :, 0])
    measured = fisher_diagonal(network, parameters, data, task, "exact")
    assert found.keys() == measured.keys() == {"W_ih", "W_hh", "W_out", "b_out"}
    for name, value in measured.items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-12)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 3), st.integers(0, 3), st.integers(0, 2))
def test_it_is_the_measured_exact_fisher_and_reuse_profile(channels, pattern, more, lead, tail):
    network, task, parameters, data = small(1, 4, channels, pattern, pattern + more, lead, tail)
    moments, scored = second_moments(data.inputs), data.scored[0, :, 0]
    found = linear_fisher(network, parameters, moments, scored)
    for name, value in fisher_diagonal(network, parameters, data, task, "exact").items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-12)
    profile = linear_reuse(linear_products(network, parameters, moments, scored))
    measured = reuse_profile(network, parameters, data, task, "exact")["W_hh"]
    torch.testing.assert_close(profile, measured, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(profile.sum((1, 2)), found["W_hh"].sum((1, 2)))


def test_sampled_fishers_have_it_as_their_mean():
    """Over 500 draws of 5 sequences the mean of the weights has a standard error of about 3 %."""
    network, task, parameters, data = small(1)
    found = fisher_diagonal(network, parameters, data, task, "sampled", seeds=[0], draws=500)
    expected = linear_fisher(network, parameters, second_moments(data.inputs), data.scored[0, :, 0])
    for name, value in expected.items():
        assert float(found[name].mean() / value.mean()) == pytest.approx(1, abs=0.12), name


def test_white_moments_are_those_of_an_orthogonal_design():
    """Columns of a Hadamard matrix have exactly unit variance and no correlation."""
    network, task, parameters, _ = small(1, channels=1, pattern=3, retention=4, lead=1, tail=0)
    one = torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64)
    design = torch.kron(one, one)[:, 1:]
    data = task.batch([0], 0, 4).to(torch.float64)
    data.inputs[0, 1:4, :, 0] = design.T
    moments = white_moments(slice(1, 4), data.steps, 1)
    torch.testing.assert_close(second_moments(data.inputs), moments)
    found = linear_fisher(network, parameters, moments, data.scored[0, :, 0])
    for name, value in fisher_diagonal(network, parameters, data, task, "exact").items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-12)


def test_measured_fishers_converge_to_that_of_white_inputs_at_the_rate_of_the_root():
    """The standard error of a mean over N sequences: with 64 times as many, an eighth."""
    network, task, parameters, _ = small(1)
    moments = white_moments(slice(2, 5), task.memory_demand.steps, 2)
    expected = linear_fisher(network, parameters, moments, task.validation.scored[0, :, 0])["W_hh"].mean()
    errors = {}
    for samples in (32, 2048):
        found = []
        for k in range(20):
            inputs = task.fixed_set(f"rate {k}", samples).inputs
            fisher = linear_fisher(network, parameters, second_moments(inputs), task.validation.scored[0, :, 0])
            found.append(float(fisher["W_hh"].mean() / expected) - 1)
        errors[samples] = np.sqrt(np.mean(np.square(found)))
    assert errors[2048] < 0.02
    assert 5 < errors[32] / errors[2048] < 13


def test_networks_of_several_layers_and_other_shapes_are_refused():
    network, _, parameters, data = small()
    moments, scored = second_moments(data.inputs), data.scored[0, :, 0]
    with pytest.raises(ValueError, match="layers is 2"):
        linear_fisher(replace(network, layers=2), parameters, moments, scored)
    with pytest.raises(ValueError, match="moments has shape"):
        linear_fisher(network, parameters, moments[:, :, :2, :, :2], scored)


# protected directions


def gradients(network, parameters, data):
    """G of every sequence and scored output of member 0, of W_hh, one backward pass each."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}
    logits = network.apply(leaves, data.inputs).logits
    for s in range(data.samples):
        for t in data.scored[0, :, s].nonzero()[:, 0]:
            for o in range(logits.shape[-1]):
                yield torch.autograd.grad(logits[0, t, s, o], leaves["W_hh"], retain_graph=True)[0][0]


@pytest.mark.parametrize("kind", [LinearRNN, Elman])
def test_protected_directions_are_means_of_products_of_gradients(kind):
    network, task, parameters, data = small(1, 3)
    if kind is Elman:
        network = Elman(2, 6, 2, output_stage=False, initialisation="fan_in")
    read, written, _, _ = protected_directions(network, parameters, data, task, chunk=2)
    every = list(gradients(network, parameters, data))
    torch.testing.assert_close(read[0], sum(G.T @ G for G in every) / 3)
    torch.testing.assert_close(written[0], sum(G @ G.T for G in every) / 3)
    trace = fisher_diagonal(network, parameters, data, task, "exact")["W_hh"].sum()
    for side in (read, written):
        torch.testing.assert_close(side[0].trace(), trace)


def test_what_steps_bring_alone_is_a_sum_over_error_signals_and_states():
    network, task, parameters, data = small(1, 3)
    found = protected_directions(network, parameters, data, task, chunk=2)
    W, readers, expected = parameters["W_hh"][0], parameters["W_out"][0], [0.0, 0.0]
    for b in range(3):
        hidden = plain_states(parameters, 0, data.inputs[0, :, b])
        for t in data.scored[0, :, b].nonzero()[:, 0].tolist():
            for row in readers:
                for s in range(1, t + 1):
                    delta = torch.linalg.matrix_power(W, t - s).T @ row
                    expected[0] += delta @ delta * torch.outer(hidden[s - 1], hidden[s - 1]) / 3
                    expected[1] += hidden[s - 1] @ hidden[s - 1] * torch.outer(delta, delta) / 3
    torch.testing.assert_close(found.read_alone[0], expected[0])
    torch.testing.assert_close(found.written_alone[0], expected[1])


def test_the_memory_spectrum_of_a_teacher_is_that_of_its_map():
    """Squared singular values of the map from inputs that are white over the sequences to all outputs."""
    size = TEACHER.shown_steps * TEACHER.channels
    design = torch.cat([torch.eye(size), -torch.eye(size)]).double() * ((2 * size - 1) / 2) ** 0.5
    data = teacher_task(TEACHER).batch([0], 0, 2 * size).to(torch.float64)
    data.inputs[0, :4] = design.view(2 * size, 4, 2).transpose(0, 1)
    expected = torch.zeros(8, dtype=torch.float64)
    squares = torch.linalg.svdvals(response(TEACHER)).square()
    expected[: min(8, len(squares))] = squares[:8]
    for step in (3, 4):
        found = memory_spectrum(TEACHER.network, TEACHER.parameters, data, teacher_task(TEACHER), step, chunk=5)
        torch.testing.assert_close(found[0], expected, rtol=1e-9, atol=1e-9)


def test_a_memory_spectrum_takes_the_covariance_of_states_that_are_given():
    """The eigenvalues of S Σ, with S of the error signals and Σ of many states of other sequences."""
    task, parameters = teacher_task(TEACHER), TEACHER.parameters
    data = task.batch([0], 0, 3).to(torch.float64)
    others = TEACHER.network.apply(parameters, task.batch([1], 5, 200).inputs.double()).hidden[:, 4]
    W, sensitivity = parameters["W_hh"][0], torch.zeros(8, 8, dtype=torch.float64)
    for t in range(TEACHER.window.start, TEACHER.steps):
        for row in parameters["W_out"][0]:
            back = torch.linalg.matrix_power(W, t - 4).T @ row
            sensitivity += torch.outer(back, back)
    covariance = torch.from_numpy(np.cov(others[0].numpy().T))
    expected = torch.linalg.eigvals(sensitivity @ covariance).real.sort(descending=True).values
    found = memory_spectrum(TEACHER.network, parameters, data, task, 4, states=others)
    torch.testing.assert_close(found[0], expected, rtol=1e-9, atol=1e-9)


def test_a_memory_spectrum_needs_an_answer_after_the_step():
    data = teacher_task(TEACHER).batch([0], 0, 4).to(torch.float64)
    with pytest.raises(ValueError, match="step is 7"):
        memory_spectrum(TEACHER.network, TEACHER.parameters, data, teacher_task(TEACHER), 7)
