"""Oracles: the definitions, written down as plainly as possible, one sequence at a time under autograd."""

import torch


def forward(parameters, member, inputs, output_stage=True):
    """Hidden states, outputs and logits of one sequence (time, feature), for one member."""
    p = {name: value[member] for name, value in parameters.items()}
    h = torch.zeros(p["b_hh"].shape, dtype=inputs.dtype)
    hidden, outputs, logits = [], [], []
    for x in inputs:
        h = torch.tanh(p["W_ih"] @ x + p["b_ih"] + p["W_hh"] @ h + p["b_hh"])
        y = torch.tanh(p["W_ho"] @ h + p["b_ho"]) if output_stage else h
        hidden.append(h)
        outputs.append(y)
        logits.append(p["W_out"] @ y + p["b_out"])
    return torch.stack(hidden), torch.stack(outputs), torch.stack(logits)


def nll(logits, targets, scored):
    """Negative log-likelihood of one sequence: summed over scored steps and output units."""
    p = torch.sigmoid(logits)
    bits = -(targets * p.log() + (1 - targets) * (1 - p).log())
    return (bits * scored[:, None]).sum()


def sequence(sequences, member, sample):
    """Inputs, targets and scored steps of one sequence."""

    def pick(x):
        return x[min(member, x.shape[0] - 1)][:, sample]

    return pick(sequences.inputs), pick(sequences.targets), pick(sequences.scored)


def gradients(parameters, sequences, member, sample, targets=None, output_stage=True):
    """Gradient of one sequence's nll with respect to the parameters of its member."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}
    inputs, own, scored = sequence(sequences, member, sample)
    logits = forward(leaves, member, inputs, output_stage)[2]
    loss = nll(logits, own if targets is None else targets, scored)
    found = torch.autograd.grad(loss, list(leaves.values()))
    return {name: g[member] for name, g in zip(leaves, found, strict=True)}
