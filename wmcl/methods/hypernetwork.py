"""A hypernetwork generates the weights of a network from an embedding of the task."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import ClassVar, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.networks import Network, Parameters
from wmcl.networks.hyperfan import chunked_start, target_variances, variances_of_chunks
from wmcl.networks.hypernetwork import arrange, generate, number_of_chunks
from wmcl.randomness import generator
from wmcl.tasks.task import check_counts
from wmcl.training.parts import Initial, Offer, Parametrisation

HypernetworkInitialisation = Literal["reference", "hyperfan"]
Spread = float | np.ndarray
"""standard deviation of a value, or of each of its rows"""

_CHUNKS = "chunk_embeddings"
_HEADS = ("W_out", "b_out")


@dataclass(frozen=True)
class Hypernetwork(Parametrisation):
    """A Hypernetwork is a multilayer perceptron (MLP) that reads an embedding of the task, and gives the weights.

    It is that of von Oswald, Henning, Sacramento and Grewe ("Continual learning with hypernetworks", ICLR 2020). These
    values are trained: ``hyper_W0``, ``hyper_b0``, …, the layers of the MLP; ``task_embedding_0``, …, one a task; and
    ``chunk_embeddings`` (member, chunk, entry), which all tasks share. The initialisation of the network itself has no
    part in it, except for heads that are kept.

    With ``initialisation="reference"`` weights and biases of the MLP are uniform on ±1/√fan_in. ``hyperfan``
    chooses them, and the chunk embeddings, such that what generated weights give starts with the variance of what they
    read (:mod:`wmcl.networks.hyperfan`).

    Raises:
        ValueError: if a field lies outside of its range.
    """

    offers: ClassVar[frozenset[Offer]] = frozenset({Offer.generated_weights})

    hidden: tuple[int, ...] = (50, 50)
    """number of rectified units of each hidden layer"""
    chunk: int | None = None
    """number of weights that are generated at a time; ``None``: all of them, by one wide layer"""
    task_embedding: int = 32
    """number of entries of a task embedding"""
    chunk_embedding: int = 32
    """number of entries of a chunk embedding, if there are chunks"""
    task_std: float = 1.0
    """standard deviation of the task embeddings at the start"""
    chunk_std: float = 1.0
    """standard deviation of the chunk embeddings at the start; with ``hyperfan``, of those of the chunk that needs the
    smallest"""
    initialisation: HypernetworkInitialisation = "reference"
    generates_heads: bool = True
    """whether the head is generated, too; if not, ``W_out`` and ``b_out`` are trained themselves, and no penalty
    holds a head that all tasks share"""

    def __post_init__(self) -> None:
        check_counts(task_embedding=self.task_embedding, chunk_embedding=self.chunk_embedding)
        if self.chunk is not None:
            check_counts(chunk=self.chunk)
        if not isinstance(self.hidden, tuple):
            raise ValueError(f"hidden is {self.hidden!r}: it must be a tuple of numbers of units, such as (50, 50)")
        for units in self.hidden:
            check_counts(hidden=units)
        for name in ("task_std", "chunk_std"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be positive and finite")
        if self.initialisation not in get_args(HypernetworkInitialisation):
            choices = ", ".join(get_args(HypernetworkInitialisation))
            raise ValueError(f"initialisation is {self.initialisation!r}: it must be one of {choices}")

    def generated(self, network: Network) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the weights that are generated, in their order."""
        return {name: shape for name, shape in network.shapes.items() if self.generates_heads or name not in _HEADS}

    def shapes(self, network: Network, tasks: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the values that generate weights for so many tasks."""
        weights = _count(self.generated(network))
        inputs = self.task_embedding + (0 if self.chunk is None else self.chunk_embedding)
        shapes: dict[str, tuple[int, ...]] = {}
        for layer, (before, after) in enumerate(pairwise([inputs, *self.hidden, self.chunk or weights])):
            shapes |= {f"hyper_W{layer}": (after, before), f"hyper_b{layer}": (after,)}
        if self.chunk is not None:
            shapes[_CHUNKS] = (number_of_chunks(weights, self.chunk), self.chunk_embedding)
        return shapes | {_task(task): (self.task_embedding,) for task in range(tasks)}

    def compression(self, network: Network, tasks: int) -> float:
        """Return the number of values that generate weights, all embeddings included, over that of the weights."""
        return _count(self.shapes(network, tasks)) / _count(self.generated(network))

    def init(self, network: Network, seeds: Sequence[int], tasks: int) -> Initial:
        """Return layers and embeddings, in the precision of the network, and the head of the network if it is kept."""
        spreads, usual = self._spreads(network), network.init(seeds)
        trained = {
            name: torch.from_numpy(np.stack([_draw(seed, name, shape, spreads) for seed in seeds])).to(usual["W_out"])
            for name, shape in self.shapes(network, tasks).items()
        }
        kept = {} if self.generates_heads else {name: usual[name] for name in _HEADS}
        return Initial(trained | kept, {})

    def embeddings(self, values: Parameters, tasks: Sequence[int]) -> Float[Tensor, "member task entry"]:
        """Return the embeddings of some tasks."""
        return torch.stack([values[_task(task)] for task in tasks], 1)

    def generate(
        self, values: Parameters, embeddings: Float[Tensor, "member task entry"]
    ) -> Float[Tensor, "member task weight"]:
        """Return the weights of all tasks as one vector a task, with a surplus of the last chunk at its end."""
        layers = [(values[f"hyper_W{k}"], values[f"hyper_b{k}"]) for k in range(len(self.hidden) + 1)]
        return generate(layers, embeddings, None if self.chunk is None else values[_CHUNKS])

    def weights(self, network: Network, values: Parameters, task: int) -> Parameters:
        """Return the weights generated for a task, and the head if it is kept."""
        flat = self.generate(values, self.embeddings(values, [task]))[:, 0]
        found = arrange(flat, self.generated(network))
        return found if self.generates_heads else found | {name: values[name] for name in _HEADS}

    def base(self, network: Network, values: Parameters, task: int) -> Parameters:
        """Return the generated weights themselves."""
        return self.weights(network, values, task)

    def consolidated(self, network: Network, values: Parameters) -> Parameters:
        """Return no values: generated weights have to stay instead (see :class:`wmcl.methods.OutputPreserving`)."""
        return {}

    def _spreads(self, network: Network) -> dict[str, Spread]:
        """Return the standard deviations of values at the start; task embeddings share that of ``task_embedding_``."""
        shapes, last = self.shapes(network, 0), len(self.hidden)
        spreads: dict[str, Spread] = {_task(): self.task_std, _CHUNKS: self.chunk_std}
        if self.initialisation == "reference":
            for layer in range(last + 1):
                both = 1 / np.sqrt(3 * shapes[f"hyper_W{layer}"][1])  # of a uniform number within ±1/√fan_in
                spreads |= {f"hyper_W{layer}": both, f"hyper_b{layer}": both}
            return spreads
        for layer in range(last + 1):
            spreads |= {f"hyper_W{layer}": np.sqrt(2 / shapes[f"hyper_W{layer}"][1]), f"hyper_b{layer}": 0.0}
        units = shapes[f"hyper_W{last}"][1]
        variances = target_variances(self.generated(network), chunked=self.chunk is not None)
        if self.chunk is None:
            return spreads | {f"hyper_W{last}": np.sqrt(variances / (units * self.task_std**2))}
        gain, of_chunks = chunked_start(
            variances_of_chunks(variances, self.chunk),
            self.task_embedding,
            self.chunk_embedding,
            self.task_std**2,
            self.chunk_std**2,
        )
        return spreads | {f"hyper_W{last}": np.sqrt(gain / units), _CHUNKS: np.sqrt(of_chunks)}


def _task(task: int | str = "") -> str:
    return f"task_embedding_{task}"


def _count(shapes: dict[str, tuple[int, ...]]) -> int:
    return sum(prod(shape) for shape in shapes.values())


def _draw(seed: int, name: str, shape: tuple[int, ...], spreads: dict[str, Spread]) -> np.ndarray:
    """Draw a value at the start: embeddings are normal, weights and biases uniform."""
    random = generator(seed, f"initialise {name}")
    is_task = name.startswith(_task())
    if is_task or name == _CHUNKS:
        standard = random.standard_normal(shape)
    else:
        standard = random.uniform(-np.sqrt(3), np.sqrt(3), shape)
    spread = np.asarray(spreads[_task() if is_task else name])
    return standard * (spread[:, None] if spread.ndim else spread)
