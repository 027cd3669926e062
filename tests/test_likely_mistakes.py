"""Warnings about data that can hardly be meant, and none about data that are."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmcl.data import stand_in_audioset, stand_in_strokes
from wmcl.tasks import labelled

RANDOM = np.random.default_rng(0)
SMOOTH = RANDOM.normal(size=(20, 3, 50)).cumsum(2)  # channels first
CLASSES = RANDOM.integers(0, 3, 20)
ONE_HOT = np.eye(5, dtype=int)


def test_time_and_features_that_changed_places():
    with pytest.warns(UserWarning, match=r"sequences have 3 steps of 50 features each, which change little") as told:
        labelled(SMOOTH, CLASSES, classes=3)
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="3 steps of 50 features"):
        labelled(list(SMOOTH), CLASSES, classes=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labelled(np.swapaxes(SMOOTH, 1, 2), CLASSES, classes=3)


@pytest.mark.parametrize("shape", [(20,), (20, 6)])
def test_one_hot_classes_that_would_be_bits(shape):
    targets = np.eye(5)[RANDOM.integers(0, 5, shape)]
    inputs = RANDOM.normal(size=(20, 6, 3))
    with pytest.warns(UserWarning, match=r"exactly one 1 among 5 bits.*give targets.argmax\(-1\) and classes=5"):
        labelled(inputs, targets)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert labelled(inputs, targets.argmax(-1), classes=5).classes == 5
        assert labelled(inputs, targets, real=True).real


def test_one_hot_classes_that_would_be_a_class_a_step():
    inputs = RANDOM.normal(size=(20, 5, 3))
    targets = ONE_HOT[RANDOM.integers(0, 5, 20)]
    with pytest.raises(ValueError, match=r"one 1 and 4 zeros for each sequence.*are they one-hot\?"):
        labelled(inputs, targets, classes=5)
    targets[3, :2] = 1
    assert labelled(inputs, targets, classes=5).at_every_step


@given(
    st.integers(2, 12),
    st.integers(1, 60),
    st.sampled_from(["noise", "smooth in time", "one-hot", "constant", "bits"]),
    st.integers(0, 1000),
)
def test_sensible_sequences_are_not_warned_of(steps, features, kind, seed):
    random = np.random.default_rng(seed)
    sequences = {
        "noise": lambda: random.normal(size=(16, steps, features)),
        "smooth in time": lambda: random.normal(size=(16, steps, features)).cumsum(1),
        "one-hot": lambda: np.eye(features)[random.integers(0, features, (16, steps))],
        "constant": lambda: np.ones((16, steps, features)),
        "bits": lambda: random.integers(0, 2, (16, steps, features)),
    }[kind]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labelled(sequences, random.integers(0, 3, 16), classes=3)


def test_the_data_of_this_package_are_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        strokes = stand_in_strokes(train=20, test=5).train
        labelled([strokes[k] for k in range(20)], strokes.labels[:20], classes=10)
        sounds = stand_in_audioset()
        some = next(iter(sounds.values())) if isinstance(sounds, dict) else sounds.train
        labelled([some[k] for k in range(20)], np.arange(20) % 3, classes=3)
