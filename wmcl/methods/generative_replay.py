r"""Generative replay through feedback lets the network itself learn which latent variables its inputs stand for.

It is a recurrent variational autoencoder, after van de Ven and Tolias ("Generative replay with feedback connections",
2018) and its version for sequences by Ehret et al. (2021). The encoder is the network that learns the tasks: at each
step, one more linear map reads what the head reads, y_t, and gives mean and log variance of d latent variables,

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
from wmcl.methods.method import check_needs
from wmcl.methods.variational import InputLikelihood, init_posterior, own_steps, variational_losses
from wmcl.networks import NETWORKS, Parameters
from wmcl.randomness import generator
from wmcl.tasks import Sequences
from wmcl.tasks.task import check_counts
from wmcl.training.parts import (
    Initial,
    Learner,
    Offer,
    Parametrisation,
    Penalty,
    Rehearsal,
    Strength,
    penalty_strength,
)


class Memory(NamedTuple):
    """A Memory holds what is kept between tasks, beside the values of the decoder."""

    outlines: tuple[Sequences, ...]
    """outline of each task: lengths and scored steps, without inputs and targets"""
    penalty: Any


class Earlier(NamedTuple):
    """An Earlier describes an earlier task, as it was when the present one began."""

    outline: Sequences
    """outline of as many sequences as are replayed in a step"""
    teacher: Parameters
    """weights of the network that answers the generated sequences"""
    decoder: Parameters
    """weights of the decoder that generates them"""


class Past(NamedTuple):
    """A Past holds what is practised while a task is learned."""

    learner: Learner
    task: int
    """number of the task that is learned"""
    decoder: Decoder
    earlier: tuple[Earlier, ...]
    strengths: dict[str, Float[Tensor, "member"]]
    penalty: Any
    penalty_strength: Float[Tensor, "member"] | None
    """what the loss of the decoder's penalty is multiplied by"""


@dataclass(frozen=True)
class GenerativeReplay(Rehearsal):
    """GenerativeReplay rehearses generated sequences by distillation; the module says how they are generated.

    As many sequences as there are in a batch are generated a step, split over earlier tasks as evenly as possible. The
    decoder learns from them, too, and is told the task if the network has a head a task. With a decoder that has
    weights of its own for each task (as from :class:`wmcl.methods.Hypernetwork`) it is ``HNET + replay`` of the
    catalogue, the HNET+R of the paper: no generated sequence enters the two losses of the autoencoder, and
    ``decoder_penalty`` keeps earlier weights in place.

    Defaults are the published ones for the Permuted Copy Task, which has sequences of 5 steps of 7 bits.

    All three losses are in the unit of the task loss (see :func:`wmcl.methods.distillation.loss_unit`). Gradients of
    decoder and network are clipped together.

    Where sequences of a task differ in length or in scored steps, a generated one takes both from a training sequence,
    wherever its own stop flag may be.

    Raises:
        ValueError: if a field lies outside of its range.
    """

    distillation_strength: Strength = 1.0
    """strength λ of the distillation; like all strengths, one for all members or one for each"""
    kl_strength: Strength = 1.0
    reconstruction_strength: Strength = 10.0
    """strength λ_rec, above ``kl_strength``: at equal strengths, bits that are random cost as much KL divergence as
    they spare in reconstruction, so that nothing is gained by encoding them, and what is generated is grey"""
    temperature: float = 2.0
    """temperature T of the distillation"""
    latent: int = 8
    """number d of latent variables a step"""
    prior_std: float = 1.0
    """standard deviation s of the prior"""
    decoder_cell: str = "elman"
    """cell of the decoder, a name in ``wmcl.networks.NETWORKS``"""
    decoder_hidden: int = 256
    """number of hidden units of the decoder"""
    input_likelihood: InputLikelihood = field(default_factory=Bernoulli)
    """likelihood of the inputs, given the outputs of the decoder: a Bernoulli for Copy Tasks, whose inputs lie between
    0 and 1, or a Gaussian for inputs that are real numbers"""
    decoder_parametrisation: Parametrisation = field(default_factory=Parametrisation)
    decoder_penalty: Penalty | None = None

    def __post_init__(self) -> None:
        check_counts(latent=self.latent, decoder_hidden=self.decoder_hidden)
        if not 0 < self.prior_std < float("inf"):
            raise ValueError(f"prior_std is {self.prior_std}: it must be positive and finite")
        if self.decoder_cell not in NETWORKS:
            raise ValueError(f"decoder_cell is {self.decoder_cell!r}: it must be one of {', '.join(NETWORKS)}")
        # a decoder reads no sequences of a task, so nothing can be measured on them, and nobody watches its steps
        check_needs(
            "decoder_penalty",
            self.decoder_penalty,
            self.decoder_parametrisation,
            frozenset({Offer.earlier_tasks}),
            self,
        )

    def init(self, learner: Learner) -> Initial:
        """Return the values of the map to the latent variables and of the decoder."""
        posterior, decoder = init_posterior(learner, self.latent), self._decoder(learner).init()
        return Initial(posterior | decoder.trained, decoder.fixed)

    def check(self, learner: Learner) -> None:
        """Refuse hyperparameters and tasks that do not fit generative replay.

        Raises:
            ValueError: if a hyperparameter is out of range, if a batch is smaller than the number of earlier tasks, if
                inputs have other values than their likelihood has, or if tasks learn their vectors of words.
        """
        super().check(learner)
        for task in learner.tasks:
            if task.learned_vectors is not None:
                raise ValueError(
                    f"rehearsal is {type(self).__name__} with the task {task.name!r}, which learns the vectors of its"
                    " words: words cannot be generated; take tasks of frozen vectors (learned=False)"
                )
        check_replay(learner, self.temperature)
        if isinstance(self.input_likelihood, Bernoulli):
            _check_bits(learner)
        if self.decoder_penalty is not None:
            self.decoder_penalty.check(self._decoder(learner).learner)

    @torch.no_grad()
    def start(self, learner: Learner, memory: Memory | None, values: Parameters, task: int) -> Past:
        """Return the weights of network and decoder for every earlier task, as they are now."""
        decoder, earlier = self._decoder(learner), []
        sizes = replay_sizes(learner.options.batch, task) if task else []
        for number, (outline, size) in enumerate(zip(memory.outlines if memory else (), sizes, strict=True)):
            teacher, generating = learner.weights(values, number), decoder.weights(values, number)
            earlier.append(Earlier(_repeated(outline, size), teacher, generating))
        penalty, strength = None, None
        if self.decoder_penalty is not None:
            known = memory.penalty if memory else None
            penalty = self.decoder_penalty.start(decoder.learner, known, stripped(values), task)
            strength = penalty_strength(self.decoder_penalty, decoder.learner)
        return Past(learner, task, decoder, tuple(earlier), self._strengths(learner), penalty, strength)

    def draw(self, learner: Learner, past: Past, task: int, iteration: int, batch: Sequences) -> Parameters:
        """Draw standard normal numbers: latent variables of generated sequences, and the noise of the posteriors.

        They are drawn step after step, so those of a step do not depend on how many steps come after it.
        """
        shapes = {_noise(task): (batch.steps, batch.samples, self.latent)}
        for number, earlier in enumerate(past.earlier):
            shape = earlier.outline.steps, earlier.outline.samples, self.latent
            shapes |= {_latents(number): shape} | ({_noise(number): shape} if past.decoder.is_shared else {})
        drawn = {}
        for name, shape in shapes.items():
            each = [_normal(seed, f"{name} in task {task}", iteration, shape) for seed in learner.seeds]
            drawn[name] = torch.from_numpy(np.stack(each))
        if self.decoder_penalty is not None and past.penalty is not None:
            drawn |= prefixed(self.decoder_penalty.draw(past.decoder.learner, past.penalty, task, iteration, batch))
        return drawn

    def losses(
        self, past: Past, values: Parameters, batch: Sequences, draws: Parameters
    ) -> dict[str, Float[Tensor, "member"]]:
        """Return the losses: distillation, KL divergence, reconstruction, and what keeps the decoder in place."""
        learner, is_shared = past.learner, past.decoder.is_shared
        unit = loss_unit(batch, learner.options.reduction)
        output = _encode(learner, values, past.task, batch, slice(None))[0]
        terms = [self._variational(past, values, past.task, batch, output, draws)]
        samples, found = batch.samples, []
        for number, earlier in enumerate(past.earlier):
            sequences = self.generate(past, number, draws[_latents(number)].to(output.dtype))
            teacher = _answers(learner, earlier, number, sequences)
            steps = slice(None) if is_shared else sequences.window
            output, logits = _encode(learner, values, number, sequences, steps)
            likelihood = learner.tasks[number].likelihood
            found.append(distillation(likelihood, logits, teacher, sequences, self.temperature))
            if is_shared:
                terms.append(self._variational(past, values, number, sequences, output, draws))
                samples += sequences.samples
        kl, reconstruction = (torch.stack(list(each)).sum(0) / samples for each in zip(*terms, strict=True))
        losses = {
            "KL": past.strengths["kl_strength"] * kl / unit,
            "reconstruction": past.strengths["reconstruction_strength"] * reconstruction / unit,
        }
        if found:
            losses["distillation"] = total_distillation(past.strengths["distillation_strength"], found, unit)
        return losses | self._of_decoder(past, values, draws)

    def finish(
        self, learner: Learner, memory: Memory | None, values: Parameters, task: int, observed: Parameters
    ) -> Memory:
        """Return the memory with the outline of the task added."""
        outline = _outline(learner.data(task, "outline", learner.options.batch))
        known = memory or Memory((), None)
        penalty = known.penalty
        if self.decoder_penalty is not None:
            decoder = self._decoder(learner).learner
            penalty = self.decoder_penalty.finish(decoder, penalty, stripped(values), task, {})
        return Memory((*known.outlines, outline), penalty)

    def stored(self, memory: Memory) -> int:
        """Count the weights that say which steps are scored, and what the penalty of the decoder keeps.

        Where all sequences of a task are alike, the weights of one count.
        """
        of_penalty = 0 if self.decoder_penalty is None else self.decoder_penalty.stored(memory.penalty)
        return sum(each.scored[0].numel() for each in memory.outlines) + of_penalty

    def generate(self, past: Past, task: int, normal: Float[Tensor, "member time sample latent"]) -> Sequences:
        """Return sequences of an earlier task, from standard normal numbers: the inputs that the decoder expects."""
        earlier = past.earlier[task]
        with torch.no_grad():
            logits = past.decoder.logits(earlier.decoder, self.prior_std * normal, task)
        return replace(
            earlier.outline, inputs=self.input_likelihood.mean(logits) * own_steps(earlier.outline)[..., None]
        )

    def _decoder(self, learner: Learner) -> Decoder:
        return make_decoder(learner, self.decoder_cell, self.decoder_hidden, self.latent, self.decoder_parametrisation)

    def _variational(
        self,
        past: Past,
        values: Parameters,
        task: int,
        sequences: Sequences,
        output: Float[Tensor, "member time sample unit"],
        draws: Parameters,
    ) -> tuple[Float[Tensor, "member"], Float[Tensor, "member"]]:
        noise, weights = draws[_noise(task)].to(output.dtype), past.decoder.weights(values, task)

        def decode(latents: Tensor) -> Tensor:
            return past.decoder.logits(weights, latents, task)

        return variational_losses(values, output, sequences, noise, decode, self.prior_std, self.input_likelihood)

    def _of_decoder(self, past: Past, values: Parameters, draws: Parameters) -> dict[str, Float[Tensor, "member"]]:
        decoder, found = past.decoder, {}
        if self.decoder_penalty is not None and past.penalty is not None:
            loss = self.decoder_penalty.loss(past.penalty, stripped(values), stripped(draws))
            if loss is not None:
                found["decoder penalty"] = loss if past.penalty_strength is None else past.penalty_strength * loss
        if decoder.learner.options.orthogonality:
            found["decoder orthogonality"] = decoder.orthogonality(values, past.task)
        return found

    def _strengths(self, learner: Learner) -> dict[str, Float[Tensor, "member"]]:
        names = "distillation_strength", "kl_strength", "reconstruction_strength"
        return {name: learner.per_member(**{name: getattr(self, name)}) for name in names}


def _encode(
    learner: Learner, values: Parameters, task: int, sequences: Sequences, steps: slice
) -> tuple[Float[Tensor, "member time sample unit"], Float[Tensor, "member window sample output"]]:
    """Return what the head of a task reads at some steps, the window among them, and its logits in the window."""
    given = learner.network_of(task).apply(
        learner.weights(values, task), sequences.inputs, steps, lengths=sequences.lengths
    )
    inside = sequences.window if steps == slice(None) else slice(None)
    return given.output, given.logits[:, inside]


def _answers(
    learner: Learner, earlier: Earlier, task: int, sequences: Sequences
) -> Float[Tensor, "member window sample output"]:
    """Return the logits of the network as it was when the present task began."""
    network = learner.network_of(task)
    with torch.no_grad():
        return network.apply(earlier.teacher, sequences.inputs, sequences.window, lengths=sequences.lengths).logits


def _outline(sequences: Sequences) -> Sequences:
    """Return lengths and scored steps of sequences, or of one sequence if all are alike."""
    bare = unlabelled(replace(sequences, inputs=sequences.inputs.new_zeros(*sequences.inputs.shape[:3], 0)))
    alike = all(bool((values == values[:, :, :1]).all()) for values in (bare.scored, bare.phase))
    return bare.take(slice(1)) if alike else bare


def _repeated(outline: Sequences, samples: int) -> Sequences:
    """Return the outline of so many sequences."""
    if outline.samples > 1:
        return outline.take(slice(samples))
    return outline.map(lambda values: values.expand(*values.shape[:2], samples, *values.shape[3:]))


def _check_bits(learner: Learner) -> None:
    for task in learner.tasks:
        low, high = (float(end) for end in task.validation.inputs.aminmax())
        if low < 0 or high > 1:
            raise ValueError(
                f"input_likelihood is Bernoulli with inputs from {low:g} to {high:g} in the task {task.name!r}: for"
                " inputs below 0 or above 1 it must be Gaussian"
            )


def _normal(seed: int, purpose: str, iteration: int, shape: tuple[int, ...]) -> np.ndarray:
    return generator(seed, purpose, iteration).standard_normal(shape, dtype=np.float32)


def _noise(task: int) -> str:
    return f"posterior of task {task}"


def _latents(task: int) -> str:
    return f"latents of task {task}"
