r"""Measure whether two sets of states, of two phases or two tasks, vary in the same directions.

With orthonormal principal directions a_1, a_2, … of states A, in order of their variance, and the covariance C_B of
states B around their own mean:

- principal angles θ_j between the spans of the leading directions of A and of B: cos θ_j are the singular values of
  Q_Aᵀ Q_B (Björck and Golub, Mathematics of Computation 27, 1973);
- shared variance: Σ_{j<=k} a_jᵀ C_B a_j / tr C_B, the fraction of the variance of B in the first k directions of A,
  for k = 1, 2, …
- alignment: Σ_{j<=k} a_jᵀ C_B a_j / Σ_{j<=k} λ_j(C_B), the same variance over the most that any k directions hold (the
  alignment index of Elsayed et al., Nature Communications 7, 2016)

B is centred on its own mean: a shift of B along or across the subspace does not count. The paper's code
subtracts the mean of A, divides by the uncentred square of B, and shifts its curves by ten components.
"""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from wmcl.dimensionality.check import check_pair
from wmcl.dimensionality.principal_components import (
    covariance_spectrum,
    cumulative_variance,
    eigenvalues,
    mean_and_covariance,
)


def principal_directions(states: Float[Tensor, "member row unit"]) -> Float64[Tensor, "member unit component"]:
    """Compute orthonormal principal directions as columns, in order of variance; zero columns beyond it.

    Raises:
        ValueError: if there are fewer than two rows.
    """
    mean, covariance = mean_and_covariance(states)
    vectors = torch.linalg.eigh(covariance).eigenvectors.flip(-1)
    values = eigenvalues(covariance, mean)
    noise = torch.finfo(values.dtype).eps * states.shape[2] * values[:, :1]
    return vectors * (values > noise)[:, None]


def principal_angles(
    first: Float[Tensor, "member row_a unit"],
    second: Float[Tensor, "member row_b unit"],
    components: int,
    components_of_second: int | None = None,
) -> Float64[Tensor, "member angle"]:
    """Compute the cosines of the angles between the leading principal subspaces of two sets of states, largest first.

    Args:
        first: states A.
        second: states B.
        components: directions of A.
        components_of_second: directions of B; ``None``: as many.

    Returns:
        As many cosines as the smaller subspace has directions: 1 for a direction they share, 0 for orthogonal ones.
        A direction without variance belongs to no subspace, and its cosine is 0.

    Raises:
        ValueError: if states are not finite or have fewer than two rows, or if a number of components
            is not between 1 and the units.
    """
    check_pair(first, second)
    of_second = components if components_of_second is None else components_of_second
    for name, value in (("components", components), ("components_of_second", of_second)):
        if not 1 <= value <= first.shape[2]:
            raise ValueError(f"{name} is {value}: it must lie between 1 and the {first.shape[2]} units")
    a = principal_directions(first)[:, :, :components]
    b = principal_directions(second)[:, :, :of_second]
    return torch.linalg.svdvals(a.mT @ b).clamp(max=1.0)


def shared_variance(
    first: Float[Tensor, "member row_a unit"], second: Float[Tensor, "member row_b unit"]
) -> Float64[Tensor, "member component"]:
    """Compute the fraction of the variance of the second states in the first k principal directions of the first.

    The entries are for k = 1, 2, …. The fraction does not decrease with k and stays flat beyond the directions in which
    the first states vary, so its last entry is the fraction inside their span. If both are the same it is
    ``cumulative_variance``. Zeros if the second states do not vary.

    Raises:
        ValueError: if either is not finite or has fewer than two rows, or they differ in members or units.
    """
    check_pair(first, second)
    directions = principal_directions(first)
    mean, covariance = mean_and_covariance(second)
    total = eigenvalues(covariance, mean).sum(-1, keepdim=True)
    inside = torch.einsum("muk,muv,mvk->mk", directions, covariance, directions).cumsum(-1)
    return torch.where(total > 0, inside / torch.where(total > 0, total, 1.0), 0.0)


def alignment(
    first: Float[Tensor, "member row_a unit"], second: Float[Tensor, "member row_b unit"], components: int
) -> Float64[Tensor, "member"]:
    """Compute the variance of the second states in leading directions of the first, over the most that it can be.

    It is 1 if the leading directions of both are the same subspace, and 0 if they are orthogonal. NaN if the second
    states do not vary.

    Args:
        first: states A, whose principal directions are taken.
        second: states B, whose variance is taken.
        components: number k of directions.

    Raises:
        ValueError: if either is not finite or has fewer than two rows, if they differ in members or units, or if the
            number of components is not between 1 and the units.
    """
    inside = shared_variance(first, second)
    if not 1 <= components <= inside.shape[1]:
        raise ValueError(f"components is {components}: it must lie between 1 and the {inside.shape[1]} units")
    return inside[:, components - 1] / cumulative_variance(covariance_spectrum(second))[:, components - 1]
