r"""Do kernel PCA: compute variances of the states after a nonlinear map φ, given by its kernel k(x, y) = φ(x)·φ(y).

- ``cosine``: k(x, y) = x·y / (‖x‖ ‖y‖), the kernel of the paper's code; a row of zeros has cosine 0 with every row.
  Here φ is known, a row divided by its length, so the spectrum is that of the covariance of such rows.
- ``rbf``: k(x, y) = exp(-‖x - y‖² / 2σ²), with σ the median of the distances between rows that differ, the lower one
  of the two in the middle (median heuristic).

The spectrum is the eigenvalues of the centred kernel matrix H K H, with H = I - 1/rows, divided by rows - 1. So they
are the variances of the principal components of φ: with the kernel x·y they would be those of ``covariance_spectrum``.
The paper's code divides by their sum, as ``cumulative_variance`` does, but counts no more than the first ``unit`` of
them. Scikit-learn's ``KernelPCA.eigenvalues_`` are (rows - 1) times as large.
"""

from typing import Literal, get_args

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from wmcl.check_arguments import checked
from wmcl.check_data import check_floats
from wmcl.dimensionality.principal_components import covariance_spectrum
from wmcl.randomness import generator

Kernel = Literal["cosine", "rbf"]


@checked
def kernel_spectrum(
    states: Float[Tensor, "member row unit"],
    kernel: Kernel = "cosine",
    rows: int = 2000,
    seed: int = 0,
    bandwidth: float | None = None,
) -> Float64[Tensor, "member component"]:
    """Compute the variances of the kernel principal components, largest first, in float64.

    Args:
        states: at least two rows.
        kernel: ``cosine`` or ``rbf``.
        rows: at most so many rows are used. They are drawn without replacement, the same for every member.
        seed: address of the draw.
        bandwidth: σ of ``rbf``, in the units of the states; ``None`` takes the median heuristic, a σ a member.

    Returns:
        For ``components_for_variance`` and its kin. There is a component for each unit with ``cosine`` and for
        each row used with ``rbf``. Zeros if the images of the states do not vary.

    Raises:
        ValueError: if the states are not finite, if the kernel is unknown, if there are fewer than two rows or fewer
            are wanted, or if the bandwidth is not positive or is given for ``cosine``.
    """
    check_floats(states, "states", "member row unit")
    if kernel not in get_args(Kernel):
        raise ValueError(f"kernel is {kernel!r}: it must be one of {', '.join(get_args(Kernel))}")
    if rows < 2:
        raise ValueError(f"rows is {rows}: it must be at least 2")
    if states.shape[1] < 2:
        raise ValueError(f"states has {states.shape[1]} rows: a kernel matrix needs at least 2")
    if bandwidth is not None and (kernel == "cosine" or not bandwidth > 0):
        raise ValueError(f"bandwidth is {bandwidth}: it must be positive, and None for the cosine kernel")
    if states.shape[1] > rows:
        drawn = generator(seed, "kernel rows").choice(states.shape[1], rows, replace=False)
        states = states[:, torch.from_numpy(drawn).to(states.device)]
    states = states.double()
    if kernel == "cosine":
        length = states.norm(dim=2, keepdim=True)
        return covariance_spectrum(states / torch.where(length > 0, length, 1.0))
    return torch.stack([_rbf_spectrum(member, bandwidth) for member in states])


def _rbf_spectrum(states: Float64[Tensor, "row unit"], bandwidth: float | None) -> Float64[Tensor, "row"]:
    distances = torch.cdist(states, states, compute_mode="donot_use_mm_for_euclid_dist")
    differ = distances[distances > 0]
    if len(differ) == 0:
        return states.new_zeros(len(states))
    sigma = differ.median() if bandwidth is None else bandwidth
    matrix = (distances / sigma).square_().div_(-2).exp_()
    mean = matrix.mean(0)
    matrix += mean.mean() - mean - mean[:, None]
    found = torch.linalg.eigvalsh(matrix).flip(0)
    noise = torch.finfo(found.dtype).eps * len(states)  # of a matrix whose entries are at most 1
    return torch.where(found > noise, found, 0.0) / (len(states) - 1)
