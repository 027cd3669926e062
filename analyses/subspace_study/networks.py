"""The network that answers a task after a session, and whether all tasks have the same weights."""

from dataclasses import dataclass

import torch

from wmcl.methods import TrainedSession
from wmcl.networks import Network, Parameters
from wmcl.tasks import Sequences, Task


@dataclass(frozen=True)
class Answering:
    """A task, with what answers it."""

    number: int
    task: Task
    network: Network
    """with the head of the task"""
    weights: Parameters
    """in the task, without gradient"""
    derivatives: Parameters
    """∂ weight / ∂ trained value of those weights where it is not 1, such as masks"""
    device: str

    def sequences(self, purpose: str, samples: int) -> Sequences:
        """A fixed set of the task that all networks share; neither validation nor test data."""
        return self.task.fixed_set(purpose, samples).to(self.device)


@torch.no_grad()
def answering(after: TrainedSession) -> list[Answering]:
    """Of every task so far, in their order."""
    learner, found = after.learner, []
    for number in range(after.task + 1):
        values = after.alone.get(number, after.values)
        weights, derivatives = learner.weights(values, number), learner.derivatives(values, number)
        found.append(
            Answering(number, learner.tasks[number], learner.network_of(number), weights, derivatives, learner.device)
        )
    return found


def have_same_weights(every: list[Answering]) -> bool:
    """Whether all tasks are answered by the same weights, but for the head."""
    first = every[0].weights
    return all(torch.equal(value, each.weights[name]) for each in every[1:] for name, value in first.items())
