"""Every named method, a row each: which parts it is made of, and which hyperparameters it takes."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from wmcl.importance import FisherKind, PathKind
from wmcl.likelihoods import Bernoulli, Gaussian
from wmcl.methods.coresets import Coresets
from wmcl.methods.generative_replay import GenerativeReplay
from wmcl.methods.hypernetwork import Hypernetwork, HypernetworkInitialisation
from wmcl.methods.importances import FisherImportance, MemoryAwareSynapses, SynapticIntelligence
from wmcl.methods.masked import Masked
from wmcl.methods.method import Method
from wmcl.methods.modulated import Modulated
from wmcl.methods.output_preserving import OutputPreserving
from wmcl.methods.quadratic import Quadratic
from wmcl.methods.schedule import FromScratch, Joint
from wmcl.methods.variational import InputLikelihood

Strength = float | Sequence[float]
"""one for all members, or one a member"""

INPUT_LIKELIHOODS: Mapping[str, InputLikelihood] = MappingProxyType({"bernoulli": Bernoulli(), "gaussian": Gaussian()})
"""of inputs that generative replay learns to generate: bits, or real numbers (σ = 1)"""


def multitask() -> Method:
    """All tasks at once: what could be reached if nothing had to be remembered."""
    return Method(schedule=Joint())


def from_scratch() -> Method:
    """A new network for each task: what each task alone allows."""
    return Method(schedule=FromScratch())


def fine_tuning() -> Method:
    """One task after the other, with nothing against forgetting."""
    return Method()


def online_ewc(
    strength: Strength = 1.0, decay: float = 1.0, kind: FisherKind = "empirical", samples: int = 200
) -> Method:
    """Fisher information of all earlier tasks, added up, around the last weights."""
    return Method(penalty=Quadratic(FisherImportance(kind, samples), strength, decay))


def ewc(strength: Strength = 1.0, kind: FisherKind = "empirical", samples: int = 200) -> Method:
    """Fisher information of each earlier task, around the weights after it."""
    return Method(penalty=Quadratic(FisherImportance(kind, samples), strength, per_task=True))


def si(strength: Strength = 1.0, kind: PathKind = "task", damping: float = 1e-3) -> Method:
    """What each weight did for the fall of the loss."""
    return Method(penalty=Quadratic(SynapticIntelligence(kind, damping), strength))


def mas(strength: Strength = 0.01, samples: int = 200) -> Method:
    """How much the output changes with each weight."""
    return Method(penalty=Quadratic(MemoryAwareSynapses(samples), strength))


def masking(fraction_off: float = 0.8) -> Method:
    """A random part of the recurrent units for each task."""
    return Method(Masked(fraction_off))


def masking_si(
    strength: Strength = 1.0, kind: PathKind = "task", damping: float = 1e-3, fraction_off: float = 0.8
) -> Method:
    """Masks, and SI for what tasks share."""
    return Method(Masked(fraction_off), si(strength, kind, damping).penalty)


def masking_online_ewc(
    strength: Strength = 1.0,
    decay: float = 1.0,
    kind: FisherKind = "empirical",
    samples: int = 200,
    fraction_off: float = 0.8,
) -> Method:
    """Masks, and online EWC for what tasks share."""
    return Method(Masked(fraction_off), online_ewc(strength, decay, kind, samples).penalty)


def masking_mas(strength: Strength = 0.01, samples: int = 200, fraction_off: float = 0.8) -> Method:
    """Masks, and MAS for what tasks share."""
    return Method(Masked(fraction_off), mas(strength, samples).penalty)


def context_modulation() -> Method:
    """Gains and shifts of the recurrent units for each task."""
    return Method(Modulated())


def hnet(
    strength: Strength = 0.1,
    hidden: tuple[int, ...] = (10, 10),
    task_embedding: int = 32,
    task_std: float = 1.0,
    hyper_initialisation: HypernetworkInitialisation = "reference",
    generates_heads: bool = True,
    regularised_tasks: int | None = None,
    look_ahead: bool = False,
    train_earlier_embeddings: bool = True,
) -> Method:
    """A hypernetwork that generates all weights at once; what it generates for earlier tasks is preserved."""
    generator = Hypernetwork(
        hidden,
        task_embedding=task_embedding,
        task_std=task_std,
        initialisation=hyper_initialisation,
        generates_heads=generates_heads,
    )
    return Method(generator, OutputPreserving(strength, regularised_tasks, look_ahead, train_earlier_embeddings))


def hnet_chunked(
    strength: Strength = 0.1,
    chunk: int = 2500,
    hidden: tuple[int, ...] = (50, 50),
    task_embedding: int = 32,
    chunk_embedding: int = 32,
    task_std: float = 1.0,
    chunk_std: float = 0.1,
    hyper_initialisation: HypernetworkInitialisation = "reference",
    generates_heads: bool = True,
    regularised_tasks: int | None = None,
    look_ahead: bool = False,
    train_earlier_embeddings: bool = True,
) -> Method:
    """A hypernetwork that generates the weights chunk by chunk; what it generates for earlier tasks is preserved."""
    generator = Hypernetwork(
        hidden,
        chunk,
        task_embedding,
        chunk_embedding,
        task_std,
        chunk_std,
        hyper_initialisation,
        generates_heads,
    )
    return Method(generator, OutputPreserving(strength, regularised_tasks, look_ahead, train_earlier_embeddings))


def hnet_coresets(
    strength: Strength = 0.1,
    chunk: int = 2500,
    samples: int = 100,
    distillation_strength: Strength = 1.0,
    hidden: tuple[int, ...] = (50, 50),
    hyper_initialisation: HypernetworkInitialisation = "reference",
) -> Method:
    """A chunked hypernetwork, and stored sequences that are practised again."""
    generator = hnet_chunked(strength, chunk, hidden, hyper_initialisation=hyper_initialisation)
    return Method(generator.parametrisation, generator.penalty, Coresets(samples, distillation_strength))


def coresets(samples: int = 100, strength: Strength = 1.0, temperature: float = 2.0) -> Method:
    """Stored sequences are practised again, with the answers of the network before the present task."""
    return Method(rehearsal=Coresets(samples, strength, temperature))


def generative_replay(
    distillation_strength: Strength = 1.0,
    kl_strength: Strength = 1.0,
    reconstruction_strength: Strength = 10.0,
    temperature: float = 2.0,
    latent: int = 8,
    decoder_cell: str = "elman",
    decoder_hidden: int = 256,
    input_likelihood: str = "bernoulli",
) -> Method:
    """Generated sequences are practised again; one decoder learns to generate those of all tasks."""
    return Method(
        rehearsal=GenerativeReplay(
            distillation_strength,
            kl_strength,
            reconstruction_strength,
            temperature,
            latent,
            decoder_cell=decoder_cell,
            decoder_hidden=decoder_hidden,
            input_likelihood=_input_likelihood(input_likelihood),
        )
    )


def hnet_replay(
    strength: Strength = 0.1,
    distillation_strength: Strength = 1.0,
    kl_strength: Strength = 1.0,
    reconstruction_strength: Strength = 10.0,
    temperature: float = 2.0,
    latent: int = 8,
    decoder_cell: str = "elman",
    decoder_hidden: int = 256,
    chunk: int = 2500,
    input_likelihood: str = "bernoulli",
) -> Method:
    """Generated sequences are practised again; a hypernetwork generates the decoder of each task."""
    generator = hnet_chunked(strength, chunk)
    return Method(
        rehearsal=GenerativeReplay(
            distillation_strength,
            kl_strength,
            reconstruction_strength,
            temperature,
            latent,
            decoder_cell=decoder_cell,
            decoder_hidden=decoder_hidden,
            input_likelihood=_input_likelihood(input_likelihood),
            decoder_parametrisation=generator.parametrisation,
            decoder_penalty=generator.penalty,
        )
    )


def _input_likelihood(name: str) -> InputLikelihood:
    if name not in INPUT_LIKELIHOODS:
        raise ValueError(f"input_likelihood is {name!r}: it must be one of {', '.join(INPUT_LIKELIHOODS)}")
    return INPUT_LIKELIHOODS[name]


CATALOGUE: Mapping[str, Callable[..., Method]] = MappingProxyType(
    {
        "multitask": multitask,
        "from scratch": from_scratch,
        "fine-tuning": fine_tuning,
        "online EWC": online_ewc,
        "EWC": ewc,
        "SI": si,
        "MAS": mas,
        "masking": masking,
        "masking + SI": masking_si,
        "masking + online EWC": masking_online_ewc,
        "masking + MAS": masking_mas,
        "context modulation": context_modulation,
        "HNET": hnet,
        "HNET (chunked)": hnet_chunked,
        "HNET + coresets": hnet_coresets,
        "coresets": coresets,
        "generative replay": generative_replay,
        "HNET + replay": hnet_replay,
    }
)
"""rows by the name of the method; the arguments of a row are its hyperparameters"""


def named(name: str, **hyperparameters: Any) -> Method:
    """A method by its name.

    Args:
        name: a row of :data:`CATALOGUE`.
        hyperparameters: arguments of that row; numbers such as a strength may be given one a member.

    Raises:
        ValueError: if there is no such method, if it does not take a hyperparameter, or if a value makes no sense.

    Example:
        >>> named("fine-tuning").penalty
        NoPenalty(observer=None, looks_ahead=False)
    """
    if name not in CATALOGUE:
        raise ValueError(f"method is {name!r}: it must be one of {', '.join(CATALOGUE)}")
    row = CATALOGUE[name]
    allowed = list(inspect.signature(row).parameters)
    for given in hyperparameters:
        if given not in allowed:
            takes = f"it takes {', '.join(allowed)}" if allowed else "it takes none"
            raise ValueError(f"{given} is no hyperparameter of {name!r}: {takes}")
    return row(**hyperparameters)
