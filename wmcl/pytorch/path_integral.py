"""Watch an ordinary optimiser: what each weight does for the loss, step by step."""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from wmcl.check_data import describe
from wmcl.importance.synaptic_intelligence import PathKind
from wmcl.importance.synaptic_intelligence import synaptic_intelligence as omega_of
from wmcl.pytorch.check import parameters_of


class PathIntegral:
    r"""A PathIntegral adds up ω, the path integral of Synaptic Intelligence, while an optimiser trains a module.

    At every step that is taken inside of :meth:`observe`, ω ← ω - g Δθ (:mod:`wmcl.importance.synaptic_intelligence`).
    Of the kind ``total``, g is the gradient that the optimiser sees, and Δθ the step that it takes. Of the kind
    ``task``, g lacks the gradient of a penalty, and Δθ is the step that the optimiser would take then, without weight
    decay: a second step on a copy, which costs as much as the first.

    Args:
        model: whose trained parameters are watched.
        optimiser: of these parameters; any that steps without a closure, with any parameter groups.
        kind: which of the two.

    Example:
        >>> import torch
        >>> model = torch.nn.Linear(2, 1)
        >>> optimiser = torch.optim.SGD(model.parameters(), 0.1)
        >>> path = PathIntegral(model, optimiser)
        >>> model(torch.ones(1, 2)).sum().backward()
        >>> with path.observe():
        ...     optimiser.step()
        >>> path.omega["bias"]
        tensor([0.1000], dtype=torch.float64)
    """

    def __init__(self, model: nn.Module, optimiser: Optimizer, kind: PathKind = "total") -> None:
        if not isinstance(optimiser, Optimizer):
            raise ValueError(f"optimiser is {describe(optimiser)}: it must be a torch.optim.Optimizer")
        if kind not in ("total", "task"):
            raise ValueError(f"kind is {kind!r}: it must be one of total, task")
        self.optimiser, self.kind = optimiser, kind
        if isinstance(optimiser, torch.optim.LBFGS):
            raise ValueError("optimiser is LBFGS, which steps with a closure: its gradients cannot be watched")
        self.model = model
        self.restart()
        self._check_optimiser()

    def restart(self) -> None:
        """Begin a new path here, with ω = 0."""
        self.start, self.omega = dict[str, Tensor](), dict[str, Tensor]()
        self.steps = 0
        self._look()

    def _look(self) -> None:
        """Begin a path for parameters that are new."""
        self._parameters = parameters_of(self.model)
        for name, value in self._parameters.items():
            if name not in self.start or self.start[name].shape != value.shape:
                self.start[name] = value.detach().clone()
                self.omega[name] = torch.zeros_like(value, dtype=torch.float64)

    def _check_optimiser(self) -> None:
        known = {id(value) for group in self.optimiser.param_groups for value in group["params"]}
        missing = [name for name, value in self._parameters.items() if id(value) not in known]
        if missing:
            raise ValueError(
                f"optimiser does not train {missing[0]} of the model, so its path cannot be watched: freeze it with"
                " requires_grad_(False), or add it to the optimiser"
            )

    def importance(self, damping: float = 1e-3) -> dict[str, Tensor]:
        """Return Ω of every parameter for the path so far (:func:`wmcl.importance.synaptic_intelligence`)."""
        self._look()
        now = {name: value.detach() for name, value in self._parameters.items()}
        return omega_of({name: self.omega[name] for name in now}, self.start, now, damping)

    @contextmanager
    def observe(self, penalty_gradient: Callable[[], Mapping[str, Tensor]] = dict) -> Iterator[None]:
        """Watch the steps that the optimiser takes inside of this block; a step that is skipped leaves no trace.

        Gradients may have been clipped, accumulated or, with a ``GradScaler`` whose ``step`` is called inside,
        scaled before.

        Args:
            penalty_gradient: tells, before each step, what of the gradient is not of the task, by the name of the
                parameter.

        Raises:
            ValueError: if the optimiser is given a closure.
        """
        self._look()
        self._check_optimiser()
        before: dict[str, Tensor] = {}
        gradients: dict[str, Tensor] = {}
        changes: dict[str, Tensor] = {}

        def first(optimiser: Optimizer, args: Any, kwargs: Any) -> None:
            if any(callable(value) for value in (*args[1:], *kwargs.values())):
                raise ValueError("the optimiser steps with a closure: its gradients can not be watched")
            if getattr(optimiser, "grad_scale", None) is not None:
                raise ValueError(
                    "the optimiser unscales gradients by itself (fused): call scaler.unscale_(optimiser) before it"
                )
            penalty = penalty_gradient() if self.kind == "task" else {}
            gradients.clear()
            for name, value in self._parameters.items():
                if value.grad is None:
                    continue
                before[name], gradients[name] = value.detach().clone(), value.grad.detach().to_dense().clone()
                if name in penalty:
                    gradients[name] -= penalty[name]
            if self.kind == "task":
                changes.update(self._would_be(gradients))

        def then(optimiser: Optimizer, args: Any, kwargs: Any) -> None:
            for name, old in before.items():
                change = changes[name] if self.kind == "task" else self._parameters[name].detach() - old
                self.omega[name] -= (change * gradients[name]).double()
            before.clear()
            self.steps += 1

        handles = [self.optimiser.register_step_pre_hook(first), self.optimiser.register_step_post_hook(then)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _would_be(self, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the step that the optimiser would take with other gradients."""
        places = {
            name: (g, p)
            for name, value in self._parameters.items()
            for g, group in enumerate(self.optimiser.param_groups)
            for p, other in enumerate(group["params"])
            if other is value and name in gradients
        }
        other = copy.deepcopy(self.optimiser)
        moved = {}
        for group in other.param_groups:
            if "weight_decay" in group:
                group["weight_decay"] = 0
        for name, (g, p) in places.items():
            moved[name] = other.param_groups[g]["params"][p]
            moved[name].grad = gradients[name].to(moved[name]).clone()
        other.step()
        return {
            name: (moved[name] - self._parameters[name]).detach()
            if name in moved
            else torch.zeros_like(self._parameters[name])
            for name in gradients
        }
