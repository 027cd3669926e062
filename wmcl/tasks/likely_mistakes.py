"""Say where data of one's own are hardly what is meant: axes that changed places, one-hot classes.

Nothing here is certain, so nothing is refused: a warning says what was seen and how the data were understood.
"""

import warnings
from collections.abc import Sequence

import numpy as np

_FEW = 64  # sequences that are looked at
_LONG = 4  # times as many features as steps
_SMOOTH = 0.3  # mean squared difference of neighbours, by that of numbers in any order


def warn_of_likely_mistakes(parts: Sequence[np.ndarray], targets: np.ndarray, classes: int | None, real: bool) -> None:
    """Warn if time and features seem to have changed places, or if bits seem to be classes.

    Args:
        parts: the steps of every sequence, (time, feature).
        targets: classes, or vectors of bits or of real numbers.
        classes: number of classes, or ``None``.
        real: whether targets are real numbers.
    """
    steps, features = parts[0].shape
    if features >= _LONG * steps > _LONG and {each.shape for each in parts} == {(steps, features)}:
        some = np.stack([np.asarray(each, dtype=float) for each in parts[:_FEW]])
        over_time, over_features = _roughness(some, 1), _roughness(some, 2)
        if over_features < _SMOOTH and over_features < over_time / 2:
            warnings.warn(
                f"sequences have {steps} steps of {features} features each, which change little from one feature to the"
                " next, as if those were the steps: if so, give arrays of shape (time, feature), as with"
                " np.swapaxes(sequences, 1, 2)",
                UserWarning,
                stacklevel=3,
            )
    if classes is None and not real and targets.ndim == 2 and targets.shape[1] > 2 and len(targets) > 1:
        is_one_hot = bool(((targets == 1).sum(1) == 1).all() and (targets != 0).sum() == len(targets))
        if is_one_hot:
            warnings.warn(
                f"targets have exactly one 1 among {targets.shape[1]} bits, as one-hot classes do, and are taken for"
                f" bits that do not exclude each other: for classes, give targets.argmax(-1) and"
                f" classes={targets.shape[1]}",
                UserWarning,
                stacklevel=3,
            )


def _roughness(values: np.ndarray, axis: int) -> float:
    """Return the mean squared difference of neighbours by twice the variance: 1 if their order does not matter."""
    spread = 2 * float((values - values.mean((1, 2), keepdims=True)).var())
    return float(np.square(np.diff(values, axis=axis)).mean()) / spread if spread > 0 else 1.0
