"""Who learns what: what stays the same from the first task to the last."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.methods.parametrisation import Parametrisation
from wmcl.methods.vectors import vectors_of
from wmcl.networks import Network, Parameters
from wmcl.randomness import generator
from wmcl.tasks import Sequences, Task
from wmcl.training import Options


@dataclass(frozen=True)
class Setting:
    """A network, where its weights come from, and the tasks that it learns one after the other."""

    network: Network
    parametrisation: Parametrisation
    tasks: tuple[Task, ...]
    seeds: tuple[int, ...]
    """one a member; they may repeat where members differ in something else"""
    options: Options
    fixed: Parameters
    """values that are drawn once and never trained, such as masks"""
    device: str = "cpu"

    def network_of(self, task: int) -> Network:
        """The network with the read-out that answers a task: its own, or the only one."""
        return self.network.answering(task if self.network.heads > 1 else 0)

    def weights(self, values: Parameters, task: int) -> Parameters:
        """Weights of the network in a task, differentiable in the trained values, and its own vectors of words."""
        known = self.fixed | values
        return self.parametrisation.weights(self.network, known, task) | vectors_of(known, task)

    def of_members(self, places: Sequence[int]) -> "Setting":
        """The same for some of the members, in the order of their places."""
        rates, chosen = self.options.learning_rate, list(places)
        own = tuple(float(np.asarray(rates)[place]) for place in chosen) if np.ndim(rates) else rates
        return replace(
            self,
            seeds=tuple(self.seeds[place] for place in chosen),
            options=replace(self.options, learning_rate=own),
            fixed=select(self.fixed, chosen),
        )

    def data(self, task: int, purpose: str, samples: int) -> Sequences:
        """Sequences of a task for a purpose, such as its Fisher; each member draws its own, as it draws its batches."""
        generators = [generator(seed, purpose, task) for seed in self.seeds]
        return self.tasks[task].draw(generators, samples).to(self.device)


def select(values: Parameters, places: Sequence[int]) -> Parameters:
    """Values of some members, in the order of their places, which may repeat."""
    return {name: value[list(places)] for name, value in values.items()}


def per_member(name: str, value: float | Sequence[float], setting: Setting) -> Float[Tensor, "member"]:
    """A hyperparameter as a number a member, in float64, on the device.

    Raises:
        ValueError: if it is no number, negative or not finite, or if there are as many numbers as neither 1 nor the
            members.
    """
    members, numbers = len(setting.seeds), np.asarray(value)
    if numbers.dtype.kind not in "iuf" or numbers.ndim > 1:
        raise ValueError(f"{name} is {value!r}: it must be a number, or a sequence of one a member")
    if not (np.all(numbers >= 0) and np.all(np.isfinite(numbers))):
        raise ValueError(f"{name} is {value}: it must be at least 0 and finite")
    if numbers.ndim and numbers.shape != (members,):
        raise ValueError(f"{name} has {numbers.size} entries for {members} members: give one, or one a member")
    return torch.as_tensor(np.broadcast_to(numbers, members).astype(float), dtype=torch.float64, device=setting.device)
