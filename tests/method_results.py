"""The comparison of methods: its parts by options, and a comparison whose numbers are known, made without training."""

import json
from dataclasses import asdict, replace

import numpy as np
import xarray as xr
from benchmark_tasks import REGISTERED, benchmark
from method_study import study
from method_study.design import presets_of, rows_of
from method_study.outcome import add_outcome, uses_published_configuration
from method_study.study import LABELS, study_of

from wmcl.labels import label
from wmcl.studies.benchmark import Hyperparameters
from wmcl.studies.published import published_hyperparameters
from wmcl.studies.rows import network_of, tasks_of_row
from wmcl.studies.study import ready

BENCHMARKS = {name: benchmark(name) for name in REGISTERED}
PRESETS = {name: presets_of(each, name) for name, each in BENCHMARKS.items()}


def tasks_of(config):
    return config.task.tasks(config.comparison.tasks)


def rows(config, **changed):
    return rows_of(replace(BENCHMARKS[config.benchmark], **changed), config)


def check(config):
    study_of(BENCHMARKS[config.benchmark], config.benchmark).check_options(config)


def compare(config, **changed):
    """The comparison, on a benchmark that may be changed."""
    return study_of(replace(BENCHMARKS[config.benchmark], **changed), config.benchmark).run(config)


def choose(config, **changed):
    """The search, on a benchmark that may be changed."""
    benchmark = replace(BENCHMARKS[config.benchmark], **changed)
    return study.choose(benchmark, *ready(config))


def is_as_published(config):
    return uses_published_configuration(BENCHMARKS[config.benchmark], config)


def network(config, hyperparameters):
    """The network of a row with these hyperparameters."""
    task = tasks_of_row(config.task, config.comparison.tasks, hyperparameters)[0]
    return network_of(config.network, config.task, config.comparison.tasks, hyperparameters, task)


EVERY = (
    "multitask",
    "from scratch",
    "fine-tuning",
    "online EWC",
    "online EWC (sampled)",
    "EWC",
    "SI",
    "MAS",
    "masking",
    "masking + SI",
    "masking + online EWC",
    "masking + MAS",
    "context modulation",
    "HNET",
    "HNET (chunked)",
    "coresets",
    "generative replay",
    "HNET + replay",
    "HNET + coresets",
)


def synthetic(methods=EVERY, preset="quick", seeds=3, benchmark="copy"):
    """Accuracies fall by a share that is a method's own with each later task; noise belongs to the network."""
    usual = PRESETS[benchmark][preset]
    config = replace(usual, selection=replace(usual.selection, chosen=None))
    tasks, random = config.comparison.tasks, np.random.default_rng(0)
    accuracy = np.full((len(methods), seeds, tasks, tasks, 2), np.nan)
    for m, method in enumerate(methods):
        for row, column in np.ndindex(tasks, tasks):
            level = 0.5 if column > row else 0.5 + 0.5 * (1 - m / 25) ** (row - column)
            accuracy[m, :, row, column] = np.clip(level + 0.01 * random.standard_normal((seeds, 2)), 0, 1)
        if method == "multitask":
            accuracy[m, :, :-1] = np.nan
        if method == "from scratch":
            accuracy[m][:, np.triu(np.ones((tasks, tasks), bool), 1)] = np.nan
    kept = np.resize([0.0, 142_883.0, 0.0, 285_766.0, 1024.0, 5600.0], len(methods))
    steps = np.where(np.isfinite(accuracy[:, :, :, 0, 0]), 500.0, np.nan)
    for m, method in enumerate(methods):
        steps[m] *= tasks if method == "multitask" else 1
    each = ("condition", "seed", "trained_task")
    results = xr.Dataset(
        {
            "accuracy": ((*each, "evaluated_task", "data"), accuracy),
            "untrained_accuracy": (
                ("condition", "seed", "evaluated_task", "data"),
                np.full(accuracy[:, :, 0].shape, 0.5),
            ),
            "stored": (each, np.broadcast_to(kept[:, None, None], steps.shape)),
            "iterations": (each, steps),
            "reason": (each, np.zeros(steps.shape)),
            "seconds_per_iteration": (each, np.full(steps.shape, 0.017)),
            "late_gain": (each, np.full(steps.shape, 0.004)),
        },
        {
            "approach": ("condition", list(methods)),
            "seed": range(seeds),
            "trained_task": range(tasks),
            "evaluated_task": range(tasks),
            "data": ["validation", "test"],
        },
        {"configuration": json.dumps(asdict(config), default=str)},
    )
    known = {**BENCHMARKS[benchmark].starting_values, **published_hyperparameters(config.task.published(), 1000)}
    table = {name: known.get(name, Hyperparameters(name)) for name in methods}
    return label(add_outcome(results, BENCHMARKS[benchmark], config, table), **LABELS)
