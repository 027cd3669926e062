"""Watches an ensemble while it trains: validations, matched losses, curves, and which members still learn."""

from collections.abc import Sequence

import numpy as np

from wmcl.networks import Network, Parameters
from wmcl.tasks import Sequences, Task
from wmcl.training.curves import Curves
from wmcl.training.evaluation import evaluate
from wmcl.training.milestones import Milestone, Snapshot, complete, pass_milestones
from wmcl.training.options import Options
from wmcl.training.progress import start_progress, stop_nonfinite
from wmcl.training.step import Step
from wmcl.training.stop import Reason, Stop


class Watch:
    """What the training loop knows of its members."""

    def __init__(
        self,
        network: Network,
        task: Task,
        validation: Sequences,
        seeds: Sequence[int],
        thresholds: Sequence[float],
        stop: Stop,
        options: Options,
    ) -> None:
        self._network, self._task, self._validation = network, task, validation
        self._seeds, self._thresholds, self._stop, self._options = seeds, thresholds, stop, options
        self._members = start_progress(seeds, thresholds, stop)
        self._last: Snapshot | None = None
        self._found: dict[float, Milestone] = {}
        self.curves = Curves(seeds)

    @property
    def active(self) -> list[bool]:
        """Which members still learn."""
        return [member.reason is None for member in self._members]

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why each member stopped; whoever still learns when the loop ends has used up its iterations."""
        return tuple(Reason.iterations if member.reason is None else member.reason for member in self._members)

    def validate(self, iteration: int, parameters: Parameters, observed: Parameters) -> None:
        """Validate the members that are due, keep the milestones they pass, stop those that a rule stops."""
        due = [member.is_due(iteration, self._stop, self._options) for member in self._members]
        if not any(due):
            return
        evaluation = evaluate(self._network, self._task, parameters, self._validation)
        self.curves.validated(iteration, due, evaluation)
        here = Snapshot(np.full(len(due), iteration), evaluation.loss.cpu().numpy(), parameters, observed)
        self._found = pass_milestones(self._found, self._thresholds, due, self._last or here, here)
        self._last = here if self._last is None else self._last.updated(due, here)
        results = zip(self._members, due, evaluation.loss.tolist(), evaluation.accuracy.tolist(), strict=True)
        for member, is_due, loss, accuracy in results:
            if is_due:
                member.validated(iteration, loss, accuracy, self._stop)

    def stepped(self, iteration: int, step: Step) -> list[bool]:
        """Take in a step, and return the members that take it: those that still learn and whose step is finite."""
        stop_nonfinite(self._members, self._seeds, iteration, step.finite.tolist())
        for member, loss in zip(self._members, step.loss.tolist(), strict=True):
            member.training_loss = loss
        self.curves.stepped(self.active, step.loss, step.clipped)
        return self.active

    def finish(self, parameters: Parameters, observed: Parameters) -> tuple[Snapshot, tuple[Milestone, ...]]:
        """The end of training, with the last validation loss of each member, and all milestones."""
        assert self._last is not None  # every run is validated at iteration 0
        final = Snapshot(self.curves.steps(), self._last.loss, parameters, observed)
        return final, tuple(complete(self._found, threshold, final) for threshold in self._thresholds)
