"""Batches of a user's own data, in whatever form PyTorch hands them on, and the answers that a model gives to them.

Inside of this package sequences have the axes (time, sample, …), whatever the layout outside.
"""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from torch.utils.data import DataLoader, Dataset

from wmcl.check_data import describe
from wmcl.likelihoods import Categorical, Likelihood
from wmcl.tasks.torch_data import TaskStream

NOT_SCORED = -100
"""class number of steps that are not scored, as ``torch.nn.CrossEntropyLoss`` has it"""
FORMS = (
    "a DataLoader, a Dataset, an iterable of batches, or one batch; a batch is (inputs, targets), (inputs, targets,"
    " lengths or mask), or a dict with inputs, targets, lengths and mask"
)


@dataclass(frozen=True)
class Batch:
    """A Batch holds inputs and targets in the layout of the user."""

    inputs: Tensor
    targets: Any = None
    lengths: Tensor | None = None
    """steps of each sample before its padding"""
    mask: Tensor | None = None
    """whether a step is scored, in the layout of the user"""
    batch_first: bool = True
    is_packed: bool = False
    """whether the model takes the inputs as a ``PackedSequence``"""

    @property
    def axis(self) -> int:
        """Return the axis of the samples in the inputs."""
        return 0 if self.batch_first or self.inputs.ndim == 1 else 1

    @property
    def samples(self) -> int:
        """Return the number of samples."""
        return self.inputs.shape[self.axis]

    def inputs_of(self, chosen: slice) -> "Batch":
        """Return some samples, without their targets."""
        lengths = None if self.lengths is None else self.lengths[chosen]
        places = range(self.samples)[chosen]
        inputs = self.inputs.narrow(self.axis, places.start, len(places))
        return replace(self, inputs=inputs, targets=None, lengths=lengths, mask=self._along(self.mask, chosen))

    def take(self, chosen: slice) -> "Batch":
        """Return some samples."""
        return replace(self.inputs_of(chosen), targets=self._along(self.targets, chosen))

    def _along(self, values: Any, chosen: slice) -> Any:
        """Take samples of targets or mask: their axis is that of the inputs, where they have a time axis at all."""
        if values is None:
            return None
        has_time = not self.batch_first and values.ndim > 1 and values.shape[1] == self.samples
        return values[:, chosen] if has_time else values[chosen]

    def to(self, like: Tensor) -> "Batch":
        """Return the batch on the device of a parameter; its types are the user's affair."""

        def moved(values: Any) -> Any:
            if not isinstance(values, Tensor):
                return values
            return values.to(like.device)

        lengths = None if self.lengths is None else self.lengths.cpu()
        return replace(
            self, inputs=moved(self.inputs), targets=moved(self.targets), mask=moved(self.mask), lengths=lengths
        )

    def answer(self, model: nn.Module, values: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the outputs of a model, in the layout of the user.

        A model whose ``forward`` has an argument ``lengths`` is given them.

        Args:
            model: that answers.
            values: of its parameters, in place of its own.

        Raises:
            ValueError: if the outputs are no tensor.
        """
        inputs: Any = self.inputs
        more = dict[str, Any]()
        if self.is_packed:
            assert self.lengths is not None
            inputs = pack_padded_sequence(self.inputs, self.lengths, self.batch_first, enforce_sorted=False)
        elif self.lengths is not None and "lengths" in inspect.signature(model.forward).parameters:
            more = {"lengths": self.lengths}
        found: Any = model(inputs, **more) if values is None else functional_call(model, dict(values), (inputs,), more)
        if isinstance(found, PackedSequence):
            found = pad_packed_sequence(found, self.batch_first)[0]
        if not isinstance(found, Tensor):
            raise ValueError(
                f"model returns outputs {describe(found)}: they must be one tensor of logits; wrap it in a module whose"
                " forward returns the logits alone"
            )
        return found

    def has_one_output(self, outputs: Tensor) -> bool:
        """Tell whether outputs with two axes are those of steps, of one output each: then the mask is of steps."""
        return self.mask is not None and self.mask.ndim == 2 and outputs.ndim == 2

    def by_time(self, outputs: Tensor) -> Float[Tensor, "time sample output"]:
        """Return outputs of the model with the axes (time, sample, output).

        Raises:
            ValueError: if they do not hold one entry for each sample.
        """
        if self.has_one_output(outputs):
            outputs = outputs[..., None]
        if outputs.ndim == 0 and self.samples == 1:  # of a model that squeezes too much
            outputs = outputs[None]
        if outputs.is_complex():
            raise ValueError("model returns complex outputs: they must be real")
        if outputs.ndim == 3:
            found = outputs.transpose(0, 1) if self.batch_first else outputs
        elif outputs.ndim in (1, 2):
            found = outputs.reshape(1, outputs.shape[0], -1)
        else:
            found = outputs
        if found.ndim != 3 or found.shape[1] != self.samples:
            layout = "(sample, time, output)" if self.batch_first else "(time, sample, output)"
            raise ValueError(
                f"model returns outputs of shape {tuple(outputs.shape)} for {self.samples} samples: they must have the"
                f" axes {layout} or (sample, output), with batch_first={self.batch_first}"
            )
        return found

    def undone(self, values: Float[Tensor, "time sample output"], outputs: Tensor) -> Tensor:
        """Return values with the axes (time, sample, output) in the shape of the outputs of the model."""
        return (values.transpose(0, 1) if outputs.ndim == 3 and self.batch_first else values).reshape(outputs.shape)


@dataclass(frozen=True)
class Answers:
    """Answers are the targets of a batch and which of its steps are scored."""

    targets: Float[Tensor, "time sample output"]
    scored: Float[Tensor, "time sample"]


def batches(data: Any, batch_first: bool, chunk: int, like: Tensor) -> Iterator[Batch]:
    """Yield batches of at most ``chunk`` samples, on the device of a parameter.

    Raises:
        ValueError: if the data are of no form that is known, or if a batch is empty.
    """
    for each in _raw(data, chunk, batch_first):
        batch = _batch(each, batch_first).to(like)
        for first in range(0, batch.samples, chunk):
            yield batch.take(slice(first, first + chunk))


def _raw(data: Any, chunk: int, batch_first: bool) -> Iterable[Any]:
    one = (Tensor, PackedSequence, np.ndarray)
    if isinstance(data, (*one, Mapping)):
        return [data]
    if isinstance(data, (tuple, list)) and data and isinstance(data[0], one):
        is_list_of_batches = isinstance(data, list) and all(isinstance(each, PackedSequence) for each in data)
        return data if is_list_of_batches else [data]
    if isinstance(data, tuple) and any(isinstance(each, one) for each in data):
        raise ValueError(
            f"inputs of a batch are {describe(data[0])}: they must be one tensor or a PackedSequence; a model with"
            " several inputs needs a module around it that takes one"
        )
    source = data.dataset if isinstance(data, DataLoader) else data
    if isinstance(source, TaskStream):
        raise ValueError("data is an endless stream of a task: take a number of sequences, task.dataset(1000)")
    if isinstance(data, Dataset):
        own = getattr(data, "collate", None)  # of wmcl.tasks.Task.dataset
        if own is None and not batch_first:
            raise ValueError(
                f"data is {describe(data)}, of which PyTorch makes batches with the sample first: with"
                " batch_first=False, give a DataLoader whose collate_fn puts time first"
            )
        return DataLoader(data, batch_size=chunk, collate_fn=own)
    if isinstance(data, str) or not isinstance(data, Iterable):
        raise ValueError(f"data is {describe(data)}: it must be {FORMS}")
    return data


def _batch(given: Any, batch_first: bool) -> Batch:
    if isinstance(given, tuple) and hasattr(given, "_asdict"):
        given = given._asdict()
    names = {"scored": "mask", "length": "lengths"}  # as the items of wmcl.tasks.Task.dataset call them
    parts = {names.get(name, name): value for name, value in given.items()} if isinstance(given, Mapping) else {}
    if isinstance(given, (Tensor, PackedSequence, np.ndarray)):
        parts = {"inputs": given}
    elif isinstance(given, (tuple, list)) and 1 <= len(given) <= 4:
        parts = dict(zip(("inputs", "targets"), given, strict=False))
        for extra in map(_tensor, given[2:]):
            if extra is not None:
                parts[_name_of(extra)] = extra
    unknown = [name for name in parts if name not in ("inputs", "targets", "lengths", "mask")]
    if unknown or "inputs" not in parts:
        found = f"has the entries {', '.join(map(str, parts))}" if parts else f"is {describe(given)}"
        raise ValueError(f"a batch of data {found}: data must be {FORMS}")
    inputs, targets, lengths, mask = (_tensor(parts.get(name)) for name in ("inputs", "targets", "lengths", "mask"))
    if isinstance(lengths, (list, tuple)):
        lengths = torch.as_tensor(lengths)
    if isinstance(mask, Tensor) and mask.dtype != torch.bool:
        if not bool(((mask == 0) | (mask == 1)).all()):
            raise ValueError("mask of a batch holds other numbers than 0 and 1: it must tell which steps are scored")
        mask = mask > 0
    is_packed = isinstance(inputs, PackedSequence)
    if isinstance(targets, PackedSequence):
        targets = pad_packed_sequence(targets, batch_first, padding_value=NOT_SCORED)[0]
    if isinstance(inputs, PackedSequence):
        inputs, lengths = pad_packed_sequence(inputs, batch_first)
    if not isinstance(inputs, Tensor) or inputs.ndim < 1:
        raise ValueError(f"inputs of a batch are {describe(inputs)}: they must be a tensor or a PackedSequence")
    batch = Batch(inputs, targets, lengths, mask, batch_first, is_packed)
    if not batch.samples:
        raise ValueError("a batch of data is empty: it must hold at least one sample")
    if targets is not None and not isinstance(targets, Tensor):
        raise ValueError(f"targets of a batch are {describe(targets)}: they must be a tensor or a PackedSequence")
    _check_lengths(batch)
    return batch


def _tensor(value: Any) -> Any:
    return torch.as_tensor(value) if isinstance(value, np.ndarray) else value


def _name_of(extra: Any) -> str:
    """Return what a third or fourth part of a batch is: a mask of steps, or lengths."""
    if isinstance(extra, Tensor) and extra.dtype == torch.bool:
        return "mask"
    if isinstance(extra, Tensor) and extra.ndim == 1 and not extra.is_floating_point():
        return "lengths"
    raise ValueError(
        f"a part of a batch is {describe(extra)}: after inputs and targets there may be lengths, a tensor of whole"
        " numbers, one a sample, and a mask, a tensor of booleans, one a step"
    )


def _check_lengths(batch: Batch) -> None:
    if batch.lengths is None:
        return
    if not isinstance(batch.lengths, Tensor) or batch.lengths.shape != (batch.samples,):
        raise ValueError(
            f"lengths of a batch are {describe(batch.lengths)}: they must be a tensor of a whole number for each of the"
            f" {batch.samples} samples"
        )
    if batch.lengths.is_floating_point() or batch.lengths.dtype == torch.bool:
        raise ValueError(f"lengths of a batch are {batch.lengths.dtype}: they must be whole numbers")
    steps = batch.inputs.shape[1 - batch.axis] if batch.inputs.ndim > 1 else 0
    low, high = int(batch.lengths.min()), int(batch.lengths.max())
    if low < 1 or high > steps:
        raise ValueError(f"lengths of a batch reach from {low} to {high}: they must lie in 1 to {steps}, its steps")


def answers(batch: Batch, outputs: Tensor, likelihood: Likelihood, reads_targets: bool) -> Answers:
    """Place targets, mask and lengths beside the outputs of a model.

    Args:
        batch: with targets.
        outputs: of the model for the batch, in the layout of the user.
        likelihood: of the targets.
        reads_targets: whether they are read; else they tell at most which steps are scored.

    Raises:
        ValueError: if something does not fit the outputs, or targets are impossible.
    """
    logits = batch.by_time(outputs)
    time, samples, width = logits.shape
    scored = torch.ones(time, samples, dtype=logits.dtype, device=logits.device)
    targets = torch.zeros_like(logits)
    has_time = outputs.ndim == 3 or batch.has_one_output(outputs)
    steps = batch.inputs.shape[1 - batch.axis] if batch.inputs.ndim > 1 else 1
    is_unclear = batch.lengths is not None and not has_time and not isinstance(likelihood, Categorical)
    if is_unclear and width == steps > 1:
        raise ValueError(
            f"model returns outputs of shape {tuple(outputs.shape)}, and there are lengths: it is not clear whether the"
            f" {steps} are steps or outputs; return an axis for the output, too, of size 1"
        )
    if batch.lengths is not None and has_time:
        if int(batch.lengths.max()) > time:
            raise ValueError(
                f"lengths of a batch reach {int(batch.lengths.max())}: the outputs of the model have {time} steps alone"
            )
        scored *= torch.arange(time)[:, None].lt(batch.lengths).to(scored)
    if batch.mask is not None:
        mask = _by_time(batch.mask, batch, has_time)
        if mask.ndim != 2 or mask.shape[1] != samples or mask.shape[0] < time or mask[time:].any():
            raise ValueError(
                f"mask of a batch is {describe(batch.mask)}: it must hold a boolean for each of the {samples} samples"
                f" and {time} steps of the outputs"
            )
        scored *= mask[:time].to(scored)
    if batch.targets is not None:
        is_class = isinstance(likelihood, Categorical) and not batch.targets.is_floating_point()
        raw = _by_time(batch.targets, batch, has_time)
        if batch.lengths is not None or batch.mask is not None:  # what is beyond the outputs is not scored
            raw = raw[:time]
        if is_class:
            targets, is_known = _one_hot(raw, time, samples, width, batch.targets)
            scored *= is_known.to(scored)
        elif reads_targets:
            targets = _real(raw, time, samples, width, batch.targets)
            targets = torch.where(scored[..., None] > 0, targets, 0).to(logits)
    elif reads_targets:
        raise ValueError("a batch of data has no targets: this measure reads them, so give (inputs, targets)")
    if bool(logits.detach()[scored > 0].isnan().any()):
        raise ValueError("model returns NaN at scored steps: its inputs or parameters are not what it needs")
    if reads_targets:
        _check_targets(likelihood, targets, scored)
    return Answers(targets, scored)


def _by_time(values: Tensor, batch: Batch, has_time: bool) -> Tensor:
    """Return values with the axes (time, sample, …); without a time axis there is one step."""
    if not has_time:
        return values[None]
    return values.transpose(0, 1) if batch.batch_first and values.ndim > 1 else values


def _one_hot(raw: Tensor, time: int, samples: int, classes: int, given: Tensor) -> tuple[Tensor, Tensor]:
    if raw.ndim == 3 and raw.shape[-1] == 1:
        raw = raw[..., 0]
    known = raw != NOT_SCORED
    if raw.ndim != 2 or raw.shape[1] != samples or raw.shape[0] < time or known[time:].any():
        raise ValueError(
            f"targets of a batch are {describe(given)}: they must be class numbers, one for each of the {samples}"
            f" samples and {time} steps of the outputs"
        )
    raw, known = raw[:time], known[:time]
    wrong = known & ((raw < 0) | (raw >= classes))
    if wrong.any():
        raise ValueError(
            f"targets of a batch hold the class {int(raw[wrong][0])}: they must lie in 0 to {classes - 1}, or be"
            f" {NOT_SCORED} where nothing is scored"
        )
    return torch.nn.functional.one_hot(raw.clamp(min=0).long(), classes), known


def _real(raw: Tensor, time: int, samples: int, width: int, given: Tensor) -> Tensor:
    if raw.ndim == 2 and width == 1:
        raw = raw[..., None]
    if raw.shape != (time, samples, width):
        raise ValueError(
            f"targets of a batch are {describe(given)}: they must have a number for each of the {samples} samples,"
            f" {time} steps and {width} outputs"
        )
    return raw


def _check_targets(likelihood: Likelihood, targets: Tensor, scored: Tensor) -> None:
    known = targets[scored > 0].double()
    if not bool(known.isfinite().all()):
        raise ValueError("targets of a batch are NaN or infinite at scored steps: they must be finite there")
    name = type(likelihood).__name__
    if name in ("Bernoulli", "Categorical") and bool(((known < 0) | (known > 1)).any()):
        raise ValueError(f"targets of a batch lie outside of 0 to 1: they must not, for the likelihood {name}")
    if name == "Categorical" and bool(((known.sum(-1) - 1).abs() > 1e-4).any()):
        raise ValueError("targets of a batch do not add up to 1 over the classes: they must, for Categorical")
