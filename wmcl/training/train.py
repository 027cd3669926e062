"""Train an ensemble on one task."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

from wmcl.autograd import with_autograd
from wmcl.check_arguments import check_argument
from wmcl.networks import Network, Parameters
from wmcl.networks.memory import check_fits_memory
from wmcl.randomness import Seeds, as_seeds
from wmcl.tasks import Task
from wmcl.tasks.check import check_sequences
from wmcl.training.checkpoint import Checkpoint, Pace, configuration
from wmcl.training.ensemble import Trained
from wmcl.training.execution import Execution, execution_on
from wmcl.training.loop import begin, run
from wmcl.training.milestones import complete
from wmcl.training.objective import Objective
from wmcl.training.observer import Observer
from wmcl.training.options import Options, Stop, check_device
from wmcl.training.parts import Learner, Parametrisation


@with_autograd
def train(
    network: Network,
    task: Task,
    seeds: Seeds,
    stop: Stop,
    options: Options = Options(),  # noqa: B008 (frozen)
    milestones: Sequence[float] = (),
    device: str = "cpu",
    progress: bool = True,
    observer: Observer | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int | timedelta = 500,
    execution: Execution | None = None,
) -> Trained:
    """Train an ensemble, a member for each seed.

    A member's result depends on its seed and options alone, not on the other members. Its seed settles its
    initialisation and its batches; the validation set is shared.

    Args:
        network: the architecture that learns.
        task: what is learned.
        seeds: one for each member.
        stop: when a member stops; it is frozen at that moment, and the others go on.
        options: how to train, the optimiser among them.
        milestones: validation losses (nats a scored bit) at which the parameters are kept.
        device: of the tensors, e.g. ``cpu`` or ``cuda``.
        progress: whether to show a progress bar.
        observer: what accumulates something over the steps without influence on them, such as
            :class:`wmcl.importance.PathIntegral`; its state is in ``Trained.observed`` and in every milestone.
        checkpoint: file to keep the state of the run in. If it exists, the run goes on from it and ends as it would
            have ended without a break. Ctrl-C then finishes the step, saves, and raises ``KeyboardInterrupt``.
        checkpoint_every: iterations between saves, or the time between them; by time, runs that are shorter leave no
            file.
        execution: how steps are executed; ``None`` takes what suits the device.

    Raises:
        ValueError: if network and task do not fit, if the task draws malformed sequences, if seeds, learning rates
            or milestones make no sense, if the device is none or does not have the precision, or if the checkpoint is
            damaged, no checkpoint or one of another run.
    """
    check_argument("device", device, str)
    check_argument("milestones", milestones, Sequence[float])
    learner = Learner(network, Parametrisation(), (task,), as_seeds(seeds), options, {}, device)
    check_learner(learner, stop)
    if observer is not None and not isinstance(observer, Observer):
        raise ValueError(f"observer is {observer!r}: it must be an Observer, such as wmcl.importance.PathIntegral()")
    if len(set(learner.seeds)) != len(learner.seeds):
        raise ValueError(f"seeds is {list(learner.seeds)}: it must hold each seed once")
    if not all(0 < threshold < np.inf for threshold in milestones):
        raise ValueError(f"milestones is {list(milestones)}: every loss must be positive and finite")
    thresholds = tuple(sorted({float(threshold) for threshold in milestones}, reverse=True))
    objective, execution = Objective(learner), execution or execution_on(device, task.has_alike_batches)
    asked = configuration(objective, stop, thresholds, observer)
    saves = None if checkpoint is None else Checkpoint(checkpoint, Pace(checkpoint_every), asked)
    state = begin(objective, initial_values(learner, network.init(learner.seeds)), stop, thresholds, observer)
    if saves is not None:
        state = saves.load(state)
    state = run(objective, state, stop, thresholds, observer, progress, execution, saves)
    final = state.final
    return Trained(
        network=network,
        task=task,
        seeds=learner.seeds,
        options=options,
        parameters=final.parameters,
        initial=state.initial,
        iterations=final.iteration,
        reason=state.reasons,
        validation_loss=final.loss,
        curves=state.curves.dataset(),
        milestones=tuple(complete(state.found, threshold, final) for threshold in thresholds),
        seconds=state.seconds,
        observed=final.observed,
        configuration=asked,
    )


def initial_values(learner: Learner, own: Parameters) -> Parameters:
    """Return all values before the first step: a learner's own, and the changes of word vectors, which are zero."""
    like = next(iter(own.values()))
    changes = {
        learner.name_of_changes(number): like.new_zeros(len(like), *task.learned_vectors)
        for number, task in enumerate(learner.tasks)
        if task.learned_vectors is not None
    }
    return on_device(own | changes, learner)


def on_device(values: Parameters, learner: Learner) -> Parameters:
    """Return values on the device and in the precision of a learner; whole numbers stay whole."""
    is_double = learner.options.precision == "float64"
    moved = {name: value.to(learner.device) for name, value in values.items()}
    return {name: value.double() if is_double and value.is_floating_point() else value for name, value in moved.items()}


def check_learner(learner: Learner, stop: Stop) -> None:
    """Refuse, before anything is trained, what is of the wrong kind or does not fit together.

    Raises:
        ValueError: naming what is wrong and what is allowed.
    """
    for name, value, kind, example in (
        ("network", learner.network, Network, "Elman(8, 256, 7)"),
        ("stop", stop, Stop, "Stop(iterations=1000)"),
        ("options", learner.options, Options, "Options(batch=64)"),
        *(("task", task, Task, "copy_task(5)") for task in learner.tasks),
    ):
        if not isinstance(value, kind):
            article = "an" if kind is Options else "a"
            raise ValueError(f"{name} is {value!r}: it must be {article} {kind.__name__}, such as {example}")
    network = learner.network
    check_fits_memory(network, len(learner.seeds))
    for task in learner.tasks:
        for name in ("inputs", "outputs"):
            if getattr(network, name) != getattr(task, name):
                raise ValueError(
                    f"{name} of the network is {getattr(network, name)}: the task {task.name!r} needs"
                    f" {getattr(task, name)}"
                )
        check_sequences(task, task.validation)
    check_device(learner.device, learner.options.precision)
    rates = learner.options.optimiser.rates()
    if len(rates) not in (1, len(learner.seeds)):
        raise ValueError(
            f"learning_rate has {len(rates)} entries for {len(learner.seeds)} seeds: give one, or one for each seed"
        )
