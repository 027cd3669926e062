"""The objective of a network that learns one task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from wmcl.networks import Network, Parameters
from wmcl.tasks import Sequences, Task
from wmcl.training.evaluation import Evaluation, evaluate_unchecked
from wmcl.training.objective import add_orthogonality, in_nats_a_bit, task_gradient
from wmcl.training.options import Options


@dataclass(frozen=True)
class SingleTask:
    """Task loss, plus the orthogonality penalty on the recurrent weights."""

    network: Network
    task: Task
    options: Options

    @property
    def name(self) -> str:
        """For progress bars."""
        return self.task.name

    def batch(self, seeds: Sequence[int], iteration: int) -> Sequences:
        """Each member draws its own sequences."""
        return self.task.batch(seeds, iteration, self.options.batch)

    def validation(self) -> Sequences:
        """The validation set of the task."""
        return self.task.validation

    def task_gradient(self, parameters: Parameters, batch: Sequences) -> tuple[Float[Tensor, "member"], Parameters]:
        """Of the negative log-likelihood of the batch."""
        reduction = self.options.reduction
        loss, gradient = task_gradient(self.network, self.task.likelihood, parameters, batch, reduction)
        return in_nats_a_bit(loss, batch, reduction), gradient

    def add_penalties(
        self,
        gradient: Parameters,
        parameters: Parameters,
        batch: Sequences,
        propose: Callable[[Parameters], Parameters],
    ) -> Parameters:
        """Add the gradient of the orthogonality penalty."""
        return add_orthogonality(gradient, parameters, self.options.orthogonality)

    def evaluate(self, parameters: Parameters, validation: Sequences) -> Evaluation:
        """Loss and accuracy on the validation set."""
        return evaluate_unchecked(self.network, parameters, validation, self.task.likelihood)
