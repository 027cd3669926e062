"""Weight-importance methods in a training loop of one's own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from wmcl.check_data import describe
from wmcl.importance.signals import FisherKind
from wmcl.importance.synaptic_intelligence import PathKind
from wmcl.pytorch.check import parameters_of
from wmcl.pytorch.importance import fisher_diagonal, memory_aware_synapses, own_likelihood
from wmcl.pytorch.path_integral import PathIntegral
from wmcl.tasks.task import check_counts


def _copied(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies, which do not change when training goes on."""
    return {name: value.detach().clone() for name, value in values.items()}


def check_number(name: str, value: Any, largest: float = float("inf")) -> None:
    """Refuse what is no number from 0 up to the largest, with a ValueError that names it."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise ValueError(f"{name} is {value!r}: it must be a number")
    if not 0 <= value <= largest or value == float("inf"):
        wanted = "at least 0 and finite" if largest == float("inf") else f"from 0 to {largest:g}"
        raise ValueError(f"{name} is {value}: it must be {wanted}")


class Protection:
    r"""A Protection holds the parameters of a module near what they were after earlier tasks.

    .. math:: λ c \sum_{j} \sum_i Ω_{j, i} (θ_i - θ^*_{j, i})^2

    There is one term j for all earlier tasks, whose importance adds up and decays, or one a task. The strength is λ;
    the factor c is ½ for a Fisher. The formulas are those of :mod:`wmcl.methods.quadratic`, and so is the unit of λ:
    it belongs to the loss that the penalty is added to.
    """

    factor: ClassVar[float] = 1.0
    per_task: ClassVar[bool] = False

    def __init__(self, model: nn.Module, strength: float, decay: float = 1.0) -> None:
        parameters_of(model)
        check_number("strength", strength)
        check_number("decay", decay, 1.0)
        self.model, self.strength, self.decay = model, strength, decay
        self.terms = list[tuple[dict[str, Tensor], dict[str, Tensor]]]()
        """importance (float64) and anchor of each parameter, by name"""

    def penalty(self) -> Tensor:
        """Return the penalty, to be added to the loss; 0 before the first task is consolidated."""
        parameters = dict(self.model.named_parameters())
        parts = []
        for importance, anchor in self.terms:
            for name, weight in importance.items():
                if name not in parameters or parameters[name].shape != anchor[name].shape:
                    found = tuple(parameters[name].shape) if name in parameters else "missing"
                    raise ValueError(
                        f"{name} of the model is {found}: it must be of shape {tuple(anchor[name].shape)}, as it was"
                        " when its importance was measured"
                    )
                value = parameters[name]
                parts.append((weight.to(value) * (value - anchor[name].to(value)).square()).sum())
        if not parts:
            return next(iter(parameters.values())).new_zeros(())
        return self.strength * self.factor * self.decay * torch.stack(parts).sum()

    def _keep(self, new: Mapping[str, Tensor]) -> None:
        """Take the importance of the task that was learned, with the present values as its anchor."""
        parameters = dict(self.model.named_parameters())
        importance, anchor = dict(new), {name: parameters[name].detach().clone() for name in new}
        if self.terms and not self.per_task:
            old, where = self.terms.pop()
            importance = {
                name: value + self.decay * old[name].to(value.device) if name in old else value
                for name, value in importance.items()
            }
            for name in old.keys() - importance.keys():  # frozen since then
                importance[name], anchor[name] = self.decay * old[name], where[name]
        self.terms.append((importance, anchor))

    def state_dict(self) -> dict[str, Any]:
        """Return all that a run needs to go on, in plain dictionaries, lists and tensors."""
        return {"terms": [{"importance": _copied(one), "anchor": _copied(other)} for one, other in self.terms]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state.

        Raises:
            ValueError: if it is none, or of another model.
        """
        terms = state.get("terms") if isinstance(state, Mapping) else None
        if not isinstance(terms, list) or not all(set(term) == {"importance", "anchor"} for term in terms):
            raise ValueError(f"state is {describe(state)}: it must be what state_dict() returned")
        if len(terms) > 1 and not self.per_task:
            raise ValueError(f"state has {len(terms)} terms, one a task: {type(self).__name__} has one for all")
        shapes = {name: value.shape for name, value in self.model.named_parameters()}
        pairs = [(_copied(term["importance"]), _copied(term["anchor"])) for term in terms]
        for importance, anchor in pairs:
            for name, value in [*importance.items(), *anchor.items()]:
                if name not in shapes or value.shape != shapes[name]:
                    wanted = tuple(shapes[name]) if name in shapes else "no such parameter"
                    raise ValueError(f"state has {name} of shape {tuple(value.shape)}: the model has {wanted}")
        self.terms = pairs


class OnlineEWC(Protection):
    """OnlineEWC is online elastic weight consolidation (Schwarz et al., ICML 2018) in a loop of one's own.

    Args:
        model: that is trained.
        strength: λ.
        likelihood: as for :func:`~wmcl.pytorch.fisher_diagonal`.
        kind: of the Fisher.
        decay: γ, from 0 (earlier tasks do not count) to 1.
        batch_first: whether the sample is the first axis of sequences; else time is.
        chunk: samples in memory at a time.

    Example:
        >>> import torch
        >>> model = torch.nn.Linear(2, 3)
        >>> ewc = OnlineEWC(model, strength=10.0, likelihood="categorical")
        >>> float(ewc.penalty())
        0.0
        >>> ewc.consolidate((torch.randn(20, 2), torch.randint(3, (20,))))
        >>> ewc.penalty().requires_grad
        True
    """

    factor: ClassVar[float] = 0.5

    def __init__(
        self,
        model: nn.Module,
        strength: float,
        likelihood: Any,
        kind: FisherKind = "empirical",
        decay: float = 1.0,
        *,
        batch_first: bool = True,
        chunk: int = 128,
    ) -> None:
        super().__init__(model, strength, decay)
        check_counts(chunk=chunk)
        own_likelihood(likelihood, kind)
        self.likelihood, self.kind, self.batch_first, self.chunk = likelihood, kind, batch_first, chunk

    def consolidate(self, data: Any, seed: int = 0) -> None:
        """Measure the Fisher of the task that was learned on its data, and hold on to the present values from now on.

        Args:
            data: as for :func:`~wmcl.pytorch.fisher_diagonal`.
            seed: of the targets that a ``sampled`` Fisher draws.
        """
        more = {"batch_first": self.batch_first, "seed": seed, "chunk": self.chunk, "progress": False}
        self._keep(fisher_diagonal(self.model, data, self.likelihood, self.kind, **more))  # type: ignore[arg-type]


class EWC(OnlineEWC):
    """EWC is elastic weight consolidation with a term a task (Kirkpatrick et al., PNAS 2017), in a loop of one's own.

    The arguments are those of :class:`OnlineEWC`, without the decay.
    """

    per_task: ClassVar[bool] = True

    def __init__(
        self,
        model: nn.Module,
        strength: float,
        likelihood: Any,
        kind: FisherKind = "empirical",
        *,
        batch_first: bool = True,
        chunk: int = 128,
    ) -> None:
        super().__init__(model, strength, likelihood, kind, batch_first=batch_first, chunk=chunk)


class MAS(Protection):
    """MAS is Memory Aware Synapses (Aljundi et al., ECCV 2018) in a loop of one's own.

    Args:
        model: that is trained.
        strength: λ.
        decay: γ.
        batch_first: whether the sample is the first axis of sequences; else time is.
        chunk: samples in memory at a time.
    """

    def __init__(
        self, model: nn.Module, strength: float, decay: float = 1.0, *, batch_first: bool = True, chunk: int = 128
    ) -> None:
        super().__init__(model, strength, decay)
        check_counts(chunk=chunk)
        self.batch_first, self.chunk = batch_first, chunk

    def consolidate(self, data: Any) -> None:
        """Measure the importance on data of the task that was learned, and hold on to the present values."""
        found = memory_aware_synapses(self.model, data, batch_first=self.batch_first, chunk=self.chunk, progress=False)
        self._keep(found)


class SI(Protection):
    """SI is Synaptic Intelligence (Zenke, Poole and Ganguli, ICML 2017) in a loop of one's own.

    Args:
        model: that is trained.
        optimiser: that trains it.
        strength: λ.
        kind: ``task`` integrates along the gradient of the task alone, as the catalogue does; ``total`` along the
            whole one. Of the kind ``task``, the gradient of the penalty is taken out of the gradient that the optimiser
            sees, so clipping, if any, acts on both before.
        damping: ξ, in squared units of a weight.
        decay: γ.

    Example:
        >>> import torch
        >>> model = torch.nn.Linear(2, 1)
        >>> optimiser = torch.optim.Adam(model.parameters())
        >>> si = SI(model, optimiser, strength=1.0)
        >>> loss = model(torch.ones(1, 2)).square().sum() + si.penalty()
        >>> loss.backward()
        >>> with si.observe():
        ...     optimiser.step()
        >>> si.consolidate()
    """

    def __init__(
        self,
        model: nn.Module,
        optimiser: Optimizer,
        strength: float,
        kind: PathKind = "task",
        damping: float = 1e-3,
        decay: float = 1.0,
    ) -> None:
        super().__init__(model, strength, decay)
        check_number("damping", damping)
        if not damping:
            raise ValueError(f"damping is {damping}: it must be above 0")
        self.path, self.damping = PathIntegral(model, optimiser, kind), damping
        self._received: Tensor | float = 0.0

    def penalty(self) -> Tensor:
        """Return the penalty, to be added to the loss; 0 before the first task is consolidated.

        Only the backward pass of the loss may go through it: its gradient is taken out of what the optimiser sees.
        """
        gradients = [value.grad for value in self.model.parameters()]
        if all(gradient is None or not bool(gradient.any()) for gradient in gradients):
            self._received = 0.0  # whatever was received before has been thrown away
        found = super().penalty()
        if found.requires_grad:
            found.register_hook(self._receive)
        return found

    def _receive(self, gradient: Tensor) -> None:
        """Keep by how much the penalty counts: accumulated, divided and scaled as the loss that it was added to."""
        self._received = self._received + gradient.detach()

    @contextmanager
    def observe(self, scaler: Any = None) -> Iterator[None]:
        """Watch the step that the optimiser takes inside of this block.

        Args:
            scaler: the ``GradScaler``, if the loss was scaled by one.
        """

        def gradient() -> dict[str, Tensor]:
            scale = self._received if scaler is None else self._received / scaler.get_scale()
            self._received = 0.0
            return self._gradient(scale)

        try:
            with self.path.observe(gradient):
                yield
        finally:
            self._received = 0.0

    def _gradient(self, scale: Tensor | float) -> dict[str, Tensor]:
        """Return the gradient of the penalty, as it counts in that of the loss."""
        found: dict[str, Tensor] = {}
        parameters = dict(self.model.named_parameters())
        for importance, anchor in self.terms:
            for name, weight in importance.items():
                value = parameters[name].detach()
                part = 2 * scale * self.strength * self.factor * self.decay * weight.to(value) * (value - anchor[name])
                found[name] = found.get(name, 0) + part
        return found

    def consolidate(self, data: Any = None) -> None:
        """Take the importance of the path since the last time, and hold on to the present values from now on."""
        if not self.path.steps:
            raise ValueError(
                "SI has watched no step since the last task: call optimiser.step() inside of `with si.observe():`"
            )
        self._keep(self.path.importance(self.damping))
        self.path.restart()

    def state_dict(self) -> dict[str, Any]:
        """Return all that a run needs to go on, in plain dictionaries, lists and tensors."""
        own = {"omega": _copied(self.path.omega), "start": _copied(self.path.start), "steps": self.path.steps}
        return super().state_dict() | own

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state."""
        super().load_state_dict(state)
        if "omega" not in state:
            raise ValueError("state has no path integral: it must be what state_dict() of SI returned")
        self.path.omega, self.path.start = _copied(state["omega"]), _copied(state["start"])
        self.path.steps = state["steps"]
