r"""A linear network that solves the recall task exactly, and the Fisher information of its recurrent weights.

A *cyclic register* has q slots of m units. An input is written to the first slot, each step moves every slot to the
next and the last to the first, and the slot of age R is read:

    W_hh = cyclic shift on the m q units of the slots, zero elsewhere;  W_ih writes slot 0;  W_out reads slot R mod q.

W_hh is orthogonal on the memory, of m q >= load dimensions. The output z_to at the step t = lead + R + u, u < p, is the
number that channel o showed at lead + u, as long as q >= p. With v = s - lead the steps since the pattern began, its
error signal δ_s is the unit vector of the slot that will be read, and h_{s-1} holds min(p, v) m numbers of unit
variance. Two steps point to the same slot if v ≡ v' (mod q), and then the numbers that both hold are in the same place:

.. math::
    \mathrm{tr}\, F^{(t, o)}(W_{hh}) = \sum_{s, s'} (δ_s · δ_{s'}) \, E[h_{s-1} · h_{s'-1}]
    = m \sum_{\substack{1 \le v, v' \le R + u \\ v ≡ v' \,(\mathrm{mod}\, q)}} \min(p, v, v').

If the register does not come around, q >= R + p - 1, only v = v' remains, and with R >= p

.. math::
    \mathrm{tr}\, F^{(t, o)} = m \sum_{v=1}^{R+u} \min(p, v) = m p (R + u) - m \frac{p (p - 1)}{2}.

The steps that fill the register take away on average over u = 0 ... p - 1 what later outputs add, (p - 1) / 2 for each
number. So the mean over the n² weights, per scored output, is exactly

.. math:: \bar F = \frac{m p R}{n^2} = \frac{\text{load} · \text{retention}}{n^2}.

Nothing of this needs a register. If W_hh is orthogonal on the memory, and steps turn error signals into orthogonal
ones, then with columns w_c of W_ih and rows w_o of W_out it is F̄ = gain · load · retention / n². The gain is the
product of their mean squared norms, mean |w_o|² · mean |w_c|²; in the register it is 1.

Blank steps before the pattern have h_{s-1} = 0, steps after the last scored one have δ_s = 0: they add exactly nothing.
A register that comes around uses its weights again for the same numbers, and what it adds is coherent: F̄ grows with
load · retention²/ q.
"""

import torch

from wmcl.networks import LinearRNN, Parameters
from wmcl.tasks.recall import RecallLayout


def register(layout: RecallLayout, slots: int, units: int) -> tuple[LinearRNN, Parameters]:
    """A cyclic register for a task, in float64, for one member.

    Raises:
        ValueError: if there are fewer slots than steps of the pattern, or fewer units than the slots need.
    """
    m = layout.channels
    if slots < layout.pattern_length:
        raise ValueError(f"slots is {slots}: it must be at least the pattern_length, {layout.pattern_length}")
    if units < m * slots:
        raise ValueError(f"units is {units}: {slots} slots of {m} units need at least {m * slots}")
    network = LinearRNN(m, units, m)
    parameters = {name: torch.zeros(1, *shape, dtype=torch.float64) for name, shape in network.shapes.items()}
    one = torch.eye(m, dtype=torch.float64)
    parameters["W_ih"][0, :m] = one
    read = layout.retention % slots * m
    parameters["W_out"][0, :, read : read + m] = one
    memory = torch.eye(m * slots, dtype=torch.float64)
    parameters["W_hh"][0, : m * slots, : m * slots] = memory.roll(m, 0)
    return network, parameters


def register_fisher(layout: RecallLayout, slots: int, units: int) -> float:
    """Mean Fisher of the n² recurrent weights of a register, per scored output: the double sum above."""
    p, total = layout.pattern_length, 0
    for u in range(p):
        last = layout.retention + u
        for v in range(1, last + 1):
            total += sum(min(p, v, other) for other in range(1 + (v - 1) % slots, last + 1, slots))
    return layout.channels * total / p / units**2


def ideal_fisher(load: int, retention: int, units: int) -> float:
    """The same of a register that does not come around: load · retention / n²."""
    return load * retention / units**2
