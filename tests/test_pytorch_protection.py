"""Methods in a loop of one's own end where those of the catalogue end; path integrals are sums over steps."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tests.torch_models import case
from wmcl.methods import Method, Quadratic, named, train_sequence
from wmcl.methods.importances import FisherImportance, MemoryAwareSynapses, SynapticIntelligence
from wmcl.networks import Elman, to_torch
from wmcl.pytorch import EWC, MAS, SI, OnlineEWC, PathIntegral
from wmcl.randomness import generator
from wmcl.tasks import copy_task_sequence
from wmcl.training import Adam, Options, Stop

TASKS = copy_task_sequence(3, 2, 3, order="permuted width", width=3, validation_samples=16)
NETWORK = Elman(4, 6, 3)
SEED, STEPS, SAMPLES = 5, 12, 10
OPTIONS = Options(batch=8, optimiser=Adam(2e-2), clip=None, precision="float64")
FISHER = FisherImportance("exact", samples=SAMPLES)
ROWS = {
    "online EWC": (Quadratic(FISHER, 3.0, decay=0.6), lambda m, o: OnlineEWC(m, 3.0, "bernoulli", "exact", decay=0.6)),
    "EWC": (Quadratic(FISHER, 3.0, per_task=True), lambda m, o: EWC(m, 3.0, "bernoulli", "exact")),
    "MAS": (Quadratic(MemoryAwareSynapses(samples=SAMPLES), 0.3), lambda m, o: MAS(m, 0.3)),
    "SI": (Quadratic(SynapticIntelligence(), 5.0), lambda m, o: SI(m, o, 5.0)),
    "SI, whole gradient": (
        Quadratic(SynapticIntelligence(kind="total"), 5.0),
        lambda m, o: SI(m, o, 5.0, kind="total"),
    ),
}


def batch_of(sequences):
    """Inputs, targets and the mask of scored steps, batch first."""
    found = sequences.to(torch.float64)
    inputs, targets, scored = (each[0].transpose(0, 1) for each in (found.inputs, found.targets, found.scored))
    return inputs, targets, scored > 0


def own_loop(make, tasks=TASKS, parts=1, scaler=None):
    """What a user of PyTorch would write, on the data that the catalogue's run has."""
    model = to_torch(NETWORK, NETWORK.init([SEED])).double()  # a run in float64 begins with the numbers of float32
    optimiser = torch.optim.Adam(model.parameters(), 2e-2)
    protection = make(model, optimiser)
    for number, task in enumerate(tasks):
        optimiser.state.clear()  # every session of the catalogue begins with a new optimiser
        for iteration in range(STEPS):
            inputs, targets, mask = batch_of(task.batch([SEED], iteration, OPTIONS.batch))
            optimiser.zero_grad()
            for share in range(parts):
                rows = slice(share, None, parts)
                logits = model(inputs[rows])[mask[rows]]
                loss = nn.functional.binary_cross_entropy_with_logits(logits, targets[rows][mask[rows]])
                total = (loss + protection.penalty()) / parts
                (total if scaler is None else scaler.scale(total)).backward()
            if isinstance(protection, SI):
                with protection.observe(scaler):
                    optimiser.step() if scaler is None else scaler.step(optimiser)
            else:
                optimiser.step() if scaler is None else scaler.step(optimiser)
            if scaler is not None:
                scaler.update()
        data = task.draw([generator(SEED, "importance", number)], SAMPLES)
        more = {"seed": int(generator(SEED, "importance targets", number).integers(2**63))}
        more = more if isinstance(protection, OnlineEWC) else {}
        protection.consolidate(batch_of(data), **more)
    return model


def difference(model, other):
    return max(float((value - other[name]).abs().max()) for name, value in model.state_dict().items())


@pytest.fixture(scope="module")
def catalogue():
    """The networks at the end of the catalogue's runs, as modules."""
    found = {}
    for name, (penalty, _) in ROWS.items():
        method = Method(penalty=penalty)
        *_, last = train_sequence(method, NETWORK, TASKS, [SEED], Stop(STEPS), OPTIONS, progress=False)
        found[name] = to_torch(NETWORK, last.values).state_dict()
    return found


@pytest.mark.parametrize("name", ROWS)
def test_a_loop_of_ones_own_ends_where_the_catalogue_ends(name, catalogue):
    model = own_loop(ROWS[name][1])
    assert difference(model, catalogue[name]) < 1e-9
    assert difference(model, catalogue["MAS" if name != "MAS" else "EWC"]) > 1e-4


def test_the_rows_are_those_of_the_catalogue():
    assert named("SI", strength=5.0).penalty == ROWS["SI"][0]
    assert named("EWC", strength=3.0).penalty.per_task


@pytest.mark.parametrize("name", ["SI", "online EWC"])
def test_accumulated_and_scaled_gradients_end_there_too(name, catalogue):
    """Two halves of a batch with as many scored steps each; and a scaler, which on a CPU works as on a GPU."""
    assert difference(own_loop(ROWS[name][1], parts=2), catalogue[name]) < 1e-9
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    assert difference(own_loop(ROWS[name][1], scaler=scaler), catalogue[name]) < 1e-9


@pytest.mark.parametrize("name", ["online EWC", "EWC", "MAS", "SI"])
def test_a_state_goes_on_where_it_was_kept(name, tmp_path):
    make = ROWS[name][1]

    def run(break_after=None):
        model = to_torch(NETWORK, NETWORK.init([SEED], torch.float64))
        optimiser = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
        protection = make(model, optimiser)
        for number, task in enumerate(TASKS):
            for iteration in range(4):
                if (number, iteration) == break_after:
                    torch.save((model.state_dict(), optimiser.state_dict(), protection.state_dict()), tmp_path / "x")
                    states = torch.load(tmp_path / "x", weights_only=True)
                    model = to_torch(NETWORK, NETWORK.init([SEED + 1], torch.float64))
                    optimiser = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
                    protection = make(model, optimiser)
                    for what, state in zip((model, optimiser, protection), states, strict=True):
                        what.load_state_dict(state)
                inputs, targets, _ = batch_of(task.batch([SEED], iteration, 6))
                optimiser.zero_grad()
                (model(inputs).sigmoid() - targets).square().mean().add(protection.penalty()).backward()
                with protection.observe() if name == "SI" else torch.enable_grad():
                    optimiser.step()
            protection.consolidate(batch_of(task.draw([generator(1, "x", number)], 5)))
        return model

    assert difference(run((1, 2)), run().state_dict()) == 0


def test_si_takes_the_penalty_out_whenever_it_was_received():
    """A backward pass inside of the block, several steps in one block, and gradients that are thrown away."""

    def run(how):
        torch.manual_seed(0)
        model = nn.Linear(3, 2).double()
        optimiser = torch.optim.SGD(model.parameters(), 0.1)
        si = SI(model, optimiser, 3.0)
        inputs = torch.randn(8, 3, dtype=torch.float64)

        def backward():
            optimiser.zero_grad()
            (model(inputs).square().mean() + si.penalty()).backward()

        for task in range(2):
            if how == "one block":
                with si.observe():
                    for _ in range(3):
                        backward()
                        optimiser.step()
            else:
                for _ in range(3):
                    if how == "thrown away":
                        backward()
                    if how != "inside":
                        backward()
                    with si.observe():
                        if how == "inside":
                            backward()
                        optimiser.step()
            if not task:
                si.consolidate()
        return si.path.omega["weight"]

    for how in ("one block", "inside", "thrown away"):
        torch.testing.assert_close(run(how), run("plain"))


def test_a_state_does_not_change_when_training_goes_on():
    model = nn.Linear(3, 2)
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    si = SI(model, optimiser, 1.0)
    state = si.state_dict()
    model(torch.ones(1, 3)).sum().backward()
    with si.observe():
        optimiser.step()
    assert not state["omega"]["weight"].any()
    si.load_state_dict(state)
    assert not si.path.omega["weight"].any()
    ewc = EWC(model, 1.0, "categorical")
    for _ in range(2):
        ewc.consolidate((torch.randn(4, 3), torch.zeros(4).long()))
    with pytest.raises(ValueError, match="state has 2 terms, one a task: OnlineEWC has one for all"):
        OnlineEWC(model, 1.0, "categorical").load_state_dict(ewc.state_dict())
    with pytest.raises(ValueError, match="state has no path integral"):
        si.load_state_dict(MAS(model, 1.0).state_dict())


def test_a_state_of_another_model_is_refused():
    one, other = (OnlineEWC(nn.Linear(n, 2), 1.0, "categorical") for n in (3, 4))
    one.consolidate((torch.randn(5, 3), torch.zeros(5, dtype=torch.long)))
    with pytest.raises(ValueError, match=r"state has weight of shape \(2, 3\): the model has \(2, 4\)"):
        other.load_state_dict(one.state_dict())
    with pytest.raises(ValueError, match="state is of the type int"):
        other.load_state_dict(5)


def test_si_protects_what_is_added_later():
    model = nn.Sequential(nn.Linear(3, 4))
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    si = SI(model, optimiser, 1.0)
    for _ in range(2):
        for _ in range(2):
            optimiser.zero_grad()
            (model(torch.ones(2, 3)).square().sum() + si.penalty()).backward()
            with si.observe():
                optimiser.step()
        si.consolidate()
        head = nn.Linear(4, 2)
        if len(model) == 1:
            model.append(head)
            optimiser.add_param_group({"params": head.parameters()})
    assert set(si.terms[0][0]) == {"0.weight", "0.bias", "1.weight", "1.bias"}
    assert float(si.terms[0][0]["1.weight"].sum()) > 0


def test_heads_that_come_later_are_protected_from_then_on_and_changed_ones_are_refused():
    model = nn.Sequential(nn.Linear(3, 4))
    mas = MAS(model, 1.0)
    mas.consolidate(torch.randn(6, 3))
    model.append(nn.Linear(4, 2))
    mas.consolidate(torch.randn(6, 3))
    assert set(mas.terms[0][0]) == {"0.weight", "0.bias", "1.weight", "1.bias"}
    model[1] = nn.Linear(4, 5)
    with pytest.raises(ValueError, match=r"1.weight of the model is \(5, 4\): it must be of shape \(2, 4\)"):
        mas.penalty()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m, o: OnlineEWC(m, -1.0, "categorical"), "strength is -1.0"),
        (lambda m, o: OnlineEWC(m, "1", "categorical"), "strength is '1': it must be a number"),
        (lambda m, o: OnlineEWC(m, 1.0, "poisson"), "likelihood is 'poisson'"),
        (lambda m, o: EWC(m, 1.0, "categorical", "true"), "kind is 'true'"),
        (lambda m, o: SI(m, o, 1.0).consolidate(), "SI has watched no step since the last task"),
        (lambda m, o: OnlineEWC(m, 1.0, "categorical", decay=2.0), "decay is 2.0"),
        (lambda m, o: SI(m, o, 1.0, damping=0.0), "damping is 0.0"),
        (lambda m, o: SI(m, o, 1.0, kind="some"), "kind is 'some'"),
        (lambda m, o: SI(m, "Adam", 1.0), "optimiser is of the type str"),
        (lambda m, o: SI(nn.Linear(2, 2), o, 1.0), "optimiser does not train weight of the model"),
        (lambda m, o: MAS(o, 1.0), "model is of the type SGD"),
    ],
)
def test_senseless_arguments_are_refused(make, message):
    model = nn.Linear(3, 2)
    with pytest.raises(ValueError, match=message):
        make(model, torch.optim.SGD(model.parameters(), 0.1))


# ------------------------------------------------------------------------------------------------------ path integrals

OPTIMISERS = {
    "SGD": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "Adam": lambda p: torch.optim.Adam(p, 0.01),
    "AdamW": lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1),
    "RMSprop": lambda p: torch.optim.RMSprop(p, 0.01),
    "groups": lambda p: torch.optim.SGD([{"params": [p[0]], "lr": 0.3}, {"params": p[1:]}], 0.1),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_the_path_integral_is_the_sum_of_gradients_times_steps(name):
    model, (inputs, targets) = case("attention pooling")
    optimiser = OPTIMISERS[name](list(model.parameters()))
    path = PathIntegral(model, optimiser)
    expected = {n: torch.zeros_like(p) for n, p in model.named_parameters()}
    for _ in range(4):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        with path.observe():
            optimiser.step()
        for n, p in model.named_parameters():
            expected[n] -= p.grad * (p.detach() - before[n])
    for n, value in expected.items():
        torch.testing.assert_close(path.omega[n], value)
    optimiser.step()  # outside of the block nothing is watched
    torch.testing.assert_close(path.omega["head.bias"], expected["head.bias"])


@pytest.mark.parametrize("name", OPTIMISERS)
def test_the_task_kind_is_the_step_that_the_task_alone_would_cause(name):
    model, (inputs, targets) = case("attention pooling")
    parameters = list(model.parameters())
    optimiser = OPTIMISERS[name](parameters)
    path = PathIntegral(model, optimiser, "task")
    expected = {n: torch.zeros_like(p) for n, p in model.named_parameters()}
    for _ in range(3):
        penalty = {n: 0.3 * p.detach() for n, p in model.named_parameters()}
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        twin = copy.deepcopy(model)
        other = OPTIMISERS[name](list(twin.parameters()))
        other.load_state_dict(copy.deepcopy(optimiser.state_dict()))
        for group in other.param_groups:
            group.update({"weight_decay": 0} if "weight_decay" in group else {})
        for p, q in zip(model.parameters(), twin.parameters(), strict=True):
            q.grad = p.grad.clone()
        other.step()
        for (n, p), q in zip(model.named_parameters(), twin.parameters(), strict=True):
            expected[n] -= p.grad * (q.detach() - p.detach())
            p.grad += penalty[n]
        with path.observe(lambda penalty=penalty: penalty):
            optimiser.step()
    for n, value in expected.items():
        np.testing.assert_allclose(path.omega[n], value.numpy(), rtol=1e-9, atol=1e-15)


def test_a_skipped_step_leaves_no_trace_and_closures_are_refused():
    model = nn.Linear(2, 1)
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    path, scaler = PathIntegral(model, optimiser), torch.amp.GradScaler("cpu")
    scaler.scale(model(torch.full((1, 2), torch.inf)).sum()).backward()
    with path.observe():
        scaler.step(optimiser)  # sees that the gradient is infinite
    assert not any(value.any() for value in path.omega.values())
    with pytest.raises(ValueError, match="steps with a closure"), path.observe():
        optimiser.step(lambda: model(torch.ones(1, 2)).sum())


def test_what_is_trained_later_or_by_another_optimiser():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    model[0].requires_grad_(False)
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    path = PathIntegral(model, optimiser)
    model[0].requires_grad_(True)
    model(torch.ones(2, 3)).square().sum().backward()
    with path.observe():
        optimiser.step()
    assert float(path.omega["0.weight"].abs().sum()) > 0
    with pytest.raises(ValueError, match=r"optimiser does not train 1\.weight of the model"):
        PathIntegral(model, torch.optim.SGD(model[0].parameters(), 0.1))
    with pytest.raises(ValueError, match="optimiser is LBFGS"):
        PathIntegral(model, torch.optim.LBFGS(model.parameters()))
