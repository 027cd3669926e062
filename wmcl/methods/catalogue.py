"""The catalogue has a row for every named method: which parts it is made of, and its hyperparameters."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from wmcl.check_arguments import checked
from wmcl.importance.signals import FisherKind
from wmcl.importance.synaptic_intelligence import PathKind
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
from wmcl.methods.schedule import FromScratch, Multitask
from wmcl.methods.variational import InputLikelihood
from wmcl.training.parts import Strength

INPUT_LIKELIHOODS: Mapping[str, InputLikelihood] = MappingProxyType({"bernoulli": Bernoulli(), "gaussian": Gaussian()})
"""likelihoods of the inputs that generative replay learns to generate: bits, or real numbers (σ = 1)"""


def multitask() -> Method:
    """Train on all tasks at once, which shows what could be reached if nothing had to be remembered."""
    return Method(schedule=Multitask())


def from_scratch() -> Method:
    """Train a new network for each task, which shows what each task alone allows."""
    return Method(schedule=FromScratch())


def fine_tuning() -> Method:
    """Train on one task after the other, with nothing against forgetting."""
    return Method()


def online_ewc(
    strength: Strength = 1.0, decay: float = 1.0, kind: FisherKind = "empirical", samples: int = 200
) -> Method:
    """Hold the last weights by the Fisher information of all earlier tasks, added up."""
    return Method(penalty=Quadratic(FisherImportance(kind, samples), strength, decay=decay))


def ewc(strength: Strength = 1.0, kind: FisherKind = "empirical", samples: int = 200) -> Method:
    """Hold the weights after each earlier task by the Fisher information of that task."""
    return Method(penalty=Quadratic(FisherImportance(kind, samples), strength, per_task=True))


def si(strength: Strength = 1.0, kind: PathKind = "task", damping: float = 1e-3) -> Method:
    """Hold the last weights by what each did for the fall of the loss."""
    return Method(penalty=Quadratic(SynapticIntelligence(kind, damping), strength))


def mas(strength: Strength = 0.01, samples: int = 200) -> Method:
    """Hold the last weights by how much the output changes with each."""
    return Method(penalty=Quadratic(MemoryAwareSynapses(samples), strength))


def masking(fraction_off: float = 0.8) -> Method:
    """Use a random part of the recurrent units for each task."""
    return Method(Masked(fraction_off))


def masking_si(
    strength: Strength = 1.0, kind: PathKind = "task", damping: float = 1e-3, fraction_off: float = 0.8
) -> Method:
    """Use masks, and SI for what tasks share."""
    return Method(Masked(fraction_off), si(strength, kind, damping).penalty)


def masking_online_ewc(
    strength: Strength = 1.0,
    decay: float = 1.0,
    kind: FisherKind = "empirical",
    samples: int = 200,
    fraction_off: float = 0.8,
) -> Method:
    """Use masks, and online EWC for what tasks share."""
    return Method(Masked(fraction_off), online_ewc(strength, decay, kind, samples).penalty)


def masking_mas(strength: Strength = 0.01, samples: int = 200, fraction_off: float = 0.8) -> Method:
    """Use masks, and MAS for what tasks share."""
    return Method(Masked(fraction_off), mas(strength, samples).penalty)


def context_modulation() -> Method:
    """Learn gains and shifts of the recurrent units for each task."""
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
    """Generate all weights at once by a hypernetwork, and preserve what it generates for earlier tasks."""
    generator = Hypernetwork(
        hidden,
        task_embedding=task_embedding,
        task_std=task_std,
        initialisation=hyper_initialisation,
        generates_heads=generates_heads,
    )
    return Method(generator, _preserving(strength, regularised_tasks, look_ahead, train_earlier_embeddings))


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
    """Generate the weights chunk by chunk by a hypernetwork, and preserve what it generates for earlier tasks."""
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
    return Method(generator, _preserving(strength, regularised_tasks, look_ahead, train_earlier_embeddings))


def hnet_coresets(
    strength: Strength = 0.1,
    chunk: int = 2500,
    samples: int = 100,
    distillation_strength: Strength = 1.0,
    hidden: tuple[int, ...] = (50, 50),
    hyper_initialisation: HypernetworkInitialisation = "reference",
) -> Method:
    """Practise stored sequences again with a chunked hypernetwork."""
    generator = hnet_chunked(strength, chunk, hidden, hyper_initialisation=hyper_initialisation)
    return Method(generator.parametrisation, generator.penalty, Coresets(samples, distillation_strength))


def coresets(samples: int = 100, strength: Strength = 1.0, temperature: float = 2.0) -> Method:
    """Practise stored sequences again, with the answers of the network before the present task."""
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
    """Practise generated sequences again; one decoder learns to generate those of all tasks."""
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
    """Practise generated sequences again; a hypernetwork generates the decoder of each task."""
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


def _preserving(
    strength: Strength, tasks: int | None, look_ahead: bool, train_earlier_embeddings: bool
) -> OutputPreserving:
    return OutputPreserving(
        strength, tasks=tasks, look_ahead=look_ahead, train_earlier_embeddings=train_earlier_embeddings
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


@checked
def named(name: str, **hyperparameters: Any) -> Method:
    """Return a method by its name.

    Args:
        name: a row of :data:`CATALOGUE`.
        hyperparameters: arguments of that row; numbers such as a strength may be given one for each member.

    Raises:
        ValueError: if there is no such method, if it does not take a hyperparameter, or if a value makes no sense.

    Example:
        >>> named("SI", strength=2.0).penalty.strength
        2.0
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
