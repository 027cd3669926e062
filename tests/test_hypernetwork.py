"""What a hypernetwork generates, and how it starts."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import REFERENCE
from tests.hypernetworks import FORMS, FULL, HEADS, NETWORKS, SMALL, learner_of, moved, naive_weights
from wmcl.methods import Hypernetwork, OutputPreserving, Parametrisation
from wmcl.networks import LSTM, Elman
from wmcl.tasks import copy_task
from wmcl.tasks.layout import CopyLayout
from wmcl.training.loss import task_loss

ARRAYS = REFERENCE.with_name("hnet_chunked_p5_i5.npz")


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("form", FORMS)
def test_weights_are_those_of_a_loop_over_chunks(network, form):
    learner, values = learner_of(form, network)
    values = moved(values)
    for task in range(3):
        found = learner.weights(values, task)
        assert list(found) == list(network.shapes)
        for member in range(2):
            for name, mine in naive_weights(form, network, values, member, task).items():
                torch.testing.assert_close(found[name][member], mine, rtol=1e-12, atol=1e-13)
        for name, value in form.base(network, values, task).items():
            assert torch.equal(value, found[name])
    assert form.consolidated(network, values) == form.derivatives(network, values, 0) == {}
    assert isinstance(form, Parametrisation)


def test_a_network_runs_on_what_is_generated_and_gradients_reach_every_value_of_its_task():
    for network in NETWORKS:
        learner, values = learner_of(SMALL, network)
        leaves = {name: value.requires_grad_() for name, value in values.items()}
        batch = learner.tasks[1].batch(learner.seeds, 0, 3).to(torch.float64)
        logits = learner.network_of(1).apply(learner.weights(leaves, 1), batch.inputs, batch.window).logits
        task_loss(learner.tasks[1].likelihood, logits, batch).sum().backward()
        for name, value in leaves.items():
            if name in ("task_embedding_0", "task_embedding_2"):
                assert value.grad is None
            else:
                assert value.grad.abs().amax(tuple(range(1, value.ndim))).min() > 0, name


@given(st.integers(1, 400), st.sampled_from(NETWORKS), st.booleans())
def test_no_chunk_size_loses_or_reorders_weights(chunk, network, heads):
    form = Hypernetwork((), chunk, task_embedding=1, chunk_embedding=1, generates_heads=heads)
    names = list(network.shapes) if heads else list(network.shapes)[:-2]
    count = sum(math.prod(network.shapes[name]) for name in names)
    shapes = form.shapes(network, 1)
    chunks = shapes["chunk_embeddings"][0]
    assert (chunks - 1) * chunk < count <= chunks * chunk
    values = {name: torch.zeros(1, *shape, dtype=torch.float64) for name, shape in shapes.items()}
    values |= {name: torch.full((1, *network.shapes[name]), -1.0) for name in ("W_out", "b_out") if not heads}
    values["hyper_W0"][0, :, 0] = 1  # a chunk's embedding is the number of its first weight, and biases count on
    values["chunk_embeddings"][0, :, 0] = chunk * torch.arange(chunks)
    values["hyper_b0"][0] = torch.arange(chunk)
    found = form.weights(network, values, 0)
    flat = torch.cat([found[name].flatten() for name in names])
    assert torch.equal(flat, torch.arange(count, dtype=torch.float64))


def test_one_chunk_of_all_weights_without_embedding_is_the_full_hypernetwork():
    weights = sum(math.prod(shape) for shape in HEADS.shapes.values())
    one = dataclasses.replace(SMALL, chunk=weights)
    _, full = learner_of(FULL)
    _, chunked = learner_of(one)
    inputs = chunked["hyper_W0"].clone()
    inputs[..., 3:] = full["hyper_W0"]
    chunked = chunked | full | {"hyper_W0": inputs, "chunk_embeddings": torch.zeros(2, 1, 3).double()}
    for name, value in FULL.weights(HEADS, full, 1).items():
        torch.testing.assert_close(one.weights(HEADS, chunked, 1)[name], value, rtol=1e-13, atol=1e-15)


def test_compression_of_the_papers_hypernetwork():
    network = Elman(8, 256, 7, heads=5, initialisation="fan_in")
    form = Hypernetwork((50, 50), 2500, 32, 32)
    assert form.compression(network, 5) == pytest.approx(135_316 / 142_883, rel=1e-12)
    assert form.shapes(network, 5)["chunk_embeddings"] == (58, 32)
    layers = 4 * 6 + 6 + 6 * 5 + 5 + 5 * 22 + 22  # W_ih 2, W_hh 4, W_ho 4, W_out 4, and four biases of 2
    assert (
        Hypernetwork((6, 5), None, 4).compression(Elman(1, 2, 2, initialisation="fan_in"), 3) == (layers + 3 * 4) / 22
    )


@pytest.mark.parametrize("form", [SMALL, FULL])
def test_reference_start(form):
    form = dataclasses.replace(form, task_std=2.0, chunk_std=0.1)
    values = form.init(HEADS, range(200), 2).trained
    assert {name: tuple(value.shape[1:]) for name, value in values.items()} == form.shapes(HEADS, 2)
    for name, value in values.items():
        assert value.dtype == torch.float32
        if "embedding" in name:
            std = 0.1 if name.startswith("chunk") else 2.0
            entries = value.numel()
            assert abs(value.std().item() / std - 1) < 4 / math.sqrt(2 * entries)
            assert abs(value.mean().item()) < 4 * std / math.sqrt(entries)
        else:
            bound = 1 / math.sqrt(values["hyper_W" + name[-1]].shape[-1])
            assert 0.99 * bound < value.abs().max() <= bound * (1 + 1e-6)
            assert abs(value.std().item() / (bound / math.sqrt(3)) - 1) < 0.05
    assert not torch.equal(values["task_embedding_0"], values["task_embedding_1"])


def test_a_start_is_addressed_by_seed_and_name():
    together = SMALL.init(HEADS, [3, 5, 3], 3).trained
    alone = SMALL.init(HEADS, [5], 2).trained
    for name, value in alone.items():
        assert torch.equal(together[name][1], value[0])
        assert torch.equal(together[name][0], together[name][2])
        assert not torch.equal(together[name][0], value[0])


def test_kept_heads_start_as_those_of_the_network():
    form = dataclasses.replace(SMALL, generates_heads=False)
    found, network = form.init(HEADS, [3, 5], 3), HEADS.init([3, 5])
    assert found.fixed == {}
    assert set(found.trained) - set(SMALL.init(HEADS, [3], 3).trained) == {"W_out", "b_out"}
    for name in ("W_out", "b_out"):
        assert torch.equal(found.trained[name], network[name])
        assert torch.equal(form.weights(HEADS, found.trained, 1)[name], network[name])


SEEDS = range(1000)
FAN_IN = {"W_ih": 4, "b_ih": 4, "W_hh": 5, "b_hh": 5, "W_ho": 5, "b_ho": 5, "W_out": 5, "b_out": 5}


@pytest.mark.parametrize("task_std", [1.0, 0.3])
@pytest.mark.parametrize("hidden", [(), (60,), (60, 60)])
def test_hyperfan_gives_every_tensor_its_variance(task_std, hidden):
    form = Hypernetwork(hidden, None, 16, task_std=task_std, initialisation="hyperfan")
    weights = form.weights(HEADS, form.init(HEADS, SEEDS, 1).trained, 0)
    for name, value in weights.items():
        target = 0.5 if name.startswith("b") else 0.5 / FAN_IN[name]
        assert value.square().mean().item() == pytest.approx(target, rel=0.07), name
        assert abs(value.mean().item()) < 0.05 * math.sqrt(target)


@pytest.mark.parametrize(("task_std", "chunk_std"), [(1.0, 1.0), (1.0, 0.1), (0.1, 0.5)])
def test_hyperfan_gives_every_chunk_its_variance(task_std, chunk_std):
    network = Elman(2, 9, 1, initialisation="fan_in")  # 2 inputs and 9 units: the variances of its tensors differ much
    form = Hypernetwork((60,), 16, 8, 12, task_std, chunk_std, initialisation="hyperfan")
    values = form.init(network, SEEDS, 1).trained
    weights = form.weights(network, values, 0)
    flat = torch.cat([value.flatten(1) for value in weights.values()], 1)
    target = torch.cat(
        [
            torch.full((math.prod(s),), (1 if n.startswith("W") else 1 / 3) / network.shapes["W" + n[1:]][1])
            for n, s in network.shapes.items()
        ]
    )
    chunks = list(zip(flat.split(16, 1), target.split(16), strict=True))
    assert len(chunks) == values["chunk_embeddings"].shape[1]
    for mine, asked in chunks:
        assert mine.square().mean().item() == pytest.approx(asked.mean().item(), rel=0.1)
    smallest = min(range(len(chunks)), key=lambda j: chunks[j][1].mean())
    assert values["chunk_embeddings"][:, smallest].std().item() == pytest.approx(chunk_std, rel=0.05)
    assert values["task_embedding_0"].std().item() == pytest.approx(task_std, rel=0.05)


@pytest.mark.parametrize(("biases", "share"), [(True, 0.5), (False, 1.0)])
def test_hyperfan_starts_an_lstm_too(biases, share):
    network = LSTM(3, 6, 2, biases=biases, initialisation="fan_in")
    form = Hypernetwork((40,), None, 8, initialisation="hyperfan", generates_heads=False)
    weights = form.weights(network, form.init(network, SEEDS, 1).trained, 0)
    for name, fan_in in (("W_ih", 3), ("W_hh", 6)):
        assert weights[name].square().mean().item() == pytest.approx(share / fan_in, rel=0.07)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden", (5, 0)),
        ("chunk", 0),
        ("task_embedding", 0),
        ("chunk_embedding", -1),
        ("task_std", 0.0),
        ("chunk_std", float("inf")),
    ],
)
def test_fields_out_of_range_are_refused(field, value):
    with pytest.raises(ValueError, match=f"^{field} is "):
        dataclasses.replace(SMALL, **{field: value})


@pytest.fixture(scope="module")
def arrays():
    """A hypernetwork of the authors' code: what it generates, its loss, and its penalty."""
    if not ARRAYS.exists():
        pytest.skip("the hypernetwork arrays of the authors' code are not on this machine")
    with np.load(ARRAYS) as found:
        return dict(found)


PAPER = Hypernetwork((50, 50), 2500, 32, 32)
PAPER_NETWORK = Elman(8, 256, 7, heads=2, initialisation="fan_in")
PAPER_NAMES = ["hyper_W0", "hyper_b0", "hyper_W1", "hyper_b1", "hyper_W2", "hyper_b2", "chunk_embeddings"]


def paper_values(arrays, theta):
    named = {name: arrays[f"{theta}/{k}"] for k, name in enumerate(PAPER_NAMES)}
    named |= {f"task_embedding_{task}": arrays[f"cond_emb/{task}"] for task in range(2)}
    return {name: torch.from_numpy(value)[None] for name, value in named.items()}


@pytest.mark.parametrize("task", [0, 1])
def test_weights_and_loss_of_the_authors_code(arrays, task):
    weights = PAPER.weights(PAPER_NETWORK, paper_values(arrays, "theta"), task)
    for name, mine in weights.items():
        np.testing.assert_allclose(mine[0], arrays[f"out/task{task}/{name}"], rtol=1e-6, atol=2e-7)
    patterns = arrays[f"task{task}/X"][:5, :, :7].transpose(1, 0, 2).astype(np.uint8)
    batch = CopyLayout(5, 5).lay_out(patterns[None])
    np.testing.assert_array_equal(batch.inputs[0], arrays[f"task{task}/X"])
    targets = torch.from_numpy(arrays[f"task{task}/T"])[None]
    batch = dataclasses.replace(batch, targets=targets)
    logits = PAPER_NETWORK.answering(task).apply(weights, batch.inputs).logits
    np.testing.assert_allclose(logits[0], arrays[f"task{task}/logits"], rtol=0, atol=1e-5)
    loss = task_loss(copy_task(5).likelihood, logits[:, batch.window], batch, "sequence")
    np.testing.assert_allclose(16 * loss.item(), arrays[f"task{task}/loss_sum"], rtol=1e-6)


@pytest.mark.parametrize(("tag", "heads"), [("head_mask_task0", 2), ("no_head_mask", 1)])
def test_penalty_and_gradient_of_the_authors_code(arrays, tag, heads):
    network = dataclasses.replace(PAPER_NETWORK, heads=heads, outputs=14 // heads)
    learner, _ = learner_of(PAPER, network, seeds=(0,))
    penalty = OutputPreserving(1.0)
    past = penalty.start(learner, None, paper_values(arrays, "theta"), 1)
    leaves = {name: value.requires_grad_() for name, value in paper_values(arrays, "theta_pert").items()}
    loss = penalty.loss(past, leaves, {})
    loss.sum().backward()
    np.testing.assert_allclose(loss.item(), arrays[f"reg/{tag}/value_without_beta"], rtol=1e-6)
    for number, name in enumerate(PAPER_NAMES):
        theirs = arrays[f"reg/{tag}/grad/{number}"]
        np.testing.assert_allclose(leaves[name].grad[0], theirs, rtol=1e-5, atol=2e-6 * np.abs(theirs).max())
