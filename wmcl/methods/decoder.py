"""The decoder of a recurrent variational autoencoder is a network from latent variables to input features."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.networks import NETWORKS, Parameters
from wmcl.randomness import generator
from wmcl.training.loss import orthogonality
from wmcl.training.parts import Initial, Learner, Parametrisation

PREFIX = "decoder "
"""beginning of the names of values and draws of a decoder"""


@dataclass(frozen=True)
class Decoder:
    """A Decoder is a network that is learned beside another one, with a parametrisation of its own."""

    learner: Learner
    """the decoder as a learner of its own, with its parametrisation and seeds"""
    has_tag: bool
    """whether the decoder is told the task, by one more input a task: 1 for that task, 0 for the others"""

    @property
    def is_shared(self) -> bool:
        """Tell whether all tasks have the same weights."""
        return self.learner.parametrisation.is_shared

    def init(self) -> Initial:
        """Return the values before the first task, in the precision of the network."""
        learner = self.learner
        initial = learner.parametrisation.init(learner.network, learner.seeds, len(learner.tasks))
        return Initial(prefixed(initial.trained), prefixed(initial.fixed))

    def weights(self, values: Parameters, task: int) -> Parameters:
        """Return the weights in a task, from values of the whole run."""
        return self.learner.weights(stripped(values), task)

    def logits(
        self, weights: Parameters, latents: Float[Tensor, "member time sample latent"], task: int
    ) -> Float[Tensor, "member time sample feature"]:
        """Return the logits, or means, of the input features at every step."""
        if self.has_tag:
            tag = latents.new_zeros(*latents.shape[:3], len(self.learner.tasks))
            tag[..., task] = 1
            latents = torch.cat([latents, tag], -1)
        return self.learner.network.apply(weights, latents).logits

    def orthogonality(self, values: Parameters, task: int) -> Float[Tensor, "member"]:
        """Return the orthogonality penalty on the recurrent weights of the decoder."""
        base = self.learner.base(stripped(values), task)
        total = [orthogonality(value) for name, value in base.items() if name.startswith("W_hh")]
        return self.learner.options.orthogonality * torch.stack(total).sum(0)


def make_decoder(learner: Learner, cell: str, hidden: int, latent: int, parametrisation: Parametrisation) -> Decoder:
    """Return the decoder beside the network of a learner.

    It is initialised as the network is, from other random numbers. It is told the task if the network has a head a
    task and the decoder has no weights of their own for tasks.
    """
    has_tag = learner.network.heads > 1 and parametrisation.is_shared
    network = NETWORKS[cell](
        latent + (len(learner.tasks) if has_tag else 0),
        hidden,
        learner.network.inputs,
        initialisation=learner.network.initialisation,
    )
    seeds = tuple(int(generator(seed, "decoder").integers(2**63)) for seed in learner.seeds)
    own = replace(learner, network=network, parametrisation=parametrisation, seeds=seeds, fixed=stripped(learner.fixed))
    return Decoder(own, has_tag)


def prefixed(values: Parameters) -> Parameters:
    """Return the values of the decoder, by their names in the whole run."""
    return {PREFIX + name: value for name, value in values.items()}


def stripped(values: Parameters) -> Parameters:
    """Return the values (or draws) of the decoder alone, by its own names."""
    return {name.removeprefix(PREFIX): value for name, value in values.items() if name.startswith(PREFIX)}
