"""What the training loop remembers of each member, and the rules that stop it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wmcl.training.options import Options
from wmcl.training.stop import Reason, Stop


@dataclass(frozen=True)
class Progress:
    """How far one member has come."""

    targets: tuple[float, ...]
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

    def validated(self, iteration: int, loss: float, accuracy: float, stop: Stop) -> "Progress":
        """The member after a validation, stopped if a rule says so."""
        is_best = loss < self.best_loss
        best_loss, best_iteration = (loss, iteration) if is_best else (self.best_loss, self.best_iteration)
        return replace(
            self,
            targets=tuple(target for target in self.targets if loss > target),
            best_loss=best_loss,
            best_iteration=best_iteration,
            reason=stop.reason(loss, accuracy, iteration - best_iteration),
        )


def start_progress(seeds: Sequence[int], thresholds: Sequence[float], stop: Stop) -> tuple[Progress, ...]:
    """The state of each member before training."""
    targets = sorted({*thresholds, *([] if stop.loss is None else [stop.loss])}, reverse=True)
    return tuple(Progress(tuple(targets)) for _ in seeds)


def may_be_due(iteration: int, stop: Stop, options: Options) -> bool:
    """Whether any member could be due: at other iterations nobody needs to know how members do."""
    every = (options.validate_every, options.watch_every)
    return iteration == stop.iterations or any(iteration % n == 0 for n in every)
