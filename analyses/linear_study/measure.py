"""What is measured of one condition: networks that recall, and students."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from linear_study.design import NO_ERROR, Biases, Samples, Student, Training
from wmcl.dimensionality import components_for_variance, covariance_spectrum, participation_ratio
from wmcl.importance import fisher_diagonal, linear_fisher, protected_directions
from wmcl.importance.linear_fisher import linear_products, linear_reuse, second_moments, white_moments
from wmcl.importance.protected import memory_spectrum
from wmcl.importance.reuse import own_share
from wmcl.networks import Elman, LinearRNN, Network, Parameters
from wmcl.provenance import describe_device
from wmcl.randomness import Seeds, generator
from wmcl.sweeps import CHECKPOINT_EVERY, checkpoint
from wmcl.tasks import Sequences, Task, Teacher, recall_task, teacher_task
from wmcl.tasks.recall import RecallLayout
from wmcl.training import evaluate, train
from wmcl.training.milestones import Milestone

KINDS = ("closed form", "closed form, these sequences", "exact", "sampled", "empirical")
CONNECTIONS = {"ih": "W_ih", "hh": "W_hh", "out": "W_out"}
VARIANTS = ("trained", "polar factor of W_hh", "at the start")
SIDES = ("read", "written", "read, steps alone", "written, steps alone", "memory", "states", "teacher")
COUNTS = ("participation ratio", "components for 75 %", "components for 99 %")


def measure_recall(
    condition: Mapping[str, Any],
    seeds: Sequence[int],
    layout: RecallLayout,
    training: Training,
    samples: Samples,
    device: str,
) -> xr.Dataset:
    """Train networks on the recall task, and set their measured Fisher beside the closed form at each matched error."""
    task = recall_task(
        layout.channels,
        layout.pattern_length,
        layout.retention,
        lead=layout.lead,
        validation_samples=samples.validation_samples,
        test_samples=samples.test_samples,
    )
    network = network_of(training, "linear", condition["biases"], task)
    milestones = _trained(training, network, task, seeds, device)
    probe = _probe(samples, task, seeds, device)
    found = xr.concat([_fishers(network, task, layout, probe, each, seeds) for each in milestones], "error")
    return _labelled(found, training.errors, milestones, seeds, device)


def measure_students(
    condition: Mapping[str, Any],
    seeds: Sequence[int],
    teacher: Teacher,
    training: Training,
    samples: Samples,
    device: str,
) -> xr.Dataset:
    """Train students, each on a teacher of its own, and count the dimensions that their recurrent weights protect."""
    parts = [
        _student(condition["cell"], replace(teacher, seed=seed), seed, training, samples, device) for seed in seeds
    ]
    return xr.concat(parts, "seed")


@dataclass(frozen=True)
class UnbiasedLinear(LinearRNN):
    """A linear network whose biases start at zero."""

    def init(self, seeds: Seeds, dtype: torch.dtype = torch.float32) -> Parameters:
        """Draw weights as usual."""
        return _without_bias(super().init(seeds, dtype))


@dataclass(frozen=True)
class UnbiasedElman(Elman):
    """An Elman network whose biases start at zero."""

    def init(self, seeds: Seeds, dtype: torch.dtype = torch.float32) -> Parameters:
        """Draw weights as usual."""
        return _without_bias(super().init(seeds, dtype))


def _without_bias(parameters: Parameters) -> Parameters:
    return {name: value * (not name.startswith("b_")) for name, value in parameters.items()}


def network_of(training: Training, cell: Student, biases: Biases, task: Task) -> Network:
    """The network for a task."""
    size, start = training.hidden, training.initialisation
    if cell == "elman":
        elman = UnbiasedElman if biases == "zero" else Elman
        return elman(task.inputs, size, task.outputs, initialisation=start, output_stage=False)
    linear = UnbiasedLinear if biases == "zero" else LinearRNN
    return linear(task.inputs, size, task.outputs, initialisation=start)


def _trained(
    training: Training, network: Network, task: Task, seeds: Sequence[int], device: str
) -> Sequence[Milestone]:
    """Networks at each of the matched errors, the first in the order of the configuration."""
    return train(
        network,
        task,
        seeds,
        training.stop,
        training.options,
        training.losses,
        device=device,
        progress=False,
        checkpoint=checkpoint(f"seed_{seeds[0]}"),
        checkpoint_every=CHECKPOINT_EVERY,
    ).milestones


def _probe(samples: Samples, task: Task, seeds: Sequence[int], device: str) -> Sequences:
    """Sequences for measured importances, other ones for each seed: else their sampling error would be no scatter."""
    drawn = task.draw([generator(seed, "fisher") for seed in seeds], samples.fisher_samples)
    return drawn.to(torch.float64).to(device)


def _fishers(
    network: Network, task: Task, layout: RecallLayout, probe: Sequences, at: Milestone, seeds: Sequence[int]
) -> xr.Dataset:
    assert isinstance(network, LinearRNN)
    parameters = {name: value.double() for name, value in at.after.parameters.items()}
    scored = probe.scored[0, :, 0]
    white = white_moments(layout.shown, layout.steps, layout.channels).to(scored.device)
    of_probe = second_moments(probe.inputs)
    fishers = {
        "closed form": linear_fisher(network, parameters, white, scored),
        "closed form, these sequences": linear_fisher(network, parameters, of_probe, scored),
        "exact": fisher_diagonal(network, parameters, probe, task, "exact"),
        "sampled": fisher_diagonal(network, parameters, probe, task, "sampled", seeds),
        "empirical": fisher_diagonal(network, parameters, probe, task, "empirical"),
    }
    outputs = layout.memory_demand.scored_bits
    start = {name: value.double().to(scored.device) for name, value in network.init(seeds).items()}
    variants = _variants(parameters, start)
    without = [_mean(linear_fisher(network, each, white, scored)["W_hh"]) / outputs for each in variants.values()]
    profile = linear_reuse(linear_products(network, parameters, white, scored))
    size = parameters["W_hh"][0].numel()
    means = [[_mean(fishers[kind][name]) / outputs for name in CONNECTIONS.values()] for kind in KINDS]
    return xr.Dataset(
        {
            "fisher": (("kind", "connection", "seed"), np.array(means)),
            "fisher_without_bias": (("network", "seed"), np.array(without)),
            "gain": (("network", "seed"), np.array([_gain(each) for each in variants.values()])),
            "difference": ("seed", _difference(fishers["exact"], fishers["closed form, these sequences"])),
            "contribution": (("seed", "step"), (profile.sum(2) / size / outputs).cpu().numpy()),
            "own_share": ("seed", own_share(profile).cpu().numpy()),
            "mean_squared_error": ("seed", _error(network, task, at)),
        },
        coords={
            "kind": list(KINDS),
            "connection": list(CONNECTIONS),
            "network": list(VARIANTS),
            "step": np.arange(layout.steps),
        },
    )


def _variants(parameters: Parameters, start: Parameters) -> dict[str, Parameters]:
    """Without biases: as trained, with the orthogonal matrix closest to W_hh in its place, and as it started."""
    left, _, right = torch.linalg.svd(parameters["W_hh"])
    polar = parameters | {"W_hh": left @ right}
    return {name: _without_bias(each) for name, each in zip(VARIANTS, (parameters, polar, start), strict=True)}


def _gain(parameters: Parameters) -> np.ndarray:
    """Mean squared norm of what an input writes, times that of what an output reads: 1 in the ideal network."""
    written, read = parameters["W_ih"].square().sum(1).mean(1), parameters["W_out"].square().sum(2).mean(1)
    return (written * read).cpu().numpy()


def _mean(values: Tensor) -> np.ndarray:
    return values.flatten(1).mean(1).cpu().numpy()


def _difference(one: Parameters, other: Parameters) -> np.ndarray:
    """Largest difference of a weight, as a fraction of the largest value of its matrix; largest of all matrices."""
    pairs = [(one[name].flatten(1), other[name].flatten(1)) for name in other]
    return torch.stack([(a - b).abs().amax(1) / b.amax(1) for a, b in pairs]).amax(0).cpu().numpy()


def _error(network: Network, task: Task, at: Milestone) -> np.ndarray:
    """Mean squared error on the test set."""
    device = at.after.parameters["W_hh"].device
    loss = evaluate(network, at.after.parameters, task.test.to(device), task).loss
    return 2 * (loss.cpu().numpy() - NO_ERROR)


def _labelled(
    found: xr.Dataset, errors: Sequence[float], milestones: Sequence[Milestone], seeds: Sequence[int], device: str
) -> xr.Dataset:
    """With what was reached; values at an error that a network missed are missing."""
    reached = xr.DataArray(np.stack([each.reached for each in milestones]), dims=("error", "seed"))
    iteration = np.stack([each.after.iteration for each in milestones]).astype(float)
    found = found.where(reached).assign(reached=reached.astype(float), iteration=(("error", "seed"), iteration))
    found = found.assign_coords(error=list(errors), seed=list(seeds))
    return found.assign_attrs(device=describe_device(device))


def _student(
    cell: Student, teacher: Teacher, seed: int, training: Training, samples: Samples, device: str
) -> xr.Dataset:
    task = teacher_task(teacher, samples.validation_samples, samples.test_samples)
    network = network_of(training, cell, "zero", task)
    milestones = _trained(training, network, task, [seed], device)
    probe = _probe(samples, task, [seed], device)
    matched = zip(milestones, training.errors, strict=True)
    parts = [_protected(network, task, teacher, probe, each, error) for each, error in matched]
    return _labelled(xr.concat(parts, "error"), training.errors, milestones, [seed], device)


def _protected(
    network: Network, task: Task, teacher: Teacher, probe: Sequences, at: Milestone, error: float
) -> xr.Dataset:
    """Dimensions of what is protected, and how much of it are the directions that encode the teacher's memory."""
    parameters = {name: value.double() for name, value in at.after.parameters.items()}
    step = teacher.shown_steps + teacher.delay - 1  # the last before the first answer: all input is over
    protected = protected_directions(network, parameters, probe, task)
    test = task.test.to(torch.float64).to(probe.inputs.device)
    states = network.apply(parameters, test.inputs).hidden[:, step]
    taught = teacher.network.apply(teacher.parameters, test.inputs.cpu()).hidden[:, step]
    spectra = {
        **{side: torch.linalg.eigvalsh(each.cpu()).flip(-1) for side, each in zip(SIDES, protected, strict=False)},
        "memory": memory_spectrum(network, parameters, probe, task, step, states=states).cpu(),
        "states": covariance_spectrum(states).cpu(),
        "teacher": memory_spectrum(teacher.network, teacher.parameters, probe.to("cpu"), task, step, states=taught),
    }
    encoding = _encoding(states[0].cpu(), teacher.memory_of(test.inputs.cpu(), step)[0])
    overlaps = [_overlap(side[0].cpu(), encoding) for side in protected]
    return xr.Dataset(
        {
            "dimension": (("side", "dimensions_counted", "seed"), np.stack([_counts(spectra[side]) for side in SIDES])),
            "overlap": (("protected", "seed"), np.array(overlaps)[:, None]),
            "least": ("seed", components_for_variance(spectra["teacher"], 1 - error).double().numpy()),
            "student_error": ("seed", _error(network, task, at)),
        },
        coords={"side": list(SIDES), "dimensions_counted": list(COUNTS), "protected": list(SIDES[:4])},
    )


def _counts(spectrum: Tensor) -> np.ndarray:
    """In the order of COUNTS, (dimensions_counted, member)."""
    spectrum = spectrum.clamp(min=0)
    found = [participation_ratio(spectrum), *(components_for_variance(spectrum, share) for share in (0.75, 0.99))]
    return torch.stack([each.double() for each in found]).numpy()


def _encoding(states: Tensor, memory: Tensor) -> Tensor:
    """Orthonormal basis of the directions in which states change with the teacher's memory: of Cov(h, u) Cov(u)⁻¹."""
    centred = memory - memory.mean(0)
    slopes = torch.linalg.lstsq(centred, states - states.mean(0)).solution  # (dimension, unit)
    return torch.linalg.qr(slopes.T)[0]


def _overlap(side: Tensor, basis: Tensor) -> float:
    """Mean squared cosine of the principal angles between the leading directions of a side and a subspace."""
    leading = torch.linalg.eigh(side)[1][:, -basis.shape[1] :]
    return float(torch.linalg.svdvals(leading.T @ basis).square().mean())
