"""Whether two results are the same, bit for bit."""

import dataclasses

import numpy as np
import torch
import xarray as xr


def assert_same(one, other, without=("seconds",), path="result"):
    """Compare everything, except for fields of some names."""
    assert type(one) is type(other), path
    if dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            if field.name not in without:
                assert_same(getattr(one, field.name), getattr(other, field.name), without, f"{path}.{field.name}")
    elif isinstance(one, dict):
        assert list(one) == list(other), path
        for key, value in one.items():
            assert_same(value, other[key], without, f"{path}[{key!r}]")
    elif isinstance(one, (tuple, list)):
        assert len(one) == len(other), path
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            assert_same(left, right, without, f"{path}[{place}]")
    elif isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype, path
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True, msg=path)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, path
        np.testing.assert_array_equal(one, other, err_msg=path)
    elif isinstance(one, xr.Dataset):
        xr.testing.assert_identical(one, other)
    else:
        assert one == other or (one != one and other != other), path
