"""Training with every optimiser against a loop of plain torch: a forward pass written out, autograd, torch.optim."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from tests import naive
from tests.same import assert_same
from tests.test_checkpoints import Breaking, lose_power
from tests.test_devices import objective_of, started
from wmcl.importance import PathIntegral
from wmcl.networks import Elman
from wmcl.tasks import copy_task
from wmcl.training import SGD, Adam, AdamW, Cosine, Observer, Options, Stop, train
from wmcl.training.loop import take_step

TASK = copy_task(2, 3, width=3, validation_samples=16)
NETWORK = Elman(4, 5, 3)
STEPS, BATCH, DECAY = 15, 6, 0.02
SCHEDULE = Cosine(STEPS, warmup=4, start=0.25)
OPTIMISERS = {
    "Adam": (Adam(2e-2), torch.optim.Adam, {"lr": 2e-2}),
    "AdamW": (AdamW(2e-2), torch.optim.AdamW, {"lr": 2e-2}),
    "SGD, momentum": (SGD(0.1, momentum=0.9), torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    "SGD, Nesterov": (
        SGD(0.1, momentum=0.9, nesterov=True),
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    ),
}
SCHEDULES = {
    "constant": None,
    "cosine": lambda o: lr_scheduler.SequentialLR(
        o,
        [lr_scheduler.LinearLR(o, 0.25, total_iters=4), lr_scheduler.CosineAnnealingLR(o, STEPS - 4)],
        [4],
    ),
}
CLIP = 0.15
"""lies between the gradients' norms, so that some steps are clipped and some are not"""


def options_of(name, schedule="cosine", clip=None, decay=DECAY, precision="float64", **changes):
    mine = dataclasses.replace(
        OPTIMISERS[name][0],
        weight_decay=decay,
        schedule=None if SCHEDULES[schedule] is None else SCHEDULE,
        **changes,
    )
    return Options(batch=BATCH, optimiser=mine, clip=clip, precision=precision, validate_every=5)


def fit(options, seeds=(3,), task=TASK, **more):
    return train(NETWORK, task, list(seeds), Stop(STEPS), options, progress=False, **more)


def batch_of(seed, iteration):
    return TASK.batch([seed], iteration, BATCH).to(torch.float64)


def gradient_of(values, batch):
    """The gradient of the negative log-likelihood a scored bit: one sequence at a time."""
    total, bits = 0.0, 0
    for sample in range(batch.samples):
        inputs, targets, scored = naive.sequence(batch, 0, sample)
        logits = naive.unrolled(NETWORK, lambda name, t: values[name], inputs)[2]
        total, bits = total + naive.nll(logits, targets, scored), bits + float(scored.sum()) * NETWORK.outputs
    return torch.autograd.grad(total / bits, list(values.values()))


def torchs_loop(name, seed=3, schedule="cosine", clip=None, decay=DECAY, before_step=None):
    """The values of one member after every step."""
    values = {n: v[0].double().requires_grad_() for n, v in NETWORK.init([seed]).items()}
    _, make, arguments = OPTIMISERS[name]
    optimiser = make(list(values.values()), weight_decay=decay, **arguments)
    scheduler = None if SCHEDULES[schedule] is None else SCHEDULES[schedule](optimiser)
    found, norms = [], []
    for iteration in range(STEPS):
        gradient = gradient_of(values, batch_of(seed, iteration))
        if before_step is not None:
            before_step(optimiser, gradient, values)
        for value, g in zip(values.values(), gradient, strict=True):
            value.grad = g.clone()
        norms.append(torch.nn.utils.get_total_norm(list(gradient)).item())
        if clip is not None and norms[-1] > clip:
            for value in values.values():
                value.grad *= clip / norms[-1]
        optimiser.step()
        if scheduler is not None:
            scheduler.step()
        found.append({n: v.detach().clone() for n, v in values.items()})
    return found, norms


@pytest.mark.parametrize("clip", [None, CLIP])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMISERS)
def test_training_is_a_loop_of_torch(name, schedule, clip):
    trained = fit(options_of(name, schedule, clip))
    expected, norms = torchs_loop(name, schedule=schedule, clip=clip)
    for parameter, value in expected[-1].items():
        torch.testing.assert_close(trained.parameters[parameter][0], value, rtol=0, atol=1e-10, msg=parameter)
    clipped = np.array(norms) > (np.inf if clip is None else clip)
    assert not clipped.all()
    assert clipped.any() == (clip is not None)
    np.testing.assert_array_equal(trained.curves.clipped.values.reshape(-1), clipped)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_member_alone_is_the_member_with_its_rate_in_an_ensemble(name, precision):
    rates = (3e-2, 1e-2, 5e-2)
    together = fit(options_of(name, clip=CLIP, learning_rate=rates, precision=precision), (3, 5, 8))
    for place, (seed, rate) in enumerate(zip((3, 5, 8), rates, strict=True)):
        alone = fit(options_of(name, clip=CLIP, learning_rate=rate, precision=precision), (seed,))
        tolerance = 1e-12 if precision == "float64" else 1e-5
        for parameter, value in alone.parameters.items():
            torch.testing.assert_close(together.parameters[parameter][place], value[0], rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_run_goes_on_from_a_checkpoint_bit_for_bit(name, tmp_path):
    options, path = options_of(name, clip=CLIP, precision="float32"), tmp_path / "file"
    fields = {field.name: getattr(TASK, field.name) for field in dataclasses.fields(TASK)}
    arguments = {"seeds": (3, 5), "observer": PathIntegral()}
    for at in (5, 9):
        broken = Breaking(**fields, at=at, act=lose_power)
        with pytest.raises(OSError, match="power"):
            fit(options, task=broken, checkpoint=path, checkpoint_every=4, **arguments)
    assert_same(fit(options, checkpoint=path, **arguments), fit(options, **arguments))


@dataclasses.dataclass(frozen=True)
class Predictions(Observer):
    """Keeps the predicted update of every step."""

    found: list = dataclasses.field(default_factory=list)

    def observe(self, state, step):
        self.found.append(step.predicted_update)
        return state


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMISERS)
def test_the_predicted_update_is_the_step_of_a_copy_of_the_optimiser(name, schedule):
    """The copy has the moments and the rate of this step; it sees the gradient of the task, which is not clipped."""
    expected = []

    def predict(optimiser, gradient, values):
        copied, (other, others) = copy.deepcopy(values), copied_optimiser(name, optimiser)
        for mine, value, g in zip(others, copied.values(), gradient, strict=True):
            mine.data, mine.grad = value.detach().clone(), g.clone()
        other.step()
        expected.append({n: mine.detach() - copied[n] for n, mine in zip(copied, others, strict=True)})

    torchs_loop(name, schedule=schedule, clip=CLIP, decay=0.0, before_step=predict)
    observer = Predictions()
    fit(options_of(name, schedule, CLIP, decay=0.0), observer=observer)
    assert len(observer.found) == STEPS
    for one, other in zip(observer.found, expected, strict=True):
        for parameter, value in other.items():
            torch.testing.assert_close(one[parameter][0], value, rtol=0, atol=1e-11, msg=parameter)


def copied_optimiser(name, optimiser):
    """A new optimiser of torch with the state and the rate of another one, and its own parameters."""
    _, make, arguments = OPTIMISERS[name]
    own = [torch.empty_like(value).requires_grad_() for value in optimiser.param_groups[0]["params"]]
    other = make(own, **arguments)
    other.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    return other, own


@pytest.mark.parametrize("clip", [None, CLIP])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_step_asks_for_no_value(name, schedule, clip):
    """Tensors on the device meta have no values to ask for, and refuse to meet tensors of another device."""
    rates = (1e-2, 2e-2)
    options = options_of(name, schedule, clip, precision="float32", learning_rate=rates)
    objective, observer = objective_of(NETWORK, TASK, options, device="meta"), PathIntegral()
    moving = started(objective, observer)
    for iteration in range(2):
        batch = objective.batch(iteration).to(torch.device("meta"))
        after, record = take_step(objective, observer, moving, batch)
        for old, value in zip(moving.tensors(), after.tensors(), strict=True):
            assert (value.device.type, value.shape, value.dtype) == ("meta", old.shape, old.dtype)
        assert {value.device.type for value in vars(record).values()} == {"meta"}
        moving = after
