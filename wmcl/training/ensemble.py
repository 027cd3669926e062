"""This module holds trained networks, with their most used measures as methods."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Int

from wmcl.labels import label
from wmcl.likelihoods import Likelihood
from wmcl.networks import Network, Parameters
from wmcl.tasks import Phase, Sequences, Task
from wmcl.training.evaluation import Evaluation, evaluate
from wmcl.training.milestones import Milestone
from wmcl.training.options import Options, Reason

if TYPE_CHECKING:  # importances and dimensionality are measured of what is trained: they come later
    from wmcl.importance.signals import FisherKind


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """An Ensemble holds networks of one shape, a member for each seed, and the task that they answer.

    Its methods are short for functions of the package, with the network, its parameters and its task filled in. Where
    no data are given, they take those of the task: the test set, or fresh sequences on which no network was trained.
    """

    network: Network
    parameters: Parameters
    """tensors by name, each with the member axis first"""
    seeds: tuple[int, ...]
    task: Task | None = None
    """task that the networks answer; ``None`` if it is not known, as in an ensemble from a file: data and likelihood
    must then be given"""

    def evaluate(self, data: Sequences | None = None, likelihood: Likelihood | Task | None = None) -> Evaluation:
        """Return loss and accuracy on a set of sequences, the test set of the task by default."""
        return evaluate(self.network, self.parameters, self._data(data), self._likelihood(likelihood))

    def fisher(
        self,
        kind: "FisherKind" = "exact",
        data: Sequences | None = None,
        likelihood: Likelihood | Task | None = None,
        samples: int = 500,
        draws: int = 1,
    ) -> Parameters:
        """Return the Fisher diagonal of every parameter (:func:`wmcl.importance.fisher_diagonal`).

        Args:
            kind: where targets come from.
            data: what to average over; fresh sequences of the task by default.
            likelihood: of the targets, if the ensemble has no task.
            samples: how many sequences are drawn where none are given.
            draws: targets for each sequence, of the ``sampled`` kind.
        """
        from wmcl.importance import fisher_diagonal

        found = self._data(data, samples)
        return fisher_diagonal(
            self.network, self.parameters, found, self._likelihood(likelihood), kind, seeds=self.seeds, draws=draws
        )

    def memory_aware_synapses(self, data: Sequences | None = None, samples: int = 500) -> Parameters:
        """Return how much the outputs change with every parameter (:func:`wmcl.importance.memory_aware_synapses`)."""
        from wmcl.importance import memory_aware_synapses

        return memory_aware_synapses(self.network, self.parameters, self._data(data, samples))

    def hidden(self, data: Sequences | None = None) -> xr.DataArray:
        """Return the hidden states h_t of the last layer on a set of sequences, the test set by default.

        Returns:
            Dimensions ``seed``, ``step``, ``sample`` and ``unit``. Where all sequences share their phases, the
            coordinate ``phase`` names that of each step.
        """
        from wmcl.dimensionality.states import hidden_states

        found = self._data(data)
        hidden = hidden_states(self.network, self.parameters, found)
        phases = found.phase
        coordinates: dict[str, Any] = {"seed": list(self.seeds), "step": np.arange(found.steps)}
        if bool((phases == phases[:1, :, :1]).all()):
            coordinates["phase"] = ("step", [Phase(number).name for number in phases[0, :, 0].tolist()])
        attributes = {"long_name": "hidden states of the last layer", "units": "1"}
        array = xr.DataArray(hidden.cpu().numpy(), coordinates, ("seed", "step", "sample", "unit"), attrs=attributes)
        return label(array)

    @torch.no_grad()
    def dimensionality(
        self, phase: str | None = "output", data: Sequences | None = None, threshold: float = 0.75
    ) -> xr.Dataset:
        """Return how many dimensions the hidden states of a phase fill (:mod:`wmcl.dimensionality`).

        Args:
            phase: of the sequences; ``None`` for all steps before the padding.
            data: sequences; the test set by default.
            threshold: share of the variance that the counted components hold.

        Returns:
            ``components``, ``participation_ratio`` and ``effective_rank``, with the dimension ``seed``; phase and
            threshold are attributes.
        """
        from wmcl.dimensionality.principal_components import (
            components_for_variance,
            covariance_spectrum,
            effective_rank,
            participation_ratio,
        )
        from wmcl.dimensionality.states import hidden_states, states

        found = self._data(data)
        spectrum = covariance_spectrum(states(hidden_states(self.network, self.parameters, found), found, phase))
        measures = {
            "components": components_for_variance(spectrum, threshold),
            "participation_ratio": participation_ratio(spectrum),
            "effective_rank": effective_rank(spectrum),
        }
        arrays = {name: ("seed", values.cpu().numpy()) for name, values in measures.items()}
        attributes = {"phase": "all" if phase is None else phase, "threshold": threshold}
        return label(xr.Dataset(arrays, {"seed": list(self.seeds)}, attributes))

    def _data(self, data: Sequences | None, samples: int | None = None) -> Sequences:
        """Return the given data, or those of the task, in the type and on the device of the parameters."""
        if data is None:
            if self.task is None:
                raise ValueError("data is None: an ensemble without its task needs sequences")
            data = self.task.test if samples is None else self.task.fixed_set("importance", samples)
        like = next(iter(self.parameters.values()))
        return data.to(like.dtype).to(like.device) if isinstance(data, Sequences) else data

    def _likelihood(self, likelihood: Likelihood | Task | None) -> Likelihood | Task:
        if likelihood is None and self.task is None:
            raise ValueError("likelihood is None: an ensemble without its task needs that of the targets")
        return likelihood if likelihood is not None else self.task  # type: ignore[return-value]


@dataclass(frozen=True, kw_only=True)
class Trained(Ensemble):
    """A Trained is an ensemble after training on one task."""

    task: Task
    options: Options
    initial: Parameters
    """parameters before the first step"""
    iterations: Int[np.ndarray, "member"]
    """steps that each member made"""
    reason: tuple[Reason, ...]
    """why each member stopped"""
    validation_loss: Float[np.ndarray, "member"]
    """last validation loss of each member, in nats a scored bit"""
    curves: xr.Dataset
    """training and validation curves of each member"""
    milestones: tuple[Milestone, ...]
    seconds: float
    """wall time in seconds, of all parts of a run that was resumed"""
    observed: Parameters = field(default_factory=dict)
    """final state of the observer, if there is one"""
    configuration: Mapping[str, Any] = field(default_factory=dict)
    """configuration of the training (network, task, seeds, stop rules, options and the like), as JSON values"""
