r"""Measure Synaptic Intelligence (Zenke, Poole and Ganguli, ICML 2017): what each weight did for the loss.

During training the path integral ω adds up, at every step, how far a weight moved against its gradient,

.. math::
    ω \mathrel{+}= -g \, Δθ, \qquad Ω = \max\left(\frac{ω}{(θ_{end} - θ_0)^2 + ξ}, 0\right).

To first order the sum of ω over all weights is how much the loss fell, whatever the task: compare the :func:`share`
of weights, not sizes. Two kinds of ω, as in the code of Ehret et al. (ICLR 2021):

``total``
    Δθ is the step that was taken, g the clipped gradient of the whole loss, penalties included.
``task``
    g is the gradient of the task loss alone, not clipped; Δθ is the step that it would cause, given the moments of
    the optimiser as they are. All their runs with Synaptic Intelligence use this one.

Adam adds ε to the square root of the *corrected* second moment here, as PyTorch does today; their code added it
before the correction. The two differ where gradients are not far above ε = 1e-8: there their steps are smaller, by a
factor of at least √(1 - β₂ᵗ), and ω of such weights is negligible either way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch

from wmcl.check_data import check_tensors
from wmcl.networks import Parameters
from wmcl.training.observer import Observer, Step

PathKind = Literal["total", "task"]


@dataclass(frozen=True)
class PathIntegral(Observer):
    """Accumulate ω as the observer of a training run, for ``train(..., observer=PathIntegral())``.

    Raises:
        ValueError: if a kind is unknown, or none is given.

    Example:
        >>> import wmcl
        >>> task = wmcl.tasks.copy_task(pattern_length=2)
        >>> network = wmcl.networks.Elman(task.inputs, 8, task.outputs)
        >>> stop = wmcl.training.Stop(iterations=3)
        >>> trained = wmcl.training.train(network, task, [0, 1], stop, progress=False, observer=PathIntegral())
        >>> omega = path_integral(trained.observed, "task")
        >>> tuple(synaptic_intelligence(omega, trained.initial, trained.parameters)["W_hh"].shape)
        (2, 8, 8)
    """

    kinds: tuple[PathKind, ...] = ("total", "task")

    def __post_init__(self) -> None:
        if not self.kinds or not set(self.kinds) <= set(get_args(PathKind)):
            raise ValueError(f"kinds is {self.kinds}: it must hold at least one of {', '.join(get_args(PathKind))}")

    def start(self, parameters: Parameters) -> Parameters:
        """Begin with zero for every weight, in float64."""
        return {
            _key(kind, name): torch.zeros_like(value, dtype=torch.float64)
            for kind in self.kinds
            for name, value in parameters.items()
        }

    def observe(self, state: Parameters, step: Step) -> Parameters:
        """Add what a step contributed to ω."""
        new = {}
        for kind in self.kinds:
            for name, before in step.before.items():
                if kind == "total":
                    change, gradient = step.after[name] - before, step.total_gradient[name]
                else:
                    change, gradient = step.predicted_update[name], step.task_gradient[name]
                new[_key(kind, name)] = state[_key(kind, name)] - change * gradient
        return new


def path_integral(observed: Parameters, kind: PathKind) -> Parameters:
    """Take ω of every parameter from the state of a :class:`PathIntegral`, in units of the loss that was trained on.

    Args:
        observed: of a ``Trained`` or of a ``Snapshot`` of one of its milestones.
        kind: which of the two.

    Raises:
        ValueError: if this kind was not accumulated.
    """
    prefix = _key(kind, "")
    found = {key.removeprefix(prefix): value for key, value in observed.items() if key.startswith(prefix)}
    if not found:
        raise ValueError(f"kind is {kind!r}: the training run must have PathIntegral(({kind!r},)) as its observer")
    return found


def synaptic_intelligence(omega: Parameters, start: Parameters, end: Parameters, damping: float = 1e-3) -> Parameters:
    """Compute Ω of every parameter, at least 0.

    Args:
        omega: from :func:`path_integral`, at the time of ``end``.
        start: parameters before the first step.
        end: parameters at the end of the task, or at a milestone.
        damping: ξ, in squared units of a weight. It decides how much a weight that hardly moved counts; see
            :func:`over_dampings`.

    Returns:
        float64 tensors, in units of the loss per squared unit of the parameter.

    Raises:
        ValueError: if the damping is not positive, or a parameter is missing.
    """
    if not 0 < damping < float("inf"):
        raise ValueError(f"damping is {damping}: it must be positive and finite")
    check_tensors(omega, "omega")
    for field, values in (("start", start), ("end", end)):
        check_tensors(values, field, omega)
    moved = {name: (end[name].double() - start[name].double()).square() for name in omega}
    return {name: (value.double() / (moved[name] + damping)).clamp(min=0) for name, value in omega.items()}


def over_dampings(
    omega: Parameters,
    start: Parameters,
    end: Parameters,
    dampings: Sequence[float] = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1),
) -> dict[float, Parameters]:
    """Compute Ω for each ξ, to see whether a conclusion depends on a constant that nobody derived."""
    return {damping: synaptic_intelligence(omega, start, end, damping) for damping in dampings}


def share(importance: Parameters) -> Parameters:
    """Divide an importance by its sum over all weights and biases of the member; NaN where that sum is 0.

    Shares of ω add up to 1 and can be negative, for a weight that moved up the gradient on balance.
    """
    check_tensors(importance, "importance")
    total = torch.stack([value.double().flatten(1).sum(1) for value in importance.values()]).sum(0)
    return {name: value.double() / total.view(-1, *[1] * (value.ndim - 1)) for name, value in importance.items()}


def _key(kind: str, name: str) -> str:
    return f"{kind} path integral {name}"
