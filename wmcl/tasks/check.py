"""Refuse sequences that would train a network on wrong numbers, or measure wrong ones, without any error."""

import torch
from torch import Tensor

from wmcl.likelihoods import Categorical, Gaussian
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.task import Task


def check_sequences(task: Task, sequences: Sequences) -> None:
    """Check the sequences that a task draws; training does so once, before it starts.

    Raises:
        ValueError: naming the field, what it is and what is allowed.
    """
    _check_tensors(sequences)
    inputs, targets, scored = sequences.inputs, sequences.targets, sequences.scored
    _check(inputs.ndim == 4, "inputs", f"has shape {tuple(inputs.shape)}", "(member, time, sample, feature)")
    members, time, samples, features = inputs.shape
    numbers = task.learned_vectors is not None
    needed = f"the {task.inputs} of the task" + " and the number of a word before them" * numbers
    _check(features == task.inputs + numbers, "inputs", f"has {features} features", needed)
    wanted = (members, time, samples, task.outputs)
    _check(targets.shape == wanted, "targets", f"has shape {tuple(targets.shape)}", f"{wanted}")
    for name, values in (("scored", scored), ("phase", sequences.phase)):
        allowed = [(m, time, samples) for m in (1, members)]
        _check(
            tuple(values.shape) in allowed, name, f"has shape {tuple(values.shape)}", f"{allowed[0]} or {allowed[1]}"
        )
    for name, values in (("inputs", inputs), ("targets", targets), ("scored", scored)):
        _check(
            values.dtype == inputs.dtype and values.is_floating_point(), name, f"is {values.dtype}", "one float type"
        )
    _check(sequences.phase.dtype == torch.int8, "phase", f"is {sequences.phase.dtype}", "torch.int8")
    _check_finite("inputs", inputs)
    _check_finite("scored", scored)
    _check_window(sequences.window, scored, time)
    _check_padding(sequences)
    if task.learned_vectors is not None:
        _check_words(inputs[..., 0], *task.learned_vectors, task.inputs)
    # of unscored steps in the window, too: their weight is 0, but 0 times NaN is NaN
    _check_finite("targets", targets[:, sequences.window], " in the window of scored steps")
    of_scored_steps = targets[(scored > 0).expand(members, -1, -1)]
    if not isinstance(task.likelihood, Gaussian):
        low, high = float(of_scored_steps.min()), float(of_scored_steps.max())
        _check(
            low >= 0 and high <= 1, "targets", f"holds values from {low:g} to {high:g}", "bits: 0 to 1 at scored steps"
        )
    _check_classes(task, sequences.answers, of_scored_steps)


def _check_tensors(sequences: Sequences) -> None:
    """Refuse fields that are no tensors, and tensors on different devices."""
    fields = {name: getattr(sequences, name) for name in ("inputs", "targets", "scored", "phase")}
    for name, values in fields.items():
        _check(isinstance(values, Tensor), name, f"is of type {type(values).__name__}", "a torch.Tensor")
    device = sequences.inputs.device
    for name, values in fields.items():
        _check(values.device == device, name, f"is on {values.device}", f"on {device}, where the inputs are")


def _check_finite(name: str, values: Tensor, where: str = "") -> None:
    """Refuse NaN and infinities."""
    wrong = values[~values.isfinite()]
    _check(not len(wrong), name, f"holds {float(wrong[0]) if len(wrong) else 0:g}", f"finite{where}")


def _check_classes(task: Task, answers: int | None, scored: Tensor) -> None:
    """Refuse targets of a choice among classes that do not name exactly one class a scored step."""
    if not isinstance(task.likelihood, Categorical):
        _check(
            answers in (None, task.outputs), "answers", f"is {answers}", f"None or {task.outputs}: a bit an output unit"
        )
        return
    _check(answers == 1, "answers", f"is {answers}", "1: a step is one choice among classes")
    _check(
        bool((scored.sum(-1) == 1).all()), "targets", "do not add up to 1 at a scored step", "1 for one class, else 0"
    )


def _check_words(numbers: Tensor, words: int, features: int, most_features: int) -> None:
    """Refuse numbers of words that are no rows of the table of learned vectors."""
    _check(
        words in range(1, 1 << 24) and features in range(1, most_features + 1),
        "learned_vectors",
        f"is {(words, features)}",
        f"(1 to 16777215 words, which single precision tells apart, 1 to {most_features} features)",
    )
    is_right = bool((numbers == numbers.round()).all()) and float(numbers.min()) >= 0 and float(numbers.max()) <= words
    _check(is_right, "inputs", "have a first feature that is no number of a word", f"whole, 0 to {words}")


def _check_window(window: slice, scored: Tensor, time: int) -> None:
    start, stop, step = window.indices(time)
    is_plain = step == 1 and (window.stop is None or window.stop <= time) and 0 <= start < stop
    _check(is_plain, "window", f"is {window}", f"a slice of at least one of the {time} steps, with step 1")
    _check(bool((scored >= 0).all()), "scored", f"holds {float(scored.min()):g}", "weights of at least 0")
    outside = [t for t in range(time) if not start <= t < stop and bool(scored[:, t].any())]
    _check(
        not outside, "window", f"is {window} but steps {outside} are scored", "a window that holds every scored step"
    )
    _check(
        bool((scored.sum(1) > 0).all()),
        "scored",
        "is 0 at every step of a sequence",
        "at least one scored step in each",
    )


def _check_padding(sequences: Sequences) -> None:
    padding = sequences.phase == Phase.padding
    _check(not bool((padding[:, :-1] & ~padding[:, 1:]).any()), "phase", "goes on after padding", "padding to the end")
    _check(not bool((padding & (sequences.scored > 0)).any()), "scored", "is above 0 in padding", "0 there")
    shown = sequences.inputs.abs().amax(-1)
    _check(not bool((padding & (shown > 0)).any()), "inputs", "are not 0 in padding", "0 there")


def _check(is_right: bool, field: str, value: str, allowed: str) -> None:
    if not is_right:
        raise ValueError(f"{field} of the sequences {value}: it must be {allowed}")
