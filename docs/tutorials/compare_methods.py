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
# # Compare three methods
#
# Small networks (64 units, 3 of each method) learn three Permuted Copy Tasks one after the other: without protection,
# with online EWC, and with stored sequences that are rehearsed. It takes less than two minutes on one core. It is a
# jupytext pair: `docs/tutorials/compare_methods.py` and `docs/tutorials/compare_methods.ipynb` have the same cells.

# %%
import numpy as np
import torch
import xarray as xr
from matplotlib.figure import Figure

import wmcl
from wmcl.methods import during, final, forgetting, measure_run, named, train_sequence
from wmcl.statistics import mean_interval

torch.set_num_threads(1)
tasks = wmcl.tasks.copy_task_sequence(3, 3, order="permuted time")
network = wmcl.networks.Elman(tasks[0].inputs, 64, tasks[0].outputs, heads=len(tasks))
options = wmcl.training.Options(batch=64, optimiser=wmcl.training.Adam(3e-3))
stop = wmcl.training.Stop(iterations=150)
methods = {
    "fine-tuning": named("fine-tuning"),
    "online EWC": named("online EWC", strength=1.0, kind="exact", samples=100),
    "coresets": named("coresets", samples=50),
}

# %% [markdown]
# `train_sequence` pauses after each task, and `measure_run` measures all tasks there: loss and accuracy on validation
# and test data, importance, dimensions of the hidden states, and what has to be kept.

# %%
found = []
for method in methods.values():
    run = train_sequence(method, network, tasks, seeds=range(3), stop=stop, options=options, progress=False)
    found.append(measure_run(run))
results = xr.concat(found, dim="approach", join="exact").assign_coords(approach=list(methods))
results.sizes

# %% [markdown]
# ## Accuracy on every task after every task
#
# A row is the task that was learned last, a column the task that is tested.

# %%
accuracy = results.accuracy.sel(data="test")
for name in methods:
    print(name)
    print((100 * accuracy.sel(approach=name).mean("seed")).transpose("trained_task", "evaluated_task").values.round(1))

# %% [markdown]
# ## Right after learning, and in the end
#
# The 95 % t intervals over three networks are wide, because three networks are few.

# %%
for label, measure in (("during", during), ("final", final), ("forgetting", forgetting)):
    summary = mean_interval(100 * measure(accuracy))
    for name in methods:
        one = summary.sel(approach=name)
        print(f"{label:11s}{name:12s}{float(one['average']):6.1f} [{float(one.low):.1f}, {float(one.high):.1f}]")

# %% [markdown]
# ## Cost and benefit
#
# The numbers that a method keeps for the next task in addition to the network, against what it forgets.

# %%
figure = Figure(figsize=(4.2, 3), layout="constrained")
axes = figure.subplots()
lost = mean_interval(100 * forgetting(accuracy))
for place, name in enumerate(methods):
    one = lost.sel(approach=name)
    kept = float(results.stored.sel(approach=name).isel(trained_task=-1).mean())
    half = np.array([[float(one["average"] - one.low)], [float(one.high - one["average"])]])
    axes.errorbar([kept], [float(one["average"])], half, fmt="os^"[place], capsize=3, label=name)
axes.set_xscale("symlog", linthresh=1000)
axes.set_xlabel("values kept beyond the network")
axes.set_ylabel("forgetting (points, n = 3)")
axes.legend(fontsize=8)
figure

# %% [markdown]
# ## The states of the first task
#
# How much of the variance of each task's states lies in the 20 leading principal directions of the first task, in the
# network after the last task.

# %%
shared = results.shared_variance.sel(directions="now").isel(trained_task=-1).mean("seed")
print(shared.transpose("approach", "evaluated_task").values.round(2))
