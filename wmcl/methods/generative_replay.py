r"""Generative replay through feedback: the network itself learns to say which latent variables its inputs stand for.

A recurrent variational autoencoder, after van de Ven and Tolias ("Generative replay with feedback connections", 2018)
and its version for sequences by Ehret et al. (2021). The encoder is the network that learns the tasks: at each step,
one more linear map reads what the read-out reads, y_t, and gives mean and log variance of d latent variables,

.. math::
    q(z_t | x_{1:t}) = N(μ_t, σ_t^2), \quad (μ_t, \log σ_t^2) = W_{posterior} y_t + b_{posterior}

A decoder, a network of its own, gives the logits of input features that are bits, or the means of those that are real
numbers, from z_1, …, z_t. Both learn with

.. math::
    λ_{KL} \sum_t KL(q(z_t | x_{1:t}) ‖ N(0, s^2)) - λ_{rec} \sum_{t, c} \log p(x_{tc} | z_{1:t}), \quad
    z_t = μ_t + σ_t ε_t

a mean over sequences, over all steps before the padding and one draw ε. To replay a task, z_t is drawn from N(0, s²),
and the decoder as it was when the present task began gives the expected inputs. They are answered by the network as it
was at that moment, and practised by distillation (:mod:`wmcl.methods.distillation`).

For inputs that are real numbers, p is a normal density of standard deviation σ around the output μ of the decoder
(:class:`wmcl.likelihoods.Gaussian`): -log p(x) = (x - μ)² / 2σ² + ½ log 2πσ², whose last term has no gradient. The
paper's code has (x - μ)² there: up to that term, the density with σ = √½, or with σ = 1 and twice the λ_rec.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.likelihoods import Bernoulli
from wmcl.methods.decoder import Decoder, make_decoder, prefixed, stripped
from wmcl.methods.distillation import (
    check_replay,
    distillation,
    loss_unit,
    replay_sizes,
    total_distillation,
    unlabelled,
)
from wmcl.methods.parametrisation import Initial, Parametrisation, Shared
from wmcl.methods.penalty import NoPenalty, Penalty
from wmcl.methods.quadratic import Quadratic
from wmcl.methods.setting import Setting, per_member
from wmcl.methods.variational import InputLikelihood, init_posterior, own_steps, variational_losses
from wmcl.networks import NETWORKS, Parameters
from wmcl.randomness import generator
from wmcl.tasks import Sequences
from wmcl.tasks.task import check_counts


class Memory(NamedTuple):
    """What is kept between tasks, beside the values of the decoder."""

    outlines: tuple[Sequences, ...]
    """of each task: lengths and scored steps; without inputs and targets"""
    penalty: Any


class Earlier(NamedTuple):
    """An earlier task, as it was when the present one began."""

    outline: Sequences
    """of as many sequences as are replayed in a step"""
    teacher: Parameters
    """weights of the network"""
    decoder: Parameters
    """weights of the decoder"""


class Held(NamedTuple):
    """What is practised while a task is learned."""

    decoder: Decoder
    earlier: tuple[Earlier, ...]
    strengths: dict[str, Float[Tensor, "member"]]
    penalty: Any


@dataclass(frozen=True)
class GenerativeReplay:
    """Rehearsal of generated sequences by distillation; the module says how they are generated.

    As many sequences as there are in a batch are generated a step, split over earlier tasks as evenly as possible. The
    decoder learns from them, too, and is told the task if the network has a read-out a task. With a decoder that has
    weights of its own for each task (any parametrisation but :class:`wmcl.methods.Shared`) it is the HNET+R of the
    paper: no generated sequence enters the two losses of the autoencoder, and ``decoder_penalty`` keeps earlier
    weights in place.

    Defaults are the published ones for the Permuted Copy Task, which has sequences of 5 steps of 7 bits.

    All three losses are in the unit of the task loss (see :func:`wmcl.methods.distillation.loss_unit`). Gradients of
    decoder and network are clipped together.

    Where sequences of a task differ in length or in scored steps, a generated one takes both from a training sequence,
    wherever its own stop flag may be.

    Raises:
        ValueError: if a field lies outside of its range.
    """

    distillation_strength: float | Sequence[float] = 1.0
    """λ of the distillation; as all strengths one for all members, or one a member"""
    kl_strength: float | Sequence[float] = 1.0
    reconstruction_strength: float | Sequence[float] = 10.0
    """above the one before: at equal strengths, bits that are random cost as much KL divergence as they spare in
    reconstruction, so that nothing is gained by encoding them, and what is generated is grey"""
    temperature: float = 2.0
    """T of the distillation"""
    latent: int = 8
    """d, latent variables a step"""
    prior_std: float = 1.0
    """s"""
    decoder_cell: str = "elman"
    """a name in ``wmcl.networks.NETWORKS``"""
    decoder_hidden: int = 256
    """units"""
    input_likelihood: InputLikelihood = field(default_factory=Bernoulli)
    """what the outputs of the decoder mean: that of Copy Tasks, whose inputs lie between 0 and 1, or a Gaussian for
    inputs that are real numbers"""
    decoder_parametrisation: Parametrisation = field(default_factory=Shared)
    decoder_penalty: Penalty = field(default_factory=NoPenalty)

    def __post_init__(self) -> None:
        check_counts(latent=self.latent, decoder_hidden=self.decoder_hidden)
        if not 0 < self.prior_std < float("inf"):
            raise ValueError(f"prior_std is {self.prior_std}: it must be positive and finite")
        if self.decoder_cell not in NETWORKS:
            raise ValueError(f"decoder_cell is {self.decoder_cell!r}: it must be one of {', '.join(NETWORKS)}")
        if self.decoder_penalty.observer is not None or self.decoder_penalty.looks_ahead:
            raise ValueError(
                f"decoder_penalty is {type(self.decoder_penalty).__name__}, which watches steps or looks ahead: it must"
                " do neither"
            )
        if isinstance(self.decoder_penalty, Quadratic):
            raise ValueError(
                f"decoder_penalty is {type(self.decoder_penalty).__name__}: its importance is measured on sequences of"
                " a task, which a decoder does not read; it must hold what a hypernetwork generates, or be left out"
            )

    def init(self, setting: Setting) -> Initial:
        """The map to the latent variables, and the decoder."""
        posterior, decoder = init_posterior(setting, self.latent), self._decoder(setting).init()
        precision = setting.network.init(setting.seeds[:1])["W_out"].dtype
        return Initial(_in(precision, posterior | decoder.trained), _in(precision, decoder.fixed))

    def empty(self, setting: Setting) -> Memory:
        """No task yet.

        Raises:
            ValueError: if a hyperparameter is out of range, if a batch is smaller than the number of earlier tasks, if
                inputs have other values than their likelihood has, or if tasks learn their vectors of words.
        """
        for task in setting.tasks:
            if task.learned_vectors is not None:
                raise ValueError(
                    f"rehearsal is {type(self).__name__} with the task {task.name!r}, which learns the vectors of its"
                    " words: words cannot be generated; take tasks of frozen vectors (learned=False)"
                )
        self._strengths(setting)
        check_replay(setting, self.temperature)
        if isinstance(self.input_likelihood, Bernoulli):
            _check_bits(setting)
        return Memory((), self.decoder_penalty.empty(self._decoder(setting).setting))

    @torch.no_grad()
    def start(self, setting: Setting, memory: Memory, values: Parameters, task: int) -> Held:
        """Weights of network and decoder for every earlier task, as they are now."""
        decoder, earlier = self._decoder(setting), []
        sizes = replay_sizes(setting.options.batch, task) if task else []
        for number, (outline, size) in enumerate(zip(memory.outlines, sizes, strict=True)):
            teacher, generating = setting.weights(values, number), decoder.weights(values, number)
            earlier.append(Earlier(_repeated(outline, size), teacher, generating))
        penalty = self.decoder_penalty.start(decoder.setting, memory.penalty, stripped(values), task)
        return Held(decoder, tuple(earlier), self._strengths(setting), penalty)

    def draw(self, setting: Setting, held: Held, task: int, iteration: int, batch: Sequences) -> Parameters:
        """Standard normal numbers: the latent variables of generated sequences, and the noise of the posteriors.

        They are drawn step after step, so those of a step do not depend on how many steps come after it.
        """
        shapes = {_noise(task): (batch.steps, batch.samples, self.latent)}
        for number, earlier in enumerate(held.earlier):
            shape = earlier.outline.steps, earlier.outline.samples, self.latent
            shapes |= {_latents(number): shape} | ({_noise(number): shape} if held.decoder.is_shared else {})
        drawn = {}
        for name, shape in shapes.items():
            each = [_normal(seed, f"{name} in task {task}", iteration, shape) for seed in setting.seeds]
            drawn[name] = torch.from_numpy(np.stack(each))
        if held.penalty is not None:
            drawn |= prefixed(self.decoder_penalty.draw(held.decoder.setting, task, iteration))
        return drawn

    def losses(
        self, setting: Setting, held: Held, values: Parameters, task: int, batch: Sequences, draws: Parameters
    ) -> dict[str, Float[Tensor, "member"]]:
        """Distillation, KL divergence, reconstruction, and what keeps the decoder in place."""
        unit, is_shared = loss_unit(batch, setting.options.reduction), held.decoder.is_shared
        output = _encode(setting, values, task, batch, slice(None))[0]
        terms = [self._variational(held, values, task, batch, output, draws)]
        samples, found = batch.samples, []
        for number, earlier in enumerate(held.earlier):
            sequences = self.generate(held, number, draws[_latents(number)].to(output.dtype))
            teacher = _answers(setting, earlier, number, sequences)
            steps = slice(None) if is_shared else sequences.window
            output, logits = _encode(setting, values, number, sequences, steps)
            likelihood = setting.tasks[number].likelihood
            found.append(distillation(likelihood, logits, teacher, sequences, self.temperature))
            if is_shared:
                terms.append(self._variational(held, values, number, sequences, output, draws))
                samples += sequences.samples
        kl, reconstruction = (torch.stack(list(each)).sum(0) / samples for each in zip(*terms, strict=True))
        losses = {
            "KL": held.strengths["kl_strength"] * kl / unit,
            "reconstruction": held.strengths["reconstruction_strength"] * reconstruction / unit,
        }
        if found:
            losses["distillation"] = total_distillation(held.strengths["distillation_strength"], found, unit)
        return losses | self._of_decoder(held, values, task, draws)

    def finish(self, setting: Setting, memory: Memory, values: Parameters, task: int) -> Memory:
        """The outline of the task is added."""
        outline = _outline(setting.data(task, "outline", setting.options.batch))
        decoder = self._decoder(setting).setting
        penalty = self.decoder_penalty.finish(decoder, memory.penalty, stripped(values), task, {})
        return Memory((*memory.outlines, outline), penalty)

    def stored(self, memory: Memory) -> int:
        """The weights that say which steps are scored; of one sequence of a task where all are alike."""
        return sum(each.scored[0].numel() for each in memory.outlines) + self.decoder_penalty.stored(memory.penalty)

    def generate(self, held: Held, task: int, normal: Float[Tensor, "member time sample latent"]) -> Sequences:
        """Sequences of an earlier task, from standard normal numbers: the inputs that the decoder expects."""
        earlier = held.earlier[task]
        with torch.no_grad():
            logits = held.decoder.logits(earlier.decoder, self.prior_std * normal, task)
        return replace(
            earlier.outline, inputs=self.input_likelihood.mean(logits) * own_steps(earlier.outline)[..., None]
        )

    def _decoder(self, setting: Setting) -> Decoder:
        return make_decoder(setting, self.decoder_cell, self.decoder_hidden, self.latent, self.decoder_parametrisation)

    def _variational(
        self,
        held: Held,
        values: Parameters,
        task: int,
        sequences: Sequences,
        output: Float[Tensor, "member time sample unit"],
        draws: Parameters,
    ) -> tuple[Float[Tensor, "member"], Float[Tensor, "member"]]:
        noise, weights = draws[_noise(task)].to(output.dtype), held.decoder.weights(values, task)

        def decode(latents: Tensor) -> Tensor:
            return held.decoder.logits(weights, latents, task)

        return variational_losses(values, output, sequences, noise, decode, self.prior_std, self.input_likelihood)

    def _of_decoder(
        self, held: Held, values: Parameters, task: int, draws: Parameters
    ) -> dict[str, Float[Tensor, "member"]]:
        decoder, found = held.decoder, {}
        if held.penalty is not None:
            found["decoder penalty"] = self.decoder_penalty.loss(
                decoder.setting, held.penalty, stripped(values), task, stripped(draws)
            )
        if decoder.setting.options.orthogonality:
            found["decoder orthogonality"] = decoder.orthogonality(values, task)
        return found

    def _strengths(self, setting: Setting) -> dict[str, Float[Tensor, "member"]]:
        names = "distillation_strength", "kl_strength", "reconstruction_strength"
        return {name: per_member(name, getattr(self, name), setting) for name in names}


def _encode(
    setting: Setting, values: Parameters, task: int, sequences: Sequences, steps: slice
) -> tuple[Float[Tensor, "member time sample unit"], Float[Tensor, "member window sample output"]]:
    """What the read-out of a task reads at some steps, the window among them, and its logits in the window."""
    given = setting.network_of(task).apply(
        setting.weights(values, task), sequences.inputs, steps, lengths=sequences.lengths
    )
    inside = sequences.window if steps == slice(None) else slice(None)
    return given.output, given.logits[:, inside]


def _answers(
    setting: Setting, earlier: Earlier, task: int, sequences: Sequences
) -> Float[Tensor, "member window sample output"]:
    """Logits of the network as it was."""
    network = setting.network_of(task)
    with torch.no_grad():
        return network.apply(earlier.teacher, sequences.inputs, sequences.window, lengths=sequences.lengths).logits


def _outline(sequences: Sequences) -> Sequences:
    """Lengths and scored steps: of one sequence if all are alike."""
    bare = unlabelled(replace(sequences, inputs=sequences.inputs.new_zeros(*sequences.inputs.shape[:3], 0)))
    alike = all(bool((values == values[:, :, :1]).all()) for values in (bare.scored, bare.phase))
    return bare.take(slice(1)) if alike else bare


def _repeated(outline: Sequences, samples: int) -> Sequences:
    """The outline of so many sequences."""
    if outline.samples > 1:
        return outline.take(slice(samples))
    return outline.map(lambda values: values.expand(*values.shape[:2], samples, *values.shape[3:]))


def _check_bits(setting: Setting) -> None:
    for task in setting.tasks:
        low, high = (float(end) for end in task.validation.inputs.aminmax())
        if low < 0 or high > 1:
            raise ValueError(
                f"input_likelihood is Bernoulli with inputs from {low:g} to {high:g} in the task {task.name!r}: for"
                " inputs below 0 or above 1 it must be Gaussian"
            )


def _normal(seed: int, purpose: str, iteration: int, shape: tuple[int, ...]) -> np.ndarray:
    return generator(seed, purpose, iteration).standard_normal(shape, dtype=np.float32)


def _in(precision: torch.dtype, values: Parameters) -> Parameters:
    return {name: value.to(precision) if value.is_floating_point() else value for name, value in values.items()}


def _noise(task: int) -> str:
    return f"posterior of task {task}"


def _latents(task: int) -> str:
    return f"latents of task {task}"
