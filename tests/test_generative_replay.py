"""Generative replay against torch.distributions, one sequence at a time; with one decoder or one for each task."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from tests import naive, rehearsal
from tests.captured import rerun
from tests.rehearsal import COMBINED, RECORDED, SEQUENCES, learner_of, remember, values_of
from tests.same import assert_same
from wmcl.likelihoods import Gaussian
from wmcl.methods import (
    FisherImportance,
    GenerativeReplay,
    Method,
    Parametrisation,
    Penalty,
    Quadratic,
    train_sequence,
    variational,
)
from wmcl.networks import LSTM, Elman
from wmcl.tasks import Phase, copy_task_sequence
from wmcl.training import Adam, Execution, Options, Stop
from wmcl.training.parts import Initial

TASKS = copy_task_sequence(3, 3, 4, order="permuted time", width=3, validation_samples=32)
NETWORK = Elman(4, 12, 3, initialisation="orthogonal", heads=3)
OPTIONS = Options(batch=8, optimiser=Adam(1e-2), validate_every=10, clip=0.5)
SMALL = GenerativeReplay(latent=3, decoder_cell="lstm", decoder_hidden=4, prior_std=1.4, temperature=3.0)


@dataclasses.dataclass(frozen=True)
class Own(Parametrisation):
    """Weights of its own for each task: the values, times something that is fixed."""

    def init(self, network, seeds, tasks):
        each = [network.init([seed + task for seed in seeds]) for task in range(tasks)]
        trained = {f"{name} of {task}": value for task, values in enumerate(each) for name, value in values.items()}
        return Initial(trained, {"scale": torch.full((len(seeds),), 0.5)})

    def weights(self, network, values, task):
        found = {}
        for name in network.shapes:
            value = values[f"{name} of {task}"]
            found[name] = value * values["scale"].to(value.dtype).view(-1, *[1] * (value.ndim - 1))
        return found

    base = weights

    def consolidated(self, network, values):
        return {}


@dataclasses.dataclass(frozen=True)
class Anchored(Penalty):
    """Strength times the squared distance of all values from where they were, times a random number."""

    def start(self, learner, memory, values, task):
        assert memory == (["finished"] * task or None)
        return None if task == 0 else dict(values)

    def draw(self, learner, past, task, iteration, batch):
        return {"factor": torch.full((len(learner.seeds),), 1.0 + iteration + task, dtype=torch.float64)}

    def loss(self, past, values, draws):
        assert set(values) == set(past)
        moved = torch.stack([(value - past[name]).square().flatten(1).sum(1) for name, value in values.items()])
        return moved.sum(0) * draws["factor"]

    def finish(self, learner, memory, values, task, observed):
        assert "W_hh of 0" in values
        return [*(memory or []), "finished"]

    def stored(self, memory):
        return 1000 * len(memory)


@dataclasses.dataclass(frozen=True)
class Ahead(Penalty):
    """Looks ahead."""

    lookahead = True


REAL = dataclasses.replace(SMALL, input_likelihood=Gaussian(1.7))
OWN = dataclasses.replace(SMALL, decoder_parametrisation=Own(), decoder_penalty=Anchored())


def fit(part, stop=Stop(4), seeds=(3, 5), options=OPTIONS, network=NETWORK, tasks=TASKS, **more):  # noqa: B008
    return list(train_sequence(Method(rehearsal=part), network, tasks, seeds, stop, options, progress=False, **more))


def prepared(network="Elman", tasks="permuted", part=SMALL, task=2, **options):
    """A learner, the past of a task, values that moved since it began, a batch and draws."""
    learner = learner_of(network, tasks, **options)
    fixed = {name: value.double() for name, value in part.init(learner).fixed.items()}
    learner = dataclasses.replace(learner, fixed=fixed)
    before = values_of(learner, part)
    past = part.start(learner, remember(learner, part, before, task), before, task)
    values = {name: value.requires_grad_() for name, value in values_of(learner, part, change=0.3).items()}
    batch = learner.tasks[task].batch(learner.seeds, 0, 5)
    return learner, past, before, values, batch, part.draw(learner, past, task, 7, batch)


def decoder_weights(learner, part, values, task):
    """By the names of the decoder network."""
    own = {name.removeprefix("decoder "): value for name, value in values.items() if name.startswith("decoder ")}
    if part.decoder_parametrisation.is_shared:
        return own
    return {name[: -len(" of 0")]: value * 0.5 for name, value in own.items() if name.endswith(f" of {task}")}


def decoded(learner, part, values, task, member, latents):
    """Logits of the inputs of one sequence."""
    if learner.network.heads > 1 and part.decoder_parametrisation.is_shared:
        tag = torch.zeros(len(latents), len(learner.tasks), dtype=latents.dtype)
        tag[:, task] = 1
        latents = torch.cat([latents, tag], 1)
    kind = LSTM if part.decoder_cell == "lstm" else Elman
    network = kind(latents.shape[1], part.decoder_hidden, learner.network.inputs)
    return naive.forward(network, decoder_weights(learner, part, values, task), member, latents)[2]


def variational_of(learner, part, values, task, member, inputs, noise):
    """KL divergence and reconstruction error of one sequence without its padding."""
    network = learner.network.answering(task if learner.network.heads > 1 else 0)
    output = naive.forward(network, values, member, inputs)[1]
    both = output @ values["W_posterior"][member].T + values["b_posterior"][member]
    mean, std = both[:, : part.latent], (both[:, part.latent :] / 2).exp()
    divergence = kl_divergence(Normal(mean, std), Normal(torch.zeros_like(mean), part.prior_std)).sum()
    logits = decoded(learner, part, values, task, member, mean + std * noise[: len(inputs)].double())
    if isinstance(part.input_likelihood, Gaussian):
        return divergence, -Normal(logits, part.input_likelihood.std).log_prob(inputs).sum()
    return divergence, -Bernoulli(logits=logits, validate_args=False).log_prob(inputs).sum()


def replayed(learner, part, past, before, task, member, draws):
    """Inputs and scored steps of the generated sequences of a task, without their padding."""
    outline, latents = past.earlier[task].outline, draws[f"latents of task {task}"]
    for sample in range(outline.samples):
        own = outline.phase[min(member, len(outline.phase) - 1), :, sample] != Phase.padding
        scored = outline.scored[min(member, len(outline.scored) - 1), :, sample][own]
        z = part.prior_std * latents[member, :, sample].double()
        outputs = decoded(learner, part, before, task, member, z)[own]
        yield outputs if isinstance(part.input_likelihood, Gaussian) else torch.sigmoid(outputs), scored


def expected_losses(learner, part, past, before, values, task, batch, draws):
    found = {"KL": [], "reconstruction": [], "distillation": []}
    is_shared = part.decoder_parametrisation.is_shared
    for member in range(2):
        terms, distilled = [], 0
        for sample in range(batch.samples):
            inputs = naive.sequence(batch, member, sample)[0]
            noise = draws[f"posterior of task {task}"][member, :, sample]
            terms.append(variational_of(learner, part, values, task, member, inputs, noise))
        for j in range(task):
            generated = list(replayed(learner, part, past, before, j, member, draws))
            for sample, (inputs, scored) in enumerate(generated):
                given = (rehearsal.answers(learner, each, j, member, inputs) for each in (values, before))
                distilled = distilled + rehearsal.distillation(*given, scored, part.temperature) / len(generated)
                if is_shared:
                    noise = draws[f"posterior of task {j}"][member, :, sample]
                    terms.append(variational_of(learner, part, values, j, member, inputs, noise))
        unit = rehearsal.bits_of_a_sequence(batch, member) if learner.options.reduction == "scored bit" else 1
        kl, reconstruction = (sum(each) / len(terms) / unit for each in zip(*terms, strict=True))
        for name, value in (("KL", kl), ("reconstruction", reconstruction), ("distillation", distilled / unit)):
            found[name].append(value)
    return {name: torch.stack([torch.as_tensor(value) for value in each]) for name, each in found.items()}


def check_losses(part, task=2, **more):
    learner, past, before, values, batch, draws = prepared(part=part, task=task, **more)
    found = part.losses(past, values, batch, draws)
    expected = expected_losses(learner, part, past, before, values, task, batch, draws)
    strengths = {"KL": "kl", "reconstruction": "reconstruction", "distillation": "distillation"}
    for name, strength in strengths.items():
        if name in found:
            theirs = torch.tensor(getattr(part, f"{strength}_strength"), dtype=torch.float64) * expected[name]
            torch.testing.assert_close(found[name], theirs, rtol=1e-9, atol=1e-12)
            rehearsal.assert_same_gradients(found[name], theirs, values)
    return found


@pytest.mark.parametrize(("network", "tasks"), COMBINED)
def test_losses_and_gradients_are_the_definition(network, tasks):
    assert set(check_losses(SMALL, network=network, tasks=tasks)) == {"KL", "reconstruction", "distillation"}


@pytest.mark.parametrize("part", [REAL, dataclasses.replace(OWN, input_likelihood=Gaussian(0.6))])
@pytest.mark.parametrize("network", ["LSTM", "Elman, one head", "bidirectional"])
def test_recorded_sequences_of_real_numbers(network, part):
    """Their batches differ in length, and so do sequences and members of a batch."""
    check_losses(part, network=network, tasks="recorded")


def test_the_squared_error_of_the_paper_is_a_gaussian():
    half = dataclasses.replace(REAL, input_likelihood=Gaussian(0.5**0.5))
    unit = dataclasses.replace(REAL, input_likelihood=Gaussian(), reconstruction_strength=20.0)
    found = []
    for part in (half, unit):
        learner, past, _, values, batch, draws = prepared(tasks="recorded", part=part, task=0, reduction="sequence")
        found.append(part.losses(past, values, batch, draws)["reconstruction"])
    error, count = torch.zeros(2, dtype=torch.float64), torch.zeros(2)
    for member, sample in np.ndindex(2, batch.samples):
        inputs = naive.sequence(batch, member, sample)[0]
        output = naive.forward(learner.network.answering(0), values, member, inputs)[1]
        both = output @ values["W_posterior"][member].T + values["b_posterior"][member]
        noise = draws["posterior of task 0"][member, : len(inputs), sample].double()
        expected = decoded(learner, half, values, 0, member, both[:, :3] + (both[:, 3:] / 2).exp() * noise)
        error[member] += (inputs - expected).square().sum() / batch.samples
        count[member] += inputs.numel() / batch.samples
    torch.testing.assert_close(found[0], 10 * (error + count * np.log(np.pi) / 2))
    torch.testing.assert_close(found[1], 10 * (error + count * np.log(2 * np.pi)))


@pytest.mark.parametrize("reduction", ["sequence", "scored bit"])
@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_strengths_decoders_and_reductions(cell, reduction):
    part = dataclasses.replace(
        SMALL,
        decoder_cell=cell,
        kl_strength=(0.5, 2.0),
        reconstruction_strength=(3.0, 0.0),
        distillation_strength=(0.1, 1.0),
    )
    check_losses(part, tasks="of all lengths", reduction=reduction)


@pytest.mark.parametrize(("network", "tasks"), [("Elman", "permuted"), ("GRU", "of all lengths"), ("LSTM", "padded")])
def test_a_decoder_of_each_task_learns_from_data_alone(network, tasks):
    found = check_losses(OWN, network=network, tasks=tasks)
    assert set(found) == {"KL", "reconstruction", "distillation", "decoder penalty"}


@pytest.mark.parametrize("part", [SMALL, OWN])
def test_the_first_task_trains_the_autoencoder_alone(part):
    assert set(check_losses(part, task=0)) == {"KL", "reconstruction"}


def test_the_decoder_has_a_tag_only_if_tasks_have_heads_and_it_has_no_weights_of_their_own():
    for part, network, inputs in ((SMALL, "Elman", 6), (SMALL, "GRU", 3), (OWN, "Elman", 3)):
        trained = part.init(learner_of(network)).trained
        assert trained["decoder W_ih" + (" of 0" if part is OWN else "")].shape[-1] == inputs


def test_the_penalty_of_the_decoder_sees_its_values_and_draws():
    learner, past, before, values, batch, draws = prepared(part=OWN, task=1)
    found = OWN.losses(past, values, batch, draws)["decoder penalty"]
    for member in range(2):
        moved = [
            (value[member] - before[name][member]).square().sum()
            for name, value in values.items()
            if name.startswith("decoder ")
        ]
        torch.testing.assert_close(found[member], (1 + 7 + 1) * sum(moved))
    assert set(OWN.draw(learner, past, 1, 7, batch)) == {
        "posterior of task 1",
        "latents of task 0",
        "decoder factor",
    }


@pytest.mark.parametrize("part", [SMALL, OWN])
def test_recurrent_weights_of_the_decoder_are_kept_orthogonal(part):
    learner, past, _, values, batch, draws = prepared(part=part, task=1, orthogonality=0.3)
    found = part.losses(past, values, batch, draws)["decoder orthogonality"]
    W_hh = decoder_weights(learner, part, values, 1)["W_hh"]
    for member in range(2):
        blocks = W_hh[member].split(part.decoder_hidden)
        total = sum(((block @ block.T - torch.eye(len(block.T))) ** 2).sum() for block in blocks)
        torch.testing.assert_close(found[member], 0.3 * total)


def test_kl_divergence_keeps_its_precision_near_the_prior():
    mean, log_variance = torch.full((1, 1, 1, 1), 1e-6), torch.full((1, 1, 1, 1), 2 * np.log(1.4) + 1e-4)
    found = variational.kl_divergence(mean, log_variance.float(), 1.4)
    assert found.item() == pytest.approx((1e-4) ** 2 / 4, rel=0.02)


@pytest.mark.parametrize("tasks", list(SEQUENCES))
def test_generated_inputs_lie_between_0_and_1_and_have_the_outline_of_their_task(tasks):
    learner, past, _, _, _, draws = prepared(tasks=tasks, batch=31)
    for task, size in enumerate((16, 15)):
        made = SMALL.generate(past, task, draws[f"latents of task {task}"].double())
        real = learner.tasks[task].batch(learner.seeds, 0, 31)
        assert made.inputs.shape == (2, real.steps, size, 4)
        assert ((made.inputs >= 0) & (made.inputs <= 1)).all()
        is_padding = (made.phase == Phase.padding).expand(2, -1, -1)
        assert not made.inputs[is_padding].any()
        assert made.inputs[~is_padding].std() > 0.01
        assert made.window == real.window
        kinds = {tuple(steps.tolist()) for steps in real.scored[0].T}
        assert {tuple(steps.tolist()) for steps in made.scored[0].T} == kinds
        assert tasks != "of all lengths" or len(kinds) > 1


def test_draws_are_standard_normal_and_addressed():
    learner, past, _, _, batch, draws = prepared(seeds=(3, 5, 3), batch=64)
    assert_same(SMALL.draw(learner, past, 2, 7, batch), draws)
    alone = SMALL.draw(dataclasses.replace(learner, seeds=(5,)), past, 2, 7, batch)
    for name, noise in draws.items():
        assert noise.shape[:1] + noise.shape[3:] == (3, 3)
        assert abs(noise.mean()) < 4 / noise[:2].numel() ** 0.5
        assert abs(noise.std() - 1) < 4 / noise[:2].numel() ** 0.5
        assert torch.equal(noise[0], noise[2])
        assert not torch.equal(noise[0], noise[1])
        assert torch.equal(alone[name][0], noise[1])
        assert not torch.equal(SMALL.draw(learner, past, 2, 8, batch)[name], noise)
    while_another_is_learned = SMALL.draw(learner, past, 1, 7, batch)
    shared = while_another_is_learned.keys() & draws.keys()
    assert {"latents of task 0", "latents of task 1"} <= shared
    for name in shared:
        assert not torch.equal(while_another_is_learned[name], draws[name])
    flat = [noise[0].flatten()[:100].tolist() for noise in draws.values()]
    assert len({tuple(each) for each in flat}) == len(flat)


def test_the_decoder_starts_from_random_numbers_of_its_own():
    part = GenerativeReplay(latent=3, decoder_hidden=5, decoder_cell="elman")
    learner = learner_of("Elman")
    mine, theirs = part.init(learner).trained["decoder W_hh"], learner.network.init(learner.seeds)["W_hh"]
    assert mine.shape == theirs.shape
    assert not torch.isclose(mine, theirs).any()
    torch.testing.assert_close(mine @ mine.mT, torch.eye(5).expand(2, 5, 5))  # initialised as the network is


@pytest.mark.parametrize("part", [SMALL, OWN])
def test_network_and_decoder_are_those_of_when_the_task_began(part, monkeypatch):
    seen = []
    losses = GenerativeReplay.losses

    def watched(self, past, values, batch, draws):
        seen.append((past.task, past))
        return losses(self, past, values, batch, draws)

    monkeypatch.setattr(GenerativeReplay, "losses", watched)
    learned = fit(part)
    assert [task for task, _ in seen] == [0] * 4 + [1] * 4 + [2] * 4
    for task, past in seen:
        assert len(past.earlier) == task
        for number, earlier in enumerate(past.earlier):
            before = learned[task - 1]
            assert_same(earlier.teacher, before.weights(number))
            expected = decoder_weights(before.learner, part, before.values, number)
            assert_same({name: earlier.decoder[name] for name in expected}, expected)
    moved = learned[1].values["W_posterior"] - learned[0].values["W_posterior"]
    assert moved.abs().max() > 1e-3


def test_decoders_of_earlier_tasks_are_left_alone():
    learned = fit(dataclasses.replace(OWN, decoder_penalty=None))
    for name, value in learned[0].values.items():
        if name.startswith("decoder ") and name.endswith(" of 0"):
            assert torch.equal(learned[2].values[name], value)
            assert not torch.equal(learned[2].values[name.replace(" of 0", " of 2")], value)


def test_a_member_does_not_depend_on_the_others():
    strengths = (0.0, 1.7, 1.0)
    together, alone = (
        fit(
            dataclasses.replace(SMALL, distillation_strength=strength, kl_strength=1.2),
            seeds=seeds,
            options=dataclasses.replace(OPTIONS, precision="float64"),
        )[-1].values
        for seeds, strength in (((3, 5, 5), strengths), ((5,), 1.7))
    )
    for name, value in together.items():
        assert value.dtype == torch.float64
        torch.testing.assert_close(value[1], alone[name][0], rtol=1e-8, atol=1e-10)
    assert not torch.isclose(together["W_hh"][1], together["W_hh"][2]).all()


@pytest.mark.parametrize("part", [SMALL, OWN])
def test_padding_does_not_matter(part):
    """A member alone has shorter batches, and shorter generated sequences, than one beside others."""
    part = dataclasses.replace(part, input_likelihood=Gaussian())
    given = {
        "network": Elman(4, 5, 3, heads=2),
        "tasks": RECORDED[:2],
        "options": Options(batch=4, precision="float64"),
    }
    together, alone = (fit(part, Stop(3), seeds, **given) for seeds in ((3, 5, 7), (5,)))
    for name, value in alone[-1].values.items():
        torch.testing.assert_close(together[-1].values[name][1], value[0], rtol=1e-8, atol=1e-10)
    longer, shorter = (each[-1].rehearsal_memory.outlines for each in (together, alone))
    assert sum(each.steps for each in longer) > sum(each.steps for each in shorter)
    longer, shorter = ([RECORDED[0].batch(seeds, k, 4).steps for k in range(3)] for seeds in ((3, 5, 7), (5,)))
    assert sum(longer) > sum(shorter)
    assert len(set(shorter)) > 1


@pytest.mark.parametrize("part", [SMALL, OWN])
def test_a_captured_step_and_batches_drawn_ahead_change_nothing(part):
    eager, captured = (fit(part, execution=each) for each in (None, Execution(capture=rerun, ahead=3)))
    for one, other in zip(eager, captured, strict=True):
        assert_same(one.values, other.values)


@pytest.mark.parametrize("tasks", ["permuted", "of all lengths"])
@pytest.mark.parametrize("part", [SMALL, OWN])
def test_the_losses_never_ask_for_a_value(part, tasks):
    learner, past, _, values, batch, draws = prepared(part=part, tasks=tasks, orthogonality=0.1)
    own = dataclasses.replace(past.decoder.learner, fixed=rehearsal.on_meta(past.decoder.learner.fixed))
    there = past._replace(
        learner=dataclasses.replace(learner, fixed=rehearsal.on_meta(learner.fixed)),
        decoder=dataclasses.replace(past.decoder, learner=own),
        earlier=rehearsal.on_meta(past.earlier),
        strengths=rehearsal.on_meta(past.strengths),
        penalty=rehearsal.on_meta(past.penalty),
        penalty_strength=rehearsal.on_meta(past.penalty_strength),
    )
    given = [rehearsal.on_meta(each) for each in (values, batch, draws)]
    found = part.losses(there, given[0], *given[1:])
    assert {loss.device.type for loss in found.values()} == {"meta"}


def test_what_is_stored_is_counted():
    steps = 4 + 1 + 3
    per_decoder = sum(4 * 4 * each for each in (3 + 3, 1, 4, 1)) + 4 * 4 + 4  # input, recurrent, biases; head
    posterior = 2 * 3 * (12 + 1)
    for task, after in enumerate(fit(SMALL, Stop(1))):
        assert after.stored == per_decoder + posterior + (task + 1) * steps
    own = sum(4 * 4 * each for each in (3, 1, 4, 1)) + 4 * 4 + 4
    for task, after in enumerate(fit(OWN, Stop(1))):
        assert after.stored == 3 * own + 1 + posterior + (task + 1) * steps + 1000 * (task + 1)
    many = fit(SMALL, Stop(1), network=Elman(4, 5, 3, initialisation="fan_in"), tasks=SEQUENCES["of all lengths"])[-1]
    without_tag = sum(4 * 4 * each for each in (3, 1, 4, 1)) + 4 * 4 + 4
    assert many.stored == without_tag + 2 * 3 * (5 + 1) + 8 * (7 + 9 + 11)  # scored steps of a batch of each task


@pytest.mark.parametrize(("heads", "gain"), [(1, 0.03), (2, 0.1)])
def test_it_forgets_less(heads, gain):
    part = GenerativeReplay(decoder_hidden=32)
    assert rehearsal.kept_after_two(part, heads) > rehearsal.kept_after_two(None, heads) + gain


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent": 0}, "latent is 0: it must be a whole number of at least 1"),
        ({"decoder_hidden": 0}, "decoder_hidden is 0"),
        ({"prior_std": 0.0}, "prior_std is 0.0: it must be positive and finite"),
        ({"temperature": -2.0}, "temperature is -2.0"),
        ({"decoder_cell": "rnn"}, "decoder_cell is 'rnn': it must be one of elman, lstm, gru"),
        ({"kl_strength": -1.0}, "kl_strength is -1.0: it must be at least 0"),
        ({"reconstruction_strength": (1.0,) * 3}, "reconstruction_strength has 3 entries for 2 members"),
        ({"distillation_strength": float("nan")}, "distillation_strength is nan"),
        ({"decoder_penalty": Ahead()}, "decoder_penalty is Ahead with the rehearsal GenerativeReplay: it needs steps"),
        (
            {"decoder_penalty": Quadratic(FisherImportance(), 1.0)},
            "decoder_penalty is Quadratic with the rehearsal GenerativeReplay: it needs sequences of the task",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_before_training(change, message):
    with pytest.raises(ValueError, match=message):
        train_sequence(
            Method(rehearsal=GenerativeReplay(**change)), NETWORK, TASKS, (3, 5), Stop(1), OPTIONS, progress=False
        )


def test_bits_are_refused_that_are_none():
    message = (
        r"input_likelihood is Bernoulli with inputs from -\d.* to \d.* in the task 'recorded 0': .* it must be Gaus"
    )
    with pytest.raises(ValueError, match=message):
        train_sequence(
            Method(rehearsal=SMALL),
            Elman(4, 5, 3, initialisation="fan_in"),
            RECORDED,
            (3, 5),
            Stop(1),
            OPTIONS,
            progress=False,
        )
