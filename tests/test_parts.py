"""Parts of one's own: what they do unless they say otherwise, what they need, and where in a step they act."""

import dataclasses
import inspect
from typing import ClassVar, NamedTuple

import numpy as np
import pytest
import torch

from tests.captured import rerun
from tests.gradients import loss_and_gradient, task_gradient
from tests.same import assert_same
from wmcl.methods import (
    Coresets,
    FisherImportance,
    FromScratch,
    GenerativeReplay,
    Hypernetwork,
    Masked,
    MemoryAwareSynapses,
    Method,
    Modulated,
    Multitask,
    OutputPreserving,
    Parametrisation,
    Penalty,
    Quadratic,
    Rehearsal,
    Schedule,
    StateProjection,
    SynapticIntelligence,
    train_sequence,
)
from wmcl.networks import Elman
from wmcl.randomness import generator
from wmcl.tasks import copy_task_sequence
from wmcl.training import SGD, Adam, AdamW, Execution, Observer, Options, Stop, loss
from wmcl.training.loop import begin, take_step
from wmcl.training.loss import clip
from wmcl.training.objective import Objective
from wmcl.training.options import Reason
from wmcl.training.parts import Learner, Offer

TASKS = copy_task_sequence(3, 2, 3, order="permuted width", width=3, validation_samples=16)
NETWORK = Elman(4, 6, 3, heads=3)
FAST = Options(batch=4, optimiser=Adam(5e-3), validate_every=10, orthogonality=0.01, clip=0.3)
EXACT = dataclasses.replace(FAST, precision="float64")


def fit(method=Method(), seeds=(3, 5), options=FAST, stop=Stop(4), **more):  # noqa: B008
    return list(train_sequence(method, NETWORK, TASKS, seeds, stop, options, progress=False, **more))


# ------------------------------------------------------------------------------------------------------- defaults


@dataclasses.dataclass(frozen=True)
class Idle(Penalty):
    """Has a past, and does nothing with it."""

    def start(self, learner, memory, values, task):
        return ()


@dataclasses.dataclass(frozen=True)
class Asleep(Rehearsal):
    """Has a past, and does nothing with it."""

    def start(self, learner, memory, values, task):
        return ()


@dataclasses.dataclass(frozen=True)
class Watching(Penalty):
    """An observer that overrides nothing."""

    @property
    def observer(self):
        return Observer()


@pytest.mark.parametrize(
    "method",
    [
        Method(penalty=Penalty()),
        Method(penalty=Idle()),
        Method(penalty=Watching()),
        Method(rehearsal=Rehearsal()),
        Method(rehearsal=Asleep()),
        Method(Parametrisation(), Idle(), Asleep(), Schedule()),
    ],
    ids=repr,
)
def test_a_part_that_overrides_nothing_changes_nothing(method):
    for one, other in zip(fit(method), fit(), strict=True):
        assert_same(one.values, other.values)
        assert_same(one.curves, other.curves)
        assert one.stored == 0
        assert one.observed == {}


@dataclasses.dataclass(frozen=True)
class PullBack(Penalty):
    """Half the squared distance from where all values were before the task."""

    strength: float | tuple[float, ...] = 0.1

    def start(self, learner, memory, values, task):
        return learner.consolidated(values) if task else None

    def loss(self, past, values, draws):
        squares = [(values[name] - before).square().flatten(1).sum(1) for name, before in past.items()]
        return torch.stack(squares).sum(0) / 2


@pytest.mark.parametrize("parametrisation", [Parametrisation(), Masked(0.5), Modulated()])
def test_a_penalty_of_ones_own_without_strength_is_fine_tuning_bit_for_bit(parametrisation):
    with_it, without = fit(Method(parametrisation, PullBack(0.0))), fit(Method(parametrisation))
    for one, other in zip(with_it, without, strict=True):
        assert_same(one.values, other.values)
        assert_same(one.curves, other.curves)


def test_a_penalty_of_ones_own_has_a_strength_for_each_member():
    strengths = (0.0, 3.0, 100.0)
    together = fit(Method(penalty=PullBack(strengths)), (3, 3, 3), EXACT, Stop(10))
    moved = [(together[2].values["W_hh"] - together[1].values["W_hh"])[member].norm() for member in range(3)]
    assert moved[0] > 1.2 * moved[1] > 1.2 * moved[2] > 0
    for member, strength in enumerate(strengths):
        alone = fit(Method(penalty=PullBack(strength)), (3,), EXACT, Stop(10))
        for name, value in alone[-1].values.items():
            torch.testing.assert_close(together[-1].values[name][member], value[0], rtol=1e-9, atol=1e-11)


@dataclasses.dataclass(frozen=True)
class Practised(Rehearsal):
    """Two strengths, of which none is called strength alone."""

    replay_strength: float | tuple[float, ...] = 1.0
    second_strength: float | tuple[float, ...] = 1.0


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (Method(penalty=PullBack(-1.0)), "^strength is -1.0: it must be at least 0 and finite"),
        (Method(penalty=PullBack(float("nan"))), "^strength is nan: it must be at least 0 and finite"),
        (Method(penalty=PullBack((1.0, 2.0, 3.0))), "^strength has 3 entries for 2 members: give one, or one for each"),
        (Method(penalty=PullBack("big")), "^strength is 'big': it must be a number, or a sequence of one for each"),
        (Method(rehearsal=Practised(-2.0)), "^replay_strength is -2.0: it must be at least 0"),
        (Method(rehearsal=Practised(1.0, (1.0,) * 3)), "^second_strength has 3 entries for 2 members"),
    ],
)
def test_wrong_strengths_of_ones_own_part_are_refused_before_training(method, message):
    with pytest.raises(ValueError, match=message):
        train_sequence(method, NETWORK, TASKS, (3, 5), Stop(1), progress=False)


@dataclasses.dataclass(frozen=True)
class Idle(Penalty):
    """Would never be called, as it has no start."""

    def adjust_update(self, past, update, values, draws):
        return {name: 0 * value for name, value in update.items()}


@dataclasses.dataclass(frozen=True)
class Shared(PullBack):
    """One number for all members."""

    def loss(self, past, values, draws):
        return super().loss(past, values, draws).sum()


def test_a_part_that_would_never_be_called_is_refused():
    with pytest.raises(ValueError, match=r"^Idle has adjust_update but no start: without a past"):
        train_sequence(Method(penalty=Idle()), NETWORK, TASKS, (3, 5), Stop(1), progress=False)


def test_a_loss_that_is_not_one_number_a_member_is_refused():
    with pytest.raises(ValueError, match=r"^loss of Shared has shape \(\): it must be \(2,\)"):
        list(train_sequence(Method(penalty=Shared(1.0)), NETWORK, TASKS, (3, 5), Stop(1), progress=False))


@dataclasses.dataclass(frozen=True)
class Wrong(Adam):
    """An optimiser whose proposals do not fit, or are not finite for the second member."""

    way: str = "nan"

    def propose(self, gradient, state):
        update, state = super().propose(gradient, state)
        return WRONG[self.way](update), state


@dataclasses.dataclass(frozen=True)
class WrongPart(Penalty):
    """A penalty whose adjustments do not fit."""

    way: str = "nan"
    hook: str = "adjust_update"

    def start(self, learner, memory, values, task):
        return ()

    def adjust_update(self, past, update, values, draws):
        return WRONG[self.way](update) if self.hook == "adjust_update" else update

    def adjust_gradient(self, past, gradient, values, draws):
        return WRONG[self.way](gradient) if self.hook == "adjust_gradient" else gradient


WRONG = {
    "nan": lambda update: update | {"b_hh": update["b_hh"] * torch.tensor([[1.0], [torch.nan]])},
    "missing": lambda update: {name: value for name, value in update.items() if name != "b_hh"},
    "another": lambda update: update | {"mine": update["b_hh"]},
    "shape": lambda update: update | {"b_hh": update["b_hh"].sum(1)},
}
SAID = {
    "missing": r"b_hh in the {} is missing: it must be of shape \(2, 6\)",
    "another": r"mine in the {} is \(2, 6\): it must be left out: there is no such value",
    "shape": r"b_hh in the {} is \(2,\): it must be of shape \(2, 6\)",
}


@pytest.mark.parametrize("way", SAID)
def test_updates_and_gradients_that_do_not_fit_the_values_are_refused_by_name(way):
    with pytest.raises(ValueError, match="^" + SAID[way].format("update by propose of Wrong")):
        fit(options=dataclasses.replace(FAST, optimiser=Wrong(way=way)))
    for hook in ("adjust_gradient", "adjust_update"):
        name = f"{hook.removeprefix('adjust_')} by {hook} of WrongPart"
        with pytest.raises(ValueError, match="^" + SAID[way].format(name)):
            fit(Method(penalty=WrongPart(way=way, hook=hook)))


@pytest.mark.parametrize("hook", ["propose", "adjust_gradient", "adjust_update"])
def test_a_member_whose_update_is_not_finite_keeps_its_last_values_and_the_others_go_on(hook):
    optimiser = Wrong() if hook == "propose" else FAST.optimiser
    method = Method() if hook == "propose" else Method(penalty=WrongPart(hook=hook))
    with pytest.warns(RuntimeWarning, match="seed 5 has a non-finite loss, gradient or update at iteration 0"):
        first, *_ = fit(method, options=dataclasses.replace(FAST, optimiser=optimiser))
    assert first.reason == (Reason.iterations, Reason.nonfinite)
    start = NETWORK.init((3, 5))
    for name, value in first.values.items():
        assert value.isfinite().all()
        assert torch.equal(value[1], start[name][1])
        assert not torch.equal(value[0], start[name][0])


class Kept(NamedTuple):
    """Something that is kept."""

    tensor: torch.Tensor
    number: int


@dataclasses.dataclass(frozen=True)
class Record:
    """Something else that is kept."""

    first: torch.Tensor
    more: dict


def test_by_default_all_tensors_of_a_memory_are_counted_however_they_are_nested():
    assert Penalty().stored(None) == Penalty().stored(()) == Penalty().stored({"name": 3}) == 0
    ones = torch.ones
    memory = {
        "a": (ones(2, 3), [ones(2, 4, 5), None]),
        "b": Kept(ones(2, 7), 9),
        "c": Record(ones(2), {"d": ones(2, 6)}),
    }
    for part in (Penalty(), Rehearsal()):
        assert part.stored(memory) == 3 + 20 + 7 + 1 + 6
    sequences = TASKS[0].batch((3, 5), 0, 4)
    assert Rehearsal().stored((sequences,)) == sum(each[0].numel() for each in sequences.tensors()) > 0


# ------------------------------------------------------------------------------------------------------- refusals


@dataclasses.dataclass(frozen=True)
class Needy(Penalty):
    """Needs weights that are generated."""

    needs: ClassVar[frozenset[Offer]] = frozenset({Offer.generated_weights})


@dataclasses.dataclass(frozen=True)
class Greedy(Rehearsal):
    """Needs weights that tasks share, and earlier tasks."""

    needs: ClassVar[frozenset[Offer]] = frozenset({Offer.shared_weights, Offer.earlier_tasks})


@dataclasses.dataclass(frozen=True)
class Modest(Penalty):
    """Needs nothing."""

    needs: ClassVar[frozenset[Offer]] = frozenset()


@dataclasses.dataclass(frozen=True)
class Forward(Modest):
    """Looks ahead."""

    @property
    def lookahead(self):
        return True


@dataclasses.dataclass(frozen=True)
class Observing(Modest):
    """Watches the steps."""

    @property
    def observer(self):
        return Observer()


FISHER, SI = Quadratic(FisherImportance(), 1.0), Quadratic(SynapticIntelligence(), 1.0)
SHARED, GENERATED = "weights that tasks share", "generated weights"
CONTRADICTIONS = [
    *(
        ({"parametrisation": Hypernetwork(), "penalty": penalty}, "penalty", "parametrisation", SHARED, GENERATED)
        for penalty in (FISHER, SI, Quadratic(MemoryAwareSynapses(), 1.0), StateProjection())
    ),
    *(
        ({"parametrisation": shared, "penalty": penalty}, "penalty", "parametrisation", GENERATED, SHARED)
        for shared in (Parametrisation(), Masked(), Modulated())
        for penalty in (OutputPreserving(1.0), Needy())
    ),
    ({"parametrisation": Hypernetwork(), "rehearsal": Greedy()}, "rehearsal", "parametrisation", SHARED, GENERATED),
    *(
        ({name: part, "schedule": schedule}, name, "schedule", "earlier tasks", "")
        for schedule in (FromScratch(), Multitask())
        for name, part in (
            ("penalty", FISHER),
            ("penalty", StateProjection()),
            ("penalty", PullBack()),
            ("rehearsal", Coresets()),
            ("rehearsal", GenerativeReplay()),
            ("rehearsal", Greedy()),
        )
    ),
    (
        {"parametrisation": Hypernetwork(), "penalty": OutputPreserving(1.0), "schedule": Multitask()},
        "penalty",
        "schedule",
        "earlier tasks",
        "",
    ),
]


@pytest.mark.parametrize(("parts", "name", "other", "missing", "instead"), CONTRADICTIONS)
def test_what_no_other_part_offers_is_refused_by_name(parts, name, other, missing, instead):
    method = {"parametrisation": Parametrisation()} | parts
    part, without = type(parts[name]).__name__, type(method[other]).__name__
    only = f", only {instead}" if instead else ""
    sentence = (
        f"{name} is {part} with the {other} {without}: it needs {missing}, which {without} does not offer{only};"
        f" leave the {name} out, or exchange one of the two"
    )
    with pytest.raises(ValueError) as raised:  # noqa: PT011 (the whole message is compared)
        Method(**parts)
    assert str(raised.value) == sentence
    Method(**{key: value for key, value in parts.items() if key != name})  # each is fine without the other
    if other != "parametrisation":
        Method(**{key: value for key, value in parts.items() if key != other})


@pytest.mark.parametrize(
    ("penalty", "missing"),
    [
        (FISHER, "sequences of the task"),
        (SI, "sequences of the task"),
        (StateProjection(), "sequences of the task"),
        (Forward(), "steps that it can watch or look ahead of"),
        (Observing(), "steps that it can watch or look ahead of"),
    ],
)
def test_what_a_decoder_cannot_offer_is_refused(penalty, missing):
    sentence = (
        f"decoder_penalty is {type(penalty).__name__} with the rehearsal GenerativeReplay: it needs {missing},"
        " which GenerativeReplay does not offer; leave the decoder_penalty out, or exchange one of the two"
    )
    with pytest.raises(ValueError, match=sentence):
        GenerativeReplay(decoder_penalty=penalty)
    Method(penalty=penalty)  # all of them are fine where sequences and steps are


def test_a_decoder_needs_a_parametrisation_that_its_penalty_can_hold():
    with pytest.raises(
        ValueError, match="decoder_penalty is OutputPreserving with the parametrisation Parametrisation:"
    ):
        GenerativeReplay(decoder_penalty=OutputPreserving(1.0))
    ahead = OutputPreserving(1.0, look_ahead=True)
    with pytest.raises(ValueError, match=r"decoder_penalty is OutputPreserving with .*: it needs steps that it can"):
        GenerativeReplay(decoder_parametrisation=Hypernetwork(), decoder_penalty=ahead)
    GenerativeReplay(decoder_parametrisation=Hypernetwork(), decoder_penalty=OutputPreserving(1.0))


def test_who_needs_nothing_goes_with_everything():
    for parametrisation in (Parametrisation(), Masked(), Hypernetwork()):
        for schedule in (Schedule(), FromScratch(), Multitask()):
            Method(parametrisation, Forward(), None, schedule)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"penalty": PullBack}, "penalty is <class .*PullBack'>: it must be an instance of a Penalty, such as"),
        ({"penalty": Practised()}, r"penalty is Practised\(.*\): it must be an instance of a Penalty"),
        ({"rehearsal": PullBack()}, r"rehearsal is PullBack\(.*\): it must be an instance of a Rehearsal"),
        ({"rehearsal": Coresets}, "rehearsal is <class .*Coresets'>: it must be an instance of a Rehearsal"),
        ({"parametrisation": Schedule()}, r"parametrisation is Schedule\(\): it must be an instance of a Param"),
        ({"parametrisation": None}, "parametrisation is None: it must be an instance of a Parametrisation"),
        ({"schedule": Multitask}, "schedule is <class .*Multitask'>: it must be an instance of a Schedule"),
        ({"schedule": None}, "schedule is None: it must be an instance of a Schedule"),
    ],
)
def test_a_part_in_the_wrong_place_is_refused(parts, message):
    method = object.__new__(Method)
    for name, part in (vars(Method()) | parts).items():
        object.__setattr__(method, name, part)
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(Method.__post_init__)(method)


# -------------------------------------------------------------------------------------- adjustments of a training step


@dataclasses.dataclass(frozen=True)
class Adjusting(PullBack):
    """Leaves W_ih alone; triples all else in the gradient, and halves it in the update, with some noise."""

    def draw(self, learner, past, task, iteration, batch):
        noise = [generator(seed, f"noise in task {task}", iteration).standard_normal() for seed in learner.seeds]
        return {"noise": torch.from_numpy(1e-3 * np.stack(noise))}

    def adjust_gradient(self, past, gradient, values, draws):
        return {n: 0 * g if n == "W_ih" else 3 * g + 0.1 * values[n] for n, g in gradient.items()}

    def adjust_update(self, past, update, values, draws):
        noise = draws["noise"]
        return {n: u / 2 + noise.view(-1, *[1] * (u.ndim - 1)).to(u.dtype) for n, u in update.items()}


@dataclasses.dataclass(frozen=True)
class Sums(Observer):
    """Sums of what is seen of a step."""

    def start(self, parameters):
        zero = {name: torch.zeros_like(value) for name, value in parameters.items()}
        return {f"{what} {name}": value for what in ("predicted", "proposed", "moved") for name, value in zero.items()}

    def observe(self, state, step):
        seen = {
            "predicted": step.predicted_update,
            "proposed": step.proposed,
            "moved": {name: value - step.before[name] for name, value in step.after.items()},
        }
        return {key: value + seen[key.split(" ")[0]][key.split(" ")[1]] for key, value in state.items()}


@dataclasses.dataclass(frozen=True)
class Watched(Adjusting):
    """The same, watched."""

    @property
    def observer(self):
        return Sums()


@pytest.mark.parametrize("maximum", [0.3, None])
@pytest.mark.parametrize(
    "optimiser", [Adam(5e-3, weight_decay=0.1), AdamW(5e-3, weight_decay=0.5), SGD(0.05, momentum=0.9)], ids=repr
)
def test_adjustments_act_once_and_in_their_place(optimiser, maximum):
    """The gradient after penalties and before clipping; the update after optimiser and weight decay."""
    options = dataclasses.replace(EXACT, optimiser=optimiser, clip=maximum)
    learned = fit(Method(penalty=Watched(0.7)), options=options)
    values = {name: value.double() for name, value in NETWORK.init([3, 5]).items()}
    part = Adjusting()
    for number, after in enumerate(learned):
        task, answering, anchor, state = TASKS[number], NETWORK.answering(number), values, optimiser.start(values)
        sums = {name: torch.zeros_like(value) for name, value in values.items()}
        seen = {"predicted": dict(sums), "proposed": dict(sums), "moved": dict(sums)}
        for iteration in range(4):
            batch = task.batch([3, 5], iteration, 4).to(torch.float64)
            alone = task_gradient(answering, task.likelihood, values, batch)[1]
            total = loss_and_gradient(answering, task.likelihood, values, batch, "scored bit", 0.01)[1]
            if number:
                total = {n: g + 0.7 * (values[n] - anchor[n]) for n, g in total.items()}
                total = {n: 0 * g if n == "W_ih" else 3 * g + 0.1 * values[n] for n, g in total.items()}
            total = optimiser.decayed(clip(total, maximum)[0], values)
            proposed, following = optimiser.propose(total, state)
            update = optimiser.shrink(proposed, values, state)
            if number:
                noise = part.draw(after.learner, anchor, number, iteration, batch)["noise"]
                update = {n: u / 2 + noise.view(-1, *[1] * (u.ndim - 1)) for n, u in update.items()}
            predicted = optimiser.propose(alone, state)[0]
            for what, of_step in (("predicted", predicted), ("proposed", proposed), ("moved", update)):
                seen[what] = {n: value + of_step[n] for n, value in seen[what].items()}
            values, state = {n: value + update[n] for n, value in values.items()}, following
        for name, value in after.values.items():
            torch.testing.assert_close(value, values[name], rtol=1e-7, atol=1e-9, msg=name)
            for what, sums in seen.items():
                torch.testing.assert_close(
                    after.observed[f"{what} {name}"], sums[name], rtol=1e-6, atol=1e-9, msg=f"{what} {name}"
                )
        values = after.values


@dataclasses.dataclass(frozen=True)
class Frozen(Penalty):
    """Lets nothing move, and is watched."""

    def start(self, learner, memory, values, task):
        return ()

    @property
    def observer(self):
        return Sums()

    def adjust_update(self, past, update, values, draws):
        return {name: torch.zeros_like(value) for name, value in update.items()}


def test_the_predicted_update_is_that_of_the_optimiser_where_nothing_but_the_update_was_adjusted():
    options = dataclasses.replace(EXACT, orthogonality=0.0, clip=None, optimiser=SGD(0.1))
    (after, *_) = fit(Method(penalty=Frozen()), options=options, stop=Stop(1))
    start = {name: value.double() for name, value in NETWORK.init([3, 5]).items()}
    assert_same(after.values, start)
    batch = TASKS[0].batch([3, 5], 0, 4).to(torch.float64)
    gradient = task_gradient(NETWORK.answering(0), TASKS[0].likelihood, start, batch)[1]
    for name, slope in gradient.items():
        for what in ("predicted", "proposed"):
            torch.testing.assert_close(after.observed[f"{what} {name}"], -0.1 * slope, rtol=1e-9, atol=1e-12)
        assert not after.observed[f"moved {name}"].any()


@dataclasses.dataclass(frozen=True)
class Scaling(Penalty):
    """Multiplies gradient and update."""

    gradient: float = 1.0
    update: float = 1.0

    def start(self, learner, memory, values, task):
        return ()

    def adjust_gradient(self, past, gradient, values, draws):
        return {name: self.gradient * value for name, value in gradient.items()}

    def adjust_update(self, past, update, values, draws):
        return {name: self.update * value for name, value in update.items()}


@dataclasses.dataclass(frozen=True)
class ScalingRehearsal(Rehearsal):
    """Does so while it rehearses."""

    gradient: float = 1.0
    update: float = 1.0
    start, adjust_gradient, adjust_update = Scaling.start, Scaling.adjust_gradient, Scaling.adjust_update


@pytest.mark.parametrize("optimiser", [SGD(0.05), Adam(5e-3)])
def test_penalty_and_rehearsal_both_adjust_each_once(optimiser):
    """Powers of two, so that all is exact."""
    options = dataclasses.replace(FAST, optimiser=optimiser)
    both = fit(Method(penalty=Scaling(2.0, 0.5), rehearsal=ScalingRehearsal(4.0, 0.25)), options=options)
    for method in (Method(penalty=Scaling(8.0, 0.125)), Method(rehearsal=ScalingRehearsal(8.0, 0.125))):
        assert_same(both[-1].values, fit(method, options=options)[-1].values)
    assert (both[-1].values["W_hh"] - fit(options=options)[-1].values["W_hh"]).abs().max() > 1e-4


def test_members_are_adjusted_apart():
    together = fit(Method(penalty=Adjusting((0.7, 0.0, 2.0))), (3, 5, 3), EXACT)
    for member, (seed, strength) in enumerate(((3, 0.7), (5, 0.0), (3, 2.0))):
        alone = fit(Method(penalty=Adjusting(strength)), (seed,), EXACT)[-1].values
        for name, value in alone.items():
            torch.testing.assert_close(together[-1].values[name][member], value[0], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("penalty", [Adjusting(0.7), StateProjection(samples=2)])
def test_a_captured_step_with_adjustments_is_the_step(penalty, monkeypatch):
    eager = fit(Method(penalty=penalty))
    monkeypatch.setattr(loss, "is_free_to_read", lambda values: False)
    captured = fit(Method(penalty=penalty), execution=Execution(capture=rerun, ahead=2))
    for one, other in zip(eager, captured, strict=True):
        assert_same(one.values, other.values)


@pytest.mark.parametrize("penalty", [Adjusting(0.7), StateProjection(samples=2)])
def test_a_step_with_adjustments_asks_for_no_value(penalty):
    """Tensors on the device meta have none."""
    values = {name: value.to("meta") for name, value in NETWORK.init([3, 5]).items()}
    learner = Learner(NETWORK, Parametrisation(), tuple(TASKS), (3, 5), FAST, {}, "meta")
    square = torch.zeros(2, 6, 6, dtype=torch.float64, device="meta")
    past = penalty.start(learner, {"W_hh": square}, values, 1)
    objective = Objective(learner, (1,), penalty, past)
    moving = begin(objective, values, Stop(4)).moving
    moving, record = take_step(objective, None, moving, objective.batch(0).to(torch.device("meta")))
    for value in (*moving.tensors(), *vars(record).values()):
        assert value.device.type == "meta"
