"""Weights start from random draws, each addressed by the member's seed and the parameter's name."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float64

from wmcl.randomness import generator

Initialisation = Literal["fan_in", "xavier", "orthogonal"]
"""distribution of initial parameters (:func:`initialise`)"""
Parameters = dict[str, torch.Tensor]
"""tensors by name, each with a leading member axis"""


def initialise(
    shapes: Mapping[str, tuple[int, ...]],
    scheme: Initialisation,
    seeds: Sequence[int],
    dtype: torch.dtype = torch.float32,
    gates: int = 1,
    heads: int = 1,
) -> Parameters:
    """Draw the parameters of an ensemble.

    Args:
        shapes: shape of every parameter; a bias ``b_x`` belongs to the weight ``W_x``. Those whose name starts with
            ``W_hh`` are recurrent.
        scheme: ``fan_in``, all weights and biases uniform on ±1/√fan_in of the weight (PyTorch's ``Linear``,
            and the paper's code); ``xavier``, weights uniform on ±√(6 / (fan_in + fan_out)), biases zero;
            ``orthogonal``, as ``fan_in`` but W_hh a random orthogonal matrix (Haar measure).
        seeds: whole numbers, one for each member.
        dtype: of the parameters.
        gates: blocks of rows of W_ih and W_hh, each a matrix of its own: it has its own orthogonal matrix and its own
            fan-out.
        heads: blocks of rows of W_out, likewise.
    """
    return {
        name: torch.from_numpy(np.stack([_draw(name, shapes, scheme, seed, gates, heads) for seed in seeds])).to(dtype)
        for name in shapes
    }


def _draw(
    name: str, shapes: Mapping[str, tuple[int, ...]], scheme: Initialisation, seed: int, gates: int, heads: int
) -> np.ndarray:
    random = generator(seed, f"initialise {name}")
    fan_out, fan_in = shapes["W" + name[1:]]
    if name.startswith(("W_ih", "W_hh")):
        fan_out //= gates
    elif name == "W_out":
        fan_out //= heads
    if scheme == "xavier":
        if name.startswith("b"):
            return np.zeros(shapes[name])
        bound = np.sqrt(6 / (fan_in + fan_out))
    elif scheme == "orthogonal" and name.startswith("W_hh"):
        return np.concatenate([random_orthogonal(random, fan_in) for _ in range(gates)])
    else:
        bound = 1 / np.sqrt(fan_in)
    return random.uniform(-bound, bound, shapes[name])


def random_orthogonal(random: np.random.Generator, size: int) -> Float64[np.ndarray, "size size"]:
    """Draw an orthogonal matrix from the uniform distribution (Haar measure).

    It is the QR of a Gaussian matrix, with signs that make it uniform (Mezzadri, Notices AMS 54, 2007).
    """
    q, r = np.linalg.qr(random.standard_normal((size, size)))
    return q * np.sign(np.diagonal(r))
