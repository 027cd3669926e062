"""A study of stability and plasticity whose numbers are known, made without training."""

import json
from dataclasses import asdict, replace
from functools import cache

import numpy as np
import xarray as xr
from front_study.design import PRESETS, VARIED
from front_study.matching import values_of
from front_study.methods import HYPERNETWORKS, IMPORTANCES, MULTITASK, REFERENCES, ROWS, matched
from front_study.study import LABELS, censored_text, outcome

from wmcl.labels import label

QUICK = PRESETS["quick"]


def synthetic(methods=tuple(ROWS), seeds=3, missed=()):
    """A copy of the study with these rows; ``missed`` are conditions that new networks missed, and how many."""
    return _made(methods, seeds, missed).copy(deep=True)


@cache
def _made(methods, seeds, missed):
    """Losses fall on task 1 and rise on task 2 with the strength, the more so the more is held."""
    random, config = np.random.default_rng(0), replace(QUICK, study=replace(QUICK.study, methods=methods))
    each = [{**condition, "approach": method} for condition in config.conditions.all for method in methods]
    strengths = np.array(config.study.strengths)
    shape = (len(each), seeds, len(strengths), 2, 2, 2)
    loss, steps = np.full(shape, np.nan), np.full((*shape[:3], 2), np.nan)
    reason = np.full(steps.shape, np.nan)
    importance = {name: np.full((len(each), seeds), np.nan) for name in ("level", "effective_fraction", "overlap")}
    for k, condition in enumerate(each):
        row, load = condition["approach"], condition["independent_bits"]
        keep = strengths / (strengths + 0.1 * load)
        give = 1 / (1 + strengths / (2 if row in HYPERNETWORKS else 1 / load))
        noise = 0.02 * random.random((seeds, len(strengths), 2))
        loss[k, :, :, 0, 0] = 0.02 + 0.001 * random.random((seeds, 1, 2))
        loss[k, :, :, 0, 1] = 0.8
        loss[k, :, :, 1, 0] = (0.8 * (1 - keep)[None, :, None]) + noise
        loss[k, :, :, 1, 1] = (0.6 * (1 - give)[None, :, None]) + noise
        steps[k, :, :, 0], steps[k, :, :, 1] = 40.0, 40 + 60 * strengths
        steps[k, :, strengths > 2, 1] = np.nan
        reason[k] = 0.0
        if row in REFERENCES:
            loss[k][:, :, 1] = 0.03 + 0.01 * random.random((seeds, 1, 2, 2))
            steps[k, :, :, 1] = 50.0
            for values in (loss, steps, reason):
                values[k][:, strengths != 0] = np.nan
        if row == MULTITASK:
            for values in (loss, steps, reason):
                values[k][:, :, 0] = np.nan
        if row in IMPORTANCES:
            importance["level"][k] = load * 0.1 * (1 + random.random(seeds))
            importance["effective_fraction"][k] = random.random(seeds)
            importance["overlap"][k] = random.random(seeds)
    dims = ("condition", "seed", "strength", "trained_task", "evaluated_task", "data")
    results = xr.Dataset(
        {
            "loss": (dims, loss),
            "accuracy": (dims, 1 - loss / 2),
            "steps": (dims[:4], steps),
            "reason": (dims[:4], reason),
            **{name: (dims[:2], values) for name, values in importance.items()},
        },
        {name: ("condition", [condition[name] for condition in each]) for name in (*VARIED, "approach")}
        | {"seed": range(seeds), "strength": strengths, "trained_task": [0, 1], "evaluated_task": [0, 1]}
        | {"data": ["validation", "test"]},
        {"configuration": json.dumps(asdict(config), default=str), "failed_entries": ""},
    )
    kinds = dict.fromkeys(map(matched, ROWS))
    used = {
        (values_of(condition), kind): 100 + 10 * k + 1000 * place
        for k, condition in enumerate(config.conditions.all)
        for place, kind in enumerate(kinds)
    }
    found = outcome(results, config, used).assign_attrs(censored_conditions=censored_text(dict(missed)))
    return label(found, **LABELS)
