"""Linear networks with known memory: does importance grow as derived, and does it protect what must be held?

Trains linear networks to recall numbers, with load, retention and lead crossed, and sets their measured Fisher beside
its closed form; trains students of teachers whose memory has a known dimension, and counts the dimensions that their
recurrent weights protect. Writes a netCDF file and a Markdown table; figures/linear_rnn.py draws it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import xarray as xr
from common.command_line import analysis_command
from common.results import write
from common.running import settled
from linear_study.config import PRESETS, Config, check
from linear_study.labels import together
from linear_study.measure import measure_recall, measure_students
from linear_study.report import report

from wmcl import sweeps
from wmcl.provenance import invocation, provenance

ENTRIES = 2
"""version of what an entry holds, part of its key"""
Measure = Callable[[Config, str, Mapping[str, Any], Sequence[int]], xr.Dataset]


def run(config: Config) -> xr.Dataset:
    """Run the analysis, or what is missing of it, and write its file and its table."""
    began = time.perf_counter()
    config = replace(config, run=settled(config.run, lambda: config.training.seeds))
    recall = _sweep(config, "recall", measure_recall, config.recall_grid, {"channels": config.recall.channels})
    layout = {name: value for name, value in asdict(config.teachers).items() if name not in ("memories", "students")}
    students = _sweep(config, "students", measure_students, config.student_grid, layout)
    results = together(recall, students, config)
    results = results.assign_attrs(invocation(asdict(config)), units=config.training.hidden)
    return write(results, config.run, began, report)


def _sweep(
    config: Config,
    name: str,
    measure: Measure,
    grid: Sequence[Mapping[str, Any]],
    task: Mapping[str, Any],
) -> xr.Dataset:
    """All conditions of a part with all seeds, cached beside the output."""
    run, training = config.run, {k: v for k, v in asdict(config.training).items() if k != "seeds"}
    return sweeps.run(
        partial(measure, config, run.device),
        grid,
        range(config.training.seeds),
        name=f"linear networks: {name}",
        configuration={
            "entries": ENTRIES,
            "task": task,
            "training": training,
            "samples": asdict(config.samples),
            "device": run.device,
        },
        origin=provenance(run.device),
        folder=run.output.with_suffix(f".{name}.entries"),
        jobs=run.jobs,
        members=run.members or 1,
        cost=_cost,
        cluster=run.cluster,
    )


def _cost(condition: Mapping[str, Any]) -> float:
    """Steps of a sequence times outputs; tanh students train longer."""
    if "cell" in condition:
        return 3.0 if condition["cell"] == "elman" else 1.0
    return float(condition["pattern_length"] * (condition["lead"] + condition["retention"]))


def main() -> None:
    """Read the command line and run the analysis."""
    analysis_command(PRESETS, check, run, report, __doc__)


if __name__ == "__main__":
    main()
