"""A run is made of a learner and of the parts that a continual-learning method adds to it.

Every method of a part does nothing unless it is overridden, so a part says only what it adds. Parts are frozen
dataclasses: what they keep travels through the run as values. What a part keeps from task to task is its *memory*
(``None`` before the first task); what it makes of that when a task begins, for the steps of this task, is its *past*.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils._pytree import tree_leaves

from wmcl.networks import Network, Parameters
from wmcl.networks.vectors import CHANGES
from wmcl.randomness import generator
from wmcl.tasks import Sequences, Task
from wmcl.training.observer import Observer
from wmcl.training.options import Options

Strength = float | Sequence[float]
"""a non-negative factor: one for all members, or one for each"""


class Offer(StrEnum):
    """An Offer is something that one part of a run can need and another can offer."""

    earlier_tasks = "earlier tasks"
    sequences = "sequences of the task"
    steps = "steps that it can watch or look ahead of"
    shared_weights = "weights that tasks share"
    generated_weights = "generated weights"


class Initial(NamedTuple):
    """An Initial holds the values that a part has before the first task."""

    trained: Parameters
    """values that the optimiser changes"""
    fixed: Parameters
    """values that are drawn once and stay, such as masks"""


@dataclass(frozen=True)
class Parametrisation:
    """A Parametrisation gives the weights of a network in every task; this one gives all tasks the same weights.

    The argument ``values`` of its methods holds all values of a run by name, trained and fixed.
    """

    offers: ClassVar[frozenset[Offer]] = frozenset({Offer.shared_weights})

    @property
    def is_shared(self) -> bool:
        """Tell whether all tasks have the same weights, heads apart."""
        return type(self).weights is Parametrisation.weights

    def init(self, network: Network, seeds: Sequence[int], tasks: int) -> Initial:
        """Return the values before the first task, with an entry for each seed along the member axis."""
        return Initial(network.init(seeds), {})

    def weights(self, network: Network, values: Parameters, task: int) -> Parameters:
        """Return the weights of the network in a task, differentiable in the values."""
        return {name: values[name] for name in network.shapes}

    def base(self, network: Network, values: Parameters, task: int) -> Parameters:
        """Return the weights before gains and shifts, on which the orthogonality penalty acts."""
        return {name: values[name] for name in network.shapes}

    def consolidated(self, network: Network, values: Parameters) -> Parameters:
        """Return the values that tasks share and that a penalty may hold in place."""
        return {name: values[name] for name in network.shapes}

    def derivatives(self, network: Network, values: Parameters, task: int) -> Parameters:
        """Return ∂ weight / ∂ consolidated value where it is not 1: elementwise, broadcast to the weight."""
        return {}


@dataclass(frozen=True)
class Learner:
    """A Learner says who learns what: it holds all that stays the same from the first step of a run to the last."""

    network: Network
    parametrisation: Parametrisation
    tasks: tuple[Task, ...]
    """tasks in the order in which they are learned"""
    seeds: tuple[int, ...]
    """seed of each member; seeds may repeat where members differ in something else"""
    options: Options
    fixed: Parameters
    """values that are drawn once and never trained, such as masks"""
    device: str = "cpu"

    def network_of(self, task: int) -> Network:
        """Return the network with the head that answers a task: the task's own, or the only one."""
        has_own_head = len(self.tasks) > 1 and self.network.heads > 1
        return self.network.answering(task) if has_own_head else self.network

    def weights(self, values: Parameters, task: int) -> Parameters:
        """Return the weights in a task, differentiable in the trained values, and its own changes of word vectors."""
        known = self.fixed | values
        changes = self.name_of_changes(task)
        own = {CHANGES: known[changes]} if changes in known else {}
        return self.parametrisation.weights(self.network, known, task) | own

    def base(self, values: Parameters, task: int) -> Parameters:
        """Return the weights in a task before gains and shifts."""
        return self.parametrisation.base(self.network, self.fixed | values, task)

    def consolidated(self, values: Parameters) -> Parameters:
        """Return the values that tasks share and that a penalty may hold in place."""
        return self.parametrisation.consolidated(self.network, self.fixed | values)

    def derivatives(self, values: Parameters, task: int) -> Parameters:
        """Return ∂ weight / ∂ consolidated value where it is not 1."""
        return self.parametrisation.derivatives(self.network, self.fixed | values, task)

    def name_of_changes(self, task: int) -> str:
        """Return the name of the value that a task learns for its word vectors (:mod:`wmcl.networks.vectors`).

        Each task of a run has a value of its own. These are neither masked nor modulated nor generated, they are
        trained in the sessions of their task alone, and no penalty holds them: nothing can be forgotten there.
        """
        return CHANGES if len(self.tasks) == 1 else f"{CHANGES}_{task}"

    def data(self, task: int, purpose: str, samples: int) -> Sequences:
        """Draw sequences of a task for a purpose, such as its Fisher; each member draws its own."""
        generators = [generator(seed, purpose, task) for seed in self.seeds]
        return self.typed(self.tasks[task].draw(generators, samples)).to(self.device)

    def typed(self, sequences: Sequences) -> Sequences:
        """Return sequences in the precision of the run: tasks draw them in single precision."""
        return sequences.to(torch.float64) if self.options.precision == "float64" else sequences

    def per_member(self, **named: Any) -> Float[Tensor, "member"]:
        """Return a hyperparameter, given by its name, as a number for each member: float64, on the device.

        Raises:
            ValueError: if it is no number, negative or not finite, or if there are neither one nor as many numbers as
                members.
        """
        ((name, value),) = named.items()
        members, numbers = len(self.seeds), np.asarray(value)
        if numbers.dtype.kind not in "iuf" or numbers.ndim > 1:
            raise ValueError(f"{name} is {value!r}: it must be a number, or a sequence of one for each member")
        if not (np.all(numbers >= 0) and np.all(np.isfinite(numbers))):
            raise ValueError(f"{name} is {value}: it must be at least 0 and finite")
        if numbers.ndim and numbers.shape != (members,):
            raise ValueError(f"{name} has {numbers.size} entries for {members} members: give one, or one for each")
        full = np.broadcast_to(numbers, members).astype(float)
        return torch.as_tensor(full, dtype=torch.float64, device=self.device)

    def of_members(self, places: Sequence[int]) -> "Learner":
        """Return the learner with some of its members, in the order of their places."""
        return replace(
            self,
            seeds=tuple(self.seeds[place] for place in places),
            options=replace(self.options, optimiser=self.options.optimiser.of_members(places)),
            fixed=select(self.fixed, places),
        )


@dataclass(frozen=True)
class Part:
    """A Part is the base class of penalties and rehearsals."""

    needs: ClassVar[frozenset[Offer]] = frozenset({Offer.earlier_tasks})
    """what other parts of the run have to offer"""

    @property
    def observer(self) -> Observer | None:
        """Return what watches the steps of a task, or ``None`` if nothing does.

        It sees the trained values by name, and ``finish`` gets its state.
        """
        return None

    def check(self, learner: Learner) -> None:
        """Refuse, before anything is trained, what does not fit the learner.

        Raises:
            ValueError: if a strength (any field whose name ends so) is out of range or not one for each member, or if
                the part changes steps but has no ``start`` that says from when on.
        """
        hooks = ("loss", "losses", "draw", "adjust_gradient", "adjust_update")
        own = [hook for hook in hooks if getattr(type(self), hook, None) is not getattr(_base_of(self), hook, None)]
        if own and type(self).start is Part.start:
            raise ValueError(
                f"{type(self).__name__} has {own[0]} but no start: without a past from start it would never be called;"
                " let start return what the steps need, or None while there is nothing to do"
            )
        for field in fields(self):
            if field.name.endswith("strength"):
                learner.per_member(**{field.name: getattr(self, field.name)})

    def start(self, learner: Learner, memory: Any, values: Parameters, task: int) -> Any:
        """Return the past that the steps of a task need.

        While it is ``None``, as before the second task, no other method of the part is called in the steps.
        """
        return None

    def draw(self, learner: Learner, past: Any, task: int, iteration: int, batch: Sequences) -> Parameters:
        """Return the random numbers of an iteration, addressed by the seeds; they may be of any type.

        A member's numbers must not depend on how far its batch is padded: batches of recorded sequences are as long as
        the longest sequence of all members.
        """
        return {}

    def adjust_gradient(self, past: Any, gradient: Parameters, values: Parameters, draws: Parameters) -> Parameters:
        """Change the gradient of task loss, penalty and rehearsal, before it is clipped."""
        return gradient

    def adjust_update(self, past: Any, update: Parameters, values: Parameters, draws: Parameters) -> Parameters:
        """Change the update that the optimiser proposes."""
        return update

    def finish(self, learner: Learner, memory: Any, values: Parameters, task: int, observed: Parameters) -> Any:
        """Return the memory after a task.

        It must follow from the arguments alone: a run that goes on from a checkpoint calls it again.
        """
        return memory

    def stored(self, memory: Any) -> int:
        """Return how many numbers of a member are kept between tasks: all in the tensors of the memory.

        They are found in tuples, lists, dictionaries and dataclasses, such as sequences, however they are nested.
        """
        leaves = tree_leaves(memory)
        own = sum(leaf[0].numel() for leaf in leaves if isinstance(leaf, Tensor))
        return own + sum(self.stored(vars(leaf)) for leaf in leaves if is_dataclass(leaf))


def _base_of(part: Part) -> type[Part]:
    return Penalty if isinstance(part, Penalty) else Rehearsal


@dataclass(frozen=True)
class Penalty(Part):
    """A Penalty holds back changes that would hurt earlier tasks; its loss depends on the values alone."""

    has_strength_in_past: ClassVar[bool] = False
    """whether ``start`` has multiplied the strength into the past, so that the run does not multiply it in"""

    @property
    def lookahead(self) -> bool:
        """Tell whether the loss is taken where the gradient of the task alone would lead, not at the present values."""
        return False

    def loss(self, past: Any, values: Parameters, draws: Parameters) -> Float[Tensor, "member"] | None:
        """Return the penalty of every member, which the run multiplies by the field ``strength``, if there is one."""
        return None


@dataclass(frozen=True)
class Rehearsal(Part):
    """A Rehearsal practises earlier tasks again; its losses are on sequences that are stored or generated."""

    def init(self, learner: Learner) -> Initial:
        """Return the rehearsal's own values, such as those of a decoder; their names must differ from the network's."""
        return Initial({}, {})

    def losses(
        self, past: Any, values: Parameters, batch: Sequences, draws: Parameters
    ) -> dict[str, Float[Tensor, "member"]]:
        """Return the losses of every member by name, strengths included."""
        return {}


def select(values: Parameters, places: Sequence[int]) -> Parameters:
    """Return the values of some members, in the order of their places, which may repeat."""
    return {name: value[list(places)] for name, value in values.items()}


def check_fit(given: Parameters, values: Parameters, name: str) -> None:
    """Refuse what does not have a tensor of the shape of each value, by the same names.

    Raises:
        ValueError: naming what was given, by its name in the message, and the first value that it does not fit.
    """
    for each in [*values, *(given.keys() - values.keys())]:
        found = tuple(given[each].shape) if each in given else "missing"
        wanted = f"of shape {tuple(values[each].shape)}" if each in values else "left out: there is no such value"
        if each not in given or each not in values or found != tuple(values[each].shape):
            raise ValueError(f"{each} in the {name} is {found}: it must be {wanted}")


def penalty_strength(penalty: Penalty, learner: Learner) -> Float[Tensor, "member"] | None:
    """Return what the loss of a penalty is multiplied by; ``None`` if it has no strength, or its past holds it."""
    strength = getattr(penalty, "strength", None)
    return None if strength is None or penalty.has_strength_in_past else learner.per_member(strength=strength)
