"""Refuse states and spectra from which no dimension follows, where they enter."""

from typing import Any

import torch

from wmcl.check_data import check_floats


def check_pair(first: Any, second: Any, axes: str = "member row unit") -> None:
    """Refuse two sets of states (or matrices) that are not finite, or differ in members or units.

    Raises:
        ValueError: naming the argument, what it is and what is wanted.
    """
    check_floats(first, "first", axes)
    check_floats(second, "second", axes)
    for axis, name in ((0, "members"), (2, "units")):
        if first.shape[axis] != second.shape[axis]:
            raise ValueError(
                f"second has {second.shape[axis]} {name}: it must have as many as first, {first.shape[axis]}"
            )
    if first.device != second.device:
        raise ValueError(f"second is on the device {second.device}: it must be on that of first, {first.device}")


def check_spectrum(spectrum: Any) -> None:
    """Refuse what are no eigenvalues of a covariance: not finite, or below zero by more than rounding.

    Raises:
        ValueError: naming what it is and what is wanted.
    """
    check_floats(spectrum, "spectrum", "unit", leading=True)
    if not spectrum.numel() or spectrum.is_meta:
        return
    lowest = float(spectrum.min())
    rounding = torch.finfo(spectrum.dtype).eps * spectrum.shape[-1] * float(spectrum.max())
    if lowest < -max(rounding, 0.0):
        raise ValueError(
            f"spectrum is as low as {lowest:g}: it must hold eigenvalues of a covariance, which are at least 0, as"
            " covariance_spectrum gives them"
        )
