import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wmcl.dimensionality import covariance_spectrum, effective_rank, participation_ratio


@pytest.mark.parametrize("dimension", [1, 3, 12])
def test_equal_variances_count_the_dimensions(dimension):
    spectrum = torch.zeros(2, 12, dtype=torch.float64)
    spectrum[:, :dimension] = 0.37
    torch.testing.assert_close(effective_rank(spectrum), torch.full((2,), float(dimension), dtype=torch.float64))


def test_the_formula_by_hand():
    spectrum = torch.tensor([6.0, 3.0, 1.0], dtype=torch.float64)
    expected = math.exp(-sum(p * math.log(p) for p in (0.6, 0.3, 0.1)))
    assert effective_rank(spectrum).item() == pytest.approx(expected, rel=1e-14)


def test_no_variance_has_rank_0():
    assert effective_rank(covariance_spectrum(torch.full((2, 50, 4), 0.7))).tolist() == [0, 0]


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=12).filter(lambda values: sum(values) > 1e-3),
    st.floats(1e-6, 1e6),
)
def test_bounds_and_scale(values, scale):
    spectrum = torch.tensor(values, dtype=torch.float64)
    rank = effective_rank(spectrum)
    torch.testing.assert_close(effective_rank(scale * spectrum), rank)
    assert participation_ratio(spectrum) * (1 - 1e-9) <= rank <= len(values) * (1 + 1e-9)
