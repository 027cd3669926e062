"""The network that answers a task after a phase, and whether all tasks have the same weights."""

from dataclasses import dataclass

import torch

from wmcl.methods import Learned
from wmcl.networks import Network, Parameters
from wmcl.tasks import Sequences, Task


@dataclass(frozen=True)
class Answering:
    """A task, with what answers it."""

    number: int
    task: Task
    network: Network
    """with the read-out of the task"""
    weights: Parameters
    """in the task, without gradient"""
    slopes: Parameters
    """∂ weight / ∂ trained value of those weights where it is not 1, such as masks"""
    device: str

    def sequences(self, purpose: str, samples: int) -> Sequences:
        """A fixed set of the task that all networks share; neither validation nor test data."""
        return self.task.fixed_set(purpose, samples).to(self.device)


@torch.no_grad()
def answering(learned: Learned) -> list[Answering]:
    """Of every task so far, in their order."""
    setting, found = learned.setting, []
    for number in range(learned.task + 1):
        values = learned.alone.get(number, learned.values)
        weights = setting.weights(values, number)
        slopes = setting.parametrisation.slopes(setting.network, setting.fixed | values, number)
        found.append(
            Answering(number, setting.tasks[number], setting.network_of(number), weights, slopes, setting.device)
        )
    return found


def have_same_weights(every: list[Answering]) -> bool:
    """Whether all tasks are answered by the same weights, but for the read-out."""
    first = every[0].weights
    return all(torch.equal(value, each.weights[name]) for each in every[1:] for name, value in first.items())
