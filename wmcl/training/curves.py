"""What happened during training, as labelled arrays."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int
from torch import Tensor

from wmcl.training.evaluation import Evaluation


class Curves:
    """Collects the course of a training run; NaN where a member was frozen or not validated."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._seeds = list(seeds)
        self._loss: list[np.ndarray] = []
        self._clipped: list[np.ndarray] = []
        self._validations: list[tuple[int, np.ndarray, np.ndarray]] = []

    def stepped(self, active: Sequence[bool], loss: Float[Tensor, "member"], clipped: Bool[Tensor, "member"]) -> None:
        """Record a training step."""
        self._loss.append(np.where(active, loss.cpu().numpy(), np.nan))
        self._clipped.append(np.where(active, clipped.cpu().numpy(), np.nan))

    def validated(self, iteration: int, due: Sequence[bool], evaluation: Evaluation) -> None:
        """Record a validation, of the members that were due."""
        loss, accuracy = (np.where(due, x.cpu().numpy(), np.nan) for x in (evaluation.loss, evaluation.accuracy))
        self._validations.append((iteration, loss, accuracy))

    def steps(self) -> Int[np.ndarray, "member"]:
        """Training steps that each member made."""
        return (~np.isnan(self._stack(self._loss))).sum(1)

    def dataset(self) -> xr.Dataset:
        """All curves, with units and long names."""
        nats = {"units": "nats / scored bit"}
        return xr.Dataset(
            {
                "training_loss": (
                    ("seed", "iteration"),
                    self._stack(self._loss),
                    {"long_name": "loss of the batch of a step", **nats},
                ),
                "clipped": (
                    ("seed", "iteration"),
                    self._stack(self._clipped),
                    {"long_name": "whether the gradient of a step was clipped", "units": "1"},
                ),
                "validation_loss": (
                    ("seed", "validation"),
                    self._stack([loss for _, loss, _ in self._validations]),
                    {"long_name": "validation loss before the step of that number", **nats},
                ),
                "validation_accuracy": (
                    ("seed", "validation"),
                    self._stack([accuracy for _, _, accuracy in self._validations]),
                    {
                        "long_name": "validation accuracy before the step of that number",
                        "units": "fraction of bits",
                    },
                ),
            },
            coords={
                "seed": self._seeds,
                "iteration": np.arange(len(self._loss)),
                "validation": [iteration for iteration, _, _ in self._validations],
            },
        )

    def _stack(self, rows: list[np.ndarray]) -> np.ndarray:
        return np.stack(rows, 1) if rows else np.empty((len(self._seeds), 0))
