"""What the file says, as Markdown: a table of the conditions, exponents, the law, and what predicts forgetting."""

import xarray as xr

from real_data_study.differences import differences
from real_data_study.outcome import (
    CHANGES,
    FORGETTING,
    OVERLAPS,
    PREDICTORS,
    WEIGHTS,
    halves,
    law_effects,
    lines,
    per_of,
)
from wmcl.statistics import compare, mean_interval, verdict
from wmcl.statistics.association import FEWEST
from wmcl.statistics.verdict import ENOUGH_SEEDS
from wmcl.studies.network import networks_text
from wmcl.studies.tables import ABSENT, interval, interval_of, number, table_head, table_row

NAMES = {
    "overlap_states_last_step": "overlap of states, last step",
    "overlap_states_all_steps": "overlap of states, all steps",
    "overlap_fisher": "overlap of Fishers",
    "second_accuracy": "accuracy reached on the second task (baseline)",
    "moved": "distance moved by the second task (baseline)",
    "forgetting_loss": "loss",
    "forgetting_accuracy": "accuracy",
}


def report(results: xr.Dataset) -> str:
    """Every part that the file has numbers for."""
    main = results.attrs["main_stage"]
    parts = [_title(results)]
    for stage in [main, *(each for each in results.stage.values.tolist() if each != main)]:
        parts += [*_conditions(results, stage), *_differences(results, stage), *_exponents(results, stage)]
        if "sampled" in results.kind.values:
            parts += [*_contrasts(results, stage), *_law(results, stage)]
    if "correlation" in results:
        parts += [*_pairs(results), *_correlations(results)]
    return "\n".join(parts)


def _title(results: xr.Dataset) -> str:
    seeds = results.sizes["seed"]
    few = f" Exploratory: fewer than {ENOUGH_SEEDS} seeds." if seeds < ENOUGH_SEEDS else ""
    title = (
        f"Data: {results.attrs['data']}. {seeds} networks a condition ({networks_text(results)}); 95 % t intervals over"
        f" networks.{few}"
    )
    note = results.attrs.get("note", "")
    return f"{title}\n\n{note}" if note else title


def _loss(results: xr.Dataset, stage: str) -> str:
    """A matched loss with its unit."""
    return f"{stage} nats {'a bit' if per_of(results) == 'bit' else 'an answer'}"


def _conditions(results: xr.Dataset, stage: str) -> list[str]:
    """Importance, dimensions and training of each condition at a matched loss."""
    at = results.sel(stage=stage)
    kind, size = str(at.kind.values[0]), results.attrs["task_size"]
    head = ["task", "m", "load, bits", "retention", "lead", "n", "steps to the loss", "test accuracy, %"]
    for name in halves(results):
        head += [f"{kind} of {name} per {per_of(results)}", "effective fraction", "moved"]
    head += ["components, last step", "components, all steps"]
    rows = [_row(at.isel(condition=k), kind) for k in range(at.sizes["condition"])]
    text = f"At a validation loss of {_loss(results, stage)}; importance as a geometric mean"
    return ["", f"{text}; m: {size}." if size else f"{text}.", "", *_table(head, rows)]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Without the columns in which no row has a number."""
    kept = [k for k in range(len(head)) if any(row[k] != ABSENT for row in rows)]
    return [*table_head([head[k] for k in kept]), *(table_row([row[k] for k in kept]) for row in rows)]


def _row(at: xr.Dataset, kind: str) -> list[str]:
    reached, total = int(at.reached.sum()), at.sizes["seed"]
    load = float(at["memory_load"])
    cells = [str(at.task.values), str(int(at["task_size"])) if at.attrs["task_size"] else ABSENT]
    cells.append(f"{load:.0f}" if load.is_integer() else f"{load:.2f}")
    cells += [number(float(at[name]), ".0f") for name in ("retention", "lead")]
    cells.append(f"{reached}" if reached == total else f"{reached} of {total}")
    measured = []
    for connection in halves(at).values():
        own = at.sel(kind=kind, connection=connection)
        measured += [
            interval_of(own.importance.sel(per=per_of(at), statistic="mean"), ".2e", log=True),
            interval_of(own.effective_fraction, ".3f"),
            interval_of(own.distance_moved, ".2f"),
        ]
    return [
        *cells,
        number(float(at.iteration.sel(side="after").mean()), ".0f"),
        interval_of(100 * at.accuracy, ".1f"),
        *measured,
        interval_of(at.components.sel(phase="output"), ".1f"),
        interval_of(at.components.sel(phase="all"), ".1f"),
    ]


def _differences(results: xr.Dataset, stage: str) -> list[str]:
    """How far conditions differ that do not grow out of each other."""
    if lines(results) or results.sizes["condition"] < 2:
        return []
    rows = []
    for one in differences(results, stage):
        means = ((one.lowest, one.lowest_condition), (one.highest, one.highest_condition))
        ends = [f"{number(mean, one.form)} ({condition})" for mean, condition in means]
        rows.append(table_row([one.quantity, *ends, number(one.agreement, ".2f"), number(one.p, ".1g"), str(one.n)]))
    text = (
        f"How far the conditions differ at {_loss(results, stage)}: the lowest and the highest of their means."
        " Kendall's W is 1 if all networks put the conditions in the same order, and 0 if their orders have nothing in"
        " common; p is that of Friedman's test of W = 0. Both are over the n seeds that reached the loss in all"
        " conditions. Conditions in which no network reached the loss are left out. The lowest and the highest"
        " condition were chosen by their outcome, so their ratio has no interval."
    )
    return ["", text, "", *table_head(["quantity", "lowest", "highest", "W", "p", "n"]), *rows]


def _exponents(results: xr.Dataset, stage: str) -> list[str]:
    """Of every importance, dimension and the training steps, and whether these grow or fall."""
    if not lines(results):
        return []
    at = results.sel(stage=stage)
    rows: list[tuple[str, xr.DataArray]] = []
    for kind in results.kind.values.tolist():
        per = "answer" if kind == "MAS" else "bit"  # MAS is of all outputs, which are no bits
        weights = {"kind": kind, "connection": "hh", "per": per}
        rows.append((f"{kind} of W_hh per {per}", at.importance_exponent.sel(weights)))
        if kind == "sampled":
            larger = at.importance_exponent_without_smallest.sel(weights)
            rows.append((f"{kind} of W_hh per {per}, without the smallest", larger))
    for name in ("components", "participation_ratio", "effective_rank"):
        for phase, text in (("output", "last step"), ("all", "all steps")):
            rows.append((f"{name.replace('_', ' ')}, {text}", at[f"{name}_exponent"].sel(phase=phase)))
    rows.append(("training steps to the loss", at.iterations_exponent))
    names = at.line.values.tolist()
    cells = []
    for text, values in rows:
        found = mean_interval(values)
        cells.append(table_row([text, *(exponent(found.sel(line=line), values.sizes["seed"]) for line in names)]))
    text = (
        f"Exponents in m at {_loss(results, stage)}, within each seed: where m doubles, the quantity is multiplied by 2"
        " to the power of its exponent. It grows or falls with m where the interval excludes 0. A seed one of whose"
        " networks missed the loss has no exponent, and then there is no interval."
    )
    return ["", text, "", *table_head(["quantity", *names]), *cells]


def exponent(found: xr.Dataset, seeds: int) -> str:
    """Its mean; if no seed is missing, with the interval and whether that leaves out 0.

    Which seeds are missing depends on the outcome, so there is no interval of the others.
    """
    mean, low, high, n = (float(found[name]) for name in ("average", "low", "high", "n"))
    if n < seeds:
        return f"{number(mean, '.2f')} ({seeds - int(n)} missed)"
    words = ": grows" if low > 0 else ": falls" if high < 0 else ""
    return interval(".2f", mean, low, high) + words


def _contrasts(results: xr.Dataset, stage: str) -> list[str]:
    """Ratios of the sampled Fisher within seeds: the largest size to the smallest, and lines to each other."""
    values = results.importance.sel(kind="sampled", stage=stage, per=per_of(results), **WEIGHTS)
    by_line = lines(results)
    pairs = [(places[-1], places[0]) for places in by_line.values()]
    for one, other in (("last digit", "blank lead"), ("first digit", "last digit"), ("sequences", "first digit")):
        if one in by_line and other in by_line:
            pairs.append((by_line[one][-1], by_line[other][-1]))
    if not pairs:
        return []
    plain = xr.DataArray(values.transpose("condition", "seed").values, dims=("condition", "seed"))
    places = range(results.sizes["condition"])
    found = compare(plain.assign_coords(condition=places, seed=results.seed.values), pairs)
    rows = []
    for k, (first, second) in enumerate(pairs):
        pair = found.isel(comparison=k)
        ends = (float(pair.ratio_simultaneous_low), float(pair.ratio_simultaneous_high))
        ratio = interval(".2g", float(pair.ratio), *ends)
        text = f"{_condition(results, first)} / {_condition(results, second)}"
        rows.append(table_row([text, f"{int(pair.n)}", ratio, number(float(pair.p_holm), ".1g")]))
    text = (
        f"Ratios of the sampled Fisher of W_hh per bit at {_loss(results, stage)}, within seeds, with simultaneous 95 %"
        " intervals and p corrected after Holm."
    )
    return ["", text, "", *table_head(["ratio", "n", "mean", "p"]), *rows]


def _condition(results: xr.Dataset, place: int) -> str:
    return f"{results.task.values[place]}, m = {results['task_size'].values[place]}"


def _law(results: xr.Dataset, stage: str) -> list[str]:
    """Load, retention and lead at once, over the conditions of the law."""
    if int(results.in_law.sum()) < 5:
        return []
    left_out = dict.fromkeys(f"'{task}'" for task in results.task.values[results.in_law.values == 0])
    without = " and ".join(left_out)
    but = f" but {without}, where inputs come first on which the answer may not depend" if left_out else ""
    text = f"Exponents in load, retention and 1 + lead at once, over all conditions{but}:"
    found = verdict(law_effects(results, stage), "Sampled Fisher of W_hh per bit", _loss(results, stage))
    return ["", text, "", *(f"- {line.removeprefix('- ')}" for line in found.splitlines())]


def _pairs(results: xr.Dataset) -> list[str]:
    """Forgetting and overlaps: means over pairs of each seed, and how far pairs differ."""
    rows = []
    accuracies = ("first_accuracy", "second_accuracy", "forgetting_accuracy")
    for name in (*accuracies, "forgetting_loss", *OVERLAPS, "moved"):
        values = results[name]
        if bool(values.notnull().any()):
            between = values.mean("seed")
            ends = f"{float(between.min()):.3f} to {float(between.max()):.3f}"
            rows.append(table_row([values.attrs["long_name"], interval_of(values.mean("pair"), ".3f"), ends]))
    count = results.sizes["pair"]
    text = f"Two tasks in turn, in {count} ordered pairs: the mean over pairs, and the range of the means of pairs."
    return ["", text, "", *table_head(["quantity", "mean", "pairs"]), *rows]


def _correlations(results: xr.Dataset) -> list[str]:
    """Of what may predict forgetting with forgetting, within each network."""
    if results.sizes["pair"] < FEWEST:
        return ["", f"There are no rank correlations with forgetting: there are fewer than {FEWEST} pairs of tasks."]
    head = ["predictor", "forgetting in"] + [f"ranks, {name} taken off" for name in CHANGES]
    rows = []
    for predictor in (name for name in PREDICTORS if bool(results[name].notnull().any())):
        for forgetting in FORGETTING:
            one = results.correlation.sel(predictor=predictor, forgetting=forgetting)
            cells = [interval_of(one.sel(removed=name), ".2f") for name in CHANGES]
            rows.append(table_row([NAMES[predictor], NAMES[forgetting], *cells]))
    text = (
        "Rank correlation with forgetting over the ordered pairs, within each seed. Pairs share tasks, so they are not"
        " independent of each other, and a task that is forgotten easily in all its pairs can cause a correlation"
        " alone. With 'means of tasks taken off', what the first and the second task do in all their pairs is"
        " subtracted. With 'means of pairs taken off', only what differs between networks of the same pair is left."
        " Intervals are over networks that learned the same tasks; they say nothing about other tasks."
    )
    return ["", text, "", *table_head(head), *rows]
