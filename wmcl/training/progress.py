"""What the training loop remembers of each member, and the rules that stop it."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from wmcl.training.options import Options
from wmcl.training.stop import Reason, Stop


@dataclass
class Progress:
    """How far one member has come."""

    targets: list[float]
    """loss thresholds that are still ahead, largest first"""
    best_loss: float = float("inf")
    best_iteration: int = 0
    training_loss: float = float("inf")
    """nats a scored bit on the last batch"""
    reason: Reason | None = None
    """why it stopped, if it has"""

    def is_due(self, iteration: int, stop: Stop, options: Options) -> bool:
        """Whether to validate now. Depends on nothing but this member, so others cannot change its result."""
        if self.reason is not None:
            return False
        if iteration % options.validate_every == 0 or iteration == stop.iterations:
            return True
        is_near = bool(self.targets) and self.training_loss < options.watch_within * self.targets[0]
        return is_near and iteration % options.watch_every == 0

    def validated(self, iteration: int, loss: float, accuracy: float, stop: Stop) -> None:
        """Take in a validation, and stop if a rule says so."""
        self.targets = [target for target in self.targets if loss > target]
        if loss < self.best_loss:
            self.best_loss, self.best_iteration = loss, iteration
        self.reason = stop.reason(loss, accuracy, iteration - self.best_iteration)


def start_progress(seeds: Sequence[int], thresholds: Sequence[float], stop: Stop) -> list[Progress]:
    """The state of each member before training."""
    targets = sorted({*thresholds, *([] if stop.loss is None else [stop.loss])}, reverse=True)
    return [Progress(targets) for _ in seeds]


def stop_nonfinite(members: Sequence[Progress], seeds: Sequence[int], iteration: int, finite: Sequence[bool]) -> None:
    """Stop and report the members whose loss or gradient is infinite or not a number."""
    for member, seed, is_finite in zip(members, seeds, finite, strict=True):
        if member.reason is None and not is_finite:
            member.reason = Reason.nonfinite
            warnings.warn(
                f"the member with seed {seed} has a non-finite loss or gradient at iteration {iteration}: stopped",
                RuntimeWarning,
                stacklevel=4,  # whoever called train
            )
