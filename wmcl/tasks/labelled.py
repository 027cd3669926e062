"""Hold recorded sequences with their targets, of which tasks of data are made."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int64, Shaped

from wmcl.data.records import ended
from wmcl.randomness import generator
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.task import check_counts


@dataclass(frozen=True, eq=False, repr=False)
class Labelled:
    """Labelled sequences have different lengths, and targets at the last step of each or at every step.

    Raises:
        ValueError: naming the field and the sequence, if something is missing, not finite or out of range.
    """

    rows: Shaped[np.ndarray, "row feature"]
    """the steps of all sequences, one sequence after the other"""
    offsets: Int64[np.ndarray, "boundary"]
    """boundaries of the sequences: sequence n has the rows from ``offsets[n]`` up to ``offsets[n + 1]``"""
    targets: Int[np.ndarray, "target"] | Float[np.ndarray, "target output"]
    """classes, or bits (0 or 1) or real numbers of several output units: one entry a sequence, for its last step, or
    one a row"""
    classes: int | None = None
    """number C of classes, if targets are classes 0, …, C - 1; ``None`` if they are not"""
    real: bool = False
    """flag of targets that are real numbers; without ``classes`` and ``real`` they are bits"""
    leads: Int64[np.ndarray, "sequence"] | None = None
    """steps at the beginning of each sequence that are its lead, before anything is shown; ``None`` for none"""
    scored: Bool[np.ndarray, "step"] | None = None
    """which of the rows are scored, if targets are at every step; ``None``: all of them. Elsewhere targets are 0"""
    labels: tuple[Any, ...] = ()
    """what each of the classes 0, …, C - 1 is called; empty if they are numbers only"""

    def __post_init__(self) -> None:
        if len(self.offsets) < 2 or (np.diff(self.offsets) < 1).any() or self.offsets[-1] != len(self.rows):
            raise ValueError(
                f"offsets are those of {len(self.offsets) - 1} sequences with {len(self.rows)} rows: there must be at"
                " least one sequence, and one row in each"
            )
        if len(self.targets) not in (len(self), len(self.rows)):
            raise ValueError(
                f"targets has {len(self.targets)} entries: it must have one a sequence ({len(self)}) or one a step"
                f" ({len(self.rows)})"
            )
        if self.classes is not None:
            check_counts(2, classes=self.classes)
        if self.classes is not None and self.real:
            raise ValueError(
                f"classes is {self.classes} with real=True: targets must be classes or real numbers, not both"
            )
        if (self.classes is None) == (self.targets.ndim == 1):
            raise ValueError(
                f"targets has {self.targets.ndim} dimensions with classes={self.classes}: it must be a class number"
                " each, with the number of classes, or bits or real numbers of the output units each, without"
            )
        self._check_targets()
        self._check_scored()
        if len(self.labels) not in (0, self.classes):
            raise ValueError(
                f"labels has {len(self.labels)} entries with classes={self.classes}: it must have one each"
            )
        if self.rows.dtype.kind == "f":
            with np.errstate(over="ignore"):
                self._refuse(~np.isfinite(self.rows.astype(np.float32)).all(1), "numbers must be finite, as float32")

    def __repr__(self) -> str:
        outputs = f"{self.outputs} {'classes' if self.classes else 'real numbers' if self.real else 'bits'}"
        if self.labels:
            outputs += f" ({', '.join(map(str, self.labels[:8]))}{', …' * (len(self.labels) > 8)})"
        where = "every step" if self.at_every_step else "the last step"
        if self.scored is not None:
            where = f"{int(self.scored.sum()):,} of {len(self.scored):,} steps"
        return f"Labelled({len(self):,} sequences of (time, {self.rows.shape[1]}), {outputs} at {where})"

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def outputs(self) -> int:
        """Return the number of output units that a network needs: one a class, a bit or a real number."""
        return self.targets.shape[1] if self.classes is None else self.classes

    @property
    def at_every_step(self) -> bool:
        """Tell whether there is a target at every step that is scored, and not at the last one alone."""
        return len(self.targets) > len(self)

    @property
    def has_one_class(self) -> bool:
        """Tell whether the target is one class a sequence."""
        return self.classes is not None and not self.at_every_step

    @cached_property
    def lengths(self) -> Int64[np.ndarray, "sequence"]:
        """Return the number of steps of each sequence."""
        return np.diff(self.offsets)

    def take(self, chosen: Int[np.ndarray, "chosen"]) -> "Labelled":
        """Return the chosen sequences, in this order."""
        lengths = self.lengths[chosen]
        offsets = ended(lengths)
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], lengths)
        return replace(
            self,
            rows=self.rows[rows],
            offsets=offsets,
            targets=self.targets[rows if self.at_every_step else chosen],
            leads=None if self.leads is None else self.leads[chosen],
            scored=None if self.scored is None else self.scored[rows],
        )

    def with_lead(self, steps: Int[np.ndarray, "sequence"]) -> "Labelled":
        """Return sequences of the same lengths and targets, whose first steps are zeros and become their lead.

        Raises:
            ValueError: if a lead is negative or leaves nothing of its sequence.
        """
        leads = np.broadcast_to(np.asarray(steps, dtype=np.int64), self.lengths.shape)
        self._refuse((leads < 0) | (leads >= self.lengths), "its lead must be at least 0 and shorter than the sequence")
        first = np.arange(len(self.rows)) - np.repeat(self.offsets[:-1], self.lengths)
        is_lead = first < np.repeat(leads, self.lengths)
        return replace(self, rows=np.where(is_lead[:, None], self.rows.dtype.type(0), self.rows), leads=leads)

    def split(
        self, validation: float = 0.1, test: float = 0.2, seed: int = 0
    ) -> tuple["Labelled", "Labelled", "Labelled"]:
        """Divide the sequences at random into those to train, to validate and to test on.

        Args:
            validation: fraction of the sequences that decide when training stops.
            test: fraction that results are reported on.
            seed: of the division, which depends on nothing else.

        Raises:
            ValueError: if one of the three would be empty.
        """
        sizes = [round(validation * len(self)), round(test * len(self))]
        if not (validation > 0 and test > 0 and min(sizes) > 0 and sum(sizes) < len(self)):
            raise ValueError(
                f"validation is {validation} and test is {test} with {len(self)} sequences: both must be above 0, and"
                " each of the three sets must have a sequence"
            )
        order = generator(seed, "split").permutation(len(self))
        first, second = sizes[0], sum(sizes)
        return self.take(np.sort(order[second:])), self.take(order[:first]), self.take(order[first:second])

    def sequences(self, chosen: Int[np.ndarray, "member sample"]) -> Sequences:
        """Return the chosen sequences of each member, side by side, with zeros after the end of shorter ones."""
        lengths = self.lengths[chosen]  # (member, sample)
        steps = np.arange(lengths.max())[:, None]
        own = steps < lengths[:, None, :]  # (member, time, sample)
        rows = np.where(own, self.offsets[chosen][:, None, :] + steps, 0)
        scored = own if self.at_every_step else steps == lengths[:, None, :] - 1
        first, last = 0 if self.at_every_step else int(lengths.min()) - 1, len(steps)
        if self.scored is not None:
            scored = own & self.scored[rows]
            first, last = _span(scored.any((0, 2)))
        answers = self._encoded(rows if self.at_every_step else np.broadcast_to(chosen[:, None, :], rows.shape))
        lead = steps < (np.zeros_like(lengths) if self.leads is None else self.leads[chosen])[:, None, :]
        phase = np.select(
            [scored, lead, own], [int(Phase.output), int(Phase.lead), int(Phase.input)], int(Phase.padding)
        )
        return Sequences(
            inputs=torch.from_numpy(self.rows[rows] * own[..., None]).float(),
            targets=torch.from_numpy(answers * scored[..., None]).float(),
            scored=torch.from_numpy(scored).float(),
            phase=torch.from_numpy(phase.astype(np.int8)),
            window=slice(first, last),
            answers=None if self.classes is None else 1,
        )

    def _encoded(self, entries: Int[np.ndarray, "*shape"]) -> Shaped[np.ndarray, "*shape output"]:
        """Return targets of an output unit each: a class is 1 among zeros."""
        if self.classes is None:
            return self.targets[entries]
        return self.targets[entries][..., None] == np.arange(self.classes)

    def _check_targets(self) -> None:
        if self.real:
            is_right, rule = np.isfinite(self.targets), "targets must be finite"
        else:
            highest = 1 if self.classes is None else self.classes - 1
            is_right = (self.targets >= 0) & (self.targets <= highest)
            rule = f"targets must lie between 0 and {highest}"
            rule += "" if self.classes is not None else ", unless they are real numbers (real=True)"
        self._refuse(~is_right.reshape(len(self.targets), -1).all(1), rule)

    def _check_scored(self) -> None:
        """Refuse a mask of another size, one of a single target a sequence, and sequences of which nothing counts."""
        if self.scored is None:
            return
        if len(self.scored) != len(self.rows) or len(self.targets) != len(self.rows):
            raise ValueError(
                f"scored has {len(self.scored)} steps and targets has {len(self.targets)} entries: both must have one"
                f" for each of the {len(self.rows)} steps"
            )
        self._refuse(~np.logical_or.reduceat(self.scored, self.offsets[:-1]), "no step is scored: at least one must be")
        unread = self.targets[~self.scored]
        if unread.any():
            raise ValueError(f"targets holds {unread[unread != 0][0]} at a step that is not scored: it must be 0 there")

    def _refuse(self, is_wrong: Any, rule: str) -> None:
        wrong = np.flatnonzero(is_wrong)
        if wrong.size:
            if len(is_wrong) == len(self):
                raise ValueError(f"sequence {wrong[0]}: {rule}")
            sequence = int(np.searchsorted(self.offsets, wrong[0], side="right")) - 1
            raise ValueError(f"sequence {sequence}: {rule} (step {wrong[0] - self.offsets[sequence]})")


def _span(marked: Bool[np.ndarray, "time"]) -> tuple[int, int]:
    """Return the first step that is marked, and the one after the last."""
    places = np.flatnonzero(marked)
    return int(places[0]), int(places[-1]) + 1
