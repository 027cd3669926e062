import numpy as np
import pytest

from tests.test_effects import experiment
from wmcl.statistics import effects, verdict


def text(values, **more):
    return verdict(effects(values, **more), "sampled Fisher", "0.05 nats")


def test_a_pure_load_law():
    found = text(experiment((1, 0, 0), noise=0.02, spread=0.02, seeds=10))
    assert found.startswith("sampled Fisher at 0.05 nats, 10 seeds.\nAll 180 networks reached the loss.")
    assert "Exploratory" not in found
    load, retention, lead = (
        line for line in found.split("\n") if line.startswith(("- memory load:", "- ret", "- lead"))
    )
    assert "exponent 1.0" in load or "exponent 0.9" in load
    assert "per doubling of memory load" in load
    assert "excludes 0: importance grows" in load
    assert "at most a small effect, within ±0.1" in retention
    assert "per doubling of 1 + lead" in lead
    assert "The exponent of memory load is larger than that of retention" in found
    assert "The exponents of retention and lead are alike within ±0.1" in found
    assert "geometric mean" in found


def test_a_pure_length_law():
    found = text(experiment((0, 0, 0.5), noise=0.02, spread=0.02, seeds=10))
    assert "The exponent of lead is larger than that of memory load" in found
    assert "The exponent of lead is larger than that of retention" in found


def test_exact_numbers():
    found = text(experiment((1, 2, -1), interaction=0.5, seeds=10))
    assert "exponent 2.00 [2.00, 2.00], 4.00-fold [4.00, 4.00] per doubling of retention, n = 10" in found
    assert "-fold [0.50, 0.50] per doubling of 1 + lead, n = 10; the interval excludes 0: importance shrinks" in found
    assert "the slope of memory load changes by +0.35 [0.35, 0.35]" in found
    assert "retention - lead, difference within seeds +3.00 [3.00, 3.00], n = 10" in found


def test_noise_decides_nothing():
    found = text(experiment((0, 0, 0), noise=0.5, spread=0.4, seeds=4))
    assert "Exploratory: fewer than 10 seeds." in found
    assert "not distinguishable from none; effects outside of [" in found
    assert "Which exponent is larger, memory load or retention, is not decided" in found
    assert "is larger than" not in found


def test_the_margin_decides_what_is_small():
    found = effects(experiment((0.2, 0, 0), noise=0.01, seeds=10))
    assert "- memory load: exponent 0.20" in verdict(found, "k", "s")
    line = next(s for s in verdict(found, "k", "s", margin=0.3).split("\n") if s.startswith("- memory load:"))
    assert line.endswith("at most a small effect, within ±0.3, though not none.")
    with pytest.raises(ValueError, match="margin"):
        verdict(found, "k", "s", margin=0.0)


def test_confounded_terms_are_refused_by_name():
    values = experiment()
    found = text(values.assign_coords(retention=values["memory_load"] / 7 + 0.01), interactions=())
    assert found.endswith("The conditions cannot tell memory load and retention apart.\nNo verdict.")
    assert "exponent" not in found


def test_censored_networks_are_said_and_leave_no_interval():
    values = experiment(noise=0.1, seeds=10)
    values[-1, 0] = np.nan
    found = text(values)
    assert "1 of 180 networks, in 1 of 18 conditions, missed the loss (censored); 0 of them" in found
    assert found.endswith("No verdict.")
    assert "conditions that all seeds reached (17 conditions): memory load " in found
    assert "excludes" not in found
    planned = text(values, planned=values["memory_load"] < 140)
    assert "(censored); 1 of them in conditions outside the plan" in planned
    assert "on 12 of 18 conditions" in planned
    assert "The exponent of memory load is larger than that of lead" in planned


def test_one_seed_has_no_verdict():
    assert text(experiment(seeds=1)).endswith("at least two seeds. No verdict.")
