"""This module holds the losses of a recurrent variational autoencoder, and the map to its posterior."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.likelihoods import Bernoulli, Gaussian
from wmcl.networks import Parameters
from wmcl.networks.initialisation import initialise
from wmcl.networks.recurrence import project
from wmcl.tasks import Phase, Sequences
from wmcl.training.parts import Learner

InputLikelihood = Bernoulli | Gaussian
"""likelihood of inputs that are bits, or real numbers"""

W, B = "W_posterior", "b_posterior"


def init_posterior(learner: Learner, latent: int) -> Parameters:
    """Return a linear map from what the head reads to mean and log variance of so many latent variables."""
    shapes = {W: (2 * latent, learner.network.shapes["W_out"][1]), B: (2 * latent,)}
    return initialise(shapes, learner.network.initialisation, learner.seeds)


def variational_losses(
    values: Parameters,
    output: Float[Tensor, "member time sample unit"],
    sequences: Sequences,
    noise: Float[Tensor, "member time sample latent"],
    decode: Callable[[Tensor], Tensor],
    prior_std: float,
    likelihood: InputLikelihood,
) -> tuple[Float[Tensor, "member"], Float[Tensor, "member"]]:
    """Return the KL divergence from posterior to prior, and the reconstruction error, in nats.

    Both are sums over sequences, over their steps before the padding, and over latent variables or input features.

    Args:
        values: with the map to the posterior.
        output: what the head reads, at every step.
        sequences: whose inputs are to be reconstructed.
        noise: ε, standard normal.
        decode: from latent variables μ + σ ε at every step to logits, or means, of the input features.
        prior_std: s.
        likelihood: of the inputs.
    """
    mean, log_variance = project(output, values[W], values[B]).chunk(2, -1)
    logits = decode(mean + (log_variance / 2).exp() * noise)
    kl = kl_divergence(mean, log_variance, prior_std).sum(-1)
    error = likelihood.nll(logits, sequences.inputs).sum(-1)
    steps = own_steps(sequences)
    return (kl * steps).sum((1, 2)), (error * steps).sum((1, 2))


def kl_divergence(
    mean: Float[Tensor, "member time sample latent"],
    log_variance: Float[Tensor, "member time sample latent"],
    prior_std: float,
) -> Float[Tensor, "member time sample latent"]:
    """Return the divergence from N(μ, σ²) to N(0, s²), in nats: ½ ((σ² + μ²) / s² - 1 - log(σ² / s²))."""
    relative = log_variance - 2 * float(np.log(prior_std))
    return (torch.expm1(relative) - relative + (mean / prior_std) ** 2) / 2


def own_steps(sequences: Sequences) -> Float[Tensor, "#member time sample"]:
    """Return 1 at steps before the padding, 0 after."""
    return (sequences.phase != Phase.padding).to(sequences.scored.dtype)
