"""Loss and gradient of one task on given sequences, as the training loop takes them."""

from wmcl.tasks import Task
from wmcl.training import Options
from wmcl.training.objective import Batch, Objective
from wmcl.training.parts import Learner, Parametrisation


def objective_of(network, likelihood, parameters, sequences, reduction="scored bit", orthogonality=0.0):
    """The objective of a single task with this likelihood."""
    members = len(next(iter(parameters.values())))
    features = sequences.inputs.shape[-1]
    task = Task("given", features, sequences.targets.shape[-1], likelihood, lambda generators, samples: sequences)
    options = Options(reduction=reduction, orthogonality=orthogonality)
    return Objective(Learner(network, Parametrisation(), (task,), tuple(range(members)), options, {}))


def task_gradient(network, likelihood, parameters, sequences, reduction="scored bit"):
    """Task loss of every member in nats a scored bit, and the gradient of the loss that is made small."""
    found = objective_of(network, likelihood, parameters, sequences, reduction)
    return found.task_gradient(parameters, Batch((sequences,)))


def loss_and_gradient(network, likelihood, parameters, sequences, reduction="scored bit", orthogonality=0.0):
    """Task loss of every member in the given reduction, and the gradient of task loss plus orthogonality penalty."""
    found = objective_of(network, likelihood, parameters, sequences, reduction, orthogonality)
    batch = Batch((sequences,))
    loss, gradient = found.task_gradient(parameters, batch)
    if reduction == "sequence":  # the objective tells its loss in nats a scored bit, whatever it divides by
        loss = loss * sequences.scored_bits().sum(-1) / sequences.samples
    return loss, found.add_penalties(gradient, parameters, batch, lambda g: g)
