"""Fit ordinary least squares for many networks at once, and find which regressors a design can tell apart."""

import numpy as np
from jaxtyping import Float

CONDITION_LIMIT = 30.0
"""largest condition number of the centred, scaled columns at which slopes are reported (Belsley, Kuh and Welsch,
"Regression Diagnostics", 1980, call 30 and more a serious collinearity)"""


def confounded(columns: Float[np.ndarray, "condition term"]) -> list[tuple[int, ...]]:
    """Find groups of columns whose slopes the design cannot tell apart.

    With the columns centred (the intercept is projected out) and scaled to length 1, R is their correlation matrix.
    P projects on the eigenvectors of R whose eigenvalue is below the largest one divided by ``CONDITION_LIMIT``²;
    columns i and j belong to a group where |P_ij| > 0.01. A column that does not vary is a group of its own: it cannot
    be told from the intercept.

    Returns:
        Indices of each group; empty if every slope is identified.
    """
    scaled, length = _centred_and_scaled(columns, np.ones((1, len(columns)), dtype=bool))
    varies = length[0] > 0
    groups: list[tuple[int, ...]] = [(int(term),) for term in np.flatnonzero(~varies)]
    names = np.flatnonzero(varies)
    if len(names) == 0:
        return groups
    eigenvalues, vectors = np.linalg.eigh(scaled[0].T[varies] @ scaled[0][:, varies])
    flat = vectors[:, eigenvalues < eigenvalues.max() / CONDITION_LIMIT**2]
    linked = np.abs(flat @ flat.T) > 0.01
    left = set(np.flatnonzero(linked.any(0)).tolist())
    while left:
        group: set[int] = set()
        new = {min(left)}
        while new:
            group |= new
            new = set(np.flatnonzero(linked[sorted(new)].any(0)).tolist()) - group
        left -= group
        groups.append(tuple(int(names[term]) for term in sorted(group)))
    return sorted(groups)


def fit(
    values: Float[np.ndarray, "*network condition"], columns: Float[np.ndarray, "condition term"]
) -> Float[np.ndarray, "*network coefficient"]:
    """Fit least squares for each network on the conditions it has: minimise Σ_c (y_c - β_0 - Σ_k β_k x_ck)².

    Networks that lack the same conditions share one solution of the normal equations of the centred, scaled columns.

    Returns:
        The intercept, then the slopes; NaN for a network whose conditions leave columns confounded.
    """
    rows = values.reshape(-1, values.shape[-1])
    patterns, member = np.unique(~np.isnan(rows), axis=0, return_inverse=True)
    scaled, length = _centred_and_scaled(columns, patterns)
    gram = np.einsum("pck,pcl->pkl", scaled, scaled)
    eigenvalues = np.linalg.eigvalsh(gram)
    identified = (length > 0).all(1) & (eigenvalues[:, 0] >= eigenvalues[:, -1] / CONDITION_LIMIT**2)
    gram[~identified] = np.eye(columns.shape[1])
    length[~identified] = np.nan
    operator = np.linalg.solve(gram, scaled.transpose(0, 2, 1)) / length[:, :, None]
    member = member.reshape(-1)
    count = np.maximum(patterns.sum(1), 1)
    present = np.nan_to_num(rows)
    slopes = np.einsum("nkc,nc->nk", operator[member], present)
    mean_columns = patterns @ columns / count[:, None]
    intercept = present.sum(1) / count[member] - (slopes * mean_columns[member]).sum(1)
    return np.column_stack([intercept, slopes]).reshape(*values.shape[:-1], -1)


def fitted(
    coefficients: Float[np.ndarray, "*network coefficient"], columns: Float[np.ndarray, "condition term"]
) -> Float[np.ndarray, "*network condition"]:
    """Compute what the law with these coefficients (intercept first) says for every condition."""
    return coefficients @ with_intercept(columns).T


def pooled_hc3(
    values: Float[np.ndarray, "*sample condition seed"], columns: Float[np.ndarray, "condition term"]
) -> tuple[
    Float[np.ndarray, "*sample coefficient"], Float[np.ndarray, "*sample coefficient"], Float[np.ndarray, "*sample"]
]:
    """Fit one least squares over all networks of a sample, with HC3 standard errors, for many samples at once.

    V = (X'X)⁻¹ X' diag(e_i² / (1 - h_i)²) X (X'X)⁻¹ with residuals e and leverages h (MacKinnon and White, "Some
    heteroskedasticity-consistent covariance matrix estimators", 1985). Every (condition, seed) counts as independent.
    The designs must be identified.

    Returns:
        Estimates and standard errors, the intercept first, and the residual degrees of freedom.
    """
    design = with_intercept(columns)
    present = ~np.isnan(values)
    count = present.sum(-1)
    inverse = np.linalg.inv(np.einsum("...c,ck,cl->...kl", count, design, design))
    product = np.nansum(values, -1) @ design
    estimate = np.einsum("...kl,...l->...k", inverse, product)
    leverage = np.einsum("ck,...kl,cl->...c", design, inverse, design, optimize=True)
    residual = np.where(present, values - fitted(estimate, columns)[..., None], 0.0)
    weight = (residual**2).sum(-1) / (1 - leverage) ** 2
    meat = np.einsum("...c,ck,cl->...kl", weight, design, design, optimize=True)
    variance = np.diagonal(inverse @ meat @ inverse, axis1=-2, axis2=-1)
    return estimate, np.sqrt(variance), (count.sum(-1) - design.shape[1]).astype(float)


def with_intercept(columns: Float[np.ndarray, "condition term"]) -> Float[np.ndarray, "condition coefficient"]:
    """Put a column of ones before the columns."""
    return np.column_stack([np.ones(len(columns)), columns])


def _centred_and_scaled(columns: np.ndarray, patterns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute for each pattern of conditions the columns, centred and of length 1, and their lengths before.

    The length of a column that does not vary is 0.
    """
    mean = patterns @ columns / np.maximum(patterns.sum(1), 1)[:, None]
    centred = np.where(patterns[:, :, None], columns - mean[:, None, :], 0.0)
    length = np.sqrt((centred**2).sum(1))
    size = np.abs(columns).max(0, initial=0.0)
    length = np.where(length > 1e-9 * size, length, 0.0)
    return centred / np.where(length > 0, length, 1.0)[:, None, :], length
