"""What measures say to arguments that do not fit, as JSON: run apart from the tests, which check all types before."""

import json
from dataclasses import replace

import torch

from wmcl import dimensionality, importance
from wmcl.dimensionality.by_step import StepScatter
from wmcl.dimensionality.decodability import pattern_bits
from wmcl.dimensionality.kernel import kernel_spectrum
from wmcl.dimensionality.principal_components import cumulative_variance
from wmcl.dimensionality.row_spaces import compare_row_spaces
from wmcl.dimensionality.subspaces import principal_angles
from wmcl.dimensionality.supervised import joint_supervised_subspace
from wmcl.importance.linear_fisher import linear_products, second_moments
from wmcl.importance.perturbation import mean_divergence
from wmcl.importance.reuse import reuse_profile
from wmcl.importance.summary import summarise
from wmcl.importance.synaptic_intelligence import synaptic_intelligence
from wmcl.likelihoods import Bernoulli, Categorical
from wmcl.networks import Elman, LinearRNN
from wmcl.tasks import copy_task
from wmcl.training import evaluate

TASK = copy_task(2, 3, width=3, test_samples=6)
NETWORK = Elman(4, 6, 3)
PARAMETERS, DATA = NETWORK.init([0, 1]), TASK.fixed_set("probe", 5)

FUNCTIONS = {
    "fisher": lambda n, p, d, t=TASK: importance.fisher_diagonal(n, p, d, t, "empirical"),
    "mas": lambda n, p, d, t=TASK: importance.memory_aware_synapses(n, p, d, t),
    "reuse": lambda n, p, d, t=TASK: reuse_profile(n, p, d, t, "empirical"),
    "protected": lambda n, p, d, t=TASK: importance.protected_directions(n, p, d, t, "empirical"),
    "memory": lambda n, p, d, t=TASK: importance.memory_spectrum(n, p, d, t, 1),
    "divergence": lambda n, p, d, t=TASK: mean_divergence(n, p, d, t, PARAMETERS),
    "perturbation": lambda n, p, d, t=TASK: importance.perturbation_effect(n, p, d, t, PARAMETERS, PARAMETERS, [0, 1]),
    "evaluate": lambda n, p, d, t=TASK: evaluate(n, p, d, t),
}


def with_(name, value):
    """The parameters with another value of one of them."""
    return PARAMETERS | {name: value}


def marked(values, value):
    """A copy of a tensor with one number replaced."""
    changed = values.clone()
    changed[0, -1, 0] = value
    return changed


def field(**fields):
    return replace(DATA, **fields)


W = PARAMETERS["W_hh"]
CHANGES = {
    "network of torch": lambda f: f(torch.nn.RNN(4, 6), PARAMETERS, DATA),
    "network class": lambda f: f(Elman, PARAMETERS, DATA),
    "parameters in a list": lambda f: f(NETWORK, list(PARAMETERS.values()), DATA),
    "parameters of arrays": lambda f: f(NETWORK, with_("W_hh", W.numpy()), DATA),
    "parameter missing": lambda f: f(NETWORK, {n: v for n, v in PARAMETERS.items() if n != "b_ho"}, DATA),
    "wrong shape": lambda f: f(NETWORK, with_("W_hh", W[:, :5]), DATA),
    "other members": lambda f: f(NETWORK, with_("W_hh", W[:1]), DATA),
    "other dtype": lambda f: f(NETWORK, with_("W_hh", W.double()), DATA),
    "whole numbers": lambda f: f(NETWORK, {n: v.long() for n, v in PARAMETERS.items()}, DATA),
    "other device": lambda f: f(NETWORK, with_("W_hh", W.to("meta")), DATA),
    "nan parameter": lambda f: f(NETWORK, with_("W_hh", marked(W, torch.nan)), DATA),
    "data a tensor": lambda f: f(NETWORK, PARAMETERS, DATA.inputs),
    "data a task": lambda f: f(NETWORK, PARAMETERS, TASK),
    "wrong rank": lambda f: f(NETWORK, PARAMETERS, field(inputs=DATA.inputs[0])),
    "wrong features": lambda f: f(NETWORK, PARAMETERS, field(inputs=DATA.inputs[..., :3])),
    "wrong members": lambda f: f(NETWORK, PARAMETERS, field(inputs=DATA.inputs.repeat(3, 1, 1, 1))),
    "wrong dtype": lambda f: f(NETWORK, PARAMETERS, DATA.to(torch.float64)),
    "data elsewhere": lambda f: f(NETWORK, PARAMETERS, DATA.to("meta")),
    "infinite input": lambda f: f(NETWORK, PARAMETERS, field(inputs=marked(DATA.inputs, torch.inf))),
    "not a likelihood": lambda f: f(NETWORK, PARAMETERS, DATA, 128),
}

SCORED = replace(DATA, scored=torch.ones_like(DATA.scored), targets=DATA.targets + 2)
NAN = DATA.targets.clone()
NAN[:, -1] = torch.nan
STATES = torch.randn(2, 30, 6)
SPECTRUM = dimensionality.covariance_spectrum(STATES)
OTHER = {
    "nan target": lambda: evaluate(NETWORK, PARAMETERS, field(targets=NAN), TASK),
    "impossible bits": lambda: evaluate(NETWORK, PARAMETERS, SCORED, Bernoulli()),
    "impossible classes": lambda: evaluate(NETWORK, PARAMETERS, replace(SCORED, answers=1), Categorical()),
    "another likelihood": lambda: evaluate(NETWORK, PARAMETERS, replace(DATA, answers=1), Bernoulli()),
    "nothing scored": lambda: importance.fisher_diagonal(
        NETWORK, PARAMETERS, field(scored=0 * DATA.scored), TASK, "exact"
    ),
    "nothing scored, mas": lambda: importance.memory_aware_synapses(
        NETWORK, PARAMETERS, field(scored=0 * DATA.scored), TASK
    ),
    "half a chunk": lambda: evaluate(NETWORK, PARAMETERS, DATA, TASK, 2.5),
    "samples in words": lambda: TASK.fixed_set("probe", "5"),
    "data as the kind": lambda: importance.fisher_diagonal(NETWORK, PARAMETERS, DATA, TASK, DATA),
    "targets of another width": lambda: evaluate(NETWORK, PARAMETERS, field(targets=DATA.targets[..., :2]), TASK),
    "likelihood class": lambda: evaluate(NETWORK, PARAMETERS, DATA, type(TASK.likelihood)),
    "changed, other members": lambda: mean_divergence(
        NETWORK, PARAMETERS, DATA, TASK, {n: v[:1] for n, v in PARAMETERS.items()}
    ),
    "importance of nan": lambda: importance.perturbation_effect(
        NETWORK, PARAMETERS, DATA, TASK, with_("W_hh", marked(W, torch.nan)), PARAMETERS, [0, 1]
    ),
    "importance of another shape": lambda: importance.perturbation_effect(
        NETWORK, PARAMETERS, DATA, TASK, with_("W_hh", W[:, 1:]), PARAMETERS, [0, 1]
    ),
    "seeds of fractions": lambda: importance.fisher_diagonal(NETWORK, PARAMETERS, DATA, TASK, "sampled", [0.5, 1]),
    "unknown kind": lambda: importance.fisher_diagonal(NETWORK, PARAMETERS, DATA, TASK, "true"),
    "chunk": lambda: evaluate(NETWORK, PARAMETERS, DATA, TASK, 0),
    "states of memory": lambda: importance.memory_spectrum(NETWORK, PARAMETERS, DATA, TASK, 1, states=STATES[0]),
    "closed form": lambda: linear_products(NETWORK, PARAMETERS, second_moments(DATA.inputs), DATA.scored[0, :, 0]),
    "closed form, nan": lambda: importance.linear_fisher(
        LinearRNN(4, 6, 3), LinearRNN(4, 6, 3).init([0]), second_moments(DATA.inputs) * torch.nan, DATA.scored[0, :, 0]
    ),
    "start missing": lambda: synaptic_intelligence(PARAMETERS, {"W_hh": W}, PARAMETERS),
    "summary of a tensor": lambda: summarise(W, PARAMETERS, 1.0),
    "task a likelihood": lambda: dimensionality.supervised_subspace(NETWORK, PARAMETERS, TASK.likelihood, [0, 1], 1),
    "test a tensor": lambda: dimensionality.supervised_subspace(NETWORK, PARAMETERS, TASK, [0, 1], 1, test=DATA.inputs),
    "network alone": lambda: joint_supervised_subspace(NETWORK, PARAMETERS, [TASK], [0, 1], 1),
    "flat states": lambda: dimensionality.covariance_spectrum(STATES[0]),
    "whole states": lambda: dimensionality.covariance_spectrum(STATES.long()),
    "nan states": lambda: dimensionality.covariance_spectrum(marked(STATES, torch.nan)),
    "states an array": lambda: kernel_spectrum(STATES.numpy()),
    "infinite kernel": lambda: kernel_spectrum(marked(STATES, torch.inf)),
    "nan intrinsic": lambda: dimensionality.intrinsic_dimension(marked(STATES, torch.nan)),
    "other units": lambda: dimensionality.shared_variance(STATES, STATES[..., :5]),
    "other ensemble": lambda: principal_angles(STATES, STATES[:1], 2),
    "nan rows": lambda: compare_row_spaces(STATES, marked(STATES, torch.nan)),
    "nan hidden": lambda: StepScatter.of(torch.full((1, 2, 3, 4), torch.nan)),
    "hidden of other steps": lambda: dimensionality.states(torch.zeros(2, 3, 5, 6), DATA),
    "states of a task": lambda: dimensionality.states(torch.zeros(2, 3, 5, 6), TASK),
    "bits of a tensor": lambda: pattern_bits(DATA.targets),
    "nan decoded": lambda: dimensionality.decodability(
        torch.full((1, 2, 4, 3), torch.nan), torch.eye(4), torch.zeros(1, 2, 4, 3), torch.eye(4)
    ),
    "nan spectrum": lambda: dimensionality.participation_ratio(SPECTRUM * torch.nan),
    "negative spectrum": lambda: dimensionality.effective_rank(torch.tensor([1.0, -0.5])),
    "spectrum of whole numbers": lambda: dimensionality.components_for_variance(torch.tensor([2, 1])),
    "spectrum a number": lambda: cumulative_variance(torch.tensor(1.0)),
}


def said(call):
    """The message of a refusal; anything else is told by its type."""
    try:
        call()
    except ValueError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


if __name__ == "__main__":
    asked = {name: {n: said(lambda f=f, c=c: c(f)) for n, f in FUNCTIONS.items()} for name, c in CHANGES.items()}
    print(json.dumps(asked | {name: {"": said(call)} for name, call in OTHER.items()}))
