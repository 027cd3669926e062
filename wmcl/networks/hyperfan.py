r"""A hypernetwork can start so that the weights it gives start as those of an ordinary network would.

That is the hyperfan-in initialisation (Chang, Flokas and Lipson, "Principled weight initialization for hypernetworks",
ICLR 2020). Its argument: with zero biases and hidden layers of variance 2 / fan_in, rectified units keep the mean
square v of the inputs of the hypernetwork, so that an output that is a sum of d hidden units with weights of variance s
has variance s d v over random hypernetworks. Here v is the mean variance of the entries of the embeddings that it
reads.

The constant c_r of a generated weight is 1, that of units without rectification (tanh and logistic gates near zero).
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64


def target_variances(shapes: Mapping[str, tuple[int, ...]], chunked: bool) -> Float64[np.ndarray, "weight"]:
    """Return the variance that each weight should start with, in the order of ``shapes``.

    A bias ``b_x`` belongs to ``W_x``. Where one layer gives all weights, a matrix and its bias give half of the
    variance each: 1 / (2 fan_in) and 1/2. A matrix without a bias gives all of it.
    Where chunks give them, a matrix gives all of it, 1 / fan_in, and biases are as in the ``fan_in`` initialisation,
    1 / (3 fan_in).
    """
    found = []
    for name, shape in shapes.items():
        fan_in = shapes["W" + name[1:]][-1]
        if name.startswith("W"):
            variance = 1 / fan_in if chunked or "b" + name[1:] not in shapes else 1 / (2 * fan_in)
        else:
            variance = 1 / (3 * fan_in) if chunked else 1 / 2
        found.append(np.full(int(np.prod(shape)), variance))
    return np.concatenate(found)


def variances_of_chunks(variances: Float64[np.ndarray, "weight"], chunk: int) -> Float64[np.ndarray, "chunk"]:
    """Average the variances over the weights of each chunk.

    They all come from the same outputs and so cannot differ in variance.
    """
    return np.array([variances[first : first + chunk].mean() for first in range(0, len(variances), chunk)])


def chunked_start(
    targets: Float64[np.ndarray, "chunk"],
    task_embedding: int,
    chunk_embedding: int,
    task_variance: float,
    least_chunk_variance: float,
) -> tuple[float, Float64[np.ndarray, "chunk"]]:
    r"""Find a gain of the output layer and variances of chunk embeddings with which each chunk meets its target.

    With n_e entries of variance v_e of a task's and n_c entries of variance v_c of a chunk's embedding, weights of the
    output layer of variance g / d give outputs of variance g (n_e v_e + n_c v_c) / (n_e + n_c), which is set equal
    to the target and solved for v_c. With g = 1, as published, there is no solution where n_e v_e alone exceeds it;
    here g is such that the chunk of the smallest target has embeddings of the given variance.

    Args:
        targets: variance of the weights of each chunk.
        task_embedding: n_e.
        chunk_embedding: n_c.
        task_variance: v_e.
        least_chunk_variance: v_c of the chunk with the smallest target.
    """
    inputs = task_embedding + chunk_embedding
    gain = targets.min() * inputs / (task_embedding * task_variance + chunk_embedding * least_chunk_variance)
    return gain, (targets * inputs / gain - task_embedding * task_variance) / chunk_embedding
