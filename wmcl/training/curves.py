"""This module keeps what happened during training, as labelled arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from wmcl.labels import ANSWERS, LOSS, label
from wmcl.training.evaluation import Evaluation


@dataclass(frozen=True)
class Curves:
    """Hold the course of a training run, with NaN where a member was frozen or not validated.

    Steps come in blocks with a row for each step; a validation is one row.
    """

    seeds: tuple[int, ...]
    loss: tuple[Float[np.ndarray, "_ member"], ...] = ()
    clipped: tuple[Float[np.ndarray, "_ member"], ...] = ()
    validation: tuple[int, ...] = ()
    """iterations at which members were validated"""
    validation_loss: tuple[Float[np.ndarray, "member"], ...] = ()
    validation_accuracy: tuple[Float[np.ndarray, "member"], ...] = ()

    def stepped(
        self,
        took: Bool[np.ndarray, "step member"],
        loss: Float[np.ndarray, "step member"],
        clipped: Bool[np.ndarray, "step member"],
    ) -> "Curves":
        """Return the curves with more training steps, of the members that took them."""
        return replace(
            self,
            loss=(*self.loss, np.where(took, loss, np.nan)),
            clipped=(*self.clipped, np.where(took, clipped, np.nan)),
        )

    def validated(self, iteration: int, due: Sequence[bool], evaluation: Evaluation) -> "Curves":
        """Return the curves with one more validation, of the members that were due."""
        loss, accuracy = (np.where(due, x.cpu().numpy(), np.nan) for x in (evaluation.loss, evaluation.accuracy))
        return replace(
            self,
            validation=(*self.validation, iteration),
            validation_loss=(*self.validation_loss, loss),
            validation_accuracy=(*self.validation_accuracy, accuracy),
        )

    def steps(self) -> Int[np.ndarray, "member"]:
        """Return the number of training steps that each member made."""
        return (~np.isnan(self.rows(self.loss))).sum(0)

    def rows(self, parts: Sequence[np.ndarray]) -> Float[np.ndarray, "row member"]:
        """Return blocks or single rows as one array."""
        members = len(self.seeds)
        return np.concatenate([part.reshape(-1, members) for part in parts]) if parts else np.empty((0, members))

    def dataset(self) -> xr.Dataset:
        """Return all curves as a dataset, with units and long names."""
        loss = self.rows(self.loss)
        by_step, by_validation = ("seed", "iteration"), ("seed", "validation")
        found = xr.Dataset(
            {
                "training_loss": (by_step, loss.T),
                "clipped": (by_step, self.rows(self.clipped).T),
                "validation_loss": (by_validation, self.rows(self.validation_loss).T),
                "validation_accuracy": (by_validation, self.rows(self.validation_accuracy).T),
            },
            coords={
                "seed": list(self.seeds),
                "iteration": np.arange(len(loss)),
                "validation": list(self.validation),
            },
        )
        return label(
            found,
            training_loss=("loss of the batch of a training step", LOSS),
            validation_accuracy=("validation accuracy", ANSWERS),
            validation=("training steps made before the validation", "steps"),
        )
