r"""Measure linear dimensionality by the eigenvalues of the covariance of hidden states.

With eigenvalues λ_1 >= λ_2 >= …, of the centred but not scaled states:

- components for variance: the smallest d with Σ_{k<=d} λ_k >= threshold · Σ_k λ_k (0.75 in the paper, whose code
  reports d - 1);
- participation ratio: (Σ λ)² / Σ λ², between 1 and the number of units (Gao et al., bioRxiv 214262, 2017);
- effective rank: exp(-Σ p_k ln p_k) with p_k = λ_k / Σ λ, between 1 and the number of units, and never below the
  participation ratio. Roy and Vetterli (EUSIPCO 2007) take the entropy of normalised singular values; here it is that
  of variances, their squares.

States that do not vary have dimension 0.
"""

import torch
from jaxtyping import Float as AnyFloat
from jaxtyping import Float64, Int
from torch import Tensor

from wmcl.check_arguments import checked
from wmcl.check_data import check_floats
from wmcl.dimensionality.check import check_spectrum

_ROWS_AT_ONCE = 16_384
_ROUNDING = 1e-12
_ROUNDING_OF_MEAN = 1e-13


def covariance_spectrum(states: AnyFloat[Tensor, "member row unit"]) -> Float64[Tensor, "member unit"]:
    """Compute the eigenvalues of the covariance (division by rows - 1), largest first, computed in float64.

    Raises:
        ValueError: if the states are no finite tensor of these axes, or there are fewer than two rows.
    """
    check_floats(states, "states", "member row unit")
    mean, covariance = mean_and_covariance(states)
    return eigenvalues(covariance, mean)


def mean_and_covariance(
    states: AnyFloat[Tensor, "member row unit"],
) -> tuple[Float64[Tensor, "member unit"], Float64[Tensor, "member unit unit"]]:
    """Compute mean and covariance (division by rows - 1) of the rows, in float64, read in blocks.

    Raises:
        ValueError: if there are fewer than two rows.
    """
    members, rows, units = states.shape
    if rows < 2:
        raise ValueError(f"states has {rows} rows: a covariance needs at least 2")
    mean = states.mean(1, keepdim=True, dtype=torch.float64)
    covariance = torch.zeros(members, units, units, dtype=torch.float64, device=states.device)
    for block in states.split(_ROWS_AT_ONCE, dim=1):
        centred = block.double() - mean
        covariance += centred.mT @ centred
    return mean[:, 0], covariance / (rows - 1)


def eigenvalues(
    covariance: Float64[Tensor, "*batch unit unit"], mean: Float64[Tensor, "*batch unit"]
) -> Float64[Tensor, "*batch unit"]:
    """Compute the eigenvalues, largest first; those within the rounding errors of the mean are zero."""
    noise = (_ROUNDING_OF_MEAN * mean).square().sum(-1, keepdim=True)
    varies = covariance.diagonal(dim1=-2, dim2=-1).sum(-1) > noise[..., 0]  # no eigenvalue is larger than the trace
    found = torch.zeros_like(mean)
    found[varies] = torch.linalg.eigvalsh(covariance[varies]).flip(-1)
    return torch.where(found > noise, found, 0.0)


def cumulative_variance(spectrum: Float64[Tensor, "*batch unit"]) -> Float64[Tensor, "*batch unit"]:
    """Compute the fraction of the variance in the first k components, for k = 1, 2, …; zeros if there is no variance.

    Raises:
        ValueError: if the spectrum is none: not finite, or negative beyond rounding.
    """
    check_spectrum(spectrum)
    total = spectrum.sum(-1, keepdim=True)
    return spectrum.cumsum(-1) / torch.where(total > 0, total, 1.0)


@checked
def components_for_variance(spectrum: Float64[Tensor, "*batch unit"], threshold: float = 0.75) -> Int[Tensor, "*batch"]:
    """Count the components that hold the given fraction of the variance.

    Raises:
        ValueError: if the spectrum is none, or the threshold is not above 0 and at most 1.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}: it must be above 0 and at most 1")
    too_few = (cumulative_variance(spectrum) < threshold * (1 - _ROUNDING)).sum(-1)
    return torch.where(spectrum.sum(-1) > 0, too_few + 1, 0)


@checked
def participation_ratio(spectrum: Float64[Tensor, "*batch unit"]) -> Float64[Tensor, "*batch"]:
    """Compute (Σ λ)² / Σ λ²; 0 if there is no variance.

    Raises:
        ValueError: if the spectrum is none: not finite, or negative beyond rounding.
    """
    check_spectrum(spectrum)
    squares = spectrum.square().sum(-1)
    return spectrum.sum(-1).square() / torch.where(squares > 0, squares, 1.0)


@checked
def effective_rank(spectrum: Float64[Tensor, "*batch unit"]) -> Float64[Tensor, "*batch"]:
    """Compute exp(-Σ p ln p) with p = λ / Σ λ; 0 if there is no variance.

    Raises:
        ValueError: if the spectrum is none: not finite, or negative beyond rounding.
    """
    check_spectrum(spectrum)
    total = spectrum.sum(-1, keepdim=True)
    entropy = torch.special.entr(spectrum / torch.where(total > 0, total, 1.0)).sum(-1)
    return torch.where(total[..., 0] > 0, entropy.exp(), 0.0)
