"""What the file says, as Markdown: agreement, exponents, and dimensions of students."""

import xarray as xr

from linear_study.measure import COUNTS, KINDS, SIDES, VARIANTS
from wmcl.statistics import effects, law
from wmcl.statistics.verdict import words
from wmcl.studies.tables import ABSENT, interval, interval_of, table_head, table_row


def report(results: xr.Dataset) -> str:
    """Three parts, at the lowest error that is matched; means with 95 % t intervals over networks."""
    error = float(results.error.min())
    at = results.sel(error=error)
    return "\n".join(
        [
            f"At a mean squared error of {error:g} on validation data (targets have unit variance): mean and 95 % t"
            f" interval over {results.sizes['seed']} networks.",
            "",
            *_agreement(results),
            "",
            *_exponents(at),
            *_students(at),
        ]
    )


def terms_of(results: xr.Dataset) -> dict:
    """Regressors of a power law: those of load, retention and lead that vary."""
    names = [name for name in ("memory_load", "retention", "lead") if len(set(results[name].values.tolist())) > 1]
    return law(*names)


def exponents(results: xr.Dataset, values: xr.DataArray) -> xr.Dataset | None:
    """Slopes of the logarithm of a Fisher, with 95 % t intervals over networks; with censored networks without.

    None if neither load nor retention nor lead varies.
    """
    terms = terms_of(results)
    if not terms:
        return None
    return effects(values.transpose("condition", "seed"), terms, interactions=()).sel(analysis="reached")


def _agreement(results: xr.Dataset) -> list[str]:
    """How far measured Fishers are from the closed form, and the empirical one from the residual variance times it."""
    hh = results.fisher.sel(connection="hh")
    closed = hh.sel(kind="closed form")
    lines = [
        f"Closed form and exact Fisher on the same sequences differ by at most {float(results.difference.max()):.1g} of"
        " the largest value of a matrix, over all weights of all networks.",
        "",
        "Mean Fisher of W_hh over that of the closed form for white inputs, over all conditions:",
        "",
        table_row(["error", *KINDS[1:], "empirical / residual variance"]),
        table_row(["---:"] * (len(KINDS) + 1)),
    ]
    for error in results.error.values:
        ratios = (hh / closed).sel(error=error)
        cells = [interval_of(ratios.sel(kind=kind).mean("condition"), ".3f") for kind in KINDS[1:]]
        scaled = ratios.sel(kind="empirical") / results.mean_squared_error.sel(error=error)
        lines.append(table_row([f"{error:g}", *cells, interval_of(scaled.mean("condition"), ".3f")]))
    return lines


def _exponents(at: xr.Dataset) -> list[str]:
    """Of networks whose biases started in one way, then in the other."""
    lines = []
    for biases in dict.fromkeys(at.biases.values.tolist()):
        lines += [*_law(at.isel(condition=(at.biases == biases).values), biases), ""]
    return lines


def _law(at: xr.Dataset, biases: str) -> list[str]:
    """Of every kind, and of the same networks without biases, beside those that were derived."""
    hh = at.fisher.sel(connection="hh")
    over_gain = at.fisher_without_bias / at.gain
    rows = {kind: hh.sel(kind=kind) for kind in KINDS}
    rows["closed form, biases zero"] = at.fisher_without_bias.sel(network="trained")
    rows |= {f"closed form, biases zero, over gain: {name}": over_gain.sel(network=name) for name in VARIANTS}
    names = list(terms_of(at))
    derived = {"memory_load": "1", "retention": "1", "lead": "0"}
    lines = [
        f"Biases that started {'at zero' if biases == 'zero' else 'as drawn'}: exponents of the mean Fisher of W_hh per"
        " scored output, over load, retention and 1 + lead:",
        "",
        *table_head(["Fisher", *map(words, names), "R² in a network", "mean over ideal", "n"]),
        table_row(["ideal network, derived", *(derived[name] for name in names), "1", "1", ABSENT]),
    ]
    for name, values in rows.items():
        found = exponents(at, values)
        cells = (
            []
            if found is None
            else [
                interval(".2f", *(float(found.sel(term=term)[name]) for name in ("average", "low", "high")))
                for term in names
            ]
        )
        r_squared = ABSENT if found is None else f"{float(found.r_squared.mean()):.3f}"
        level = (values / at.ideal).mean("condition")
        n = int(level.count() if found is None else found.n.min())
        lines.append(table_row([name, *cells, r_squared, interval_of(level, ".2f", log=True), str(n)]))
    lines += ["", *_by_load(at, over_gain / at.ideal)]
    missed = int((at.reached == 0).sum())
    if missed:
        lines += [
            "",
            f"{missed} of {at.reached.size} networks missed the error and are left out; then no interval holds.",
        ]
    own, lead = (100 * values.mean("condition") for values in (at.own_share, lead_share(at)))
    lines += [
        "",
        f"Of the closed form, {interval_of(own, '.0f')} % is what steps bring alone (more than 100 if they cancel), and"
        f" {interval_of(lead, '.1f')} % comes from steps that read a state from before the first number.",
    ]
    return lines


def _by_load(at: xr.Dataset, levels: xr.DataArray) -> list[str]:
    """Of the last rows: closed form without biases over gain and ideal."""
    loads = sorted(set(at["memory_load"].values.tolist()))
    lines = [
        "Closed form with biases zero over gain and ideal, by load:",
        "",
        *table_head(["network", *(f"load {load}" for load in loads)]),
    ]
    for name in VARIANTS:
        parts = [levels.sel(network=name).isel(condition=(at["memory_load"] == load).values) for load in loads]
        lines.append(table_row([name, *(interval_of(each.mean("condition"), ".2f", log=True) for each in parts)]))
    return lines


def lead_share(at: xr.Dataset) -> xr.DataArray:
    """Share of the contributions of the steps that read the state after a step of the lead."""
    return at.contribution.where(at.step <= at.lead).sum("step") / at.contribution.sum("step", min_count=1)


def _students(at: xr.Dataset) -> list[str]:
    """Dimensions against the memory of the teacher, and their slope."""
    lines = [
        "Fewest dimensions that pass on the teacher's outputs, by a linear map, with this error:",
        "",
        *_least(at),
        "",
        "Dimensions of students against the dimension r of their teachers' memory:",
    ]
    for count in COUNTS:
        lines += ["", f"*{count}*", "", *table_head(["cell", "r", "n", *SIDES])]
        for k in range(at.sizes["student"]):
            one = at.isel(student=k)
            dimension = one.dimension.sel(dimensions_counted=count)
            cells = [interval_of(dimension.sel(side=side), ".1f") for side in SIDES]
            lines.append(
                table_row([one.cell.item(), str(one.memory.item()), str(int(one.student_reached.sum())), *cells])
            )
        for cell in at.student_cell.values.tolist():
            slopes = at.slope.sel(student_cell=cell, dimensions_counted=count)
            n = str(int(slopes.sel(side=SIDES[0]).count()))
            lines.append(table_row([cell, "slope", n, *(interval_of(slopes.sel(side=side), ".2f") for side in SIDES)]))
    lines += [
        "",
        "Mean squared cosine between the r leading protected directions and those that encode the teacher's memory:",
        "",
        *table_head(["cell", "r", *SIDES[:4], "chance"]),
    ]
    units = float(at.attrs["units"])
    for k in range(at.sizes["student"]):
        one = at.isel(student=k)
        cells = [interval_of(one.overlap.sel(protected=side), ".2f") for side in SIDES[:4]]
        chance = f"{one.memory.item() / units:.2f}"
        lines.append(table_row([one.cell.item(), str(one.memory.item()), *cells, chance]))
    return lines


def _least(at: xr.Dataset) -> list[str]:
    """Of the teachers: they are the same for all cells."""
    one_cell = at.isel(student=(at.cell == at.cell[0]).values)
    found = [interval_of(one_cell.least.isel(student=k), ".1f") for k in range(one_cell.sizes["student"])]
    memories = [str(r) for r in one_cell.memory.values]
    return [table_row(["r", *memories]), table_row(["---:"] * (len(found) + 1)), table_row(["dimensions", *found])]
