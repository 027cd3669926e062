"""Oracles: the definitions, written down as plainly as possible, one sequence at a time under autograd.

All of them are of one member and in float64. The sequences are cut to their own steps before anything is computed, so
no oracle knows of padding.
"""

import itertools
import math

import numpy as np
import torch
from scipy.special import ndtri

from wmcl.likelihoods import Bernoulli, Categorical, Gaussian
from wmcl.networks import GRU, LSTM, Elman, LinearRNN, ReLUElman
from wmcl.randomness import uniforms

BITS = Bernoulli()
FEW = 16
"""targets of a sequence up to which the exact Fisher is their enumeration"""


# ------------------------------------------------------------------------------------------------- the forward pass


def tanh_step(network, a, r, h, c):
    return torch.tanh(a + r), c


def relu_step(network, a, r, h, c):
    return torch.relu(a + r), c


def linear_step(network, a, r, h, c):
    return a + r, c


def lstm_step(network, a, r, h, c):
    i, f, g, o = (a + r).view(4, network.hidden)
    c = torch.sigmoid(f + network.forget_bias) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru_step(network, a, r, h, c):
    (a_reset, a_update, a_new), (r_reset, r_update, r_new) = a.view(3, network.hidden), r.view(3, network.hidden)
    update = torch.sigmoid(a_update + r_update)
    new = torch.tanh(a_new + torch.sigmoid(a_reset + r_reset) * r_new)
    return (1 - update) * new + update * h, c


STEPS = {Elman: tanh_step, ReLUElman: relu_step, LinearRNN: linear_step, LSTM: lstm_step, GRU: gru_step}
"""next h and c from the input's part a and the state's part r of the pre-activations, and from h and c"""


def step_of(network):
    """The step of the network's class, or of the one that it is derived from with the same cell."""
    for kind in type(network).__mro__:
        if kind in STEPS and network.cell is kind.cell:
            return STEPS[kind]
    raise TypeError(f"there is no oracle of the network {type(network).__name__}: add its step to naive.STEPS")


def forward(network, parameters, member, inputs):
    """States, outputs and logits of one sequence (time, feature) without padding, for one member.

    States and outputs are those of the last layer, with the two directions side by side.
    """
    own = {name: value[member] for name, value in parameters.items()}
    return unrolled(network, lambda name, t: own[name], inputs)


def unrolled(network, weight, inputs):
    """The forward pass with the weights that weight(name, step) gives."""
    onwards = range(len(inputs))
    orders = {"forward": {"": onwards}, "backward": {"": onwards[::-1]}}
    orders["bidirectional"] = {"": onwards, "_reverse": onwards[::-1]}
    below = inputs
    for layer in range(network.layers):
        name = f"_l{layer}" if layer else ""
        parts = [
            one_direction(network, weight, name + suffix, below, order)
            for suffix, order in orders[network.direction].items()
        ]
        hidden, below = (torch.cat(both, 1) for both in zip(*parts, strict=True))
    rows = slice(network.head * network.outputs, (network.head + 1) * network.outputs)
    logits = [(weight("W_out", t) @ y + weight("b_out", t))[rows] for t, y in enumerate(below)]
    return hidden, below, torch.stack(logits)


def one_direction(network, weight, name, inputs, order):
    """h_t and y_t of a layer that reads the steps in this order, both in the order of the sequence."""
    step, has_stage = step_of(network), isinstance(network, Elman) and network.output_stage
    h = c = torch.zeros(network.hidden, dtype=inputs.dtype)
    hidden, outputs = [None] * len(inputs), [None] * len(inputs)
    for t in order:
        from_input, from_state = weight("W_ih" + name, t) @ inputs[t], weight("W_hh" + name, t) @ h
        if network.biases:
            from_input, from_state = from_input + weight("b_ih" + name, t), from_state + weight("b_hh" + name, t)
        h, c = step(network, from_input, from_state, h, c)
        hidden[t] = h
        outputs[t] = torch.tanh(weight("W_ho" + name, t) @ h + weight("b_ho" + name, t)) if has_stage else h
    return torch.stack(hidden), torch.stack(outputs)


def sequence(sequences, member, sample):
    """Inputs, targets and scored steps of one sequence, without its padding."""

    def pick(x):
        return x[min(member, x.shape[0] - 1)][:, sample]

    own = pick(sequences.phase) != 4
    return pick(sequences.inputs)[own], pick(sequences.targets)[own], pick(sequences.scored)[own]


# --------------------------------------------------------------------------------------------------- the likelihoods


def bit_nll(likelihood, z, y):
    p = torch.sigmoid(z)
    return -(y * p.log() + (1 - y) * (1 - p).log()).sum(-1)


def class_nll(likelihood, z, y):
    p = z.exp() / z.exp().sum(-1, keepdim=True)
    return -(y * p.log()).sum(-1)


def number_nll(likelihood, z, y):
    variance = likelihood.std**2
    return ((y - z) ** 2 / (2 * variance) + 0.5 * math.log(2 * math.pi * variance)).sum(-1)


NLL = {Bernoulli: bit_nll, Categorical: class_nll, Gaussian: number_nll}
"""negative log-likelihood of the targets y of every step given the logits z"""


def nll(logits, targets, scored, likelihood=BITS):
    """Negative log-likelihood of one sequence: summed over scored steps and output units."""
    return (NLL[type(likelihood)](likelihood, logits, targets) * scored).sum()


def answers(likelihood, z):
    """All targets of one step with their probabilities.

    A gradient is linear in a target that is a real number, so its square has the expectation of two targets one
    standard deviation above and below: the two-point Gauss-Hermite rule is exact.
    """
    match likelihood:
        case Bernoulli():
            p = torch.sigmoid(z)
            targets = [torch.tensor(bits).to(z) for bits in itertools.product([0.0, 1.0], repeat=len(z))]
            return [(torch.where(y > 0, p, 1 - p).prod(), y) for y in targets]
        case Categorical():
            return [(p, y) for p, y in zip(z.exp() / z.exp().sum(), torch.eye(len(z)).to(z), strict=True)]
        case Gaussian():
            signs = [torch.tensor(each).to(z) for each in itertools.product([-1.0, 1.0], repeat=len(z))]
            return [(0.5 ** len(z), z + likelihood.std * each) for each in signs]
    raise TypeError(f"there is no enumeration of the likelihood {type(likelihood).__name__}")


def information(likelihood, z):
    """Fisher information matrix of the logits of one step, in closed form."""
    match likelihood:
        case Bernoulli():
            return torch.diag(torch.sigmoid(z) * (1 - torch.sigmoid(z)))
        case Categorical():
            p = z.exp() / z.exp().sum()
            return torch.diag(p) - torch.outer(p, p)
        case Gaussian():
            return torch.eye(len(z)).to(z) / likelihood.std**2
    raise TypeError(f"there is no information matrix of the likelihood {type(likelihood).__name__}")


def drawn(likelihood, z, table):
    """Targets of some steps that the model draws with uniform numbers of the same shape."""
    targets = torch.zeros_like(z)
    for t, row in enumerate(table.tolist()):
        match likelihood:
            case Bernoulli():
                targets[t] = torch.tensor([float(u < p) for u, p in zip(row, torch.sigmoid(z[t]), strict=True)])
            case Categorical():
                p = (z[t].exp() / z[t].exp().sum()).tolist()
                targets[t, next(c for c in range(len(p)) if row[0] < sum(p[: c + 1]) or c == len(p) - 1)] = 1
            case Gaussian():
                targets[t] = z[t] + likelihood.std * torch.tensor([ndtri(u) for u in row]).to(z)
            case _:
                raise TypeError(f"there are no draws of the likelihood {type(likelihood).__name__}")
    return targets


def fisher_targets(likelihood, logits, data, seed, sample, draw=0):
    """The targets that a sampled Fisher draws for a sequence: its place addresses uniform numbers for the window."""
    window = range(data.steps)[data.window]
    purpose = f"fisher targets {draw}" if draw else "fisher targets"
    table = uniforms(seed, purpose, sample, 1, len(window) * logits.shape[1]).reshape(len(window), -1)
    own = [t for t in window if t < len(logits)]
    targets = torch.zeros_like(logits)
    targets[own] = drawn(likelihood, logits.detach()[own], table[: len(own)])
    return targets


# ------------------------------------------------------------------------------------------------------- importances


def leaves_of(parameters, member):
    """Weights of one member as leaves of a graph."""
    return {name: value[member].detach().clone().requires_grad_() for name, value in parameters.items()}


def gradients(network, parameters, sequences, member, sample, targets=None, likelihood=BITS):
    """Gradient of one sequence's nll with respect to the parameters of its member."""
    leaves = leaves_of(parameters, member)
    inputs, own, scored = sequence(sequences, member, sample)
    logits = unrolled(network, lambda name, t: leaves[name], inputs)[2]
    loss = nll(logits, own if targets is None else targets, scored, likelihood)
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))


def fisher_losses(logits, data, member, sample, likelihood, kind, seed=0, draws=1):
    """Losses of a sequence with their weights: the Fisher is the weighted sum of their squared gradients."""
    _, targets, scored = sequence(data, member, sample)
    z, places = logits.detach(), scored.nonzero()[:, 0].tolist()
    match kind:
        case "empirical":
            return [(1.0, nll(logits, targets, scored, likelihood))]
        case "sampled":
            each = [fisher_targets(likelihood, logits, data, seed, sample, draw) for draw in range(draws)]
            return [(1 / draws, nll(logits, targets, scored, likelihood)) for targets in each]
        case "exact":
            of_steps = [answers(likelihood, z[t]) for t in places]
            if math.prod(map(len, of_steps)) <= FEW:
                return list(enumerated(logits, scored, likelihood, of_steps, places))
            return list(eigen_losses(logits, scored, likelihood, places))
    raise ValueError(kind)


def enumerated(logits, scored, likelihood, of_steps, places):
    """The nll of every target that the sequence could have, with its probability."""
    for whole in itertools.product(*of_steps):
        targets = torch.zeros_like(logits)
        for t, (_, target) in zip(places, whole, strict=True):
            targets[t] = target
        yield math.prod(float(p) for p, _ in whole), nll(logits, targets, scored, likelihood)


def eigen_losses(logits, scored, likelihood, places):
    """As targets of different steps are independent: the information matrix of each step, by its eigenvectors."""
    for t in places:
        values, vectors = torch.linalg.eigh(information(likelihood, logits[t].detach()))
        for value, vector in zip(values, vectors.T, strict=True):
            yield float(value), scored[t] * (vector @ logits[t])


def fisher(network, parameters, member, data, likelihood, kind, seed=0, draws=1):
    """Mean over sequences of the (expected) squared gradient of their nll."""
    leaves = leaves_of(parameters, member)
    total = {name: torch.zeros_like(value) for name, value in leaves.items()}
    for sample in range(data.samples):
        inputs = sequence(data, member, sample)[0]
        logits = unrolled(network, lambda name, t: leaves[name], inputs)[2]
        for weight, loss in fisher_losses(logits, data, member, sample, likelihood, kind, seed, draws):
            found = torch.autograd.grad(loss, list(leaves.values()), retain_graph=True)
            for value, gradient in zip(total.values(), found, strict=True):
                value += weight * gradient**2 / data.samples
    return total


def reuse_profile(network, parameters, member, data, likelihood, kind, seed=0, draws=1):
    """Products of the gradients of all uses of a weight matrix: a forward pass with another copy of it every step."""
    own = leaves_of(parameters, member)
    weights = [name for name in own if name.startswith("W")]
    total = {name: torch.zeros(data.steps, data.steps, dtype=torch.float64) for name in weights}
    for sample in range(data.samples):
        inputs = sequence(data, member, sample)[0]
        copies = {name: [own[name].detach().clone().requires_grad_() for _ in inputs] for name in weights}
        logits = unrolled(network, lambda name, t, c=copies: c[name][t] if name in c else own[name], inputs)[2]
        steps = len(inputs)
        for weight, loss in fisher_losses(logits, data, member, sample, likelihood, kind, seed, draws):
            every = list(itertools.chain(*copies.values()))
            found = torch.autograd.grad(loss, every, retain_graph=True, materialize_grads=True)
            for name, uses in zip(weights, zip(*[iter(found)] * steps, strict=True), strict=True):
                flat = torch.stack(uses).flatten(1)
                total[name][:steps, :steps] += weight * flat @ flat.T / data.samples
    return total


def memory_aware_synapses(network, parameters, member, data):
    """Mean over sequences of the absolute gradient of the squared length of the scored logits."""
    leaves = leaves_of(parameters, member)
    total = {name: torch.zeros_like(value) for name, value in leaves.items()}
    for sample in range(data.samples):
        inputs, _, scored = sequence(data, member, sample)
        logits = unrolled(network, lambda name, t: leaves[name], inputs)[2]
        length = sum(w * (z**2).sum() for w, z in zip(scored, logits, strict=True))
        for value, gradient in zip(total.values(), torch.autograd.grad(length, list(leaves.values())), strict=True):
            value += gradient.abs() / data.samples
    return total


# ------------------------------------------------------------------------------------------ training and evaluation


def answers_of(likelihood, scored, outputs):
    """Number of scored answers: one a step if its outputs are a choice among classes, else one an output unit."""
    return float(scored.sum()) * (1 if isinstance(likelihood, Categorical) else outputs)


def task_loss(network, weight, member, data, likelihood, reduction="scored bit"):
    """Task loss of one member on some sequences, with the weights that weight(name, step) gives."""
    total, count = 0.0, 0.0
    for sample in range(data.samples):
        inputs, targets, scored = sequence(data, member, sample)
        total = total + nll(unrolled(network, weight, inputs)[2], targets, scored, likelihood)
        count += answers_of(likelihood, scored, network.outputs)
    return total / {"scored bit": count, "sequence": data.samples}[reduction]


def path_integrals(
    network,
    parameters,
    member,
    batches,
    likelihood,
    *,
    learning_rate,
    weight_decay=0.0,
    clip=None,
    orthogonality=0.0,
    reduction="scored bit",
):
    """A step of torch.optim.Adam for every batch, written out: what is left of the weights, and ω of both kinds."""
    theta = leaves_of(parameters, member)
    adam = torch.optim.Adam(theta.values(), lr=learning_rate, weight_decay=weight_decay)
    omega = {kind: {name: torch.zeros_like(value) for name, value in theta.items()} for kind in ("total", "task")}
    for t, batch in enumerate(batches, start=1):
        loss = task_loss(network, lambda name, step: theta[name], member, batch, likelihood, reduction)
        alone = dict(zip(theta, torch.autograd.grad(loss, list(theta.values()), retain_graph=True), strict=True))
        for name, value in theta.items():
            if name.startswith("W_hh"):
                for W in value.split(network.hidden):
                    loss = loss + orthogonality * (W @ W.T - torch.eye(network.hidden).to(W)).square().sum()
        adam.zero_grad()
        loss.backward()
        norm = sum(value.grad.square().sum() for value in theta.values()).sqrt().item()
        for value in theta.values():  # torch's own clipping adds 1e-6 to the norm
            value.grad *= min(1.0, (clip or math.inf) / norm)
        for name, value in theta.items():
            state, g = adam.state[value], alone[name]
            m = 0.9 * state.get("exp_avg", torch.zeros_like(value)) + 0.1 * g
            v = 0.999 * state.get("exp_avg_sq", torch.zeros_like(value)) + 0.001 * g**2
            step = -learning_rate * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
            omega["task"][name] -= step * g
        before = {name: value.detach().clone() for name, value in theta.items()}
        adam.step()
        for name, value in theta.items():
            total = value.grad + weight_decay * before[name]
            omega["total"][name] -= (value.detach() - before[name]) * total
    return {name: value.detach() for name, value in theta.items()}, omega


def evaluation(network, parameters, member, data, likelihood):
    """Loss, accuracy and variance, whole and for each step of the window; and the counts of targets and choices."""
    sums, classes = np.zeros((4, data.steps)), np.zeros((network.outputs, network.outputs))
    window = range(data.steps)[data.window]
    for sample in range(data.samples):
        inputs, targets, scored = sequence(data, member, sample)
        logits = forward(network, parameters, member, inputs)[2]
        for t, (z, y, w) in enumerate(zip(logits, targets, scored.tolist(), strict=True)):
            if not w or t not in window:
                continue
            match likelihood:
                case Bernoulli():
                    p = torch.sigmoid(z)
                    right, variance, count = ((z >= 0) == (y == 1)).sum(), (p * (1 - p)).sum(), len(z)
                case Categorical():
                    p, wanted, chosen = torch.softmax(z, 0), int(y.argmax()), int(z.argmax())
                    right, variance, count = wanted == chosen, (p * (1 - p)).sum(), 1
                    classes[wanted, chosen] += w
                case Gaussian():
                    right, variance, count = math.nan, len(z) * likelihood.std**2, len(z)
                case _:
                    raise TypeError(f"there is no evaluation of the likelihood {type(likelihood).__name__}")
            loss = NLL[type(likelihood)](likelihood, z, y)
            sums[:, t] += w * np.array([float(x) for x in (loss, right, variance, count)])
    sums = sums[:, data.window]
    with np.errstate(invalid="ignore"):
        by_step, whole = sums / sums[3], sums.sum(1) / sums[3].sum()
    found = {"loss": whole[0], "accuracy": whole[1], "output_variance": whole[2]}
    found |= {"loss_by_step": by_step[0], "accuracy_by_step": by_step[1]}
    return found | ({"confusion": classes} if isinstance(likelihood, Categorical) else {})
