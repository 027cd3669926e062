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
# # A GRU that forecasts a time series
#
# An `nn.GRU` in plain PyTorch learns to predict the next value of a noisy oscillation. Then `wmcl.pytorch` measures
# which of its weights and gates matter and how many dimensions its states fill, and it protects the important weights
# when the series changes. This notebook is a jupytext pair: `docs/tutorials/gru_time_series.py` and
# `docs/tutorials/gru_time_series.ipynb` have the same cells. To use it for a model of your own, replace the first
# cell of code.

# %%
import copy

import torch
from matplotlib.figure import Figure
from torch import nn

import wmcl
from wmcl.dimensionality import covariance_spectrum, participation_ratio
from wmcl.likelihoods import Gaussian
from wmcl.pytorch import OnlineEWC, fisher_diagonal, hidden_states, summarise

torch.set_num_threads(1)
SLOW, FAST = 20, 6  # steps of a period


def series(period, count, seed):
    """Inputs and targets (sample, time, 1): oscillations with a random phase and noise, and their next values."""
    random = torch.Generator().manual_seed(seed)
    phase = 2 * torch.pi * torch.rand(count, 1, generator=random)
    clean = torch.sin(2 * torch.pi * torch.arange(41) / period + phase)
    values = (clean + 0.2 * torch.randn(clean.shape, generator=random))[..., None]
    return values[:, :-1], values[:, 1:]


class Forecaster(nn.Module):
    """The mean of the next value, at every step."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 16, batch_first=True)
        self.head = nn.Linear(16, 1)

    def forward(self, values):
        """Map (sample, time, 1) to the same shape."""
        return self.head(self.gru(values)[0])


def train(model, period, steps, seed, penalty=lambda: 0.0):
    """Minimise the squared error and a penalty with Adam."""
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for number in range(steps):
        inputs, targets = series(period, 32, 1000 * seed + number)
        optimiser.zero_grad()
        (nn.functional.mse_loss(model(inputs), targets) + penalty()).backward()
        optimiser.step()


@torch.no_grad()
def squared_error(model, period):
    """Mean squared error on series that were not trained on."""
    inputs, targets = series(period, 500, 10**6 + period)
    return nn.functional.mse_loss(model(inputs), targets).item()


torch.manual_seed(0)
model = Forecaster()
train(model, SLOW, 200, seed=1)
print(f"mean squared error: {squared_error(model, SLOW):.4f}; the noise alone has a variance of {0.2**2:.4f}")

# %%
inputs, targets = series(SLOW, 1, 10**7)
figure = Figure(figsize=(6, 2.2), layout="constrained")
axes = figure.subplots()
axes.plot(targets[0, :, 0], ".", color="0.5", label="value")
with torch.no_grad():
    axes.plot(model(inputs)[0, :, 0], label="told one step before")
axes.set(xlabel="step", ylabel="value")
axes.legend(frameon=False)
figure

# %% [markdown]
# ## Fisher information
#
# A forecast with an error of standard deviation σ is a `Gaussian(σ)` of the mean that the model gives. The Fisher
# information has the unit nats² a series, per squared unit of the parameter. With the exact kind, targets play no
# part.

# %%
likelihood = Gaussian(squared_error(model, SLOW) ** 0.5)
probe = series(SLOW, 200, 10**7)
fisher = fisher_diagonal(model, probe, likelihood, progress=False)
summarise(fisher, model)[["mean", "median", "effective_fraction", "share"]].to_dataframe().round(4)

# %% [markdown]
# ## Gates
#
# PyTorch stacks the gates of a GRU along the first axis: reset, update, candidate.

# %%
gates = ["reset", "update", "candidate"]
for name in ("gru.weight_ih_l0", "gru.weight_hh_l0"):
    by_gate = fisher[name].unflatten(0, (3, -1)).mean((1, 2))
    print(name, {gate: round(value, 3) for gate, value in zip(gates, by_gate.tolist(), strict=True)})

# %% [markdown]
# ## The series changes
#
# From now on the series oscillates faster. How well is the first series still predicted, with more and more
# protection by online EWC? Each strength is one point between keeping and learning.

# %%
start = copy.deepcopy(model.state_dict())
print(f"{'strength':>8} {'slow series':>12} {'fast series':>12}   (mean squared errors)")
for strength in (0.0, 0.01, 0.1, 0.5):
    model.load_state_dict(start)
    ewc = OnlineEWC(model, strength, likelihood, kind="exact")
    ewc.consolidate(probe)
    train(model, FAST, 120, seed=2, penalty=ewc.penalty)
    print(f"{strength:8} {squared_error(model, SLOW):12.3f} {squared_error(model, FAST):12.3f}")

# %% [markdown]
# ## Dimensionality of the hidden states
#
# The participation ratio counts the directions in which the states vary. Here are those of the model that has learned
# the slow series alone, on both.

# %%
model.load_state_dict(start)
for period in (SLOW, FAST):
    found = hidden_states(model, series(period, 200, 10**7)[0])
    print(f"period {period}: participation ratio {participation_ratio(covariance_spectrum(found.rows)).item():.2f}")

# %% [markdown]
# ## Several seeds become an ensemble
#
# `from_torch` makes an ensemble of modules, however they were trained, and recorded series become a task. Then every
# measure takes one line, and its result has an axis for the members.

# %%
models = [model]
for seed in (1, 2):
    torch.manual_seed(seed)
    models.append(Forecaster())
    train(models[-1], SLOW, 200, seed=10 + seed)

network, parameters = wmcl.networks.from_torch([m.gru for m in models], [m.head for m in models])
recorded = wmcl.tasks.labelled(*series(SLOW, 600, 10**8), real=True)
task = wmcl.tasks.data_task("next value", *recorded.split(validation=0.1, test=0.3))
ensemble = wmcl.training.Ensemble(network=network, parameters=parameters, seeds=(0, 1, 2), task=task)
ensemble.dimensionality().to_dataframe()

# %%
of_all = ensemble.fisher("exact", samples=100)  # the task has a standard deviation of 1; dividing by σ² gives ours
(of_all["W_hh"] / likelihood.std**2).unflatten(1, (3, -1)).mean((2, 3))  # (member, gate)

# %% [markdown]
# `to_torch` turns a member back into a PyTorch module, with the same outputs as before.

# %%
module = wmcl.networks.to_torch(network, parameters, member=1)
with torch.no_grad():
    torch.testing.assert_close(module(probe[0]), models[1](probe[0]))
list(module.state_dict())
