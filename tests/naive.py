"""Oracles: the definitions, written down as plainly as possible, one sequence at a time under autograd."""

import torch


def forward(network, parameters, member, inputs):
    """States, outputs and logits of one sequence (time, feature) without padding, for one member.

    States and outputs are those of the last layer, with the two directions side by side.
    """
    p = {name: value[member] for name, value in parameters.items()}
    below = inputs
    for layer in range(network.layers):
        name = f"_l{layer}" if layer else ""
        if network.direction == "forward":
            parts = [one_direction(network, p, name, below)]
        elif network.direction == "backward":
            parts = [backwards(network, p, name, below)]
        else:
            parts = [one_direction(network, p, name, below), backwards(network, p, name + "_reverse", below)]
        hidden, below = (torch.cat(both, 1) for both in zip(*parts, strict=True))
    rows = range(network.head * network.outputs, (network.head + 1) * network.outputs)
    logits = torch.stack([torch.stack([p["W_out"][row] @ y + p["b_out"][row] for row in rows]) for y in below])
    return hidden, below, logits


def backwards(network, p, name, inputs):
    """The same recurrence over the reversed sequence, and its states in the order of the sequence again."""
    hidden, outputs = one_direction(network, p, name, torch.stack(list(inputs)[::-1]))
    return torch.stack(list(hidden)[::-1]), torch.stack(list(outputs)[::-1])


def one_direction(network, p, name, inputs):
    """h_t and y_t of a layer that reads forwards."""
    W_ih, b_ih, W_hh, b_hh = (p[kind + name] for kind in ("W_ih", "b_ih", "W_hh", "b_hh"))
    n = network.hidden
    h = c = torch.zeros(n, dtype=inputs.dtype)
    hidden, outputs = [], []
    for x in inputs:
        a, r = W_ih @ x + b_ih, W_hh @ h + b_hh
        match type(network).__name__:
            case "LSTM":
                i, f, o = (torch.sigmoid((a + r)[k * n : (k + 1) * n]) for k in (0, 1, 3))
                c = f * c + i * torch.tanh((a + r)[2 * n : 3 * n])
                h = o * torch.tanh(c)
            case "GRU":
                reset, update = torch.sigmoid((a + r)[:n]), torch.sigmoid((a + r)[n : 2 * n])
                candidate = torch.tanh(a[2 * n :] + reset * r[2 * n :])
                h = (1 - update) * candidate + update * h
            case _:
                h = torch.tanh(a + r)
        hidden.append(h)
        outputs.append(torch.tanh(p["W_ho" + name] @ h + p["b_ho" + name]) if "W_ho" + name in p else h)
    return torch.stack(hidden), torch.stack(outputs)


def nll(logits, targets, scored):
    """Negative log-likelihood of one sequence: summed over scored steps and output units."""
    p = torch.sigmoid(logits)
    bits = -(targets * p.log() + (1 - targets) * (1 - p).log())
    return (bits * scored[:, None]).sum()


def sequence(sequences, member, sample):
    """Inputs, targets and scored steps of one sequence, without its padding."""

    def pick(x):
        return x[min(member, x.shape[0] - 1)][:, sample]

    own = pick(sequences.phase) != 4
    return pick(sequences.inputs)[own], pick(sequences.targets)[own], pick(sequences.scored)[own]


def gradients(network, parameters, sequences, member, sample, targets=None):
    """Gradient of one sequence's nll with respect to the parameters of its member."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}
    inputs, own, scored = sequence(sequences, member, sample)
    logits = forward(network, leaves, member, inputs)[2]
    loss = nll(logits, own if targets is None else targets, scored)
    found = torch.autograd.grad(loss, list(leaves.values()))
    return {name: g[member] for name, g in zip(leaves, found, strict=True)}
