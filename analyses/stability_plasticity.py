"""Does working memory aggravate the stability-plasticity dilemma, and do hypernetworks partially overcome it?

Trains networks on two tasks one after the other, with every method at all of its strengths, in conditions that differ
in load, retention, lead and exclusive ors, and takes the front of what is retained of the first task and learned of the
second. Writes a netCDF file and a Markdown report; figures/stability_plasticity.py draws it.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import xarray as xr
from common.command_line import CannotGoOnError, analysis_command
from common.results import write
from common.running import settled
from front_study.config import PRESETS, SEARCH_SEEDS_FROM, Config, check, conditions, methods_of
from front_study.matching import Steps, censored, search, searched_conditions, steps_of, values_of
from front_study.measure import measure
from front_study.methods import REFERENCES, matched
from front_study.outcome import add_outcome
from front_study.report import report

from wmcl import sweeps
from wmcl.provenance import invocation, provenance


def analyse(config: Config) -> xr.Dataset:
    """Run the analysis, or what is missing of it, and write its file and its report.

    Raises:
        CannotGoOnError: if no condition can be learned.
    """
    began = time.perf_counter()
    config = replace(config, run=settled(config.run, lambda: config.study.seeds))
    searched = _search(config)
    steps = steps_of(searched, config)
    if not steps:
        raise CannotGoOnError("new networks miss the criterion in every condition: allow more search_iterations")
    found = _measure(config, steps)
    results = add_outcome(found, config, steps, censored(searched))
    return write(results, config.run, began, report)


def _common(config: Config) -> dict[str, object]:
    """What all numbers depend on beside condition and seed."""
    tasks = {
        name: value
        for name, value in asdict(config.tasks).items()
        if name in ("pattern_length", "width", "permutation_seed", "validation_samples", "test_samples")
    }
    own = {"tasks": tasks, "training": asdict(config.training), "rows": asdict(config.rows)}
    return own | {"device": config.run.device}


def _search(config: Config) -> xr.Dataset:
    """How many steps new networks need."""
    study, run = config.study, config.run
    return sweeps.run(
        partial(search, config, run.device),
        searched_conditions(conditions(config), list(dict.fromkeys(map(matched, methods_of(config))))),
        range(SEARCH_SEEDS_FROM, SEARCH_SEEDS_FROM + study.search_seeds),
        name="steps to the criterion",
        configuration=_common(config)
        | {
            "criterion": study.criterion,
            "search_iterations": study.search_iterations,
            "search_validate_every": study.search_validate_every,
        },
        origin=provenance(run.device),
        folder=run.output.with_suffix(".search.entries"),
        jobs=run.jobs,
        members=study.search_seeds,
        cluster=run.cluster,
    )


def _measure(config: Config, steps: Steps) -> xr.Dataset:
    """Every method in every condition that new networks learn."""
    study, run = config.study, config.run
    learned_in = {values for values, _ in steps}
    learned = [each for each in conditions(config) if values_of(each) in learned_in]

    def needed(condition: Mapping[str, Any]) -> int:
        return steps[values_of(condition), matched(condition["approach"])]

    found = sweeps.run(
        partial(measure, config, steps, run.device),
        [{**each, "approach": method} for each in learned for method in methods_of(config)],
        range(study.seeds),
        name="stability and plasticity",
        configuration=lambda condition: (
            _common(config)
            | {
                "strengths": [0.0] if condition["approach"] in REFERENCES else list(study.strengths),
                "iterations": needed(condition),
                "speed_criterion": study.speed_criterion,
            }
        ),
        origin=provenance(run.device),
        folder=run.output.with_suffix(".entries"),
        jobs=run.jobs,
        members=run.members or 1,
        cost=lambda condition: needed(condition) * (1.0 if condition["approach"] in REFERENCES else 7.0),
        cluster=run.cluster,
    )
    return found.assign_attrs(invocation(asdict(config)))


def main() -> None:
    """Read the command line and run the analysis."""
    analysis_command(PRESETS, check, analyse, report, __doc__)


if __name__ == "__main__":
    main()
