"""What the outputs of a network mean: the probability of a target given the logits."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class Bernoulli:
    r"""Independent bits: p(target = 1) = σ(logit).

    All methods work element by element; logits and targets have the shape (member, time, sample, output).
    """

    def nll(
        self,
        logits: Float[Tensor, "member time sample output"],
        targets: Float[Tensor, "#member time sample output"],
    ) -> Float[Tensor, "member time sample output"]:
        """Negative log-likelihood of each bit, in nats: ``max(z, 0) - z * target + log(1 + exp(-abs(z)))``.

        This form keeps its precision where a bit is almost certain, unlike softplus(z) - z · target.
        """
        return F.binary_cross_entropy_with_logits(logits, targets.expand_as(logits), reduction="none")

    def sample(
        self,
        logits: Float[Tensor, "member time sample output"],
        uniforms: Float[Tensor, "member time sample output"],
    ) -> Float[Tensor, "member time sample output"]:
        """Targets drawn from the model, given uniform numbers in [0, 1)."""
        return (uniforms < torch.sigmoid(logits)).to(logits.dtype)

    def correct(
        self,
        logits: Float[Tensor, "member time sample output"],
        targets: Float[Tensor, "#member time sample output"],
    ) -> Bool[Tensor, "member time sample output"]:
        """Whether the likelier value of a bit (1 if logit >= 0) is its target."""
        return (logits >= 0) == (targets > 0.5)

    def variance(
        self, logits: Float[Tensor, "member time sample output"]
    ) -> Float[Tensor, "member time sample output"]:
        """P (1 - p), the variance of each bit, which is also the Fisher information of its logit."""
        p = torch.sigmoid(logits)
        return p * (1 - p)
