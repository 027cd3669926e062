r"""Compute covariances of many sets of steps from one pass over the states.

With the mean μ_t and the scatter S_t = Σ_b (h_tb - μ_t)(h_tb - μ_t)ᵀ of each step over B_t samples, the scatter of all
rows of a set of steps around their common mean μ is the sum of that within and that between steps,

    S = Σ_t S_t + Σ_t B_t (μ_t - μ)(μ_t - μ)ᵀ,

and without the second term it is the scatter of states that were centred at each step. So the states are read once,
however many phases are named.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from wmcl.check_data import check_floats
from wmcl.dimensionality.principal_components import eigenvalues
from wmcl.dimensionality.states import Centre


@dataclass(frozen=True)
class StepScatter:
    """Hold the mean and the scatter of the hidden states at each step."""

    mean: Float64[Tensor, "member time unit"]
    scatter: Float64[Tensor, "member time unit unit"]
    samples: Int64[Tensor, "#member time"]
    """number of samples that were counted at each step"""

    @staticmethod
    def of(
        hidden: Float[Tensor, "member time sample unit"], counted: Bool[Tensor, "#member time sample"] | None = None
    ) -> "StepScatter":
        """Measure the states of every step, in float64, a step at a time.

        Args:
            hidden: states.
            counted: those to measure, e.g. all but padding; ``None``: all. A step without any has zeros.

        Raises:
            ValueError: if the states are no finite tensor of these axes, or of fewer than two samples.
        """
        check_floats(hidden, "hidden", "member time sample unit")
        if hidden.shape[2] < 2:
            raise ValueError(f"hidden has {hidden.shape[2]} samples: a covariance needs at least 2")
        if counted is None:
            samples = torch.full((1, hidden.shape[1]), hidden.shape[2], device=hidden.device)
            mean = hidden.mean(2, dtype=torch.float64)
        else:
            counted = counted.to(hidden.device)
            samples = counted.sum(2)
            mean = (hidden * counted[..., None].double()).sum(2) / samples.clamp(min=1)[..., None]
        scatter = hidden.new_empty((*hidden.shape[:2], hidden.shape[3], hidden.shape[3]), dtype=torch.float64)
        for t in range(hidden.shape[1]):
            centred = hidden[:, t].double() - mean[:, t, None]
            if counted is not None:
                centred *= counted[:, t, :, None]
            torch.bmm(centred.mT, centred, out=scatter[:, t])
        return StepScatter(mean, scatter, samples)

    def spectrum(self, steps: Sequence[int], centre: Centre = "pooled") -> Float64[Tensor, "member unit"]:
        """Compute the eigenvalues of the covariance of the states at some steps, largest first.

        They are equal to ``covariance_spectrum(states(...))`` for the phase that has these steps.
        """
        chosen = torch.as_tensor(steps)
        mean, scatter = self.mean[:, chosen], self.scatter[:, chosen].sum(1)
        samples = self.samples[:, chosen, None].double()
        share = samples / samples.amax(1, keepdim=True)
        overall = (share * mean).sum(1) / share.sum(1)
        if centre == "pooled":
            between = mean - overall[:, None]
            scatter = scatter + (samples * between).mT @ between
        return eigenvalues(scatter / (samples.sum(1, keepdim=True) - 1), overall)

    def spectrum_by_step(self) -> Float64[Tensor, "member time unit"]:
        """Compute the eigenvalues of the covariance at each step alone; NaN where fewer than two samples count."""
        others = (self.samples - 1)[..., None]
        found = eigenvalues(self.scatter / others.clamp(min=1)[..., None], self.mean)
        return torch.where(others > 0, found, float("nan"))
