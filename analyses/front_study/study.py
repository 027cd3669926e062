"""Does working memory aggravate the stability-plasticity dilemma, and do hypernetworks partially overcome it?

Trains networks on two tasks one after the other, with every method at all of its strengths, in conditions that differ
in load, retention, lead and exclusive ors, and takes the front of what is retained of the first task and learned of the
second. Writes a netCDF file and a Markdown report; figures/stability_plasticity.py draws it.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from front_study.design import PRESETS, SEARCH_SEEDS_FROM, VARIED, Config, check, compression
from front_study.fronts import add_fronts, by_setting, setting_name
from front_study.matching import Steps, Values, censored, search, steps_of, values_along, values_of
from front_study.measure import measure
from front_study.methods import REFERENCES, matched
from front_study.report import report
from wmcl.studies import CannotGoOnError, Part, Study, Sweep
from wmcl.training import Stop


def results(config: Config, sweep: Sweep) -> xr.Dataset:
    """Search for the length of training, measure every method, and take the fronts.

    Raises:
        CannotGoOnError: if new networks learn no condition.
    """
    searched = sweep(search_part(config))
    steps = steps_of(searched, config.study.factor, config.training.validate_every)
    if not steps:
        raise CannotGoOnError("new networks miss the criterion in every condition: allow more search_iterations")
    found = outcome(sweep(measure_part(config, steps)), config, steps)
    return found.assign_attrs(censored_conditions=censored_text(censored(searched)))


def censored_text(missed: Mapping[Values, int]) -> str:
    """Name the conditions that are left out, each with how many networks missed the criterion."""
    return "; ".join(f"{setting_name(values)} ({count})" for values, count in missed.items())


def search_part(config: Config) -> Part:
    """How many steps new networks of every kind need."""
    study = config.study
    kinds = list(dict.fromkeys(map(matched, study.rows)))

    def given(condition: Mapping[str, Any]) -> dict[str, Any]:
        return {"method": config.rows.new_networks(condition["kind"])}

    return Part(
        "steps to the criterion",
        partial(
            search,
            tasks=config.tasks,
            training=config.training,
            stop=Stop(study.search_iterations, accuracy=study.criterion),
            validate_every=study.search_validate_every,
        ),
        [{**condition, "kind": kind} for condition in config.conditions.all for kind in kinds],
        range(SEARCH_SEEDS_FROM, SEARCH_SEEDS_FROM + study.search_seeds),
        given=given,
        folder="search.entries",
    )


def measure_part(config: Config, steps: Steps) -> Part:
    """Every method in every condition that new networks learn."""
    study, learned = config.study, {values for values, _ in steps}

    def given(condition: Mapping[str, Any]) -> dict[str, Any]:
        row = condition["approach"]
        strengths = (0.0,) if row in REFERENCES else study.strengths
        return {"iterations": steps[values_of(condition), matched(row)], "strengths": strengths}

    def cost(condition: Mapping[str, Any]) -> float:
        """Ensembles of all strengths take longer."""
        own = given(condition)
        return float(own["iterations"] * (7 if len(own["strengths"]) > 1 else 1))

    return Part(
        "stability and plasticity",
        partial(
            measure,
            tasks=config.tasks,
            training=config.training,
            rows=config.rows,
            speed_criterion=study.speed_criterion,
        ),
        [
            {**condition, "approach": row}
            for condition in config.conditions.all
            if values_of(condition) in learned
            for row in study.rows
        ],
        range(study.seeds),
        given=given,
        cost=cost,
    )


def outcome(measured: xr.Dataset, config: Config, steps: Steps) -> xr.Dataset:
    """Arrange by setting and approach, with what the tasks demand, how long they are trained, and the fronts."""
    rows = list(config.study.rows)
    found = by_setting(measured).reindex(approach=rows)
    settings = values_along(found)
    found = found.assign_coords(_demands(settings, config)).assign(
        training_steps=(
            ("setting", "approach"),
            [[float(steps[values, matched(row)]) for row in rows] for values in settings],
        ),
        compression=("approach", [compression(config, row) for row in rows]),
    )
    return add_fronts(found).assign_attrs(measured.attrs)


def _demands(settings: Sequence[Values], config: Config) -> dict[str, tuple[str, list[float]]]:
    """What the tasks of each setting demand, the mean over both."""
    both = [config.tasks.of(dict(zip(VARIED, values, strict=True))) for values in settings]
    demands = [[task.memory_demand for task in tasks] for tasks in both]
    return {
        name: ("setting", [float(np.mean([getattr(demand, field) for demand in pair])) for pair in demands])
        for name, field in (("memory_load", "load"), ("retention", "retention"))
    }


STRENGTH, INFORMATION = "nats per scored bit by squared weight", "fraction of a fair bit"
LABELS = {
    "setting": ("condition of the tasks", "1"),
    "strength": ("strength of the penalty", STRENGTH),
    "front": ("what retained and learned are measured in", "1"),
    "axis": ("of a front: what is retained of task 1, what is learned of task 2", "1"),
    "xor": ("permutations whose exclusive or with the pattern is the target", "1"),
    "memory_load": ("independent bits held at once, mean over both tasks", "bits"),
    "retention": ("steps for which a bit is held, mean over both tasks", "steps"),
    "training_steps": ("training steps a task; of multitask, for each of the two", "steps"),
    "steps": ("training steps to the criterion of speed on the task that is learned; NaN if never", "steps"),
    "level": ("mean importance of task 1 over W_hh, before it is divided by its mean", "units of the importance"),
    "overlap": ("overlap of the importance of task 1 with the sampled Fisher of task 2 without penalty", "1"),
    "points": ("what is retained and learned with a strength", "1"),
    "hypervolume": ("area below the front over all strengths", "1"),
    "chosen_strength": ("strength with the best sum on validation data", STRENGTH),
    "chosen_retained": ("information retained of task 1 at the chosen strength, test data", INFORMATION),
    "chosen_learned": ("information learned of task 2 at the chosen strength, test data", INFORMATION),
}

STUDY = Study(about=__doc__, presets=PRESETS, results=results, report=report, check=check, labels=LABELS)
