"""What would break on a GPU is found on a machine that has none."""

import contextlib
import dataclasses
import importlib
import threading
from functools import partial

import numpy as np
import pytest
import torch
import xarray as xr
from length_study.design import PRESETS
from length_study.measure import members_in
from length_study.study import STUDY
from torch.profiler import ProfilerActivity, profile

from tests.captured import rerun
from tests.cases import CASES
from tests.elsewhere import Elsewhere
from tests.same import assert_same
from tests.studies import measure_of
from tests.test_checkpoints import FREEZING, RUNS, breaking, fit, lose_power, uninterrupted
from tests.test_training import FAST, NETWORK, TASK
from wmcl.importance import PathIntegral
from wmcl.networks import Elman
from wmcl.tasks import copy_task
from wmcl.training import Adam, Execution, Options, Stop, loss, train
from wmcl.training.execution import CapturedStepper, drawn, execution_on
from wmcl.training.loop import begin, take_step
from wmcl.training.memory import members_that_fit, peak_bytes, step_bytes, training_bytes
from wmcl.training.objective import Batch, Objective
from wmcl.training.options import matrix_products_in
from wmcl.training.parts import Learner, Parametrisation
from wmcl.training.train import initial_values

OPTIONS = [
    Options(batch=8, clip=0.3, orthogonality=0.1, reduction="sequence"),
    Options(batch=8, clip=None, optimiser=Adam((1e-3, 1e-2))),
]


def objective_of(network, task, options, members=2, device="cpu"):
    options = dataclasses.replace(options, optimiser=options.optimiser.on(device))
    return Objective(Learner(network, Parametrisation(), (task,), tuple(range(members)), options, {}, device))


def started(objective, observer=None):
    """What moves before the first step."""
    learner = objective.learner
    initial = initial_values(learner, learner.network.init(learner.seeds))
    return begin(objective, initial, Stop(9), (), observer).moving


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize(("network", "task"), CASES)
def test_a_step_never_asks_for_a_value_and_stays_on_its_device(network, task, options):
    """Tensors on the device meta have no values to ask for, and refuse to meet tensors of another device."""
    objective, observer = objective_of(network, task, options, device="meta"), PathIntegral()
    moving = started(objective, observer)
    batch = objective.batch(0).to(torch.device("meta"))
    with pytest.raises(RuntimeError):
        bool(moving.active.any())
    new, record = take_step(objective, observer, moving, batch)
    for old, value in zip(moving.tensors(), new.tensors(), strict=True):
        assert value.device.type == "meta"
        assert (value.shape, value.dtype) == (old.shape, old.dtype)
    assert {value.device.type for value in vars(record).values()} == {"meta"}


@pytest.fixture
def blind(monkeypatch):
    """Takes the ways of a GPU, where no value is free to read."""
    monkeypatch.setattr(loss, "is_free_to_read", lambda values: False)


@pytest.mark.parametrize("run", list(RUNS))
def test_training_does_not_depend_on_what_the_host_may_read(run, blind):
    assert_same(fit(**RUNS[run]), uninterrupted(run))


@pytest.mark.parametrize("run", list(RUNS))
def test_a_captured_step_and_batches_drawn_ahead_change_nothing(run, blind):
    execution = Execution(capture=rerun, ahead=3)
    assert_same(fit(**RUNS[run], execution=execution), uninterrupted(run))


def test_a_captured_run_goes_on_from_a_checkpoint(tmp_path, blind):
    path, execution = tmp_path / "file", Execution(capture=rerun, ahead=3)
    broken = RUNS[FREEZING] | {"task": breaking(31, lose_power)}
    with pytest.raises(OSError, match="power"):
        fit(**broken, checkpoint=path, checkpoint_every=7, execution=execution)
    assert_same(fit(**RUNS[FREEZING], checkpoint=path, execution=execution), uninterrupted(FREEZING))


def test_what_a_captured_step_handed_out_is_left_alone():
    objective, observer = objective_of(NETWORK, TASK, dataclasses.replace(FAST, batch=8)), PathIntegral()
    moving, advance = started(objective, observer), partial(take_step, objective, observer)
    batches = [objective.batch(iteration) for iteration in range(3)]
    stepper = CapturedStepper(advance, moving, batches[0], rerun)
    assert_same(stepper.moving(), moving)
    record, after = stepper.step(batches[0]), stepper.moving()
    kept = after.map(torch.clone), record.clone()
    stepper.freeze([True, False])
    stepper.step(batches[1])
    assert_same((after, record), kept)
    assert stepper.moving().active.tolist() == [True, False]
    assert_same(stepper.moving(), advance(after.with_active([True, False]), batches[1])[0])


def test_a_captured_step_refuses_batches_of_another_shape():
    objective = objective_of(NETWORK, TASK, FAST)
    moving, seeds = started(objective), objective.learner.seeds
    first = TASK.batch(seeds, 0, 8)
    stepper = CapturedStepper(partial(take_step, objective, None), moving, Batch((first,)), rerun)
    for other in (
        TASK.batch(seeds, 0, 9),
        first.to(torch.float64),
        dataclasses.replace(first, window=slice(3, 6)),
        copy_task(2, 4, width=3).batch(seeds, 0, 8),
    ):
        with pytest.raises(ValueError, match="a captured training step takes those of its first batch"):
            stepper.step(Batch((other,)))
    with pytest.raises(ValueError, match="a captured training step takes those of its first batch"):
        stepper.step(Batch((first,), {"drawn": torch.zeros(2)}))
    assert_same(stepper.moving(), moving)


def small_batch(iteration):
    return Batch((TASK.batch([0], iteration, 2),))


@pytest.mark.parametrize("ahead", [0, 1, 5, 50])
def test_batches_come_in_order_and_each_once(ahead):
    asked = []

    def draw(iteration):
        asked.append(iteration)
        return small_batch(iteration)

    with drawn(draw, range(3, 12), ahead, pinned=False) as batches:
        for iteration, batch in zip(range(3, 12), batches, strict=True):
            assert_same(batch, small_batch(iteration))
            assert len(asked) <= iteration - 3 + 1 + ahead
    assert sorted(asked) == list(range(3, 12))


@pytest.mark.parametrize("ahead", [0, 3])
def test_what_goes_wrong_in_a_draw_surfaces_at_its_batch(ahead):
    def draw(iteration):
        return small_batch(iteration) if iteration < 4 else lose_power()

    with drawn(draw, range(9), ahead, pinned=False) as batches:
        for iteration in range(4):
            assert_same(next(batches), small_batch(iteration))
        with pytest.raises(OSError, match="power"):
            next(batches)


def test_batches_can_be_left_early():
    def draw(iteration):
        return small_batch(iteration)

    with contextlib.suppress(KeyboardInterrupt), drawn(draw, range(10**9), 3, pinned=False) as batches:
        assert_same(next(batches), draw(0))
        raise KeyboardInterrupt
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batch")]


def test_a_cpu_takes_plain_steps():
    assert execution_on("cpu") == Execution(capture=None, ahead=0, pinned=False)
    assert execution_on("cuda").capture is not None


def measured_peak(function):
    """Most memory that PyTorch's allocator had given out at any moment, by the profiler."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        result = function()
    del result
    changes = [event.nbytes() for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    return int(np.cumsum(changes).max())


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(
    ("p", "hidden", "batch", "observer", "more"),
    [
        (5, 64, 32, None, {}),
        (10, 128, 64, PathIntegral(), {"orthogonality": 0.1, "clip": 1e-3}),
        (2, 16, 256, None, {"clip": None}),
        (2, 128, 2, PathIntegral(), {}),
    ],
)
def test_the_estimated_memory_of_a_step_is_an_upper_bound_and_not_far_off(p, hidden, batch, observer, more, members):
    task = copy_task(p)
    network = Elman(task.inputs, hidden, task.outputs, initialisation="xavier")
    objective = objective_of(network, task, Options(batch=batch, **more), members)
    moving, drawn_batch = started(objective, observer), objective.batch(0)
    found = measured_peak(lambda: take_step(objective, observer, moving, drawn_batch))
    found += sum(values.numel() * values.element_size() for values in drawn_batch.tensors())
    there = objective_of(network, task, Options(batch=batch, **more), members, "meta")
    assert found <= step_bytes(there, observer) <= 2 * found


def test_peak_bytes_counts_what_is_alive_at_once():
    def function():
        a = torch.zeros(100)
        b = a + 1
        del a
        c = b.view(10, 10)[:, 1:] + torch.zeros(10, 9, dtype=torch.float64)
        return c.add_(1).t()

    assert peak_bytes(function) == 100 * 4 + 90 * 8 * 2
    assert peak_bytes(lambda: [torch.zeros(10).sum().item() for _ in range(5)]) < 100


@pytest.mark.parametrize("observer", [None, PathIntegral()])
def test_so_many_members_fit_and_no_more(observer):
    arguments = (NETWORK, TASK, FAST)
    for bytes in (10**6, 10**7, 123_456_789):
        members = members_that_fit(*arguments, bytes, 2, observer)
        assert training_bytes(*arguments, members, 2, observer) <= bytes
        assert training_bytes(*arguments, members + 1, 2, observer) > bytes
    assert members_that_fit(*arguments, 1) == 1
    with pytest.raises(ValueError, match="bytes is 0"):
        members_that_fit(*arguments, 0)


@pytest.mark.parametrize("batch", [2, 256])
def test_the_estimated_memory_of_training_is_an_upper_bound_and_not_far_off(batch):
    """A CPU needs no buffers for a captured step, so the estimate may be higher there."""
    task = copy_task(2, 3, width=3, validation_samples=8)
    network = Elman(4, 64, 3, initialisation="orthogonal")
    options = Options(batch=batch, optimiser=Adam(1e-2), validate_every=2, watch_every=2)
    thresholds = (0.68, 0.6, 0.5)
    stop, observer = Stop(40, loss=0.45), PathIntegral()
    arguments = {"milestones": thresholds, "observer": observer, "progress": False}
    found = measured_peak(lambda: train(network, task, [0, 1], stop, options, **arguments))
    assert found <= training_bytes(network, task, options, 2, len(thresholds), observer) <= 2 * found


def test_tf32_is_refused_on_a_cpu_by_name():
    with pytest.raises(ValueError, match="precision is 'tf32' on the device cpu: it must be 'float32' there"):
        fit(stop=Stop(1), options=Options(precision="tf32"))


def test_the_precision_is_switched_and_switched_back():
    switch = torch.backends.cuda.matmul
    before = switch.fp32_precision
    for precision, expected in (("float32", "ieee"), ("tf32", "tf32")):
        with contextlib.suppress(OSError), matrix_products_in(precision):
            assert switch.fp32_precision == expected
            lose_power()
        assert switch.fp32_precision == before
    found = []
    fit(stop=Stop(2), task=breaking(1, lambda: found.append(switch.fp32_precision)))
    assert found == ["ieee"]
    assert switch.fp32_precision == before


def test_an_analysis_packs_its_networks_by_memory():
    smoke = PRESETS["smoke"]
    many = dataclasses.replace(smoke, conditions=dataclasses.replace(smoke.conditions, seeds=10**6))
    assert members_in(smoke, 10**10) == smoke.conditions.seeds
    small, large = (members_in(many, bytes) for bytes in (10**9, 10**10))
    assert 9 < large / small < 11
    long = dataclasses.replace(many, conditions=dataclasses.replace(many.conditions, leads=(100,)))
    assert members_in(long, 10**9) < small / 2


@pytest.mark.parametrize("output_stage", [True, False])
def test_all_measures_of_an_analysis_stay_on_their_device(output_stage):
    smoke = PRESETS["smoke"]
    config = dataclasses.replace(
        smoke,
        network=dataclasses.replace(smoke.network, hidden=8, output_stage=output_stage),
        stages=dataclasses.replace(smoke.stages, losses=(0.65, 0.6), final_loss=0.55, iterations=60),
        measures=dataclasses.replace(smoke.measures, nonlinear_rows=50, decoder_samples=64, test_samples=64),
    )
    condition = config.grid[0]
    here = measure_of(STUDY, config)(condition, [0, 1])
    with Elsewhere():
        there = measure_of(STUDY, config)(condition, [0, 1])
    xr.testing.assert_identical(here.drop_vars("seconds"), there.drop_vars("seconds"))


def test_elsewhere_finds_what_a_gpu_would_refuse():
    with Elsewhere() as mode:
        here, there = torch.ones(3), torch.ones(3).to("cpu")
        assert not mode.is_elsewhere(here)
        assert all(mode.is_elsewhere(x) for x in (there, there * 2, torch.zeros_like(there), there[1:], here.to(there)))
        assert not mode.is_elsewhere(there.cpu())
        assert there[torch.tensor([0, 2])].sum() + torch.tensor(1.0) == 3
        for mix in (lambda: here + there, lambda: torch.where(here > 0, there, there), lambda: there.add_(here)):
            with pytest.raises(RuntimeError, match="different devices"):
                mix()
        for read in (there.numpy, lambda: np.asarray(there)):
            with pytest.raises(TypeError, match="use cpu"):
                read()
        assert there.cpu().numpy().sum() == 3


def test_the_benchmark_runs_on_a_cpu_and_says_that_it_measured_no_gpu(monkeypatch, capsys):
    monkeypatch.syspath_prepend("benchmarks")
    gpu = importlib.import_module("gpu")
    switch = torch.backends.cudnn.rnn
    monkeypatch.setattr(switch, "fp32_precision", switch.fp32_precision)
    gpu.main("cpu", lengths=(2,), members=(1, 2), hidden=8, batch=4, iterations=2)
    printed = capsys.readouterr().out
    assert "nothing about a GPU was measured" in printed
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith("| 2 |")]
    assert [row[1] for row in rows] == ["1", "2"]
    networks_an_hour, iteration_ms = float(rows[1][6]), float(rows[1][5])
    assert networks_an_hour == pytest.approx(2 * 3600 / iteration_ms, rel=0.02)


def test_the_floor_counts_every_product_of_a_step(monkeypatch):
    """Two operations a multiplication; three products a weight, but none for the gradient of inputs and first state."""
    monkeypatch.syspath_prepend("benchmarks")
    floor = importlib.import_module("floor")
    network, batch = Elman(4, 6, 3, initialisation="fan_in"), TASK.batch([0, 1], 0, 5)  # 6 steps, 2 of them scored
    products = floor.products(network, network.init([0, 1]), batch)
    recurrent, inputs, scored = 3 * 5 * 6 * 6, 2 * 6 * 4 * 6, 3 * 2 * (6 * 6 + 6 * 3)
    assert floor.operations(products) == 2 * 2 * 5 * (recurrent + inputs + scored)
    one = floor.products(network, network.init([0]), TASK.batch([0], 0, 5))
    assert 2 * floor.operations(one) == floor.operations(products)
    for some in (one, products):
        floor.run(some)
        assert all(torch.allclose(p.output, p.left @ p.right, rtol=1e-4, atol=1e-5) for p in some)
