"""The numbers in the prose of the pages, read from the stored results when the documentation is built.

A page writes ``{{ score("copy", "online EWC") }}``, and the build replaces it by the number of the file. A name that
the file lacks is a warning, and so an error of the build.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np
import xarray as xr

from wmcl.statistics import effects, law, mean_interval
from wmcl.studies.tables import table_head, table_row

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
WEIGHTS = {"connection": "hh", "statistic": "mean", "per": "scored bit"}
NUMBER = r"[-+]?[\d.,]*\d(?:e[+-]?\d+)?"
ESTIMATE = re.compile(rf"\**({NUMBER})(?: \[({NUMBER}), ({NUMBER})\])?")


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, if it has one, and how it is written."""

    mean: float
    low: float = np.nan
    high: float = np.nan
    form: str = ".1f"

    def __str__(self) -> str:
        """Write the number with its interval."""
        return self.alone if np.isnan(self.low) else f"{self.alone} {self.interval}"

    @property
    def alone(self) -> str:
        """The number without its interval."""
        return self._write(self.mean)

    @property
    def interval(self) -> str:
        """The interval alone."""
        return f"[{self._write(self.low)}, {self._write(self.high)}]"

    def _write(self, value: float) -> str:
        return f"{float(f'{value:.2g}'):g}" if self.form == "2 digits" else f"{value:{self.form}}"

    @property
    def negative(self) -> "Estimate":
        """The same with the other sign: a fall of 3 is a rise of -3."""
        return replace(self, mean=-self.mean, low=-self.high, high=-self.low)

    def times(self, factor: float, form: str = ".0f") -> "Estimate":
        """Multiply it, such as by 100 for per cent."""
        return Estimate(factor * self.mean, factor * self.low, factor * self.high, form)

    def to(self, form: str) -> "Estimate":
        """Write it in another format."""
        return replace(self, form=form)


@cache
def stored(name: str) -> xr.Dataset:
    """Open a stored result of the documentation."""
    with xr.open_dataset(RESULTS / f"{name}.nc") as results:
        return results.load()


def over_networks(values: xr.DataArray, form: str = ".1f", log: bool = False) -> Estimate:
    """The mean over networks and its t interval; a geometric mean if ``log``."""
    found = mean_interval(values.reset_coords(drop=True), log=log)
    return Estimate(float(found["average"]), float(found.low), float(found.high), form)


# Comparisons of methods


def _of_method(name: str, method: str, measure: str) -> xr.DataArray:
    results = stored("method_comparison" if name == "copy" else f"method_comparison_{name}")
    rows = np.flatnonzero(results.approach.values == method)
    if len(rows) != 1:
        raise KeyError(f"{name} has no single row {method}: {', '.join(results.approach.values)}")
    return 100 * results[measure].isel(condition=rows[0]).sel(data="test")


def score(name: str, method: str, measure: str = "final") -> Estimate:
    """What a method reaches, in per cent, or points: ``final``, ``during``, ``forgetting``, ``intransigence``."""
    return over_networks(_of_method(name, method, measure))


def ahead(name: str, first: str, second: str, measure: str = "final") -> Estimate:
    """How many points the first method is ahead of the second, within each seed."""
    return over_networks(_of_method(name, first, measure) - _of_method(name, second, measure))


def gain(first: str, second: str, method: str, measure: str = "final") -> Estimate:
    """How many points a method is ahead in the first file compared with the second, within each seed."""
    return over_networks(_of_method(first, method, measure) - _of_method(second, method, measure))


def over_published(name: str, method: str) -> Estimate:
    """How many points a method ends above the published run."""
    values = _of_method(name, method, "final")
    return over_networks(values - 100 * values.published_final)


# Tables of the stored reports


@cache
def tables(name: str) -> list[tuple[str, list[str], list[list[str]]]]:
    """The tables of a stored report: the text before each, the names of its columns and its rows."""
    found, before, lines = [], "", (RESULTS / f"{name}.md").read_text().splitlines()
    for k, line in enumerate(lines):
        cells = [part.strip() for part in line.strip("| ").split(" | ")]
        if not line.startswith("|"):
            before = line or before
        elif k + 1 < len(lines) and lines[k + 1].startswith("| ---"):
            found.append((before, cells, []))
        elif not line.startswith("| ---"):
            found[-1][2].append(cells)
    return found


def cell(name: str, row: str | tuple[str, ...], column: str, table: str = "") -> Estimate | str:
    """One entry of a table of a stored report.

    Args:
        name: of the report.
        row: the first entries of the row.
        column: the name of its column, or the start of the name.
        table: text that stands before the table, where the report has several alike.

    Raises:
        KeyError: unless exactly one entry fits.
    """
    start = [row] if isinstance(row, str) else list(row)
    found = [
        cells[k]
        for before, head, rows in tables(name)
        if table in before
        for cells in rows
        if cells[: len(start)] == start
        for k, title in enumerate(head)
        if (title == column if column in head else title.startswith(column)) and k >= len(start)
    ]
    if len(found) != 1:
        raise KeyError(f"{name} has {len(found)} entries in row {row}, column {column}, table {table!r}")
    match = ESTIMATE.match(found[0])
    return found[0] if match is None else _read(match)


def stated(name: str, before: str) -> Estimate:
    """The number that follows a text in a stored report.

    Raises:
        KeyError: unless the text is there exactly once, with a number after it.
    """
    found = re.findall(re.escape(before) + r" (.*)", (RESULTS / f"{name}.md").read_text())
    match = ESTIMATE.match(found[0]) if len(found) == 1 else None
    if match is None:
        raise KeyError(f"{name} has no single number after {before!r}")
    return _read(match)


def whole_table(name: str, before: str) -> str:
    """One table of a stored report, whose preceding paragraph has this text.

    Raises:
        KeyError: unless exactly one table fits.
    """
    found = [(head, rows) for text, head, rows in tables(name) if before in text]
    if len(found) != 1:
        raise KeyError(f"{name} has {len(found)} tables after {before!r}")
    ((head, rows),) = found
    return "\n".join([*table_head(head), *map(table_row, rows)])


def _read(match: re.Match[str]) -> Estimate:
    texts = [text for text in match.groups() if text is not None]
    digits = {len(text.split("e")[0].partition(".")[2]) for text in texts}
    powers = {"e" in text for text in texts}
    form = (
        "2 digits" if len(digits) + len(powers) > 2 else f".{max(digits)}e" if powers == {True} else f",.{max(digits)}f"
    )
    return Estimate(*(float(text.replace(",", "")) for text in texts), form=form)


# Importance against load, retention and lead

STARTS = ("orthogonal", "xavier")


def law_part(start: str) -> xr.Dataset:
    """The conditions of the factorial of one initialisation."""
    results = stored("importance_vs_length_controls")
    return results.isel(condition=(results.in_law.astype(bool) & (results.initialisation == start)).values)


@cache
def exponent(
    start: str,
    term: str,
    kind: str = "sampled",
    length: bool = False,
    interaction: bool = True,
    only: tuple[str, float] | None = None,
) -> Estimate:
    """The exponent of an importance of W_hh in one term of the law.

    Args:
        start: the initialisation.
        term: ``memory_load``, ``retention``, ``lead``, ``steps`` or ``memory_load x retention``.
        kind: of importance.
        length: whether the length of the sequence stands in place of the lead.
        interaction: whether the law has the interaction of load and retention.
        only: a setting and its value, to leave out all other conditions; the law has two terms then.
    """
    part, names = law_part(start), ["memory_load", "retention", "steps" if length else "lead"]
    if only is not None:
        part = part.isel(condition=(part[only[0]] == only[1]).values)
        names = [name for name in names if len(set(part[name].values.tolist())) > 1]
    values, terms = part.importance.sel(stage="0.05", kind=kind, **WEIGHTS), law(*names)
    pairs = (("memory_load", "retention"),) if interaction and only is None else ()
    found = effects(values, terms, interactions=pairs).sel(analysis="planned", term=term)
    return Estimate(float(found["average"]), float(found.low), float(found.high), ".2f")


def doubling(start: str, term: str, **options: bool) -> Estimate:
    """By what a doubling of the term multiplies the importance."""
    one = exponent(start, term, **options)
    return Estimate(2**one.mean, 2**one.low, 2**one.high, ".1f")


def growth(start: str, term: str) -> Estimate:
    """By how many per cent a doubling of the term raises the importance."""
    one = exponent(start, term)
    return Estimate(*(100 * (2**value - 1) for value in (one.mean, one.low, one.high)), form=".0f")


def fisher(name: str, settings: Mapping[str, object]) -> Estimate:
    """The sampled Fisher of W_hh per scored bit in one condition, as a geometric mean over networks."""
    return over_networks(_fisher(name, settings), ".2e", log=True)


def fold(name: str, to: Mapping[str, object], since: Mapping[str, object]) -> Estimate:
    """How many times larger the sampled Fisher of W_hh is in one condition than in another, within seeds."""
    return over_networks(_fisher(name, to) / _fisher(name, since), log=True)


def _fisher(name: str, settings: Mapping[str, object]) -> xr.DataArray:
    results = stored(f"importance_vs_length_{name}")
    usual = {"lead": 0, "independent_bits": 7, "lead_input": "blank", "input_power": "step", "visible_bits": 0}
    usual |= {"initialisation": "orthogonal", "reduction": "scored bit"}
    fits = [results[key].values == value for key, value in (usual | dict(settings)).items()]
    (place,) = np.flatnonzero(np.all(fits, axis=0))
    values = results.importance.isel(condition=place).sel(stage="0.05", kind="sampled", **WEIGHTS)
    return values.reset_coords(drop=True)


def percent_more(name: str, to: Mapping[str, object], since: Mapping[str, object]) -> Estimate:
    """By how many per cent the sampled Fisher of W_hh is larger in one condition than in another, within seeds."""
    one = fold(name, to, since)
    return Estimate(*(100 * (value - 1) for value in (one.mean, one.low, one.high)), form=".0f")


def lead_growth(start: str, to: int, since: int) -> Estimate:
    """How many times larger the importance is with one lead than with another, over all loads and retentions."""
    values = np.log(law_part(start).importance.sel(stage="0.05", kind="sampled", **WEIGHTS))
    means = values.groupby("lead").mean("condition")
    one = over_networks(means.sel(lead=to) - means.sel(lead=since))
    return Estimate(*np.exp((one.mean, one.low, one.high)).tolist(), form=".2f")


def choice(rung: str, sweep: int) -> Estimate:
    """The exponent of importance on length with one set of choices, in the basic (0) or the padded sweep (1)."""
    return over_networks(stored("importance_vs_length_ladder").ladder_slope.sel(rung=rung).isel(sweep=sweep), ".2f")


def verdict(name: str, start: str) -> str:
    """The verdict on load, retention and lead, as a paragraph and a list."""
    text = _report().conclusion(_variant(name, start))
    text = text[0].upper() + text[1:]
    blocks = groupby(text.splitlines(), lambda line: line.startswith("- "))
    return "\n\n".join(("\n" if is_list else " ").join(lines) for is_list, lines in blocks)


def conditions(name: str) -> str:
    """The table of all conditions of a stored file."""
    return _report().table(stored(f"importance_vs_length_{name}"))


def checks(start: str) -> str:
    """Ratios of the controls to the conditions that they check."""
    return "\n".join(_report().comparisons(_variant("controls", start)))


def choices() -> str:
    """The exponents with each set of choices of how importance is measured."""
    return _report().ladder_table(stored("importance_vs_length_ladder"))


def made_by() -> str:
    """When, where and from which revision the files of importance against length were computed."""
    lines = ["| file | networks | minutes of work | device | revision | date |", "|---|---:|---:|---|---|---|"]
    for name in ("controls", "quick", "ladder", "lstm"):
        results = stored(f"importance_vs_length_{name}")
        networks = int(results.seconds.isel(part=0).notnull().sum())
        minutes = float(results.seconds.sum()) / 60
        attributes = results.attrs
        lines.append(
            f"| `{name}` | {networks} | {minutes:.0f} | {attributes['device']} | {attributes['source_revision']} | "
            f"{attributes['created'][:10]} |"
        )
    return "\n".join(lines)


def moved_weights() -> str:
    """What moving weights does to the outputs, and what the exact Fisher predicts."""
    quick = stored("importance_vs_length_quick")
    geometric = np.exp(np.log(quick.divergence).mean(("condition", "seed")))
    ratio = np.exp(np.log(quick.divergence / quick.predicted_divergence).mean(("condition", "seed")))
    others = [name for name in ratio.dims if name != "selection"]
    geometric, ratio = (values.stack(moved=others).transpose("moved", "selection") for values in (geometric, ratio))
    kinds = ratio.selection.values.tolist()
    head = [*(f"divergence, {kind}" for kind in kinds), *(f"measured over predicted, {kind}" for kind in kinds)]
    lines = [f"| {', '.join(others)} | " + " | ".join(head) + " |", "|---|" + "---:|" * len(head)]
    for k in range(ratio.sizes["moved"]):
        place = ", ".join(
            f"{ratio[name].values[k]:g}" if ratio[name].dtype.kind == "f" else str(ratio[name].values[k])
            for name in others
        )
        numbers = [f"{float(one):.2g}" for values in (geometric, ratio) for one in values[k]]
        lines.append(f"| {place} | " + " | ".join(numbers) + " |")
    return "\n".join(lines)


def fairness() -> str:
    """The range over conditions of what could explain a difference in importance."""
    lines = ["| start | quantity | lowest | highest |", "|---|---|---:|---:|"]
    for start in STARTS:
        at = law_part(start).sel(stage="0.05")
        measures = {
            "test loss, nats a bit": at.loss,
            "mean p(1 - p) of the outputs": at.output_variance,
            "distance that W_hh moved, over its norm": at.distance_moved.sel(connection="hh"),
            "share of clipped steps": at.clipped,
            "training steps": at.iteration.sel(side="after"),
        }
        for name, values in measures.items():
            means = values.mean("seed")
            lines.append(f"| {start} | {name} | {float(means.min()):.4g} | {float(means.max()):.4g} |")
    return "\n".join(lines)


def _exponents(rows: dict[str, xr.Dataset], terms: list[str], head: str) -> str:
    lines = [f"| {head} | " + " | ".join(term.replace("memory_", "") for term in terms) + " |"]
    lines.append("|---|" + "---:|" * len(terms))
    for name, found in rows.items():
        cells = [Estimate(*(float(found[k].sel(term=t)) for k in ("average", "low", "high")), ".2f") for t in terms]
        lines.append(f"| {name} | " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def several_bits() -> str:
    """The exponents of the law without the conditions with one independent bit."""
    rows = {}
    for start in STARTS:
        part = law_part(start)
        part = part.isel(condition=(part.independent_bits > 1).values)
        rows[start] = effects(part.importance.sel(stage="0.05", kind="sampled", **WEIGHTS)).sel(analysis="planned")
    return _exponents(rows, rows["orthogonal"].term.values.tolist(), "start")


def dampings() -> str:
    """The exponents of Synaptic Intelligence for every damping."""
    part, terms, rows = law_part("orthogonal"), law("memory_load", "retention", "lead"), {}
    for damping in part.damping.values:
        values = part.damped.sel(stage="0.05", connection="hh", path="task", damping=damping)
        rows[f"{damping:g}"] = effects(values, terms, interactions=()).sel(analysis="planned")
    return _exponents(rows, list(terms), "ξ")


def estimators() -> str:
    """The sampled Fisher over the exact one of the same sequences."""
    checked = stored("importance_vs_length_quick").checked
    relative = checked.sel(estimator="sampled, 4 draws") / checked.sel(estimator="exact")
    lines = ["| weights | geometric mean | lowest | highest |", "|---|---:|---:|---:|"]
    for connection in relative.connection.values:
        values = relative.sel(connection=connection)
        mean, low, high = float(np.exp(np.log(values).mean())), float(values.min()), float(values.max())
        lines.append(f"| W_{connection} | {mean:.3f} | {low:.2f} | {high:.2f} |")
    return "\n".join(lines)


def _report():
    if str(ROOT / "analyses") not in sys.path:
        sys.path.insert(0, str(ROOT / "analyses"))
    from length_study import report

    return report


def _variant(name: str, start: str) -> xr.Dataset:
    results = stored(f"importance_vs_length_{name}")
    return results.isel(condition=(results.initialisation == start).values)


NAMES = (
    "score ahead gain over_published cell stated whole_table exponent doubling growth fisher fold percent_more "
    "lead_growth choice verdict conditions checks choices made_by moved_weights fairness several_bits dampings "
    "estimators"
)


@dataclass(frozen=True)
class Lookup:
    """Calls one of these functions by its name, because Sphinx stores its configuration and cannot store functions."""

    name: str

    def __call__(self, *arguments: object, **options: object) -> object:
        """Call it."""
        return globals()[self.name](*arguments, **options)


SUBSTITUTIONS = {name: Lookup(name) for name in NAMES.split()}
"""what a page may write between double braces"""
