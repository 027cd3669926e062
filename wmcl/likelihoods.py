"""A likelihood is the probability of a target given the outputs of a network."""

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["Bernoulli", "Categorical", "Gaussian"]


@dataclass(frozen=True)
class Bernoulli:
    r"""A Bernoulli likelihood has independent bits as targets: p(target = 1) = σ(logit).

    All methods work element by element; logits and targets have the shape (member, time, sample, output).
    """

    def nll(
        self,
        logits: Float[Tensor, "member time sample output"],
        targets: Float[Tensor, "#member time sample output"],
    ) -> Float[Tensor, "member time sample output"]:
        """Compute the negative log-likelihood of each bit, in nats.

        The form ``max(z, 0) - z * target + log(1 + exp(-abs(z)))`` keeps its precision where a bit is almost certain,
        unlike softplus(z) - z · target.
        """
        return F.binary_cross_entropy_with_logits(logits, targets.expand_as(logits), reduction="none")

    def sample(
        self,
        logits: Float[Tensor, "member time sample output"],
        uniforms: Float[Tensor, "member time sample output"],
    ) -> Float[Tensor, "member time sample output"]:
        """Draw targets from the model, given uniform numbers in [0, 1)."""
        return (uniforms < torch.sigmoid(logits)).to(logits.dtype)

    def correct(
        self,
        logits: Float[Tensor, "member time sample output"],
        targets: Float[Tensor, "#member time sample output"],
    ) -> Bool[Tensor, "member time sample output"]:
        """Tell whether the likelier value of a bit (1 if logit >= 0) is its target."""
        return (logits >= 0) == (targets > 0.5)

    def variance(
        self, logits: Float[Tensor, "member time sample output"]
    ) -> Float[Tensor, "member time sample output"]:
        """Compute the variance p (1 - p) of each bit, which is also the Fisher information of its logit."""
        return torch.sigmoid(logits) * torch.sigmoid(-logits)  # 1 - p would lose the small ones

    def divergence(
        self,
        logits: Float[Tensor, "member time sample output"],
        other: Float[Tensor, "member time sample output"],
    ) -> Float[Tensor, "member time sample output"]:
        """Compute the KL divergence of each bit in nats, from the model with ``logits`` to that with ``other``.

        With d = other - logits and p = σ(logits) it is log(1 + p (exp(d) - 1)) - p d, which keeps its precision for
        small d; for large d, p log(p / q) + (1 - p) log((1 - p) / (1 - q)). Exchanging 0 and 1 makes p <= 1/2.
        """
        sign = 1 - 2 * (logits > 0).to(logits.dtype)
        z, to = logits * sign, other * sign
        p, d = torch.sigmoid(z), to - z
        near = torch.log1p(p * torch.expm1(d.clamp(-1, 1))) - p * d
        far = p * (F.logsigmoid(z) - F.logsigmoid(to)) + torch.sigmoid(-z) * (F.logsigmoid(-z) - F.logsigmoid(-to))
        return torch.where(d.abs() < 1, near, far)

    def mean(self, logits: Float[Tensor, "member time sample output"]) -> Float[Tensor, "member time sample output"]:
        """Compute the expected value of each bit: its probability of being 1."""
        return torch.sigmoid(logits)

    def distillation(
        self,
        logits: Float[Tensor, "member time sample output"],
        teacher: Float[Tensor, "member time sample output"],
        temperature: float = 2.0,
    ) -> Float[Tensor, "member time sample output"]:
        """Compute the cross-entropy of each bit with the soft target of a teacher, in nats.

        It is T² · BCE(σ(z / T), σ(z_teacher / T)).

        Hinton, Vinyals and Dean ("Distilling the knowledge in a neural network", 2015): a temperature T above 1 shows
        more of what a certain teacher leaves open, and T² keeps gradients in proportion. The gradient with respect to z
        is T (σ(z / T) - σ(z_teacher / T)).
        """
        targets = torch.sigmoid(teacher / temperature)
        return temperature**2 * F.binary_cross_entropy_with_logits(logits / temperature, targets, reduction="none")

    def fisher_factor(
        self, logits: Float[Tensor, "member time sample output"]
    ) -> Float[Tensor, "member time sample output column"]:
        """Compute L with L Lᵀ = Fisher information of the logits, here √(p (1 - p)) on the diagonal."""
        return torch.diag_embed(self.variance(logits).sqrt())

    def squared_gradient(
        self, logits: Float[Tensor, "member time sample output"]
    ) -> tuple[Float[Tensor, "member time sample output"], Float[Tensor, "member time sample output"]]:
        """Compute mean and variance of (p - target)² over targets: v and v (1 - 4 v), with v = p (1 - p)."""
        v = self.variance(logits)
        return v, v * (1 - 4 * v)


@dataclass(frozen=True)
class Categorical:
    r"""A Categorical likelihood has one of several classes as a target: p(class c) = exp(z_c) / Σ_k exp(z_k).

    Each class has a logit z. Targets are one-hot: 1 for the target class, 0 for the others. A step is *one* answer, so
    what is said of answers has one entry along the last axis, where :class:`Bernoulli` has one an output unit.
    """

    def nll(
        self,
        logits: Float[Tensor, "member time sample class"],
        targets: Float[Tensor, "#member time sample class"],
    ) -> Float[Tensor, "member time sample 1"]:
        """Return the negative log-likelihood of the target class, in nats."""
        return -(targets * logits.log_softmax(-1)).sum(-1, keepdim=True)

    def sample(
        self,
        logits: Float[Tensor, "member time sample class"],
        uniforms: Float[Tensor, "member time sample class"],
    ) -> Float[Tensor, "member time sample class"]:
        """Draw one-hot targets from the model: the class in whose share of [0, 1) the first uniform number lies."""
        ends = logits.softmax(-1).cumsum(-1)
        place = uniforms[..., :1] * ends[..., -1:]
        drawn = (place >= ends[..., :-1]).sum(-1)
        return F.one_hot(drawn, logits.shape[-1]).to(logits.dtype)

    def correct(
        self,
        logits: Float[Tensor, "member time sample class"],
        targets: Float[Tensor, "#member time sample class"],
    ) -> Bool[Tensor, "member time sample 1"]:
        """Tell whether the likeliest class is the target."""
        return logits.argmax(-1, keepdim=True) == targets.argmax(-1, keepdim=True)

    def variance(self, logits: Float[Tensor, "member time sample class"]) -> Float[Tensor, "member time sample 1"]:
        """Compute the variance of the target, Σ_c p_c (1 - p_c): the trace of the Fisher information of the logits."""
        log = logits.log_softmax(-1)
        return (log.exp() * -torch.expm1(log)).sum(-1, keepdim=True)

    def divergence(
        self,
        logits: Float[Tensor, "member time sample class"],
        other: Float[Tensor, "member time sample class"],
    ) -> Float[Tensor, "member time sample 1"]:
        """Compute the KL divergence in nats, from the model with ``logits`` (p) to that with ``other`` (q).

        Since Σ (q - p) = 0 it is Σ p (exp(s) - 1 - s) with s = log q - log p: no term is negative, so nothing cancels
        where the two models are close.
        """
        log, to = logits.log_softmax(-1), other.log_softmax(-1)
        p, s = log.exp(), to - log
        near = p * (torch.expm1(s.clamp(-1, 1)) - s)
        return torch.where(s.abs() < 1, near, to.exp() - p - p * s).sum(-1, keepdim=True)

    def mean(self, logits: Float[Tensor, "member time sample class"]) -> Float[Tensor, "member time sample class"]:
        """Compute the expected value of the one-hot target: the probability of each class."""
        return logits.softmax(-1)

    def distillation(
        self,
        logits: Float[Tensor, "member time sample class"],
        teacher: Float[Tensor, "member time sample class"],
        temperature: float = 2.0,
    ) -> Float[Tensor, "member time sample 1"]:
        """Compute the cross-entropy with the softened answer of a teacher, as :meth:`Bernoulli.distillation`.

        -T² Σ softmax(z_teacher / T) · log softmax(z / T), in nats; its gradient with respect to z is
        T (softmax(z / T) - softmax(z_teacher / T)).
        """
        return temperature**2 * self.nll(logits / temperature, (teacher / temperature).softmax(-1))

    def fisher_factor(
        self, logits: Float[Tensor, "member time sample class"]
    ) -> Float[Tensor, "member time sample class column"]:
        """Compute L = diag(√p) - p √pᵀ, with L Lᵀ = diag(p) - p pᵀ, the Fisher information of the logits."""
        p = logits.softmax(-1)
        root = p.sqrt()
        return torch.diag_embed(root) - p[..., :, None] * root[..., None, :]

    def squared_gradient(
        self, logits: Float[Tensor, "member time sample class"]
    ) -> tuple[Float[Tensor, "member time sample 1"], Float[Tensor, "member time sample 1"]]:
        """Compute mean and variance of Σ_c (p_c - target_c)² over targets.

        For the target k it is 1 - 2 p_k + Σ p², so its variance is four times that of p_k.
        """
        p = logits.softmax(-1)
        mean = p.square().sum(-1, keepdim=True)
        return self.variance(logits), 4 * (p * (p - mean).square()).sum(-1, keepdim=True)


@dataclass(frozen=True)
class Gaussian:
    r"""A Gaussian likelihood has independent real numbers as targets: target ~ N(z, σ²), with the output z.

    The standard deviation σ is known. All methods work element by element, as those of :class:`Bernoulli`; the output z
    stands where these have a logit.

    Raises:
        ValueError: if the standard deviation is not positive and finite.
    """

    std: float = 1.0
    """standard deviation σ, in the unit of the targets"""

    def __post_init__(self) -> None:
        if not 0 < self.std < math.inf:
            raise ValueError(f"std is {self.std}: it must be positive and finite")

    def nll(
        self,
        logits: Float[Tensor, "member time sample output"],
        targets: Float[Tensor, "#member time sample output"],
    ) -> Float[Tensor, "member time sample output"]:
        """Compute the negative log-density of each target, in nats: (target - z)² / 2σ² + ½ log 2πσ²."""
        return self._half_square(logits, targets) + 0.5 * math.log(2 * math.pi * self.std**2)

    def sample(
        self,
        logits: Float[Tensor, "member time sample output"],
        uniforms: Float[Tensor, "member time sample output"],
    ) -> Float[Tensor, "member time sample output"]:
        """Draw targets from the model, given uniform numbers in [0, 1): z + σ Φ⁻¹(u).

        Rounded to the type of the outputs, u may be 0 or 1, where Φ⁻¹ is infinite; it is kept half a step away.
        """
        step = torch.finfo(uniforms.dtype).eps / 2
        return logits + self.std * torch.special.ndtri(uniforms.clamp(step, 1 - step)).to(logits.dtype)

    def correct(
        self,
        logits: Float[Tensor, "member time sample output"],
        targets: Float[Tensor, "#member time sample output"],
    ) -> Float[Tensor, "member time sample output"]:
        """Return NaN: a real number is not right or wrong, and there is no accuracy."""
        return torch.full_like(logits, math.nan)

    def variance(
        self, logits: Float[Tensor, "member time sample output"]
    ) -> Float[Tensor, "member time sample output"]:
        """Return the variance of each target, σ²."""
        return torch.full_like(logits, self.std**2)

    def divergence(
        self,
        logits: Float[Tensor, "member time sample output"],
        other: Float[Tensor, "member time sample output"],
    ) -> Float[Tensor, "member time sample output"]:
        """Compute the KL divergence of each target in nats, in either direction: (z - z')² / 2σ²."""
        return self._half_square(logits, other)

    def mean(self, logits: Float[Tensor, "member time sample output"]) -> Float[Tensor, "member time sample output"]:
        """Return the expected value of each target: the output itself."""
        return logits

    def distillation(
        self,
        logits: Float[Tensor, "member time sample output"],
        teacher: Float[Tensor, "member time sample output"],
        temperature: float = 2.0,
    ) -> Float[Tensor, "member time sample output"]:
        """Compute half the squared error (z - z_teacher)² / 2σ², in nats, whatever the temperature.

        A temperature shows what a certain teacher of bits leaves open; the mean of a Gaussian shows it anyway.
        """
        return self._half_square(logits, teacher)

    def fisher_factor(
        self, logits: Float[Tensor, "member time sample output"]
    ) -> Float[Tensor, "member time sample output column"]:
        """Compute L with L Lᵀ = Fisher information of the outputs: 1/σ on the diagonal, a column an output unit."""
        return torch.diag_embed(torch.full_like(logits, 1 / self.std))

    def squared_gradient(
        self, logits: Float[Tensor, "member time sample output"]
    ) -> tuple[Float[Tensor, "member time sample output"], Float[Tensor, "member time sample output"]]:
        """Return mean and variance of (z - target)² / σ⁴ over targets: 1/σ² and 2/σ⁴."""
        return torch.full_like(logits, self.std**-2), torch.full_like(logits, 2 * self.std**-4)

    def _half_square(self, logits: Tensor, other: Tensor) -> Tensor:
        return ((logits - other) / self.std).square() / 2


Likelihood = Bernoulli | Categorical | Gaussian
"""likelihood of the targets of a task"""


@runtime_checkable
class HasLikelihood(Protocol):
    """A HasLikelihood is anything that has a likelihood, such as a :class:`wmcl.tasks.Task`."""

    @property
    def likelihood(self) -> Likelihood:
        """Return the likelihood of the targets."""
        ...


METHODS = ("nll", "sample", "correct", "variance", "divergence", "mean", "distillation", "fisher_factor")
"""methods that every likelihood has"""


def likelihood_of(likelihood: Likelihood | HasLikelihood) -> Likelihood:
    """Return the likelihood of a task, or a likelihood as it is: a task may stand for its likelihood.

    Raises:
        ValueError: if it is neither.
    """
    found: Any = getattr(likelihood, "likelihood", likelihood)
    missing = [name for name in METHODS if not callable(getattr(found, name, None))]
    if missing or isinstance(found, type):
        kind = f"the class {found.__name__}" if isinstance(found, type) else f"of the type {type(found).__name__}"
        lacking = f", without {', '.join(missing)}" if missing else ""
        raise ValueError(
            f"likelihood is {kind}{lacking}: it must be a task or a likelihood, such as wmcl.likelihoods.Bernoulli()"
        )
    own: Likelihood = found
    return own
