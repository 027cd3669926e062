"""Arguments that do not fit are refused in one sentence, which says what they are and what is wanted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SAID = {
    "network of torch": "network is of the type RNN: it must be a wmcl.networks.Network, such as Elman, LSTM or GRU",
    "network class": "network is the class Elman: it must be a wmcl.networks.Network, such as Elman, LSTM or GRU",
    "parameters in a list": (
        "parameters are of the type list: they must be a dict of tensors by the name of the parameter,"
        " such as network.init gives"
    ),
    "parameters of arrays": "W_hh of parameters is of the type ndarray: it must be a tensor",
    "parameter missing": (
        "parameters are without b_ho: they must be a dict with W_ih, b_ih, W_hh, b_hh, W_ho, b_ho,"
        " W_out, b_out, as network.init gives"
    ),
    "wrong shape": "W_hh of parameters is of shape (2, 5, 6): it must be (member, 6, 6) for this network",
    "other members": "W_hh of parameters is of 1 members: it must be of as many as b_out, 2",
    "other dtype": "W_hh of parameters is torch.float64: it must be torch.float32, as b_out is",
    "whole numbers": "W_ih of parameters is torch.int64: it must be of a type such as torch.float32",
    "other device": "W_hh of parameters is on the device meta: it must be on that of b_out, cpu",
    "nan parameter": "W_hh of parameters is NaN or infinite in 1 of 72 numbers: it must be finite",
    "data a tensor": (
        "data is a tensor of shape (1, 6, 5, 4), torch.float32, on cpu: it must be wmcl.tasks.Sequences,"
        " such as task.test or task.fixed_set('probe', 200)"
    ),
    "data a task": (
        "data is of the type Task: it must be wmcl.tasks.Sequences, such as task.test or task.fixed_set('probe', 200)"
    ),
    "wrong rank": "inputs of data are of shape (6, 5, 4): they must be of the axes (member, time, sample, feature)",
    "wrong features": "inputs of data are of 3 features: they must be of the 4 of the network",
    "wrong members": "inputs of data are of 3 members: they must be of 1, for all, or of the 2 members",
    "wrong dtype": (
        "inputs of data are torch.float64: they must be torch.float32, as the parameters are: convert"
        " with data.to(torch.float32)"
    ),
    "data elsewhere": (
        "inputs of data are on the device meta: they must be on cpu, where the parameters are: convert"
        " with data.to('cpu')"
    ),
    "infinite input": "inputs of data are NaN or infinite in 4 of 120 numbers: they must be finite",
    "not a likelihood": (
        "likelihood is of the type int, without nll, sample, correct, variance, divergence, mean,"
        " distillation, fisher_factor: it must be a task or a likelihood, such as"
        " wmcl.likelihoods.Bernoulli()"
    ),
    "nan target": "targets of data are NaN or infinite at 5 scored steps: they must be finite where they are scored",
    "impossible bits": (
        "targets of data are impossible at 30 scored steps: they must be from 0 to 1, for the likelihood Bernoulli"
    ),
    "impossible classes": (
        "targets of data are impossible at 30 scored steps: they must be of 0 to 1 that add up to 1,"
        " for the likelihood Categorical"
    ),
    "another likelihood": (
        "answers of data is 1 a step: it must be one an output unit, 3, for the likelihood Bernoulli"
    ),
    "nothing scored": "scored of data is 0 at every step: it must be above 0 at one step at least",
    "nothing scored, mas": "scored of data is 0 at every step: it must be above 0 at one step at least",
    "half a chunk": "chunk is 2.5: it must be a whole number of at least 1",
    "samples in words": "samples is '5': it must be a whole number of at least 1",
    "data as the kind": "kind is of the type Sequences: it must be one of empirical, sampled, exact",
    "targets of another width": (
        "targets of data are of shape (1, 6, 5, 2): they must be (member or 1, 6, 5, 3) for this network"
        " and these inputs"
    ),
    "likelihood class": (
        "likelihood is the class Bernoulli: it must be a task or a likelihood, such as wmcl.likelihoods.Bernoulli()"
    ),
    "changed, other members": (
        "changed has 1 members, torch.float32, on cpu: it must be as the parameters are, 2 members,"
        " torch.float32, on cpu"
    ),
    "importance of nan": "W_hh of importance is NaN or infinite in 1 of 72 numbers: it must be finite",
    "importance of another shape": (
        "W_hh of importance is of shape (2, 5, 6) on cpu: it must be of shape (2, 6, 6) on cpu, as the parameter"
    ),
    "seeds of fractions": "seeds is [0.5, 1]: it must be a sequence of whole numbers, such as range(3)",
    "unknown kind": "kind is 'true': it must be one of empirical, sampled, exact",
    "chunk": "chunk is 0: it must be a whole number of at least 1",
    "states of memory": (
        "states is of shape (30, 6): it must be a tensor of floating-point numbers with the axes (member, row, unit)"
    ),
    "closed form": "network is of the type Elman: the closed form needs a wmcl.networks.LinearRNN",
    "closed form, nan": "moments is NaN or infinite in 900 of 900 numbers: it must be finite",
    "start missing": (
        "start is without W_ih, b_ih, b_hh, W_ho, b_ho, W_out, b_out: it must be a dict with these names, too"
    ),
    "summary of a tensor": (
        "importance is a tensor of shape (2, 6, 6), torch.float32, on cpu: it must be a dict of tensors"
        " by the name of the parameter, such as network.init gives"
    ),
    "task a likelihood": "task is of the type Bernoulli: it must be a wmcl.tasks.Task, from which sequences are drawn",
    "test a tensor": (
        "test is a tensor of shape (1, 6, 5, 4), torch.float32, on cpu: it must be wmcl.tasks.Sequences,"
        " such as task.test or task.fixed_set('probe', 200)"
    ),
    "network alone": "networks must be a list of which each is a Network: one is of the type Elman",
    "flat states": (
        "states is of shape (30, 6): it must be a tensor of floating-point numbers with the axes (member, row, unit)"
    ),
    "whole states": (
        "states is a tensor of shape (2, 30, 6), torch.int64, on cpu: it must be a tensor of"
        " floating-point numbers with the axes (member, row, unit)"
    ),
    "nan states": "states is NaN or infinite in 1 of 360 numbers: it must be finite",
    "states an array": (
        "states is of the type ndarray: it must be a tensor of floating-point numbers with the axes (member, row, unit)"
    ),
    "infinite kernel": "states is NaN or infinite in 1 of 360 numbers: it must be finite",
    "nan intrinsic": "states is NaN or infinite in 1 of 360 numbers: it must be finite",
    "other units": "second has 5 units: it must have as many as first, 6",
    "other ensemble": "second has 1 members: it must have as many as first, 2",
    "nan rows": "second is NaN or infinite in 1 of 360 numbers: it must be finite",
    "nan hidden": "hidden is NaN or infinite in 24 of 24 numbers: it must be finite",
    "hidden of other steps": "hidden is of shape (2, 3, 5, 6): it must hold the 6 steps and 5 samples of data",
    "states of a task": (
        "data is of the type Task: it must be wmcl.tasks.Sequences, such as task.test or task.fixed_set('probe', 200)"
    ),
    "bits of a tensor": (
        "data is a tensor of shape (1, 6, 5, 3), torch.float32, on cpu: it must be wmcl.tasks.Sequences,"
        " such as task.test or task.fixed_set('probe', 200)"
    ),
    "nan decoded": "train_hidden is NaN or infinite in 24 of 24 numbers: it must be finite",
    "nan spectrum": "spectrum is NaN or infinite in 12 of 12 numbers: it must be finite",
    "negative spectrum": (
        "spectrum is as low as -0.5: it must hold eigenvalues of a covariance, which are at least"
        " 0, as covariance_spectrum gives them"
    ),
    "spectrum of whole numbers": (
        "spectrum is a tensor of shape (2,), torch.int64, on cpu: it must be a tensor of floating-point"
        " numbers with the axes (…, unit)"
    ),
    "spectrum a number": (
        "spectrum is of shape (): it must be a tensor of floating-point numbers with the axes (…, unit)"
    ),
}


@pytest.fixture(scope="module")
def refusals():
    """What is said without the tests' own check of all types, by case and function."""
    command = [sys.executable, "-m", "tests.refusals_of_measures"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return json.loads(found.stdout)


@pytest.mark.parametrize("case", SAID)
def test_every_function_says_what_does_not_fit(case, refusals):
    assert set(refusals[case].values()) == {SAID[case]}


def test_all_cases_are_known(refusals):
    assert refusals.keys() == SAID.keys()
