r"""Importances tell a quadratic penalty how much each value matters for the task just learned.

Fisher information and Memory Aware Synapses are measured at the weights w that the network has in the task. A value θ
on which one weight depends has, per sequence, a gradient that is ∂w/∂θ times that of the weight:

.. math::
    Ω_θ = Ω_w \left|\frac{∂w}{∂θ}\right|^q, \qquad q = 2 \text{ for Fisher}, \; 1 \text{ for Memory Aware Synapses}.

Synaptic Intelligence watches the values themselves, whatever the weights are made of.
"""

from dataclasses import dataclass
from typing import ClassVar, get_args

import torch

from wmcl.importance import PathIntegral, fisher_diagonal, memory_aware_synapses, path_integral, synaptic_intelligence
from wmcl.importance.signals import FisherKind
from wmcl.importance.synaptic_intelligence import PathKind
from wmcl.networks import Parameters
from wmcl.randomness import generator
from wmcl.tasks.task import check_counts
from wmcl.training import Observer
from wmcl.training.observer import Step
from wmcl.training.parts import Learner

_START = "start of the path "


@dataclass(frozen=True)
class Importance:
    """An Importance measures, after a task, how much each consolidated value matters for it."""

    factor: ClassVar[float] = 1.0
    """what the penalty is multiplied by, beside its strength"""

    @property
    def observer(self) -> Observer | None:
        """Return what watches the steps of a task, if anything has to."""
        return None

    def measure(self, learner: Learner, values: Parameters, task: int, observed: Parameters) -> Parameters:
        """Return non-negative float64 tensors with the names and shapes of the consolidated values.

        Args:
            learner: who learns what.
            values: at the end of the task.
            task: which one was learned.
            observed: final state of the observer.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class FisherImportance(Importance):
    """FisherImportance is the Fisher diagonal (:func:`wmcl.importance.fisher_diagonal`), in nats² a sequence.

    It is the importance of Elastic Weight Consolidation. The factor ½ makes the penalty the second-order expansion of
    the loss in nats a sequence, if the Fisher is the Hessian (Kirkpatrick et al., PNAS 2017).

    Raises:
        ValueError: if the kind is unknown, or there are no samples.
    """

    factor: ClassVar[float] = 0.5

    kind: FisherKind = "empirical"
    """where the targets of the Fisher come from; the paper's code takes those of the data"""
    samples: int = 200
    """sequences of the task; each member draws its own"""

    def __post_init__(self) -> None:
        _check_kind(self.kind, get_args(FisherKind))
        check_counts(samples=self.samples)

    def measure(self, learner: Learner, values: Parameters, task: int, observed: Parameters) -> Parameters:
        """Return the Fisher of the consolidated values; the targets of ``sampled`` are drawn anew for each task."""
        weights, data = learner.weights(values, task), learner.data(task, "importance", self.samples)
        seeds = [int(generator(seed, "importance targets", task).integers(2**63)) for seed in learner.seeds]
        found = fisher_diagonal(learner.network_of(task), weights, data, learner.tasks[task], self.kind, seeds=seeds)
        return _of_values(learner, found, values, task, power=2)


@dataclass(frozen=True)
class MemoryAwareSynapses(Importance):
    """MemoryAwareSynapses is the change of the squared length of the output.

    It is computed by :func:`wmcl.importance.memory_aware_synapses`.

    Raises:
        ValueError: if there are no samples.
    """

    samples: int = 200
    """sequences of the task; each member draws its own"""

    def __post_init__(self) -> None:
        check_counts(samples=self.samples)

    def measure(self, learner: Learner, values: Parameters, task: int, observed: Parameters) -> Parameters:
        """Return the mean absolute gradient with respect to the consolidated values."""
        data = learner.data(task, "importance", self.samples)
        found = memory_aware_synapses(learner.network_of(task), learner.weights(values, task), data)
        return _of_values(learner, found, values, task, power=1)


@dataclass(frozen=True)
class SynapticIntelligence(Importance):
    """SynapticIntelligence is what each value did for the loss while the task was learned.

    It is computed by :func:`wmcl.importance.synaptic_intelligence`.

    Raises:
        ValueError: if the kind is unknown, or the damping is not positive.
    """

    kind: PathKind = "task"
    """which loss counts: that of the task alone, as in all runs of the paper, or the total one"""
    damping: float = 1e-3
    """damping ξ, in squared units of a weight"""

    def __post_init__(self) -> None:
        _check_kind(self.kind, get_args(PathKind))
        if not 0 < self.damping < float("inf"):
            raise ValueError(f"damping is {self.damping}: it must be positive and finite")

    @property
    def observer(self) -> "PathFromStart":
        """Return an observer that keeps the path integral of the kind, and where the path began."""
        return PathFromStart(PathIntegral((self.kind,)))

    def measure(self, learner: Learner, values: Parameters, task: int, observed: Parameters) -> Parameters:
        """Return Ω of the consolidated values, for the path from the start of the task to its end."""
        omega, own = path_integral(observed, self.kind), learner.consolidated(values)
        start = {name: observed[_START + name] for name in own}
        return synaptic_intelligence({name: omega[name] for name in own}, start, own, self.damping)


@dataclass(frozen=True)
class Normalised(Importance):
    r"""Normalised is an importance divided by its mean over all consolidated values of a member, Ω_i / mean Ω.

    The quadratic penalty with it is λ Σ_i Ω_i (Δθ_i)² / mean Ω: λ times the squared distance that the values moved,
    in which a value that matters more than the mean counts more than one. So λ has the same unit, nats a scored bit by
    squared weight, for every importance, and rescaling an importance changes nothing. An importance that is zero
    everywhere stays zero.
    """

    of: Importance

    @property
    def observer(self) -> Observer | None:
        """Return what watches the steps of a task for the importance."""
        return self.of.observer

    def measure(self, learner: Learner, values: Parameters, task: int, observed: Parameters) -> Parameters:
        """Return the importance of every consolidated value over the mean."""
        found = self.of.measure(learner, values, task, observed)
        mean = torch.cat([value.flatten(1) for value in found.values()], 1).mean(1)
        scale = torch.where(mean > 0, 1 / mean, torch.zeros_like(mean))
        return {name: value * scale.view(-1, *[1] * (value.ndim - 1)) for name, value in found.items()}


@dataclass(frozen=True)
class PathFromStart(Observer):
    """A PathFromStart is a path integral that remembers where the path began."""

    integral: PathIntegral

    def start(self, parameters: Parameters) -> Parameters:
        """Return the integral before the first step, and the values at the start of the path."""
        return self.integral.start(parameters) | {_START + name: value for name, value in parameters.items()}

    def observe(self, state: Parameters, step: Step) -> Parameters:
        """Return the integral after a step; the start stays."""
        return state | self.integral.observe(state, step)


def _of_values(learner: Learner, found: Parameters, values: Parameters, task: int, power: int) -> Parameters:
    """Convert the importance of weights to that of the consolidated values of the same name."""
    derivatives = learner.derivatives(values, task)
    return {
        name: found[name] * derivatives[name].double().abs().pow(power) if name in derivatives else found[name]
        for name in learner.consolidated(values)
    }


def _check_kind(kind: str, allowed: tuple[str, ...]) -> None:
    if kind not in allowed:
        raise ValueError(f"kind is {kind!r}: it must be one of {', '.join(allowed)}")
