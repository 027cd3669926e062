"""Give the sequences of a task to a plain PyTorch loop, or as NumPy arrays."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from wmcl.likelihoods import Categorical, Likelihood
from wmcl.tasks.sequences import Sequences

NOT_SCORED = -100
"""class at steps that are not scored: the ``ignore_index`` of :class:`torch.nn.CrossEntropyLoss`"""


class Item(NamedTuple):
    """An item is one sequence of a task; a batch of items has the same fields, with one more axis.

    Of one sequence, ``inputs`` are (time, feature). Of a batch they are (sample, time, feature) if it is batch first,
    else (time, sample, feature), and so are ``targets`` and ``scored``.
    """

    inputs: Any
    """floating-point numbers (time, feature), zeros after the end of the sequence"""
    targets: Any
    """number of a class (time), -100 where nothing is scored, for a choice among classes; else bits or real numbers
    (time, output), 0 where nothing is scored"""
    scored: Any
    """mask (time): true at the steps that are scored"""
    length: Any
    """steps of the sequence before its padding, a whole number; of a batch (sample)"""


@dataclass(frozen=True, eq=False, repr=False)
class TaskDataset(Dataset[Item]):
    """A task data set is a fixed number of sequences, all padded to one length; it is map-style.

    PyTorch's own collate function makes batches of it, batch first and of that length.
    """

    items: Item
    """all sequences as one batch, batch first"""
    batch_first: bool = True
    """whether :meth:`collate` puts samples before time"""

    def __repr__(self) -> str:
        samples, steps, features = self.items.inputs.shape
        return f"TaskDataset({samples:,} sequences of up to {steps} steps, {features} features)"

    def __len__(self) -> int:
        return len(self.items.length)

    def __getitem__(self, index: int) -> Item:
        return Item(*(values[index] for values in self.items))

    def collate(self, items: Sequence[Item]) -> Item:
        """Make a batch that is as long as its longest sequence: ``DataLoader(data, collate_fn=data.collate)``."""
        return collated(items, self.batch_first)


@dataclass(frozen=True, eq=False, repr=False)
class TaskStream(IterableDataset[Item]):
    """A task stream is endless; the number and the seed of an entry settle what it is.

    Of W workers, worker w takes the entries w, w + W, w + 2 W and so on, so none is drawn twice, and PyTorch's loader,
    which asks the workers in turn, puts them in order again.
    """

    draw: Callable[[Sequence[int], int, int], Sequences]
    """sequences by seeds, index and number of samples, as :meth:`wmcl.tasks.Task.batch`"""
    likelihood: Likelihood
    seed: int
    batch: int | None
    """sequences of an entry, which is a batch; ``None``: an entry is a single sequence"""
    batch_first: bool = True
    """whether samples stand before time in batches"""
    start: int = 0
    """index of the first entry"""

    def __repr__(self) -> str:
        entries = "sequences" if self.batch is None else f"batches of {self.batch} sequences"
        return f"TaskStream({entries}, seed {self.seed}, from {self.start} on)"

    def __iter__(self) -> Iterator[Item]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for index in count(self.start + first, step):
            items = items_of(self.draw([self.seed], index, self.batch or 1), self.likelihood)
            yield Item(*(values[0] for values in items)) if self.batch is None else arranged(items, self.batch_first)

    def collate(self, items: Sequence[Item]) -> Item:
        """Make a batch of single sequences, as long as the longest of them."""
        return collated(items, self.batch_first)


def items_of(sequences: Sequences, likelihood: Likelihood) -> Item:
    """Return sequences that all members share as one batch, batch first.

    Raises:
        ValueError: if members have sequences of their own, or if steps have weights other than 0 and 1.
    """
    if len(sequences.inputs) != 1 or len(sequences.scored) != 1:
        raise ValueError(
            f"samples has sequences of {max(len(sequences.inputs), len(sequences.scored))} members: they must be those"
            " of one, such as task.test"
        )
    weights = sequences.scored[0].T
    wrong = weights[(weights != 0) & (weights != 1)]
    if len(wrong):
        raise ValueError(f"scored holds the weight {float(wrong[0]):g}: it must be 0 or 1 at every step, for a mask")
    scored: Bool[Tensor, "sample time"] = (weights > 0).contiguous()
    targets = sequences.targets[0].transpose(0, 1)
    if isinstance(likelihood, Categorical):
        targets = targets.argmax(-1).masked_fill(~scored, NOT_SCORED)
    else:
        targets = targets.masked_fill(~scored[..., None], 0)
    return Item(sequences.inputs[0].transpose(0, 1).contiguous(), targets, scored, sequences.lengths[0])


def arranged(items: Item, batch_first: bool) -> Item:
    """Return a batch that is batch first so, or time first."""
    if batch_first:
        return items
    inputs, targets, scored = (values.transpose(0, 1).contiguous() for values in items[:3])
    return Item(inputs, targets, scored, items.length)


def collated(items: Sequence[Item], batch_first: bool) -> Item:
    """Make a batch of single sequences, as long as the longest of them."""
    lengths = [int(item.length) for item in items]

    def padded(field: int) -> Tensor:
        own = [item[field][:steps] for item, steps in zip(items, lengths, strict=True)]
        is_class = own[0].dtype == torch.int64
        return pad_sequence(own, batch_first, float(NOT_SCORED) if is_class else 0.0)

    return Item(padded(0), padded(1), padded(2), torch.tensor(lengths))
