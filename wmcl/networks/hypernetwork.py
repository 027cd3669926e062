"""A hypernetwork is a multilayer perceptron (MLP) whose outputs are the weights of another network.

It reads an embedding of a task and gives all weights at once, or, *chunked*, it reads the embedding of a chunk beside
that and gives so many consecutive weights; then one MLP of the size of a chunk serves all (von Oswald, Henning,
Sacramento and Grewe, ICLR 2020). Weights are counted in the order of ``network.shapes``, row by row.
"""

from collections.abc import Mapping, Sequence
from math import prod

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.networks.initialisation import Parameters

Layer = tuple[Float[Tensor, "member _ _"], Float[Tensor, "member _"]]
"""weight (member, to, from) and bias (member, to) of a layer of the MLP"""


def number_of_chunks(weights: int, chunk: int) -> int:
    """Return the number of chunks that give at least so many weights, ⌈weights / chunk⌉."""
    return -(-weights // chunk)


def generate(
    layers: Sequence[Layer],
    tasks: Float[Tensor, "member task task_embedding"],
    chunks: Float[Tensor, "member chunk chunk_embedding"] | None = None,
) -> Float[Tensor, "member task weight"]:
    """Run the MLP for every task, with all chunks of all tasks in one batch.

    Hidden units are rectified, outputs are linear. The first layer reads [chunk embedding, task embedding]; its two
    halves are multiplied apart, so that a chunk's is computed once for all tasks and a task's once for all chunks.

    Args:
        layers: from the first to the last.
        tasks: embeddings of the tasks.
        chunks: embeddings of the chunks, which all tasks share; ``None`` if the last layer gives all weights.

    Returns:
        The outputs of all chunks one after the other, a surplus of the last one included.
    """
    (weight, bias), *further = layers
    before = 0 if chunks is None else chunks.shape[-1]
    units = torch.baddbmm(bias[:, None], tasks, weight[..., before:].mT)
    if chunks is not None:
        units = (units[:, :, None] + torch.bmm(chunks, weight[..., :before].mT)[:, None]).flatten(1, 2)
    for weight, bias in further:
        units = torch.baddbmm(bias[:, None], units.relu(), weight.mT)
    return units.unflatten(1, (tasks.shape[1], -1)).flatten(2)


def arrange(flat: Float[Tensor, "member weight"], shapes: Mapping[str, tuple[int, ...]]) -> Parameters:
    """Cut a vector into weights by name, in the order of ``shapes``; a surplus at its end is dropped.

    They are views of the vector, taken in one piece so that their gradients are put together in one piece.
    """
    sizes = [prod(shape) for shape in shapes.values()]
    parts = flat.split([*sizes, flat.shape[1] - sum(sizes)], 1)
    return {name: part.unflatten(1, shape) for (name, shape), part in zip(shapes.items(), parts[:-1], strict=True)}
