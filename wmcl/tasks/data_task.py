"""Make tasks of recorded sequences, whose lengths may differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64

from wmcl.check_arguments import checked
from wmcl.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood
from wmcl.randomness import generator
from wmcl.tasks.labelled import Labelled
from wmcl.tasks.sequences import Sequences
from wmcl.tasks.task import SHARED_SET_SEED, Task, check_counts

BLOCKS = 16


@dataclass(frozen=True, eq=False)
class DataDraw:
    """A data draw takes its sequences from recorded ones."""

    train: Labelled
    validation: Labelled
    test: Labelled
    blocks: int
    changes: tuple[Callable[[Sequences], Sequences], ...] = ()
    """functions that are applied to whatever is drawn, one after the other"""

    def __call__(self, generators: Sequence[np.random.Generator], samples: int) -> Sequences:
        """Draw training sequences of any length, all alike probable; none twice, unless too few are there."""
        return self.of(self.train, [_some(len(self.train), random, samples) for random in generators])

    def batch(self, seeds: Sequence[int], iteration: int, samples: int) -> Sequences:
        """Draw training sequences of about the same length.

        Each member draws ``blocks`` times as many as are needed, puts them in order of length and takes one of the
        blocks. Which one is the same for all members, so that their sequences have about the same length, too. Every
        sequence of the training set is as probable as any other. Where a sequence has one class, the order is that of
        the share of its class that is shorter: else a batch would be of few classes where length tells them apart.
        """
        block = int(generator(SHARED_SET_SEED, "block", iteration).integers(self.blocks))
        return self.of(self.train, [self._alike(generator(seed, "batch", iteration), samples, block) for seed in seeds])

    def of(self, part: Labelled, chosen: Sequence[Int64[np.ndarray, "sample"]]) -> Sequences:
        """Return the sequences that were chosen for each member."""
        made = part.sequences(np.stack(list(chosen)))
        for change in self.changes:
            made = change(made)
        return made

    def _alike(self, random: np.random.Generator, samples: int, block: int) -> Int64[np.ndarray, "sample"]:
        pool = random.integers(len(self.train), size=samples * self.blocks)
        order = np.argsort(self.train.lengths[pool], kind="stable")
        if self.train.has_one_class:
            order = order[np.argsort(_share_before(self.train.targets[pool[order]]), kind="stable")]
        return pool[order[block * samples : (block + 1) * samples]]


@dataclass(frozen=True, eq=False, repr=False)
class DataTask(Task):
    """A data task has recorded sequences: training batches are drawn from one set, the other two are fixed."""

    draw: DataDraw

    def __repr__(self) -> str:
        train, validation, test = (f"{len(part):,}" for part in (self.draw.train, self.draw.validation, self.draw.test))
        units = f"{self.inputs} inputs, {self.outputs} outputs"
        return f"DataTask({self.name!r}: {units}, {train}, {validation} and {test} sequences)"

    def batch(self, seeds: Sequence[int], iteration: int, samples: int) -> Sequences:
        """Draw the training sequences of an iteration, of about the same length; each member draws its own."""
        return self.draw.batch(seeds, iteration, samples)

    def fixed_set(self, purpose: str, samples: int) -> Sequences:
        """Draw sequences of the test set that all members share; all of it, if it has no more."""
        test = self.draw.test
        random = generator(SHARED_SET_SEED, purpose)
        return self.draw.of(test, [_some(len(test), random, min(samples, len(test)))])

    @cached_property
    def validation(self) -> Sequences:
        """Return the whole set that decides when training stops."""
        return self.draw.of(self.draw.validation, [np.arange(len(self.draw.validation))])

    @cached_property
    def test(self) -> Sequences:
        """Return the whole set that results are reported on."""
        return self.draw.of(self.draw.test, [np.arange(len(self.draw.test))])

    @property
    def has_alike_batches(self) -> bool:
        """Say that batches of a size do not all have the same shape."""
        return False

    def changed(self, change: Callable[[Sequences], Sequences], inputs: int) -> "DataTask":
        """Return this task with a change to whatever is drawn."""
        return replace(self, inputs=inputs, draw=replace(self.draw, changes=(*self.draw.changes, change)))


@checked
def data_task(name: str, train: Labelled, validation: Labelled, test: Labelled, blocks: int = BLOCKS) -> DataTask:
    """Make a task of recorded sequences, from :func:`labelled` and :meth:`Labelled.split`, or with sets of your own.

    What outputs mean follows from the targets: classes have a softmax (:class:`wmcl.likelihoods.Categorical`), bits are
    independent (:class:`wmcl.likelihoods.Bernoulli`), and real numbers are normal with a standard deviation of 1
    (:class:`wmcl.likelihoods.Gaussian`).

    A batch has sequences of about the same length, so little of it is padding. Where a sequence has one class, it has
    those of each class that are about as long for their class, so that all classes are in every batch.

    Args:
        name: of the task.
        train: to train on.
        validation: to decide when training stops.
        test: to report results on.
        blocks: lengths are told apart so finely that a batch holds one of so many parts of all, from short to long.

    Raises:
        ValueError: if the three sets do not fit together.
    """
    check_counts(blocks=blocks)
    sets = {"train": train, "validation": validation, "test": test}
    for which, each in sets.items():
        for field, found, wanted in (
            ("features", each.rows.shape[1], train.rows.shape[1]),
            ("classes", each.classes, train.classes),
            ("labels", each.labels, train.labels),
            ("real numbers", each.real, train.real),
            ("outputs", each.outputs, train.outputs),
            ("a target at every step", each.at_every_step, train.at_every_step),
        ):
            if found != wanted:
                raise ValueError(f"{which} has {field}: {found}; it must be as in train, {wanted}")
    return DataTask(
        name=name,
        inputs=train.rows.shape[1],
        outputs=train.outputs,
        likelihood=_likelihood(train),
        draw=DataDraw(train, validation, test, blocks),
        validation_samples=len(validation),
        test_samples=len(test),
    )


def _likelihood(part: Labelled) -> Likelihood:
    if part.classes is not None:
        return Categorical()
    return Gaussian() if part.real else Bernoulli()


def _some(count: int, random: np.random.Generator, samples: int) -> Int64[np.ndarray, "sample"]:
    return random.choice(count, samples, replace=samples > count)


def _share_before(classes: Int64[np.ndarray, "entry"]) -> Float64[np.ndarray, "entry"]:
    """Return which part of the entries of its own class stands before each entry, counting half of itself."""
    found = np.empty(len(classes))
    for one in np.unique(classes):
        places = np.flatnonzero(classes == one)
        found[places] = (np.arange(len(places)) + 0.5) / len(places)
    return found
