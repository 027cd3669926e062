# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Explore the results
#
# One netCDF file holds everything that was measured, with labels. This notebook opens the stored run of the
# `controls` preset (10 networks of 256 units a condition) and answers some questions from it. It is a jupytext pair:
# `docs/tutorials/explore.py` and `docs/tutorials/explore.ipynb` have the same cells.

# %%
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.figure import Figure

from wmcl.statistics import compare, effects, law, level_means, mean_interval, verdict
from wmcl.sweeps import choose

results = xr.open_dataset("../results/importance_vs_length_controls.nc")
results.sizes

# %% [markdown]
# ## What was varied
#
# The coordinates along `condition` are the settings of the design and the working-memory demand of the task: load,
# retention, steps, scored bits. Load is called `memory_load`, because `load` is a method of xarray.

# %%
settings = [
    "independent_bits",
    "input_length",
    "lead",
    "initialisation",
    "memory_load",
    "retention",
    "steps",
    "scored_bits",
]
results[settings].to_dataframe()[settings].head(8)

# %% [markdown]
# ## Choose conditions, and average over networks
#
# Everything is chosen by name. Here we choose the importance of the recurrent weights at matched loss, for the full
# load and no lead. The result is a geometric mean with a 95 % t interval over networks.

# %%
chosen = choose(results, initialisation="orthogonal", independent_bits=7, lead=0, pattern_length=5, visible_bits=0)
fisher = chosen.importance.sel(stage="0.05", kind="sampled", connection="hh", statistic="mean", per="scored bit")
mean_interval(fisher, log=True).swap_dims(condition="retention").to_dataframe()[["average", "low", "high", "n"]]

# %% [markdown]
# ## Does another importance say the same?
#
# Exponents of load, retention and 1 + lead, for every kind of importance.

# %%
orthogonal = choose(
    results, initialisation="orthogonal", pattern_length=5, lead_input="blank", input_power="step", visible_bits=0
)
for kind in orthogonal.kind.values:
    one = orthogonal.importance.sel(stage="0.05", kind=kind, connection="hh", statistic="mean", per="scored bit")
    found = effects(one, law("memory_load", "retention", "lead"), interactions=()).sel(analysis="planned")
    exponents = ", ".join(
        f"{name} {float(found['average'].sel(term=name)):5.2f} [{float(found.low.sel(term=name)):5.2f}, "
        f"{float(found.high.sel(term=name)):5.2f}]"
        for name in found.term.values
    )
    print(f"{kind:>10}: {exponents}")

# %% [markdown]
# ## Is the answer the same for another connection, or for F w²?

# %%
for connection, statistic in (("ih", "mean"), ("hh", "mean"), ("hh", "mean F w²"), ("ho", "mean")):
    one = orthogonal.importance.sel(
        stage="0.05", kind="sampled", connection=connection, statistic=statistic, per="scored bit"
    )
    found = effects(one, law("memory_load", "retention", "lead"), interactions=()).sel(analysis="planned")
    exponents = ", ".join(f"{name} {float(found['average'].sel(term=name)):5.2f}" for name in found.term.values)
    print(f"{connection:>3} {statistic:<10} {exponents}")

# %% [markdown]
# ## Compare levels, corrected for their number
#
# The ratio of importances with a lead of 40 and 10 to those without, averaged over loads and retentions within seeds.

# %%
one = orthogonal.importance.sel(stage="0.05", kind="sampled", connection="hh", statistic="mean", per="scored bit")
compare(level_means(one, "lead"), [(10, 0), (40, 0)], dim="lead").to_dataframe()[
    ["ratio", "ratio_simultaneous_low", "ratio_simultaneous_high", "p_holm"]
].round(3)

# %% [markdown]
# ## What is held, and for how long
#
# Bits that linear decoders find in the hidden state at each step (a lower bound), beside the number of components
# that hold 75 % of the variance at that step. A dimension is not an amount of memory.

# %%
longest = choose(orthogonal, independent_bits=7, input_length=20, lead=0).isel(condition=0)
figure = Figure(figsize=(6, 3), layout="constrained")
axes = figure.subplots()
for name, label, colour in zip(
    ("bits_held", "components_by_step"), ("bits held", "components"), sns.color_palette("colorblind"), strict=False
):
    values = longest[name] if "stage" not in longest[name].dims else longest[name].sel(stage="0.05")
    summary = mean_interval(values.dropna("step"))
    axes.plot(summary.step, summary["average"], color=colour, label=label)
    axes.fill_between(summary.step, summary.low, summary.high, color=colour, alpha=0.3)
axes.axvline(20, color="0.6", linestyle=":")
axes.set(
    xlabel="step (dotted: stop flag)", ylabel="bits, or components", title=f"p = 5, i = 20, n = {summary.n.max():.0f}"
)
axes.legend(frameon=False)
figure

# %% [markdown]
# ## The verdict, for the stage and kind of your choice

# %%
empirical = orthogonal.importance.sel(
    stage="0.1", kind="empirical", connection="hh", statistic="mean", per="scored bit"
)
print(verdict(effects(empirical), "empirical Fisher of W_hh per scored bit", "0.1 nats a scored bit"))

# %% [markdown]
# ## How evenly is importance spread?
#
# The effective fraction (ΣF)² / (n ΣF²) of the recurrent weights: 1 if all matter alike.

# %%
spread = orthogonal.effective_fraction.sel(stage="0.05", kind="sampled", connection="hh")
frame = np.exp(np.log(spread).mean("seed")).to_dataframe("effective fraction")
frame.pivot_table("effective fraction", index="memory_load", columns=["lead", "retention"]).round(3)
