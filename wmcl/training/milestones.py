"""Milestones are networks at a matched validation loss: they hold the parameters on either side of each threshold."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from wmcl.networks import Parameters
from wmcl.training.loss import where


@dataclass(frozen=True)
class Snapshot:
    """A Snapshot is an ensemble at one validation; members may have been validated at different iterations."""

    iteration: Int[np.ndarray, "member"]
    loss: Float[np.ndarray, "member"]
    """validation loss in nats a scored bit"""
    parameters: Parameters
    observed: Parameters = field(default_factory=dict)
    """state of the observer of the training run, if there is one"""

    def updated(self, members: Sequence[bool], other: "Snapshot") -> "Snapshot":
        """Return this snapshot with the given members taken from another."""
        chosen = np.asarray(members)
        return Snapshot(
            np.where(chosen, other.iteration, self.iteration),
            np.where(chosen, other.loss, self.loss),
            where(members, other.parameters, self.parameters),
            where(members, other.observed, self.observed),
        )


@dataclass(frozen=True)
class Milestone:
    """A Milestone is the first time that the validation loss of each member fell to a threshold.

    ``after`` is the validation at which it was at or below the threshold, ``before`` the validation just
    before that. Members that never reached it carry their final state in both.
    """

    threshold: float
    reached: Bool[np.ndarray, "member"]
    before: Snapshot
    after: Snapshot

    def position(self) -> Float[np.ndarray, "member"]:
        """Return where the threshold lies between before (0) and after (1), on the scale of log loss.

        It is 1 where the two losses do not bracket it: a single measurement, an infinite or a zero loss.
        """
        before, after = self.before.loss, self.after.loss
        brackets = np.isfinite(before) & (before > after) & (after > 0)
        start, end = np.log(np.where(brackets, before, 2.0)), np.log(np.where(brackets, after, 1.0))
        return np.where(brackets, np.clip((start - np.log(self.threshold)) / (start - end), 0, 1), 1.0)


def pass_milestones(
    found: dict[float, Milestone],
    thresholds: Sequence[float],
    due: Sequence[bool],
    last: Snapshot,
    here: Snapshot,
) -> dict[float, Milestone]:
    """Record the members that are at or below a threshold for the first time."""
    found = dict(found)
    for threshold in thresholds:
        known = found.get(threshold, Milestone(threshold, np.zeros(len(due), bool), here, here))
        new = np.asarray(due) & ~known.reached & (here.loss <= threshold)
        if new.any():
            chosen = new.tolist()
            before, after = known.before.updated(chosen, last), known.after.updated(chosen, here)
            found[threshold] = replace(known, reached=known.reached | new, before=before, after=after)
    return found


def complete(found: dict[float, Milestone], threshold: float, final: Snapshot) -> Milestone:
    """Return a milestone in which the members that missed its threshold have their final state."""
    known = found.get(threshold, Milestone(threshold, np.zeros(len(final.loss), bool), final, final))
    missed = (~known.reached).tolist()
    return replace(known, before=known.before.updated(missed, final), after=known.after.updated(missed, final))


def interpolate_log(
    before: Float[np.ndarray, "member *rest"],
    after: Float[np.ndarray, "member *rest"],
    position: Float[np.ndarray, "member"],
) -> Float[np.ndarray, "member *rest"]:
    """Interpolate the logarithms of two values, or the values themselves where one of the two is not positive."""
    weight = position.reshape(-1, *[1] * (before.ndim - 1))
    positive = (before > 0) & (after > 0)
    logs = [np.log(np.where(positive, x, 1.0)) for x in (before, after)]
    geometric = np.exp((1 - weight) * logs[0] + weight * logs[1])
    return np.where(positive, geometric, (1 - weight) * before + weight * after)
