"""Every argument of the functions that people call, with one wrong value after the other.

The outcome is the right result, or one sentence that names the argument or says what must be.
"""

import inspect
import warnings

import numpy as np
import pytest
import torch
import xarray as xr

from wmcl import dimensionality, importance, methods, networks, stages, statistics, sweeps, tasks, training
from wmcl.networks import Elman

TASK = tasks.copy_task(2, 3, width=3, validation_samples=8, test_samples=8)
NETWORK = Elman(4, 6, 3)
PARAMETERS, DATA = NETWORK.init([0, 1]), TASK.fixed_set("probe", 6)
STOP, OPTIONS = training.Stop(2), training.Options(batch=4)
TRAINED = training.train(NETWORK, TASK, [0, 1], STOP, OPTIONS, progress=False)
STAGE = stages.stages(TRAINED)[-1]
HIDDEN = NETWORK.apply(PARAMETERS, DATA.inputs).hidden.detach()
SPECTRUM = dimensionality.covariance_spectrum(dimensionality.states(HIDDEN, DATA))
FISHER = importance.fisher_diagonal(NETWORK, PARAMETERS, DATA, TASK, "exact")
TASKS = tasks.copy_task_sequence(2, 2, 3, order="permuted time", width=3, validation_samples=8, test_samples=8)
HEADS = Elman(4, 6, 3, heads=2)
RUN = list(methods.train_sequence(methods.named("SI"), HEADS, TASKS, [0], STOP, OPTIONS, progress=False))
RANDOM = np.random.default_rng(0)
LABELLED = tasks.labelled(RANDOM.normal(size=(20, 5, 3)), RANDOM.integers(0, 3, 20), classes=3)
MATRIX = xr.DataArray(RANDOM.random((2, 2)), dims=("trained_task", "evaluated_task"))
RECURRENT, HEAD = torch.nn.LSTM(3, 4, batch_first=True), torch.nn.Linear(4, 2)
BITS = torch.tensor([[0.0, 1.0, 1.0, 0.0, 1.0, 0.0]]).T.repeat(1, 4)


def measure(condition, seeds):
    return xr.Dataset({"a": ("seed", [1.0] * len(seeds))}, {"seed": list(seeds)})


def train_all(**given):
    return list(methods.train_sequence(**given))


train_all.__name__ = "train_sequence"
OF_NETWORK = {"network": NETWORK, "parameters": PARAMETERS, "data": DATA}
OF_STAGE = {"trained": TRAINED, "stage": STAGE, "data": DATA}
CALLS = [
    (tasks.copy_task, {"pattern_length": 2, "input_length": 3, "width": 3, "lead": 1}),
    (
        tasks.copy_task_sequence,
        {"tasks": 2, "pattern_length": 2, "input_length": 3, "order": "permuted time", "width": 3},
    ),
    (
        tasks.labelled,
        {"sequences": RANDOM.normal(size=(20, 5, 3)), "targets": [0, 1] * 10, "classes": 3, "lengths": [5] * 20},
    ),
    (tasks.data_task, {"name": "x", "train": LABELLED, "validation": LABELLED, "test": LABELLED}),
    (tasks.with_task_identity, {"tasks": TASKS}),
    (
        Elman,
        {
            "inputs": 4,
            "hidden": 6,
            "outputs": 3,
            "layers": 1,
            "heads": 1,
            "direction": "forward",
            "initialisation": "xavier",
        },
    ),
    (networks.LSTM, {"inputs": 4, "hidden": 6, "outputs": 3, "forget_bias": 1.0}),
    (NETWORK.init, {"seeds": [0, 1]}),
    (NETWORK.apply, {"parameters": PARAMETERS, "inputs": DATA.inputs, "steps": slice(None), "lengths": DATA.lengths}),
    (networks.from_torch, {"recurrent": RECURRENT, "head": HEAD}),
    (networks.to_torch, {"network": NETWORK, "parameters": PARAMETERS, "member": 0}),
    (
        training.train,
        {
            "network": NETWORK,
            "task": TASK,
            "seeds": [0, 1],
            "stop": STOP,
            "options": OPTIONS,
            "milestones": (5.0,),
            "device": "cpu",
        },
    ),
    (training.Stop, {"iterations": 5, "loss": 0.1}),
    (training.Options, {"batch": 4, "precision": "float32"}),
    (training.evaluate, {**OF_NETWORK, "likelihood": TASK}),
    (training.save_ensemble, {"path": "file", "trained": TRAINED}),
    (training.load_ensemble, {"path": "file"}),
    (methods.named, {"name": "SI"}),
    (
        train_all,
        {
            "method": methods.named("SI"),
            "network": HEADS,
            "tasks": TASKS,
            "seeds": [0],
            "stop": STOP,
            "options": OPTIONS,
        },
    ),
    (methods.measure_run, {"run": RUN}),
    (methods.Measures, {"data": ("test",), "importance_samples": 4, "state_samples": 4}),
    (methods.final, {"accuracy": MATRIX}),
    (methods.forgetting, {"accuracy": MATRIX}),
    (
        importance.fisher_diagonal,
        {**OF_NETWORK, "likelihood": TASK, "kind": "sampled", "seeds": [0, 1], "draws": 1, "chunk": 4},
    ),
    (importance.memory_aware_synapses, {**OF_NETWORK, "likelihood": TASK, "chunk": 4}),
    (importance.reuse_profile, {**OF_NETWORK, "likelihood": TASK, "kind": "empirical"}),
    (importance.summarise, {"importance": FISHER, "parameters": PARAMETERS, "scored_bits": 6.0}),
    (importance.effective_fraction, {"importance": FISHER["W_hh"]}),
    (dimensionality.hidden_states, OF_NETWORK),
    (dimensionality.states, {"hidden": HIDDEN, "data": DATA, "phase": "output", "centre": "step"}),
    (dimensionality.covariance_spectrum, {"states": HIDDEN[:, 0]}),
    (dimensionality.participation_ratio, {"spectrum": SPECTRUM}),
    (dimensionality.components_for_variance, {"spectrum": SPECTRUM, "threshold": 0.75}),
    (dimensionality.effective_rank, {"spectrum": SPECTRUM}),
    (
        dimensionality.decodability,
        {"train_hidden": HIDDEN, "train_bits": BITS, "test_hidden": HIDDEN, "test_bits": BITS},
    ),
    (
        dimensionality.intrinsic_dimension,
        {"states": torch.randn(1, 60, 3), "method": "two_nn", "rows": 50, "neighbours": 5},
    ),
    (stages.importance_at, {**OF_STAGE, "kinds": ("empirical",)}),
    (stages.dimensionality_at, {**OF_STAGE, "threshold": 0.75}),
    (stages.performance_at, OF_STAGE),
    (statistics.mean_interval, {"values": xr.DataArray(RANDOM.normal(size=(4, 5)), dims=("condition", "seed"))}),
    (sweeps.run, {"measure": measure, "conditions": [{"p": 1}], "seeds": [0], "folder": "folder"}),
]
WRONG = {
    "None": None,
    "a number": 3.5,
    "a negative number": -1,
    "a huge number": 10**30,
    "text": "nonsense",
    "a list": [1, 2],
    "an empty list": [],
    "an array": np.zeros((2, 3)),
    "whole numbers": np.arange(3),
    "a tensor": torch.zeros(2, 3),
    "a tensor of four axes": torch.zeros(1, 2, 3, 4),
    "NaN": torch.full((2, 6, 3, 4), float("nan")),
    "a module": torch.nn.Linear(2, 2),
    "an empty dict": {},
    "a dict of arrays": {"W_hh": np.zeros(3)},
    "a class": Elman,
    "an object": object(),
    "a task": TASK,
    "labelled data": LABELLED,
    "sequences": DATA,
    "true": True,
    "not a number": float("nan"),
    "no device": torch.zeros(2, 3, device="meta"),
    "a network": NETWORK,
    "a function": print,
}
"""one after the other in place of every argument"""


@pytest.mark.parametrize(("function", "given"), CALLS, ids=lambda each: getattr(each, "__name__", ""))
def test_what_is_wrong_is_right_all_the_same_or_named(function, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    more = {"progress": False} if "progress" in inspect.signature(function).parameters or function is train_all else {}
    if function is training.load_ensemble:
        training.save_ensemble("file", TRAINED)
    warnings.simplefilter("ignore")
    function(**given, **more)
    for name in given:
        for what, value in WRONG.items():
            if name == "measure" and callable(value):
                continue  # what it says is its own
            try:
                function(**given | {name: value}, **more)
            except (ValueError, FileNotFoundError) as error:
                text = str(error)
                said = name in text or "must" in text or "needs" in text or "file" in text or "of another type" in text
                assert said, (name, what, text)
                assert "\n" not in text or isinstance(value, (np.ndarray, torch.Tensor, torch.nn.Module)), (
                    name,
                    what,
                    text,
                )
