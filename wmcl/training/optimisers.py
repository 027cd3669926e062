"""Optimisers are pure functions with a learning rate for each member; schedules change the learning rate.

An optimiser proposes an update and changes nothing: the caller decides which members take it. All of its state is on
the device of the parameters, and no step waits for the value of a tensor, so that it can be captured as a CUDA graph.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from wmcl.check_arguments import check_kinds
from wmcl.networks.initialisation import Parameters


@dataclass(frozen=True)
class Schedule(ABC):
    """A schedule multiplies the learning rate by a factor that depends on the number of steps alone."""

    @abstractmethod
    def factor(self, steps: Int64[Tensor, ""]) -> Float64[Tensor, ""]:
        """Return the factor of the next step.

        Args:
            steps: number of steps already made, on the device; 0 before the first step.
        """


@dataclass(frozen=True)
class Warmup(Schedule):
    r"""Raise the learning rate linearly, as ``torch.optim.lr_scheduler.LinearLR`` does.

    After t steps the factor is :math:`s + (1 - s) \min(t / T, 1)`, with s = ``start`` and T = ``steps``.

    Raises:
        ValueError: if ``steps`` is below 1, or ``start`` is not in (0, 1].
    """

    steps: int
    """number of steps after which the factor is 1"""
    start: float = 1 / 3
    """factor of the first step"""

    def __post_init__(self) -> None:
        check_kinds(self)
        _check_at_least("steps", self.steps, 1)
        _check_start(self.start)

    def factor(self, steps: Int64[Tensor, ""]) -> Float64[Tensor, ""]:
        """Return the factor of the next step."""
        return self.start + (1 - self.start) * _progress(steps, self.steps)


@dataclass(frozen=True)
class Cosine(Schedule):
    r"""Lower the learning rate along half a cosine, if wanted after a warm-up.

    After t steps the factor is :math:`e + (1 - e) (1 + \cos π x) / 2` with
    :math:`x = \min((t - w) / (T - w), 1)`, e = ``end``, w = ``warmup`` and T = ``steps``. It equals
    ``torch.optim.lr_scheduler.CosineAnnealingLR`` (with a warm-up, ``SequentialLR`` of ``LinearLR`` and that) up to
    step T, and stays at e from there on.

    Raises:
        ValueError: if a field lies outside of its range.
    """

    steps: int
    """number of steps, warm-up included, after which the factor is ``end``"""
    warmup: int = 0
    """number of steps of the linear :class:`Warmup` that goes before"""
    end: float = 0.0
    """last factor"""
    start: float = 1 / 3
    """factor of the first step of the warm-up"""

    def __post_init__(self) -> None:
        check_kinds(self)
        _check_at_least("steps", self.steps, 1)
        _check_at_least("warmup", self.warmup, 0)
        if self.warmup >= self.steps:
            raise ValueError(f"warmup is {self.warmup}: it must be below steps, which is {self.steps}")
        if not 0 <= self.end <= 1:
            raise ValueError(f"end is {self.end}: it must lie between 0 and 1")
        _check_start(self.start)

    def factor(self, steps: Int64[Tensor, ""]) -> Float64[Tensor, ""]:
        """Return the factor of the next step."""
        x = _progress(steps - self.warmup, self.steps - self.warmup)
        annealed = self.end + (1 - self.end) * (1 + torch.cos(math.pi * x)) / 2
        if not self.warmup:
            return annealed
        return torch.where(steps < self.warmup, Warmup(self.warmup, self.start).factor(steps), annealed)


@dataclass(frozen=True)
class StepDecay(Schedule):
    r"""Multiply the learning rate by γ every so many steps, as ``torch.optim.lr_scheduler.StepLR`` does.

    After t steps the factor is :math:`γ^{⌊t / n⌋}`, with γ = ``gamma`` and n = ``every``.

    Raises:
        ValueError: if ``every`` is below 1, or ``gamma`` is not in (0, 1].
    """

    every: int
    """number of steps between two changes"""
    gamma: float = 0.1
    """what each change multiplies the learning rate by"""

    def __post_init__(self) -> None:
        check_kinds(self)
        _check_at_least("every", self.every, 1)
        if not 0 < self.gamma <= 1:
            raise ValueError(f"gamma is {self.gamma}: it must be above 0 and at most 1")

    def factor(self, steps: Int64[Tensor, ""]) -> Float64[Tensor, ""]:
        """Return the factor of the next step."""
        return torch.pow(self.gamma, torch.div(steps, self.every, rounding_mode="floor").double())


class OptimiserState(NamedTuple):
    """The state of an optimiser is the number of its steps and its moments, all of it on the device."""

    steps: Int64[Tensor, ""]
    """number of steps made"""
    moments: dict[str, Parameters]
    """running means or sums of the gradients or of their squares, by the name of the moment"""


@dataclass(frozen=True)
class Optimiser(ABC):
    """An Optimiser proposes the update of a step; this is the base class of all optimisers.

    One step adds to the parameters the update that :meth:`shrink` and :meth:`propose` give for the gradient that
    :meth:`decayed` gives.

    Raises:
        ValueError: if a field lies outside of its range.
    """

    learning_rate: float | Sequence[float] | Tensor = 1e-3
    """learning rate η, one for all members or one for each member"""
    _: KW_ONLY
    weight_decay: float = 0.0
    """weight decay λ, which pulls all parameters towards 0"""
    schedule: Schedule | None = None
    """factors of the learning rate; ``None`` keeps it constant"""

    decouples_weight_decay: ClassVar[bool] = False
    """whether weight decay is added to the update (Loshchilov and Hutter, ICLR 2019), not to the gradient"""

    def __post_init__(self) -> None:
        check_kinds(self)
        rates = np.asarray(self.learning_rate.cpu() if isinstance(self.learning_rate, Tensor) else self.learning_rate)
        if rates.ndim > 1:
            raise ValueError(f"learning_rate has shape {rates.shape}: it must be one number, or one for each member")
        if not (rates.size and np.all(rates > 0) and np.all(np.isfinite(rates))):
            raise ValueError(f"learning_rate is {self.learning_rate}: it must be positive and finite")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay is {self.weight_decay}: it must be at least 0 and finite")

    @property
    def moments(self) -> tuple[str, ...]:
        """Return the names of the moments; an optimiser without a memory has none."""
        return ()

    def on(self, device: torch.device | str) -> "Optimiser":
        """Return the same optimiser with its learning rates on a device, so that no step has to send them there."""
        return self._at(torch.as_tensor(self.learning_rate, dtype=torch.float64, device=device))

    def rates(self, members: int | None = None) -> tuple[float, ...]:
        """Return the learning rates as numbers.

        Args:
            members: size of the ensemble, for one number for each member; ``None`` gives those that were given.

        Raises:
            ValueError: if there is neither one learning rate nor one for each member.
        """
        found = torch.as_tensor(self.learning_rate, dtype=torch.float64).reshape(-1).tolist()
        if members is None or len(found) == members:
            return tuple(found)
        if len(found) != 1:
            raise ValueError(
                f"learning_rate has {len(found)} entries for {members} members: give one, or one for each member"
            )
        return tuple(found * members)

    def of_members(self, places: Sequence[int]) -> "Optimiser":
        """Return the same optimiser for some of the members, at these places of the ensemble."""
        rates = self.learning_rate
        if isinstance(rates, Tensor):
            return self if rates.numel() == 1 else self._at(rates[list(places)])
        if isinstance(rates, (int, float)) or len(rates) == 1:
            return self
        return self._at(tuple(rates[place] for place in places))

    def _at(self, rates: Sequence[float] | Tensor) -> "Optimiser":
        """Return the same optimiser with some of its learning rates, which are right and may not be free to read."""
        moved = copy(self)
        object.__setattr__(moved, "learning_rate", rates)
        return moved

    def start(self, parameters: Parameters) -> OptimiserState:
        """Return the state before the first step, in which all moments are 0."""
        zeros = {name: torch.zeros_like(value) for name, value in parameters.items()}
        device = next(iter(parameters.values())).device
        steps = torch.zeros((), dtype=torch.int64, device=device)
        return OptimiserState(steps, {name: dict(zeros) for name in self.moments})

    @abstractmethod
    def propose(self, gradient: Parameters, state: OptimiserState) -> tuple[Parameters, OptimiserState]:
        """Compute the update of the next step, without weight decay, and the state after it; nothing is changed."""

    def decayed(self, gradient: Parameters, parameters: Parameters) -> Parameters:
        """Return the gradient plus λθ, or the gradient itself where weight decay is 0 or decoupled."""
        if not self.weight_decay or self.decouples_weight_decay:
            return gradient
        return {name: value + self.weight_decay * parameters[name] for name, value in gradient.items()}

    def shrink(self, update: Parameters, parameters: Parameters, state: OptimiserState) -> Parameters:
        """Return the update minus ηλθ, or the update itself where weight decay is 0 or not decoupled.

        Args:
            update: what :meth:`propose` gave.
            parameters: θ before the step.
            state: of the optimiser, before the step.
        """
        if not self.weight_decay or not self.decouples_weight_decay:
            return update
        return {
            name: value - self.rate(parameters[name], state) * self.weight_decay * parameters[name]
            for name, value in update.items()
        }

    def rate(self, like: Tensor, state: OptimiserState) -> Tensor:
        """Return η of the next step, in a shape that multiplies a parameter member by member."""
        rate = torch.as_tensor(self.learning_rate, dtype=torch.float64, device=like.device)
        if self.schedule is not None:
            rate = rate * self.schedule.factor(state.steps)
        return rate.to(like.dtype).reshape(-1, *[1] * (like.ndim - 1))


@dataclass(frozen=True, kw_only=True)
class Adam(Optimiser):
    r"""Adam is the optimiser of Kingma and Ba (ICLR 2015); it equals ``torch.optim.Adam``.

    .. math::
        m &\leftarrow β_1 m + (1 - β_1) g, \quad v \leftarrow β_2 v + (1 - β_2) g^2 \\
        Δ &= -η \frac{m / (1 - β_1^t)}{\sqrt{v / (1 - β_2^t)} + ε}

    Raises:
        ValueError: if a field lies outside of its range.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    """decay β₁ of the first and β₂ of the second moment"""
    epsilon: float = 1e-8
    """number ε, which keeps the denominator above 0"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas is {self.betas}: both must be at least 0 and below 1")
        if not 0 <= self.epsilon < math.inf:
            raise ValueError(f"epsilon is {self.epsilon}: it must be at least 0 and finite")

    def propose(self, gradient: Parameters, state: OptimiserState) -> tuple[Parameters, OptimiserState]:
        """Compute the update of the next step and the state after it."""
        beta1, beta2 = self.betas
        old_first, old_second = state.moments["first"], state.moments["second"]
        steps = state.steps + 1
        first = {name: torch.lerp(old_first[name], g, 1 - beta1) for name, g in gradient.items()}
        second = {name: (old_second[name] * beta2).addcmul_(g, g, value=1 - beta2) for name, g in gradient.items()}
        correction1, correction2 = (1 - torch.pow(beta, steps.double()) for beta in self.betas)
        scale = correction2.sqrt()
        update = {}
        for name, m in first.items():
            denominator = second[name].sqrt().div_(scale).add_(self.epsilon)
            step = torch.div(m, denominator, out=denominator)
            update[name] = step.mul_(self.rate(m, state) / -correction1)
        return update, OptimiserState(steps, {"first": first, "second": second})

    @property
    def moments(self) -> tuple[str, ...]:
        """Return the names of the first and the second moment of the gradient."""
        return ("first", "second")


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """AdamW is Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019); it equals ``torch.optim.AdamW``.

    The update of :class:`Adam` gets -ηλθ added, and the moments know nothing of the decay.
    """

    weight_decay: float = 0.01
    """weight decay λ, which pulls all parameters towards 0"""

    decouples_weight_decay: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class SGD(Optimiser):
    r"""SGD is gradient descent, if wanted with momentum; it equals ``torch.optim.SGD``.

    .. math::
        m \leftarrow μ m + g, \quad Δ = -η m \quad \text{(Nesterov: } Δ = -η (g + μ m) \text{)}

    Raises:
        ValueError: if a field lies outside of its range, or ``nesterov`` is true without momentum.
    """

    momentum: float = 0.0
    """momentum μ; 0 keeps no moments"""
    nesterov: bool = False
    """whether the gradient is taken one step of momentum ahead"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum is {self.momentum}: it must be at least 0 and below 1")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov is True and momentum is 0.0: Nesterov's steps need a momentum above 0")

    def propose(self, gradient: Parameters, state: OptimiserState) -> tuple[Parameters, OptimiserState]:
        """Compute the update of the next step and the state after it."""
        moments, direction = {}, gradient
        if self.momentum:
            old = state.moments["momentum"]
            m = {name: self.momentum * old[name] + g for name, g in gradient.items()}
            direction = {name: g + self.momentum * m[name] for name, g in gradient.items()} if self.nesterov else m
            moments = {"momentum": m}
        update = {name: -self.rate(value, state) * value for name, value in direction.items()}
        return update, OptimiserState(state.steps + 1, moments)

    @property
    def moments(self) -> tuple[str, ...]:
        """Return the name of the sum of the gradients, if there is momentum."""
        return ("momentum",) if self.momentum else ()


def _progress(steps: Tensor, total: int) -> Tensor:
    """Return the fraction of the steps that were made, between 0 and 1."""
    return steps.double().clamp(0, total) / total


def _check_at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{name} is {value}: it must be at least {least}")


def _check_start(start: float) -> None:
    if not 0 < start <= 1:
        raise ValueError(f"start is {start}: it must be above 0 and at most 1")
