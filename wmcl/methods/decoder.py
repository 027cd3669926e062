"""The decoder of a recurrent variational autoencoder: a network from latent variables to input features."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.methods.parametrisation import Initial, Parametrisation, Shared
from wmcl.methods.setting import Setting
from wmcl.networks import NETWORKS, Parameters
from wmcl.randomness import generator
from wmcl.training import orthogonality

PREFIX = "decoder "
"""what names of values and draws of a decoder begin with"""


@dataclass(frozen=True)
class Decoder:
    """A network that is learned beside another one, with a parametrisation of its own."""

    setting: Setting
    """as of any network: the decoder, where its weights come from, and seeds of its own"""
    has_tag: bool
    """whether it is told the task, by one more input a task: 1 for that task, 0 for the others"""

    @property
    def is_shared(self) -> bool:
        """Whether all tasks have the same weights."""
        return isinstance(self.setting.parametrisation, Shared)

    def init(self) -> Initial:
        """Values before the first task, in the precision of the network."""
        setting = self.setting
        initial = setting.parametrisation.init(setting.network, setting.seeds, len(setting.tasks))
        return Initial(prefixed(initial.trained), prefixed(initial.fixed))

    def weights(self, values: Parameters, task: int) -> Parameters:
        """Weights in a task, from values of the whole run."""
        return self.setting.weights(stripped(values), task)

    def logits(
        self, weights: Parameters, latents: Float[Tensor, "member time sample latent"], task: int
    ) -> Float[Tensor, "member time sample feature"]:
        """Logits, or means, of the input features at every step."""
        if self.has_tag:
            tag = latents.new_zeros(*latents.shape[:3], len(self.setting.tasks))
            tag[..., task] = 1
            latents = torch.cat([latents, tag], -1)
        return self.setting.network.apply(weights, latents).logits

    def orthogonality(self, values: Parameters, task: int) -> Float[Tensor, "member"]:
        """The orthogonality penalty on its recurrent weights."""
        setting = self.setting
        base = setting.parametrisation.base(setting.network, setting.fixed | stripped(values), task)
        total = [orthogonality(value) for name, value in base.items() if name.startswith("W_hh")]
        return setting.options.orthogonality * torch.stack(total).sum(0)


def make_decoder(setting: Setting, cell: str, hidden: int, latent: int, parametrisation: Parametrisation) -> Decoder:
    """The decoder beside the network of a setting.

    It is initialised as the network is, from other random numbers. It is told the task if the network has a read-out a
    task and the decoder has no weights of their own for tasks.
    """
    has_tag = setting.network.heads > 1 and isinstance(parametrisation, Shared)
    network = NETWORKS[cell](
        latent + (len(setting.tasks) if has_tag else 0),
        hidden,
        setting.network.inputs,
        initialisation=setting.network.initialisation,
    )
    seeds = tuple(int(generator(seed, "decoder").integers(2**63)) for seed in setting.seeds)
    own = replace(setting, network=network, parametrisation=parametrisation, seeds=seeds, fixed=stripped(setting.fixed))
    return Decoder(own, has_tag)


def prefixed(values: Parameters) -> Parameters:
    """Names of the decoder, as they are called in the whole run."""
    return {PREFIX + name: value for name, value in values.items()}


def stripped(values: Parameters) -> Parameters:
    """The values (or draws) of the decoder alone, by its own names."""
    return {name.removeprefix(PREFIX): value for name, value in values.items() if name.startswith(PREFIX)}
