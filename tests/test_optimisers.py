"""Every optimiser and schedule gives the numbers of its counterpart in torch, and asks for no value of a tensor."""

import dataclasses

import pytest
import torch
from torch.optim import lr_scheduler

from tests.same import assert_same
from wmcl.training.optimisers import SGD, Adam, AdamW, Cosine, Optimiser, StepDecay, Warmup

STEPS = 50
RATES = (3e-3, 2e-2)
SHAPES = {"W_hh": (2, 3, 4), "b_hh": (2, 3)}
COUNTERPARTS = {
    "Adam": (Adam(), torch.optim.Adam, {}),
    "Adam, other betas": (
        Adam(betas=(0.8, 0.95), epsilon=1e-3),
        torch.optim.Adam,
        {"betas": (0.8, 0.95), "eps": 1e-3},
    ),
    "AdamW": (AdamW(), torch.optim.AdamW, {}),
    "SGD": (SGD(), torch.optim.SGD, {}),
    "SGD, momentum": (SGD(momentum=0.9), torch.optim.SGD, {"momentum": 0.9}),
    "SGD, Nesterov": (
        SGD(momentum=0.9, nesterov=True),
        torch.optim.SGD,
        {"momentum": 0.9, "nesterov": True},
    ),
}
SCHEDULES = {
    "warm-up": (Warmup(20), lambda o: lr_scheduler.LinearLR(o, total_iters=20)),
    "warm-up, another start": (Warmup(7, start=0.1), lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=7)),
    "cosine": (Cosine(STEPS), lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
    "cosine, another end": (
        Cosine(STEPS, end=0.2),
        lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=0.2 * o.param_groups[0]["lr"]),
    ),
    "cosine after a warm-up": (
        Cosine(60, warmup=10, start=0.25),
        lambda o: lr_scheduler.SequentialLR(
            o,
            [lr_scheduler.LinearLR(o, 0.25, total_iters=10), lr_scheduler.CosineAnnealingLR(o, 50)],
            [10],
        ),
    ),
    "steps": (StepDecay(15), lambda o: lr_scheduler.StepLR(o, 15)),
    "steps, another factor": (StepDecay(1, gamma=0.9), lambda o: lr_scheduler.StepLR(o, 1, 0.9)),
}


def drawn(seed, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=g, dtype=dtype) for name, shape in SHAPES.items()}


def steps_of(optimiser, parameters, gradients):
    """The parameters after each step."""
    state, found = optimiser.start(parameters), []
    for gradient in gradients:
        update, after = optimiser.propose(optimiser.decayed(gradient, parameters), state)
        update = optimiser.shrink(update, parameters, state)
        parameters, state = {name: value + update[name] for name, value in parameters.items()}, after
        found.append(parameters)
    assert state.steps == len(found)
    return found


def torchs_steps(make, parameters, gradients, scheduler=None):
    """The parameters of a single member after each step of an optimiser of torch."""
    theirs = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    optimiser, found = make(theirs.values()), []
    schedule = None if scheduler is None else scheduler(optimiser)
    for gradient in gradients:
        for name, value in theirs.items():
            value.grad = gradient[name].clone()
        optimiser.step()
        if schedule is not None:
            schedule.step()
        found.append({name: value.detach().clone() for name, value in theirs.items()})
    return found


def member(values, place):
    return {name: value[place] for name, value in values.items()}


def assert_torchs(mine, make, scheduler=None):
    """An ensemble makes the steps of one optimiser of torch for each member, at the member's learning rate."""
    parameters, gradients = drawn(0), [drawn(1 + step) for step in range(STEPS)]
    found = steps_of(mine, parameters, gradients)
    for place, rate in enumerate(mine.rates(2)):
        own = [member(gradient, place) for gradient in gradients]
        expected = torchs_steps(lambda values, lr=rate: make(values, lr=lr), member(parameters, place), own, scheduler)
        for one, other in zip(found, expected, strict=True):
            for name, value in other.items():
                torch.testing.assert_close(one[name][place], value, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rates", [5e-3, RATES, torch.tensor(RATES)], ids=["one", "each its own", "tensor"])
@pytest.mark.parametrize("decay", [None, 0.0, 0.3])
@pytest.mark.parametrize("name", COUNTERPARTS)
def test_an_optimiser_is_that_of_torch(name, decay, rates):
    """With ``None`` both keep their default weight decay."""
    mine, theirs, arguments = COUNTERPARTS[name]
    more = {} if decay is None else {"weight_decay": decay}
    mine = dataclasses.replace(mine, learning_rate=rates, **more)
    assert_torchs(mine, lambda values, lr: theirs(values, lr=lr, **arguments, **more))
    assert_torchs(mine.on("cpu"), lambda values, lr: theirs(values, lr=lr, **arguments, **more))


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("optimiser", ["Adam", "AdamW", "SGD, momentum"])
def test_a_schedule_is_that_of_torch(optimiser, name):
    mine, theirs, arguments = COUNTERPARTS[optimiser]
    schedule, scheduler = SCHEDULES[name]
    mine = dataclasses.replace(mine, learning_rate=RATES, schedule=schedule, weight_decay=0.1)

    def make(values, lr):
        return theirs(values, lr=lr, weight_decay=0.1, **arguments)

    assert_torchs(mine, make, scheduler)


def test_a_cosine_stays_at_its_end():
    found = [Cosine(10, warmup=2, end=0.2).factor(torch.tensor(steps)).item() for steps in range(30)]
    assert found[:3] == pytest.approx([1 / 3, 2 / 3, 1])
    assert found[6] == pytest.approx(0.6)
    assert found[10:] == pytest.approx([0.2] * 20)


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_members_are_independent(name):
    mine = dataclasses.replace(COUNTERPARTS[name][0], learning_rate=RATES, weight_decay=0.1, schedule=Cosine(40, 5))
    parameters, gradients = drawn(0), [drawn(1 + step) for step in range(9)]
    both = steps_of(mine, parameters, gradients)
    for place in (0, 1):
        alone = mine.of_members([place])
        assert alone.rates() == (RATES[place],)
        slices = [{name: value[[place]] for name, value in values.items()} for values in (parameters, *gradients)]
        for one, all in zip(steps_of(alone, slices[0], slices[1:]), both, strict=True):
            assert_same(one, {name: value[[place]] for name, value in all.items()})


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_a_proposal_changes_nothing(name):
    mine = dataclasses.replace(COUNTERPARTS[name][0], weight_decay=0.1, schedule=Warmup(3))
    parameters, gradient = drawn(0), drawn(1)
    state = mine.propose(drawn(2), mine.start(parameters))[1]

    def copied(values):
        return {name: value.clone() for name, value in values.items()}

    before = copied(parameters), copied(gradient), {name: copied(each) for name, each in state.moments.items()}
    steps = state.steps.clone()
    first, second = (mine.propose(mine.decayed(gradient, parameters), state) for _ in range(2))
    shrunk = mine.shrink(first[0], parameters, state)
    assert_same(first, second)
    assert shrunk is first[0] or mine.decouples_weight_decay
    assert_same((parameters, gradient, state.moments), before)
    assert torch.equal(state.steps, steps)


@pytest.mark.parametrize("schedule", [None, *(schedule for schedule, _ in SCHEDULES.values())])
@pytest.mark.parametrize("name", COUNTERPARTS)
def test_a_step_never_asks_for_a_value_and_stays_on_its_device(name, schedule):
    """Tensors on the device meta have no values to ask for, and refuse to meet tensors of another device."""
    mine = dataclasses.replace(COUNTERPARTS[name][0], learning_rate=RATES, weight_decay=0.1, schedule=schedule)
    there = mine.on("meta")
    parameters, gradient = ({name: value.to("meta") for name, value in drawn(seed).items()} for seed in (0, 1))
    state = there.start(parameters)
    update, after = there.propose(there.decayed(gradient, parameters), state)
    update = there.shrink(update, parameters, state)
    for values in (update, *after.moments.values()):
        assert {name: (x.device.type, tuple(x.shape), x.dtype) for name, x in values.items()} == {
            name: ("meta", shape, torch.float64) for name, shape in SHAPES.items()
        }
    assert (after.steps.device.type, after.steps.dtype, after.steps.shape) == ("meta", torch.int64, ())


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_where_there_is_no_decay_nothing_is_computed(name):
    mine = dataclasses.replace(COUNTERPARTS[name][0], weight_decay=0.0)
    parameters, gradient = drawn(0), drawn(1)
    assert mine.decayed(gradient, parameters) is gradient
    assert mine.shrink(gradient, parameters, mine.start(parameters)) is gradient


@pytest.mark.parametrize("schedule", [Warmup(9), Cosine(9, 2), StepDecay(2)])
def test_parameters_of_single_precision_stay_so(schedule):
    parameters = drawn(0, torch.float32)
    for mine in (Adam(schedule=schedule), AdamW(schedule=schedule), SGD(schedule=schedule, momentum=0.5)):
        for values in steps_of(mine, parameters, [drawn(1, torch.float32)] * 2):
            assert {value.dtype for value in values.values()} == {torch.float32}


def test_rates_and_members():
    assert Adam(0.5).rates() == (0.5,)
    assert Adam(0.5).rates(3) == (0.5, 0.5, 0.5)
    assert Adam(RATES).rates(2) == Adam(RATES).on("cpu").rates() == RATES
    with pytest.raises(ValueError, match="learning_rate has 2 entries for 3 members: give one, or one for each member"):
        Adam(RATES).rates(3)
    assert Adam(0.5).of_members([1]) == Adam(0.5)
    assert SGD((0.1, 0.2, 0.3), momentum=0.5).of_members([2, 0]) == SGD((0.3, 0.1), momentum=0.5)
    assert Adam((0.1, 0.2, 0.3)).on("cpu").of_members(range(1, 3)).rates() == (0.2, 0.3)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Adam(-1.0), "learning_rate is -1.0: it must be positive and finite"),
        (lambda: Adam((0.1, float("nan"))), r"learning_rate is \(0.1, nan\): it must be positive and finite"),
        (lambda: Adam(()), r"learning_rate is \(\): it must be positive and finite"),
        (lambda: SGD(torch.tensor([0.1, 0.0])), "learning_rate is tensor.*: it must be positive and finite"),
        (
            lambda: SGD(torch.ones(2, 2)),
            r"learning_rate has shape \(2, 2\): it must be one number, or one for each member",
        ),
        (lambda: AdamW(weight_decay=-0.1), "weight_decay is -0.1: it must be at least 0 and finite"),
        (lambda: SGD(weight_decay=float("inf")), "weight_decay is inf: it must be at least 0 and finite"),
        (lambda: Adam(betas=(0.9, 1.0)), r"betas is \(0.9, 1.0\): both must be at least 0 and below 1"),
        (lambda: Adam(epsilon=-1e-8), "epsilon is -1e-08: it must be at least 0 and finite"),
        (lambda: SGD(momentum=1.0), "momentum is 1.0: it must be at least 0 and below 1"),
        (lambda: SGD(nesterov=True), "nesterov is True and momentum is 0.0: Nesterov's steps need a momentum above 0"),
        (lambda: Warmup(0), "steps is 0: it must be at least 1"),
        (lambda: Warmup(3, start=0.0), "start is 0.0: it must be above 0 and at most 1"),
        (lambda: Cosine(0), "steps is 0: it must be at least 1"),
        (lambda: Cosine(9, warmup=-1), "warmup is -1: it must be at least 0"),
        (lambda: Cosine(9, warmup=9), "warmup is 9: it must be below steps, which is 9"),
        (lambda: Cosine(9, end=1.5), "end is 1.5: it must lie between 0 and 1"),
        (lambda: Cosine(9, 2, start=2.0), "start is 2.0: it must be above 0 and at most 1"),
        (lambda: StepDecay(0), "every is 0: it must be at least 1"),
        (lambda: StepDecay(5, gamma=0.0), "gamma is 0.0: it must be above 0 and at most 1"),
    ],
)
def test_wrong_values_are_refused(make, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        make()


def test_the_base_class_is_no_optimiser():
    with pytest.raises(TypeError, match="abstract"):
        Optimiser()
