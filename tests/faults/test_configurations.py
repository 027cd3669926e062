"""Every configuration of the analysis runs, or is refused in one sentence before work starts."""

import math
import warnings
from dataclasses import fields, replace
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from length_study.conditions import Conditions
from length_study.design import PRESETS, Config
from length_study.study import STUDY

from tests.faults.conftest import rounds
from tests.studies import measure_of
from tests.test_cluster import ROOT
from wmcl.stages.importance import ImportanceKind

# hardly trained networks of 3 units on the shortest tasks
SMOKE = PRESETS["smoke"]
TINY = replace(
    SMOKE,
    conditions=Conditions(
        basic=(1, 2),
        padded_pattern=1,
        padded=(2,),
        equal_length=5,
        equal_length_patterns=(1,),
        control_length=2,
        leads=(1,),
        bits=(1,),
        seeds=1,
    ),
    network=replace(SMOKE.network, hidden=3),
    training=replace(SMOKE.training, batch=4),
    stages=replace(SMOKE.stages, losses=(0.69, 0.68), final_loss=0.67, iterations=3),
    measures=replace(
        SMOKE.measures,
        validation_samples=4,
        test_samples=64,
        fisher_samples=3,
        exact_samples=2,
        decoder_samples=64,
        perturbed_samples=2,
    ),
    run=replace(SMOKE.run, output=ROOT / "results" / "never.nc", device="cpu"),
)

counts = st.integers(max_value=0)
negative = st.integers(max_value=-1)
unreal = st.sampled_from([math.nan, math.inf, -math.inf])
not_positive = unreal | st.floats(max_value=0)
below_zero = unreal | st.floats(max_value=-1e-9)
beyond = st.integers(8, 10**6)


def some(bad, good):
    """A tuple with something bad in it."""
    before = st.lists(st.sampled_from(good), max_size=2, unique=True)
    return st.builds(lambda before, wrong: (*before, wrong), before, bad)


# section, field, wrong values, and what the refusal calls the field where a condition is meant
WRONG = [
    ("conditions", "basic", some(counts, [1, 2]), "pattern_length"),
    ("conditions", "padded", some(counts, [2, 3]), "input_length"),
    ("conditions", "padded_pattern", counts, "pattern_length"),
    ("conditions", "padded_pattern", st.integers(3, 99), "pattern_length"),
    ("conditions", "equal_length", st.integers(max_value=2), "input_length"),
    ("conditions", "equal_length_patterns", some(counts, [1]), "pattern_length"),
    ("conditions", "control_length", counts, "pattern_length"),
    ("conditions", "leads", some(negative, [0, 1]), "lead"),
    ("conditions", "bits", some(counts | beyond, [1, 7]), "independent_bits"),
    ("conditions", "seeds", counts, "seeds"),
    ("factorial", "pattern", counts | st.integers(5, 99), "pattern_length"),
    ("factorial", "input_lengths", some(counts, [5, 6]), "input_length"),
    ("factorial", "factorial_leads", some(negative, [0, 1]) | st.just(()), "lead"),
    ("factorial", "factorial_bits", some(counts | beyond, [1, 7]) | st.just(()), "bits"),
    ("variants", "initialisations", st.just(()) | st.just(("zero",)), "initialisation"),
    ("variants", "reductions", st.just(()) | st.just(("mean",)), "reduction"),
    ("network", "hidden", counts, "hidden"),
    ("network", "cell", st.just("rnn"), "cell"),
    ("network", "forget_bias", unreal | st.floats(0.1, 9), "forget_bias"),  # of an elman cell
    ("training", "precision", st.just("tf32"), "precision"),  # without a GPU
    ("training", "reduction", st.just("sequence"), "reduction"),
    ("stages", "losses", some(not_positive, [0.7, 0.69]) | st.just(()), "loss"),
    ("stages", "final_loss", not_positive | st.floats(0.69, 10), "final_loss"),
    ("stages", "iterations", negative, "iterations"),
    ("measures", "kinds", st.sampled_from([(), ("SI",), ("MAS", "MAS"), ("sampled", "MAS", "sampled")]), "kinds"),
    ("measures", "validation_samples", counts, "validation_samples"),
    ("measures", "test_samples", st.integers(max_value=63), "test_samples"),
    ("measures", "fisher_samples", counts, "fisher_samples"),
    ("measures", "exact_samples", negative, "exact_samples"),
    ("measures", "decoder_samples", negative | st.integers(1, 63), "decoder_samples"),
    ("measures", "perturbed_samples", negative, "perturbed_samples"),
    ("measures", "nonlinear_rows", negative | st.integers(1, 20), "nonlinear_rows"),
    ("measures", "variance", unreal | st.floats(max_value=0) | st.floats(1.0001, 100), "variance"),
    ("run", "jobs", counts, "jobs"),
    ("run", "members", counts, "members"),
    ("run", "device", st.just("tpu"), "device"),
    ("run", "cluster", st.text(max_size=20), "cluster"),
]
# these refuse when they are made, which is when the command line is read
OPTIONS = [
    ("batch", counts),
    ("learning_rate", not_positive | st.just((0.1, 0.2))),
    ("clip", not_positive),
    ("orthogonality", below_zero),
    ("weight_decay", below_zero),
    ("validate_every", counts),
    ("watch_every", counts),
    ("watch_within", unreal | st.floats(max_value=0.999)),
]


def changed(config, section, **values):
    return replace(config, **{section: replace(getattr(config, section), **values)})


def refused(config):
    with pytest.raises(ValueError, match=": ") as raised:
        STUDY.check_options(config)
    assert type(raised.value) is ValueError
    return str(raised.value)


@pytest.mark.parametrize(("section", "field", "wrong", "name"), WRONG, ids=[f"{w[1]}-{k}" for k, w in enumerate(WRONG)])
@given(data=st.data())
@settings(max_examples=len(rounds(10)))
def test_a_wrong_value_is_refused_by_name(section, field, wrong, name, data):
    config = TINY if section != "factorial" or field == "input_lengths" else changed(TINY, section, input_lengths=(4,))
    if field != "pattern" and section == "factorial":
        config = changed(config, section, pattern=2)
    value = data.draw(wrong)
    message = refused(changed(config, section, **{field: value}))
    assert name in message
    shown = value if isinstance(value, tuple) and value and name in (field, "kinds") else None
    assert shown is None or str(shown) in message or any(repr(each) in message for each in shown)
    if not isinstance(value, tuple) and name == field:
        assert f"{field} is " in message
    assert "\n" not in message


@pytest.mark.parametrize(("field", "wrong"), OPTIONS, ids=[field for field, _ in OPTIONS])
@given(data=st.data())
@settings(max_examples=len(rounds(10)))
def test_a_wrong_training_option_is_refused_by_name(field, wrong, data):
    value = data.draw(wrong)
    with pytest.raises(ValueError, match=f"{field} is .*: it must be"):
        replace(TINY.training, **{field: value})


def test_every_field_is_tried():
    tried = {(section, field) for section, field, _, _ in WRONG} | {("training", field) for field, _ in OPTIONS}
    every = {(section.name, f.name) for section in fields(Config) if section.name != "preset"
             for f in fields(getattr(TINY, section.name))}  # fmt: skip
    # two values each, both right; what makes an output wrong is tried in test_disks.py
    fine = {("network", "output_stage"), ("measures", "details"), ("factorial", "checks"), ("run", "output")}
    assert every - tried == fine


few = st.integers(1, 3)
RIGHT = [
    ("conditions", "seeds", few),
    ("conditions", "basic", st.lists(few, max_size=3).map(tuple)),
    ("conditions", "padded", st.lists(st.integers(1, 4), max_size=2, unique=True).map(tuple)),
    ("conditions", "equal_length", st.integers(1, 6)),
    ("conditions", "leads", st.lists(st.integers(0, 2), max_size=2, unique=True).map(tuple)),
    ("conditions", "bits", st.lists(st.integers(1, 7), max_size=2, unique=True).map(tuple)),
    ("factorial", "input_lengths", st.lists(st.integers(4, 6), max_size=2, unique=True).map(tuple)),
    ("factorial", "factorial_leads", st.lists(st.integers(0, 2), max_size=2, unique=True).map(tuple)),
    ("factorial", "factorial_bits", st.lists(st.integers(1, 7), max_size=2, unique=True).map(tuple)),
    ("factorial", "pattern", few),
    ("factorial", "checks", st.booleans()),
    ("variants", "initialisations", st.sampled_from([("orthogonal",), ("fan_in", "xavier"), ("xavier", "xavier"), ()])),
    ("variants", "reductions", st.sampled_from([("scored bit",), ("sequence", "scored bit"), ()])),
    ("network", "hidden", st.integers(1, 4)),
    ("network", "cell", st.sampled_from(["elman", "lstm", "gru"])),
    ("network", "output_stage", st.booleans()),
    ("training", "batch", few),
    ("training", "clip", st.none() | st.sampled_from([1e-9, 1e9])),
    ("training", "learning_rate", st.sampled_from([1e-30, 1e-3, 0.5, 1e30])),
    ("training", "orthogonality", st.sampled_from([0.0, 1e-3, 1e9])),
    ("training", "weight_decay", st.sampled_from([0.0, 1e-3, 1e9])),
    ("training", "validate_every", few),
    ("training", "watch_every", few),
    ("training", "watch_within", st.sampled_from([1.0, 1e9])),
    ("stages", "losses", st.lists(st.sampled_from([1e-9, 0.6, 0.69, 0.7, 5.0]), max_size=3).map(tuple)),
    ("stages", "final_loss", st.none() | st.sampled_from([1e-9, 0.6, 0.7])),
    ("stages", "iterations", st.integers(0, 4)),
    ("measures", "kinds", st.lists(st.sampled_from(get_args(ImportanceKind)), max_size=6).map(tuple)),
    *(("measures", f"{name}_samples", st.integers(0, 4)) for name in ("validation", "fisher", "exact", "perturbed")),
    *(("measures", f"{name}_samples", st.sampled_from([0, 1, 2, 63, 64, 70])) for name in ("decoder", "test")),
    ("measures", "nonlinear_rows", st.sampled_from([0, 20, 21, 30])),
    ("measures", "variance", st.sampled_from([1e-9, 0.5, 1.0])),
    ("measures", "details", st.booleans()),
]  # fmt: skip


def refusal(config):
    try:
        STUDY.check_options(config)
    except ValueError as error:
        return str(error)
    return None


@st.composite
def configurations(draw):
    config = TINY
    chosen = draw(st.lists(st.sampled_from(RIGHT), min_size=1, max_size=4, unique_by=lambda r: r[:2]))
    for section, field, values in chosen:
        config = changed(config, section, **{field: draw(values)})
    return config


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # which a package draws from when it is imported
@given(config=configurations(), data=st.data())
@settings(max_examples=len(rounds(6)), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_is_not_refused_runs(config, data):
    message = refusal(config)
    if message is not None:
        names = [f.name for section in fields(Config)[1:] for f in fields(getattr(config, section.name))]
        assert any(name in message for name in (*names, "pattern_length", "input_length"))
        assert "\n" not in message
        return
    condition = data.draw(st.sampled_from(config.grid))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = measure_of(STUDY, config)(condition, range(config.conditions.seeds))
    assert found.sizes["seed"] == config.conditions.seeds
    assert found.indexes["kind"].is_unique
    assert found.indexes["stage"].is_unique
