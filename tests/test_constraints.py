"""Constraints at the fields of options: what is allowed passes, all else is a sentence that names the field."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt
from hypothesis import given
from hypothesis import strategies as st

from wmcl.studies import tables
from wmcl.studies.constraints import FALLING, FINITE, GIVEN, ONCE, Count, Must, Share, check_fields


@dataclass(frozen=True)
class Inner:
    rate: Annotated[float, Gt(0), FINITE] = 0.1
    share: Share = 0.5
    below: Annotated[float, Lt(1)] = 0.0


@dataclass(frozen=True)
class Options:
    hidden: Count = 3
    most: Annotated[int, Ge(2), Le(8)] = 2
    jobs: Count | None = None
    word: Literal["one", "two"] = "one"
    losses: Annotated[tuple[Annotated[float, Gt(0)], ...], GIVEN, ONCE, FALLING] = (0.2, 0.1)
    words: tuple[Literal["a", "b"], ...] = ()
    even: Annotated[int, Must(lambda value: value % 2 == 0, "it must be even")] = 2
    text: str = "anything"
    file: Path | None = None
    inner: Inner = field(default_factory=Inner)


def test_what_is_allowed_passes():
    check_fields(Options())
    check_fields(Options(hidden=1, most=8, jobs=1, word="two", losses=(1.0,), words=("a", "b", "a"), even=-4))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden": 0}, "hidden is 0: it must be at least 1"),
        ({"hidden": 1.5}, "hidden is 1.5: it must be a whole number"),
        ({"hidden": True}, "hidden is True: it must be a whole number"),
        ({"hidden": "3"}, "hidden is '3': it must be a whole number"),
        ({"most": 9}, "most is 9: it must be at least 2 and at most 8"),
        ({"most": 1}, "most is 1: it must be at least 2 and at most 8"),
        ({"jobs": 0}, "jobs is 0: it must be at least 1"),
        ({"word": "three"}, "word is 'three': it must be one of one, two"),
        ({"losses": ()}, "losses is (): give at least one"),
        ({"losses": (0.1, 0.2)}, "losses is (0.1, 0.2): give them from high to low"),
        ({"losses": (0.1, 0.1)}, "losses is (0.1, 0.1): each may occur once"),
        ({"losses": (0.1, -1.0)}, "losses has -1: it must be above 0"),
        ({"losses": (math.nan,)}, "losses has nan: it must be above 0"),
        ({"words": ("a", "c")}, "words has 'c': it must be one of a, b"),
        ({"even": 3}, "even is 3: it must be even"),
        ({"inner": Inner(rate=0.0)}, "rate is 0: it must be above 0"),
        ({"inner": Inner(rate=math.inf)}, "rate is inf: it must be finite"),
        ({"inner": Inner(share=1.01)}, "share is 1.01: it must be above 0 and at most 1"),
        ({"inner": Inner(below=1.0)}, "below is 1: it must be below 1"),
        ({"inner": Inner(below=math.nan)}, "below is nan: it must be below 1"),
        ({"inner": Inner(share="half")}, "share is 'half': it must be a number"),
        ({"losses": 0.1}, "losses is 0.1: it must be a tuple"),
        ({"losses": [0.1]}, "losses is [0.1]: it must be a tuple"),
        ({"hidden": None}, "hidden is None: it must be a whole number"),
        ({"text": 3}, "text is 3: it must be text"),
        ({"file": "x.nc"}, "file is 'x.nc': it must be a path"),
    ],
)
def test_anything_else_is_refused_by_name(changes, message):
    with pytest.raises(
        ValueError, match=message.replace("(", r"\(").replace(")", r"\)").replace("[", r"\[").replace("]", r"\]")
    ):
        check_fields(replace(Options(), **changes))


@given(st.integers(-5, 12))
def test_bounds_are_those_of_the_numbers(value):
    try:
        check_fields(Options(most=value))
        message = ""
    except ValueError as error:
        message = str(error)
    assert (message == "") == (2 <= value <= 8)
    assert not message or message.startswith(f"most is {value}: ")


def test_tables_have_a_cell_a_column():
    assert tables.table_head(["a", "b", "c"]) == ["| a | b | c |", "| --- | ---: | ---: |"]
    assert tables.table_row(["x", "1"]) == "| x | 1 |"
    assert tables.number(math.nan, ".2f") == tables.interval(".2f", math.nan, math.nan, math.nan) == tables.ABSENT
    assert tables.interval(".2f", 1.0, math.nan, math.nan) == "1.00"
    assert tables.interval(".1f", 1.0, 0.5, 1.5) == "1.0 [0.5, 1.5]"


def test_the_interval_of_networks_is_that_of_student():
    import numpy as np
    import xarray as xr
    from scipy import stats

    values = xr.DataArray([1.0, 2.0, 4.0, np.nan], dims="seed")
    low, high = stats.t.interval(0.95, 2, 7 / 3, np.std([1, 2, 4], ddof=1) / np.sqrt(3))
    assert tables.interval_of(values, ".4f") == f"{7 / 3:.4f} [{low:.4f}, {high:.4f}]"
    assert tables.interval_of(values, ".2f", scale=100) == f"{700 / 3:.2f} [{100 * low:.2f}, {100 * high:.2f}]"
    logs = np.log([1, 2, 4])
    ends = np.exp(stats.t.interval(0.95, 2, logs.mean(), logs.std(ddof=1) / np.sqrt(3)))
    assert tables.interval_of(xr.where(values > 3.9, 4.0, values), ".3f", log=True) == (
        f"2.000 [{ends[0]:.3f}, {ends[1]:.3f}]"
    )
    assert tables.interval_of(values * np.nan, ".1f") == tables.ABSENT
