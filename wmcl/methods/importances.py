r"""What a quadratic penalty weighs changes with: how much each guarded value matters for the task just learned.

Fisher information and Memory Aware Synapses are measured at the weights w that the network has in the task. A value θ
of which one weight depends, with the slope ∂w/∂θ, has per sequence a gradient that is so many times that of the weight:

.. math::
    Ω_θ = Ω_w \left|\frac{∂w}{∂θ}\right|^q, \qquad q = 2 \text{ for Fisher}, \; 1 \text{ for Memory Aware Synapses}.

Synaptic Intelligence watches the values themselves, whatever the weights are made of.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, get_args, runtime_checkable

from wmcl.importance import (
    FisherKind,
    PathIntegral,
    PathKind,
    fisher_diagonal,
    memory_aware_synapses,
    path_integral,
    synaptic_intelligence,
)
from wmcl.methods.setting import Setting
from wmcl.networks import Parameters
from wmcl.randomness import generator
from wmcl.tasks.task import check_counts
from wmcl.training import Observer, Step

_START = "start of the path "


@runtime_checkable
class Importance(Protocol):
    """Measures, after a task, how much each guarded value matters for it."""

    @property
    def factor(self) -> float:
        """What the penalty is multiplied by, beside its strength."""

    @property
    def observer(self) -> Observer | None:
        """What watches the steps of a task, if anything has to."""

    def measure(self, setting: Setting, values: Parameters, task: int, observed: Parameters) -> Parameters:
        """Non-negative float64 tensors with the names and shapes of the guarded values.

        Args:
            setting: who learns what.
            values: at the end of the task.
            task: which one was learned.
            observed: final state of the observer.
        """


@dataclass(frozen=True)
class FisherImportance:
    """Fisher diagonal (:func:`wmcl.importance.fisher_diagonal`), in nats² a sequence: of Elastic Weight Consolidation.

    The factor ½ makes the penalty the second-order expansion of the loss in nats a sequence, if the Fisher is the
    Hessian (Kirkpatrick et al., PNAS 2017).

    Raises:
        ValueError: if the kind is unknown, or there are no samples.
    """

    kind: FisherKind = "empirical"
    """where targets come from; the paper's code takes those of the data"""
    samples: int = 200
    """sequences of the task; each member draws its own"""

    factor: ClassVar[float] = 0.5
    observer: ClassVar[None] = None

    def __post_init__(self) -> None:
        _check_kind(self.kind, get_args(FisherKind))
        check_counts(samples=self.samples)

    def measure(self, setting: Setting, values: Parameters, task: int, observed: Parameters) -> Parameters:
        """Fisher of the guarded values; the targets of ``sampled`` are drawn anew for each task."""
        weights = setting.weights(values, task)
        sequences = setting.data(task, "importance", self.samples)
        seeds = [int(generator(seed, "importance targets", task).integers(2**63)) for seed in setting.seeds]
        found = fisher_diagonal(setting.network_of(task), setting.tasks[task], weights, sequences, self.kind, seeds)
        return _of_guarded(setting, found, values, task, power=2)


@dataclass(frozen=True)
class MemoryAwareSynapses:
    """Change of the squared length of the output (:func:`wmcl.importance.memory_aware_synapses`).

    Raises:
        ValueError: if there are no samples.
    """

    samples: int = 200
    """sequences of the task; each member draws its own"""

    factor: ClassVar[float] = 1.0
    observer: ClassVar[None] = None

    def __post_init__(self) -> None:
        check_counts(samples=self.samples)

    def measure(self, setting: Setting, values: Parameters, task: int, observed: Parameters) -> Parameters:
        """Mean absolute gradient with respect to the guarded values."""
        sequences = setting.data(task, "importance", self.samples)
        found = memory_aware_synapses(setting.network_of(task), setting.weights(values, task), sequences)
        return _of_guarded(setting, found, values, task, power=1)


@dataclass(frozen=True)
class SynapticIntelligence:
    """What each value did for the loss while the task was learned (:func:`wmcl.importance.synaptic_intelligence`).

    Raises:
        ValueError: if the kind is unknown, or the damping is not positive.
    """

    kind: PathKind = "task"
    """which loss counts: that of the task alone, as in all runs of the paper, or the total one"""
    damping: float = 1e-3
    """ξ, in squared units of a weight"""

    factor: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        _check_kind(self.kind, get_args(PathKind))
        if not 0 < self.damping < float("inf"):
            raise ValueError(f"damping is {self.damping}: it must be positive and finite")

    @property
    def observer(self) -> "PathFromStart":
        """Accumulates the path integral of the kind."""
        return PathFromStart(PathIntegral((self.kind,)))

    def measure(self, setting: Setting, values: Parameters, task: int, observed: Parameters) -> Parameters:
        """Ω of the guarded values, for the path from the start of the task to its end."""
        omega, guarded = path_integral(observed, self.kind), _guarded(setting, values)
        start = {name: observed[_START + name] for name in guarded}
        return synaptic_intelligence({name: omega[name] for name in guarded}, start, guarded, self.damping)


@dataclass(frozen=True)
class PathFromStart:
    """A path integral that remembers where the path began."""

    integral: PathIntegral

    def start(self, parameters: Parameters) -> Parameters:
        """The integral before the first step, and the values."""
        return self.integral.start(parameters) | {_START + name: value for name, value in parameters.items()}

    def observe(self, state: Parameters, step: Step) -> Parameters:
        """The integral after a step; the start stays."""
        return state | self.integral.observe(state, step)


def _guarded(setting: Setting, values: Parameters) -> Parameters:
    return setting.parametrisation.guarded(setting.network, setting.fixed | values)


def _of_guarded(setting: Setting, found: Parameters, values: Parameters, task: int, power: int) -> Parameters:
    """From the importance of weights to that of the values of the same name."""
    slopes = setting.parametrisation.slopes(setting.network, setting.fixed | values, task)
    return {
        name: found[name] * slopes[name].double().abs().pow(power) if name in slopes else found[name]
        for name in _guarded(setting, values)
    }


def _check_kind(kind: str, allowed: tuple[str, ...]) -> None:
    if kind not in allowed:
        raise ValueError(f"kind is {kind!r}: it must be one of {', '.join(allowed)}")
