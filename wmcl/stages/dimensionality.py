"""This module measures the dimensions that the hidden states fill at a stage, and the bits that they hold."""

from collections.abc import Mapping

import numpy as np
import torch
import xarray as xr

from wmcl.check_arguments import checked
from wmcl.dimensionality import (
    components_for_variance,
    covariance_spectrum,
    decodability,
    effective_rank,
    hidden_states,
    intrinsic_dimension,
    participation_ratio,
    states,
)
from wmcl.dimensionality.by_step import StepScatter
from wmcl.dimensionality.decodability import pattern_bits
from wmcl.dimensionality.intrinsic import IntrinsicMethod
from wmcl.dimensionality.kernel import kernel_spectrum
from wmcl.dimensionality.principal_components import cumulative_variance
from wmcl.dimensionality.states import Centre, is_aligned, mask_of, steps_of
from wmcl.labels import label
from wmcl.stages.stage import as_array
from wmcl.tasks import Phase, Sequences
from wmcl.tasks.copy_memory_demand import binary_rank
from wmcl.training import Trained
from wmcl.training.milestones import Milestone

PHASES: Mapping[str, Phase | None] = {
    "lead": Phase.lead,
    "input": Phase.input,
    "stop": Phase.stop,
    "output": Phase.output,
    "all": None,
}
CENTRES: tuple[Centre, ...] = ("pooled", "step")


@checked
def dimensionality_at(trained: Trained, stage: Milestone, data: Sequences, threshold: float = 0.75) -> xr.Dataset:
    """Measure the linear dimensionality of the hidden states by phase and by step, just after the loss was reached.

    The phases are those that occur in the sequences, and ``all``. Padding is left out; at a step that fewer than two
    sequences reach, measures by step are NaN.

    Returns:
        ``components``, ``participation_ratio`` and ``effective_rank`` (seed, phase, centre), ``cumulative_variance``
        (seed, phase, component) of the pooled states, ``components_by_step`` and ``participation_ratio_by_step`` (seed,
        step).
    """
    hidden = hidden_states(trained.network, stage.after.parameters, data)
    is_padded = not is_aligned(data, None)
    scatter = StepScatter.of(hidden, mask_of(data, None) if is_padded else None)

    def spectrum(phase: Phase | None, centre: Centre) -> torch.Tensor:
        if is_aligned(data, phase):
            return scatter.spectrum(steps_of(data, phase), centre)
        return covariance_spectrum(states(hidden, data, phase, centre))

    phases = {n: p for n, p in PHASES.items() if p is None or bool((data.phase == p).any())}
    spectra = torch.stack([torch.stack([spectrum(p, c) for c in CENTRES], 1) for p in phases.values()], 1)
    by_step = scatter.spectrum_by_step()  # NaN where there is none
    is_known = by_step.isfinite().all(-1)
    by_step = by_step.where(is_known[..., None], 0.0)
    by_phase, step = ("seed", "phase", "centre"), ("seed", "step")
    found = xr.Dataset(
        {
            "components": (by_phase, as_array(components_for_variance(spectra, threshold))),
            "participation_ratio": (by_phase, as_array(participation_ratio(spectra))),
            "effective_rank": (by_phase, as_array(effective_rank(spectra))),
            "cumulative_variance": (
                ("seed", "phase", "component"),
                as_array(cumulative_variance(spectra[:, :, CENTRES.index("pooled")])).astype(np.float32),
            ),
            "components_by_step": (step, as_array(components_for_variance(by_step, threshold))),
            "participation_ratio_by_step": (step, as_array(participation_ratio(by_step))),
        },
        coords={
            "phase": list(phases),
            "centre": list(CENTRES),
            "component": np.arange(1, hidden.shape[-1] + 1),
            "step": np.arange(data.steps),
        },
    )
    if is_padded:
        for name in ("components_by_step", "participation_ratio_by_step"):
            found[name] = found[name].where(xr.DataArray(as_array(is_known), dims=step))
    return label(
        found,
        cumulative_variance=("share of the pooled variance of h_t in the first components", "1"),
        components_by_step=("principal components that hold the share of the variance, of each step alone", "1"),
        participation_ratio_by_step=("participation ratio of the variance of h_t, of each step alone", "1"),
        centre=("mean that is subtracted from the states: that of all, or that of each step", "1"),
    )


@checked
def nonlinear_dimensionality_at(
    trained: Trained,
    stage: Milestone,
    data: Sequences,
    phase: Phase = Phase.output,
    threshold: float = 0.75,
    rows: int = 1000,
) -> xr.Dataset:
    """Measure the dimensionality of the states of a phase by measures that see curvature.

    The states are those just after the loss was reached. The extra ``intrinsic`` is needed.

    Returns:
        ``kernel_components`` (seed), for the share ``threshold`` of the variance under a cosine kernel;
        ``intrinsic_dimension`` and ``duplicates`` (seed, dimension_estimator), the latter the rows
        that were left out as equal.
    """
    chosen = states(hidden_states(trained.network, stage.after.parameters, data), data, phase)
    kernel = components_for_variance(kernel_spectrum(chosen, "cosine", rows), threshold)
    methods: tuple[IntrinsicMethod, ...] = ("two_nn", "mle")
    found = [intrinsic_dimension(chosen, method, rows) for method in methods]
    measured = xr.Dataset(
        {
            "kernel_components": ("seed", as_array(kernel)),
            "intrinsic_dimension": (("seed", "dimension_estimator"), np.stack([one.dimension for one in found], 1)),
            "duplicates": (("seed", "dimension_estimator"), np.stack([one.duplicates for one in found], 1)),
        },
        coords={"dimension_estimator": list(methods)},
    )
    return label(
        measured,
        kernel_components=("components of cosine kernel PCA that hold a given share of the variance of h_t", "1"),
        intrinsic_dimension=("intrinsic dimension of h_t", "1"),
        duplicates=("rows of h_t that were left out because they equal another", "1"),
        dimension_estimator=("estimator of the intrinsic dimension", "1"),
    )


@checked
def memory_at(trained: Trained, stage: Milestone, fit: Sequences, test: Sequences, independent_bits: int) -> xr.Dataset:
    """Measure which bits of the pattern linear decoders find in each hidden state, just after the loss was reached.

    Args:
        trained: from :func:`wmcl.training.train`.
        stage: of its training.
        fit: sequences that the decoders are fitted to.
        test: sequences that they are judged on.
        independent_bits: channels of a pattern step that do not repeat others; they come first.

    Returns:
        ``bits_held`` (seed, step), in bits; ``decodability`` (seed, step, pattern_step), bits a channel, float32.

    Raises:
        ValueError: if the number of independent bits does not fit the targets, or if target bits depend on each other,
            so that their sum is not what is held.
    """
    width = test.targets.shape[-1]
    if not 1 <= independent_bits <= width:
        raise ValueError(f"independent_bits is {independent_bits}: it must lie between 1 and the width, {width}")

    def look(sequences: Sequences) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = hidden_states(trained.network, stage.after.parameters, sequences)
        bits = pattern_bits(sequences).unflatten(1, (-1, width))[..., :independent_bits].flatten(1)
        _check_independent(bits)
        return hidden, bits

    found = decodability(*look(fit), *look(test))
    by_channel = found.information.unflatten(-1, (-1, independent_bits))
    held = xr.Dataset(
        {
            "bits_held": (("seed", "step"), as_array(found.bits_held)),
            "decodability": (("seed", "step", "pattern_step"), as_array(by_channel.mean(-1)).astype(np.float32)),
        },
        coords={"step": np.arange(test.steps), "pattern_step": np.arange(by_channel.shape[-2])},
    )
    return label(
        held,
        bits_held=("independent bits of the pattern that linear decoders find in h_t, a lower bound", "bits"),
        decodability=("bits that linear decoders find in h_t of a pattern step, mean over its channels", "bits"),
        pattern_step=("step of the pattern, from 0", "steps"),
    )


def _check_independent(bits: torch.Tensor) -> None:
    """Refuse bits of which some are exclusive ors of others; with few more sequences than bits, chance makes some."""
    samples, count = bits.shape
    rank = binary_rank((bits > 0.5).cpu().numpy().T)
    if rank < count <= samples - 20:
        raise ValueError(
            f"the targets hold {count} bits of which {rank} are independent: decoders of the pattern need targets that"
            " are the bits of the pattern, in any order"
        )
