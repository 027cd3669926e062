r"""Find the supervised dimension: the smallest linear subspace of the state with which a network solves its task.

States h are replaced by U Uᵀ h, not centred, with orthonormal columns U (unit, d):

- ``all``: at every step, after which output stage and head are computed; the recurrence keeps the true states;
- ``stop``: at the step of the stop flag alone, from which all later states follow with the true inputs.

As in the paper's code, U grows a column at a time and only the new one is trained, to lower the loss of the task: by
Adam with a learning rate of 1e-2, for 100 iterations of 64 random sequences each, from the first unit vector and
later from random ones. There a penalty keeps U nearly orthonormal; here the column is u = P v / ‖P v‖, where P takes
out the span of the earlier columns and v is what Adam trains, so U is orthonormal whatever v is. The search is
greedy, so the dimension it finds is an upper bound.

Several tasks of the same weights, each with its head, can have to be solved through one subspace: then the loss
is the sum of theirs, as in the paper's code, and what is reported is their mean. Networks whose weights differ between
tasks have other states for the same inputs in each; the paper's code has no such dimension for them, and neither is
there one here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from wmcl.autograd import with_autograd
from wmcl.check_data import check_data, check_is_sequences, check_parameters, describe
from wmcl.dimensionality.states import hidden_states, steps_of
from wmcl.networks import Elman, Network, Parameters
from wmcl.networks.elman import TanhCell
from wmcl.networks.recurrence import project
from wmcl.randomness import Seeds, as_seeds, generator
from wmcl.tasks import Sequences, Task
from wmcl.tasks.task import check_counts
from wmcl.training.loss import task_loss
from wmcl.training.optimisers import Adam

Mode = Literal["all", "stop"]


@dataclass(frozen=True)
class SupervisedSubspace:
    """Hold a subspace that was grown a column at a time; entry d - 1 of the measures is for its first d columns."""

    basis: Float64[Tensor, "member unit column"]
    """basis U, with orthonormal columns"""
    loss: Float64[Tensor, "member column"]
    """mean loss in nats a scored bit, on the test sequences; of several tasks the mean"""
    accuracy: Float64[Tensor, "member column"]
    """fraction of scored bits that are right, of several tasks the mean; 0.5 is chance"""

    def dimension(self, criterion: float = 0.97) -> Float64[Tensor, "member"]:
        """Find the smallest number of columns with at least this accuracy; NaN if none reaches it.

        Raises:
            ValueError: if the criterion is not above 0 and at most 1.
        """
        if not 0 < criterion <= 1:
            raise ValueError(f"criterion is {criterion}: it must be above 0 and at most 1")
        reached = self.accuracy >= criterion
        return torch.where(reached.any(1), reached.double().argmax(1).double() + 1, float("nan"))


@with_autograd
def supervised_subspace(
    network: Network,
    parameters: Parameters,
    task: Task,
    seeds: Seeds,
    largest: int,
    mode: Mode = "all",
    criterion: float | None = None,
    test: Sequences | None = None,
    iterations: int = 100,
    samples: int = 64,
    learning_rate: float = 1e-2,
) -> SupervisedSubspace:
    """Grow the subspace of every member, in float64.

    Args:
        network: that was trained.
        parameters: of the trained network.
        task: what it has to solve; training sequences are drawn from it.
        seeds: one a member: the address of its training sequences and of the starts of its columns.
        largest: columns to grow at most.
        mode: ``all`` or ``stop``.
        criterion: accuracy at which to stop growing, once every member has reached it; ``None``: never.
        test: sequences to report on, held in memory at once; ``None``: the test set of the task.
        iterations: of Adam, for each column.
        samples: sequences an iteration, drawn anew.
        learning_rate: of Adam.

    Raises:
        ValueError: if the mode is unknown, if a number is out of range, if the number of seeds is not that of the
            members, if the network is not one forward layer, or in mode ``stop`` if it is not an Elman network with
            tanh units or there is not exactly one stop step.
    """
    check_parameters(network, parameters)
    if not isinstance(task, Task):
        raise ValueError(f"task is {describe(task)}: it must be a wmcl.tasks.Task, from which sequences are drawn")
    tests = None if test is None else [test]
    return joint_supervised_subspace(
        [network], parameters, [task], seeds, largest, mode, criterion, tests, iterations, samples, learning_rate
    )


@with_autograd
def joint_supervised_subspace(
    networks: Sequence[Network],
    parameters: Parameters,
    tasks: Sequence[Task],
    seeds: Seeds,
    largest: int,
    mode: Mode = "all",
    criterion: float | None = None,
    tests: Sequence[Sequences] | None = None,
    iterations: int = 100,
    samples: int = 64,
    learning_rate: float = 1e-2,
) -> SupervisedSubspace:
    """Grow the one subspace with which every member still solves all tasks; arguments as of the function for one.

    Args:
        networks: one a task: the trained network, with the head that answers the task.
        parameters: of the trained network, the same in all tasks.
        tasks: that have to be solved.
        seeds: as for one task. Training sequences of all tasks have the same address, so tasks that show the same
            patterns in training show them here.
        largest: as for one task.
        mode: as for one task.
        criterion: of the mean accuracy over tasks.
        tests: sequences to report on, of each task; ``None``: the test sets of the tasks.
        iterations: as for one task.
        samples: sequences an iteration of each task.
        learning_rate: as for one task.

    Raises:
        ValueError: as for one task; also if there are as many networks or test sequences as not there are tasks, or if
            networks differ in something else than their head.
    """
    network = _only(networks, tasks, tests)
    check_parameters(network, parameters)
    members = len(parameters["W_hh"])
    _check(network, mode, largest, iterations, samples)
    seeds = as_seeds(seeds, members)
    p = {name: value.detach().double() for name, value in parameters.items()}
    like = p["W_hh"]
    adam = Adam(learning_rate)

    def run_on(sequences: Sequence[Sequences]) -> list[_Run]:
        pairs = zip(networks, sequences, strict=True)
        return [_Run.of(answering, p, each.to(like.device), mode) for answering, each in pairs]

    judged = [_usable(each) for each in ([task.test for task in tasks] if tests is None else tests)]
    for answering, each in zip(networks, judged, strict=True):
        check_data(answering, p, each.to(like.device).to(torch.float64), name="test" if tests else "task.test")
    test_runs = run_on(judged)
    basis = like.new_zeros(members, network.hidden, 0)
    measures: list[Tensor] = []
    for d in range(largest):
        raw = {"column": _start(seeds, basis)}
        state = adam.start(raw)
        for i in range(iterations):
            runs = run_on([task.draw(_generators(seeds, d * iterations + i), samples) for task in tasks])
            leaf = raw["column"].requires_grad_()
            columns = torch.cat([basis, _new_column(leaf, basis)], 2)
            loss = torch.stack([_loss(task, run, columns) for task, run in zip(tasks, runs, strict=True)]).sum()
            update, state = adam.propose({"column": torch.autograd.grad(loss, leaf)[0]}, state)
            raw = {"column": (leaf + update["column"]).detach()}
        with torch.no_grad():
            basis = torch.cat([basis, _new_column(raw["column"], basis)], 2)
            pairs = zip(tasks, test_runs, strict=True)
            found = [_measure(task, run.logits(basis), run.sequences) for task, run in pairs]
            measures.append(torch.stack(found).mean(0))
        if criterion is not None and bool((torch.stack(measures)[:, 1].amax(0) >= criterion).all()):
            break
    loss_and_accuracy = torch.stack(measures, -1)
    return SupervisedSubspace(basis, loss_and_accuracy[0], loss_and_accuracy[1])


def continue_from(
    parameters: Parameters,
    state: Float[Tensor, "member sample unit"],
    inputs: Float[Tensor, "#member time sample feature"],
) -> Float[Tensor, "member time sample unit"]:
    """Compute the hidden states of an Elman network that follow a given one, differentiably and not in place.

    Args:
        parameters: of the network, whose units are tanh units, with or without biases.
        state: before the first of the inputs.
        inputs: of the steps to come.
    """
    W_ih, W_hh = parameters["W_ih"], parameters["W_hh"]
    weights = Elman(W_ih.shape[2], W_ih.shape[1], 1, biases="b_ih" in parameters).weights_of(parameters, "")
    drive = project(inputs, W_ih, weights.b_ih + weights.b_hh)
    states = []
    for step in drive.unbind(1):
        state = torch.baddbmm(step, state, W_hh.mT).tanh()
        states.append(state)
    return torch.stack(states, 1) if states else drive


@dataclass(frozen=True)
class _Run:
    """Keep a forward pass whose states can be projected afterwards."""

    network: Network
    parameters: Parameters
    sequences: Sequences
    hidden: Float64[Tensor, "member time sample unit"]
    stop: int | None
    """step to project; ``None`` for all"""

    @staticmethod
    def of(network: Network, parameters: Parameters, sequences: Sequences, mode: Mode) -> "_Run":
        sequences = sequences.to(torch.float64)
        stop = None
        if mode == "stop":
            steps = steps_of(sequences, "stop")
            if len(steps) != 1:
                raise ValueError(f"mode is 'stop' but the sequences have stop steps {steps}: there must be exactly one")
            stop = steps[0]
        return _Run(network, parameters, sequences, hidden_states(network, parameters, sequences), stop)

    def logits(self, basis: Float64[Tensor, "member unit column"]) -> Float64[Tensor, "member window sample output"]:
        """Compute the logits at the scored window with the states projected."""
        p, window = self.parameters, self.sequences.window
        if self.stop is None:
            output = self.hidden[:, window] @ basis[:, None] @ basis.mT[:, None]
        else:
            at_stop = self.hidden[:, self.stop] @ basis @ basis.mT
            later = continue_from(p, at_stop, self.sequences.inputs[:, self.stop + 1 :])
            output = torch.cat([self.hidden[:, : self.stop], at_stop[:, None], later], 1)[:, window]
        if self.network.has_output_stage:
            output = project(output, p["W_ho"], p["b_ho"]).tanh()
        rows = self.network.head_rows
        return project(output, p["W_out"][:, rows], p["b_out"][:, rows])


def _generators(seeds: Sequence[int], index: int) -> list[np.random.Generator]:
    return [generator(seed, "supervised batch", index) for seed in seeds]


def _loss(task: Task, run: _Run, basis: Float64[Tensor, "member unit column"]) -> Float64[Tensor, ""]:
    """Sum the loss of all members: they do not depend on each other."""
    return task_loss(task.likelihood, run.logits(basis), run.sequences).sum()


def _only(networks: Sequence[Network], tasks: Sequence[Task], tests: Sequence[Sequences] | None) -> Network:
    """Find the network that answers all tasks, but for the head."""
    for name, several, kind in (("networks", networks, Network), ("tasks", tasks, Task)):
        wrong = [each for each in several if not isinstance(each, kind)] if isinstance(several, Sequence) else [several]
        if wrong:
            raise ValueError(f"{name} must be a list of which each is a {kind.__name__}: one is {describe(wrong[0])}")
    if not tasks:
        raise ValueError("tasks is empty: there must be at least one task")
    for each in tests or ():
        check_is_sequences(each, "test")
    for name, given in (("networks", networks), ("tests", tests)):
        if given is not None and len(given) != len(tasks):
            raise ValueError(f"{name} has {len(given)} entries: it must have one for each of the {len(tasks)} tasks")
    if len({each.answering(0) for each in networks}) > 1:
        raise ValueError("networks differ in more than their head: all tasks must have the same weights")
    return networks[0]


def _usable(sequences: Sequences) -> Sequences:
    """Copy tensors that were made in inference mode, which can take no part in a gradient."""
    return sequences.map(lambda values: values.clone() if values.is_inference() else values)


def _check(network: Network, mode: str, largest: int, iterations: int, samples: int) -> None:
    if mode not in get_args(Mode):
        raise ValueError(f"mode is {mode!r}: it must be one of {', '.join(get_args(Mode))}")
    if network.layers > 1 or not network.is_causal:
        raise ValueError(
            f"network has {network.layers} layers and direction {network.direction}: it must be one forward layer"
        )
    if mode == "stop" and not (isinstance(network, Elman) and isinstance(network.cell, TanhCell)):
        raise ValueError(
            f"mode is 'stop' for the network {type(network).__name__}: it must be an Elman network with tanh units"
        )
    if not 1 <= largest <= network.hidden:
        raise ValueError(f"largest is {largest}: it must lie between 1 and the {network.hidden} units")
    check_counts(iterations=iterations, samples=samples)


def _measure(task: Task, logits: Tensor, sequences: Sequences) -> Float64[Tensor, "measure member"]:
    """Measure loss and accuracy."""
    correct = task.likelihood.correct(logits, sequences.targets[:, sequences.window])
    weights = sequences.scored[:, sequences.window, :, None].expand(-1, -1, -1, correct.shape[-1])
    accuracy = (correct * weights).sum((1, 2, 3)) / weights.sum((1, 2, 3))
    return torch.stack([task_loss(task.likelihood, logits, sequences), accuracy])


def _start(seeds: Sequence[int], basis: Float64[Tensor, "member unit column"]) -> Float64[Tensor, "member unit 1"]:
    """Give the first unit vector, and for later columns a random one outside the span of the earlier."""
    members, units, d = basis.shape
    if d == 0:
        return torch.eye(units, 1, dtype=basis.dtype, device=basis.device).repeat(members, 1, 1)
    drawn = np.stack([generator(seed, "supervised column", d).standard_normal((units, 1)) for seed in seeds])
    return _new_column(torch.from_numpy(drawn).to(basis.device), basis)


def _new_column(
    raw: Float64[Tensor, "member unit 1"], basis: Float64[Tensor, "member unit column"]
) -> Float64[Tensor, "member unit 1"]:
    """Compute the unit vector along the part of ``raw`` that is orthogonal to the basis."""
    for _ in range(2):  # the second time removes the rounding errors of the first
        raw = raw - basis @ (basis.mT @ raw)
        raw = raw / raw.norm(dim=1, keepdim=True)
    return raw
