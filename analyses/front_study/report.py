"""What the file says, as Markdown: matching, hypervolumes, effects, predictors, and the hypernetwork's advantage."""

import json
from collections.abc import Sequence

import xarray as xr

from front_study.effects import advantages, all_effects, best_names, predictors_of, shortfalls
from front_study.fronts import broken
from front_study.methods import HYPERNETWORKS, IMPORTANCES, MULTITASK, REFERENCES, ROWS
from wmcl.statistics import partial_slopes, rank_correlations
from wmcl.statistics.verdict import words
from wmcl.studies.tables import interval_of, table_head, table_row

TITLES = {
    "information": "information (fraction of each bit)",
    "accuracy": "accuracy above chance",
    "speed": "information retained, speed of learning",
}


def report(results: xr.Dataset) -> str:
    """All tables, with what they say of how they were made."""
    sections = [_title(results), _matching(results)]
    sections += [_hypervolumes(results, front) for front in TITLES]
    sections += [_effects(results), _costs(results), _chosen(results), _ends(results), _predictors(results)]
    sections += [_advantage(results, row, front) for row in HYPERNETWORKS for front in ("information", "accuracy")]
    return "\n\n".join(section for section in [*sections, _notes(results)] if section)


def _title(results: xr.Dataset) -> str:
    configuration = json.loads(results.attrs["configuration"])
    hidden, rate = configuration["training"]["hidden"], configuration["training"]["learning_rate"]
    return (
        f"Two Permuted Copy Tasks, {results.sizes['setting']} conditions, Elman networks of {hidden} units,"
        f" {results.sizes['seed']} networks (seeds) each; mean and 95 % t interval over seeds, test data, learning rate"
        f" {rate:g} for all methods. Strengths of every method:"
        f" {', '.join(f'{value:g}' for value in results.strength.values)}."
    )


def _matching(results: xr.Dataset) -> str:
    """How long each kind of network is trained, and what it learns when nothing is to be retained."""
    shown = _one_of_each_kind(results)
    head = ["condition", "load, bits", "retention, steps"]
    head += [f"{name}: {what}" for name in shown for what in ("steps", "accuracy on task 1, %")]
    first = results.accuracy.sel(data="test", trained_task=0, evaluated_task=0, strength=0.0)
    lines = []
    for k, setting in enumerate(results.setting.values.tolist()):
        row = [setting, *(f"{float(results[name][k]):.3g}" for name in ("memory_load", "retention"))]
        for name in shown.values():
            row.append(f"{float(results.training_steps.isel(setting=k).sel(approach=name)):.0f}")
            row.append(_cell(100 * first.isel(setting=k).sel(approach=name), 2))
        lines.append(row)
    text = "Each kind is trained for the same multiple of what new networks of that kind need."
    if results.attrs["censored_conditions"]:
        text += (
            " Conditions left out, because new networks of the search missed the criterion (how many):"
            f" {results.attrs['censored_conditions']}."
        )
    return _section("Matching: what each kind of network learns when nothing is to be retained", head, lines, text)


def _one_of_each_kind(results: xr.Dataset) -> dict[str, str]:
    """A row of each kind, by the name of the kind; its first task is that of all others of the kind."""
    found: dict[str, str] = {}
    for name in results.approach.values.tolist():
        if name != MULTITASK:
            found.setdefault({"shared": "shared weights"}.get(ROWS[name], ROWS[name]), name)
    return found


def _with_strength(results: xr.Dataset) -> list[str]:
    return [name for name in results.approach.values.tolist() if name not in REFERENCES]


def _hypervolumes(results: xr.Dataset, front: str) -> str:
    volume = results.hypervolume.sel(front=front, data="test")
    methods = volume.approach.values.tolist()
    lines = [
        [setting, *(_cell(volume.sel(setting=setting, approach=name)) for name in methods)]
        for setting in volume.setting.values.tolist()
    ]
    return _section(f"Hypervolume: {TITLES[front]}", ["condition", *methods], lines)


def _effects(results: xr.Dataset) -> str:
    """Of load, retention, lead and xor on the hypervolume."""
    lines, terms = [], []
    for front in TITLES:
        volume = results.hypervolume.sel(front=front, data="test", drop=True)
        for name in volume.approach.values.tolist():
            found = all_effects(volume.sel(approach=name, drop=True))
            terms = found.term.values.tolist()
            lines.append([front, name, *(_cell(found.sel(term=term)) for term in terms)])
    text = (
        "Change of the hypervolume from the lowest to the highest level: load, retention and lead by least squares on"
        " their logarithms (1 + lead) over the conditions without exclusive ors; xor against the same condition"
        " without."
    )
    return _section("Effects on the hypervolume", ["front", "method", *map(words, terms)], lines, text)


def _costs(results: xr.Dataset) -> str:
    """What learning the tasks one by one costs, and how that depends on the condition."""
    lines, terms = [], []
    for front in ("information", "accuracy"):
        found = shortfalls(results.hypervolume.sel(front=front, data="test", drop=True))
        if found is None:
            return ""
        for name in [name for name in found.approach.values.tolist() if name not in REFERENCES]:
            own = found.sel(approach=name, drop=True)
            effects = all_effects(own)
            terms = effects.term.values.tolist()
            mean = own.mean("setting", skipna=False)
            lines.append([front, name, _cell(mean), *(_cell(effects.sel(term=term)) for term in terms)])
    text = (
        "Hypervolume of multitask (both tasks at once, as many steps in all) minus that of the method, within each"
        " seed: mean over conditions, and its effects as above. What cannot be learned at all counts for neither."
    )
    return _section("What learning one by one costs", ["front", "method", "mean", *map(words, terms)], lines, text)


def _chosen(results: xr.Dataset) -> str:
    lines = []
    for name in _with_strength(results):
        for k, setting in enumerate(results.setting.values.tolist()):
            at = results.sel(approach=name).isel(setting=k)
            used = sorted({f"{value:g}" for value in at.chosen_strength.values if value == value}, key=float)
            lines.append([name, setting, ", ".join(used), _cell(at.chosen_retained), _cell(at.chosen_learned)])
    text = "Strength with the largest retained + learned information on validation data, for each network."
    return _section(
        "One strength, chosen on validation data",
        ["method", "condition", "strengths", "retained", "learned"],
        lines,
        text,
    )


def _ends(results: xr.Dataset) -> str:
    """Whether the strengths reach from holding nothing to learning nothing."""
    points = results.points.sel(front="information", data="test").mean("seed")
    low, high = points.sel(strength=0.0), points.isel(strength=-1)
    lines = [
        [
            name,
            *(
                f"{float(part.min()):.2f} to {float(part.max()):.2f}"
                for end in (low, high)
                for part in (end.sel(approach=name, axis=axis) for axis in ("retained", "learned"))
            ),
        ]
        for name in _with_strength(results)
    ]
    head = ["method", "retained at 0", "learned at 0", "retained at the largest", "learned at the largest"]
    text = "Information at the ends of the grid of strengths: smallest and largest mean of a condition."
    return _section("Do the strengths reach far enough?", head, lines, text)


def _predictors(results: xr.Dataset) -> str:
    """Of the hypervolume in information, for importance methods."""
    if "level" not in results:
        return ""
    volume, columns = results.hypervolume.sel(front="information", data="test", drop=True), predictors_of(results)
    lines = []
    for name in [name for name in IMPORTANCES if name in results.approach.values]:
        values, own = volume.sel(approach=name).reset_coords(drop=True), columns.sel(approach=name, drop=True)
        single, joint = rank_correlations(values, own, "setting"), partial_slopes(values, own, "setting")
        for predictor in columns.predictor.values.tolist():
            pair = (_cell(found.sel(predictor=predictor), 2) for found in (single, joint))
            lines.append([name, predictor.replace("_", " "), *pair])
    count = results.sizes["setting"]
    text = (
        f"Over the {count} conditions, within each seed: Spearman's correlation of the hypervolume with each predictor"
        " (log level, effective fraction and overlap of the importance of task 1), and standardised slopes with all"
        f" three at once. {count} conditions that were not drawn at random are few for three predictors: this"
        " describes these conditions and shows no cause."
    )
    return _section(
        "What goes with the hypervolume", ["method", "predictor", "rank correlation", "partial slope"], lines, text
    )


def _advantage(results: xr.Dataset, row: str, front: str) -> str:
    volume = results.hypervolume.sel(front=front, drop=True)
    found = advantages(volume, row)
    if not found:
        return ""
    best, names = best_names(volume), list(found)
    lines = [
        [setting, best[k], *(_cell(found[name].isel(setting=k)) for name in names)]
        for k, setting in enumerate(volume.setting.values.tolist())
    ]
    terms = {name: all_effects(each) for name, each in found.items()}
    for term in next(iter(terms.values())).term.values.tolist():
        lines.append([f"effect of {words(term)}", "", *(_cell(terms[name].sel(term=term)) for name in names)])
    size = float(results.compression.sel(approach=row))
    text = (
        f"Hypervolume of {row} minus that of each importance method on shared weights, and of the best of them: the one"
        " with the largest mean on validation data in that condition. Effects as above. Being chosen among several"
        f" favours the best, not the hypernetwork. It has {size:.2f} values for each weight that it generates; two"
        " separate networks have 2."
    )
    return _section(
        f"Advantage of {row}, {front}", ["condition", "best", *(f"over {name}" for name in names)], lines, text
    )


def _notes(results: xr.Dataset) -> str:
    notes = [
        "Information is max(0, 1 - loss / ln 2), with the loss in nats a bit; accuracy above chance is"
        " max(0, 2 accuracy - 1); speed is the steps that the same network needed for task 1 over those for task 2, at"
        " most 1, 0 if never.",
        "From scratch has a network of its own for each task: its hypervolume is the product of what the two know."
        " Multitask learns both at once.",
    ]
    if found := broken(results):
        notes.append(f"Networks that stopped for a non-finite loss, at their last finite weights: {', '.join(found)}.")
    return "\n".join(notes)


def _section(title: str, head: Sequence[str], lines: Sequence[Sequence[str]], text: str = "") -> str:
    table = [*table_head(head), *(table_row(cells) for cells in lines)]
    end = "" if title.endswith("?") else "."
    return "\n".join([f"**{title}{end}** {text}".rstrip(), "", *table])


def _cell(values: xr.DataArray, digits: int = 3) -> str:
    """Mean and interval, with the number of networks where some have none."""
    text, n = interval_of(values, f".{digits}f"), int(values.notnull().sum())
    return f"{text} (n = {n})" if 0 < n < values.size else text
