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
# # From raw strokes to importances
#
# This notebook makes two tasks of digits drawn as pen strokes. An LSTM learns one task after the other. Which of its
# weights are important for the first task, and how far does the second task move them? It takes about a minute on one
# core. It is a jupytext pair: `docs/tutorials/strokes_to_importances.py` and
# `docs/tutorials/strokes_to_importances.ipynb` have the same cells.
#
# If you have downloaded Stroke MNIST (`wmcl data download stroke-mnist`) the digits are real. Otherwise stand-ins are
# drawn from a few lines with noise, and every output says so.

# %%
import numpy as np
import torch
from matplotlib.figure import Figure

import wmcl
from wmcl.importance import fisher_diagonal
from wmcl.methods import named, train_sequence

torch.set_num_threads(1)
try:
    strokes = wmcl.data.stroke_mnist()
except ValueError:  # not on this machine
    strokes = wmcl.data.stand_in_strokes()
print(f"{strokes.name}: {len(strokes.train):,} digits to train on, {len(strokes.test):,} to test on")

# %% [markdown]
# ## A digit
#
# Each row is a step: how far the pen moves to the right and down, whether a stroke ends, whether the digit ends.

# %%
digit = strokes.train[0]
print(f"the label is {strokes.train.labels[0]}; the first rows of {len(digit)} are")
print(digit[:5])

# %%
figure = Figure(figsize=(8, 1.6))
for axes, n in zip(figure.subplots(1, 6), range(6), strict=True):
    rows = strokes.train[n]
    pen = rows[:, :2].astype(int).cumsum(axis=0)
    for line in np.split(pen, np.flatnonzero(rows[:, 2]) + 1)[:-1]:
        axes.plot(*line.T, color="black", linewidth=1)
    axes.set(xlim=(0, 28), ylim=(28, 0), aspect="equal")
    axes.axis("off")
figure.suptitle(strokes.name, fontsize="small")
figure

# %% [markdown]
# ## Two tasks
#
# The first task has the digits 0 and 1, the second 2 and 3. Sequences differ in length. A batch holds sequences of
# about the same length, so that little of it is padding.

# %%
tasks = wmcl.tasks.split_stroke_tasks(strokes, tasks=2, validation=100)
batch = tasks[0].batch(seeds=[0], iteration=0, samples=64)
padding = 1 - float(batch.lengths.sum()) / (batch.steps * batch.samples)
print(
    f"{tasks[0].name}: a batch has {batch.samples} sequences of up to {batch.steps} steps, {padding:.0%} of it padding"
)

# %% [markdown]
# ## An LSTM learns one after the other
#
# There are three networks of 32 units with a head for each task, and nothing protects them from forgetting.
# `forget_bias` lets memory last from the beginning.

# %%
network = wmcl.networks.LSTM(4, 32, 2, forget_bias=2.0, heads=2)
after = list(
    train_sequence(
        named("fine-tuning"),
        network,
        tasks,
        seeds=range(3),
        stop=wmcl.training.Stop(iterations=120),
        options=wmcl.training.Options(batch=32, optimiser=wmcl.training.Adam(5e-3)),
        progress=False,
    )
)
for task in (0, 1):
    test = tasks[0].fixed_set("probe", 400)
    accuracy = wmcl.training.evaluate(network.answering(0), after[task].weights(0), test, tasks[0]).accuracy
    print(f"first task, after task {task + 1}: {100 * float(accuracy.mean()):.1f} % (chance is 50)")

# %% [markdown]
# ## Which weights are important for the first task
#
# The exact Fisher information: the expected square, over both classes, of the gradient of log p(class), which adds up
# over the steps of a sequence at which a weight acts. Shares are of all weights of the recurrent layer.

# %%
probe = tasks[0].fixed_set("importance", 100)
fisher = fisher_diagonal(network.answering(0), after[0].weights(0), probe, tasks[0], "exact", seeds=range(3))
recurrent = {name: fisher[name] for name in ("W_ih", "W_hh")}
total = sum(float(each.sum()) for each in recurrent.values())
for name, each in recurrent.items():
    largest = each.flatten(1).sort(dim=1, descending=True).values
    tenth = float((largest[:, : largest.shape[1] // 10].sum(1) / largest.sum(1)).mean())
    print(f"{name}: {float(each.sum()) / total:.0%} of the importance; a tenth of its weights hold {tenth:.0%} of it")

# %% [markdown]
# ## What the second task does to them
#
# The move of each weight while the second task is learned, against its importance for the first. A penalty such as
# that of EWC would hold the weights to the right.

# %%
moved = (after[1].weights(0)["W_hh"] - after[0].weights(0)["W_hh"]).abs()
importance = recurrent["W_hh"]
figure = Figure(figsize=(5, 3.2), layout="constrained")
axes = figure.subplots()
axes.loglog(importance[0].flatten(), moved[0].flatten(), ".", markersize=2, alpha=0.4)
axes.set_xlabel("Fisher information for the first task (nats² / weight²)")
axes.set_ylabel("move in the second task")
axes.set_title(f"W_hh of one network; {strokes.name}", fontsize="small")
figure

# %%
order = importance.flatten(1).argsort(dim=1)
by_rank = moved.flatten(1).gather(1, order)
quarter = by_rank.shape[1] // 4
ratio = by_rank[:, -quarter:].mean(1) / by_rank[:, :quarter].mean(1)
print("move of the most important quarter of W_hh over that of the least important one, by network:")
print([round(float(each), 2) for each in ratio])
