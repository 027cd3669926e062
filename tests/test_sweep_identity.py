"""A result of a sweep is used again only where everything that it depends on is the same."""

import importlib
import inspect
import json
import os
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache, partial, wraps
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from wmcl.identity import described, identity
from wmcl.networks import Elman
from wmcl.sweeps import checkpoint, run
from wmcl.sweeps.by_value import packed
from wmcl.sweeps.place import Place, working_at


@dataclass(frozen=True)
class Options:
    rate: float = 0.1
    sizes: tuple[int, ...] = (1, 2)
    extra: dict = field(default_factory=dict)

    @property
    def doubled(self):
        return 2 * self.rate


class Colour(Enum):
    red = 1
    blue = 2


def measure(condition, seeds, **options):
    return xr.Dataset({"value": ("seed", np.full(len(seeds), 1.0))}, {"seed": list(seeds)})


class Linear(torch.nn.Module):
    def __init__(self, weight, scale=1.0):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(weight))
        self.scale = scale


class Plain:
    def __init__(self, x):
        self.x = x


OTHER = [
    (1, 2),
    (1, 1.0),
    (1, True),
    (1, "1"),
    (0.1, 0.1 + 1e-17 + 2e-17),
    (None, 0),
    (float("nan"), float("inf")),
    ([1, 2], [2, 1]),
    ([1], (1, 1)),
    ({"a": 1}, {"a": 2}),
    ({"a": 1}, {"b": 1}),
    ({1, 2}, {1, 3}),
    (np.zeros(3), np.zeros(4)),
    (np.zeros(3), np.zeros(3, np.float32)),
    (np.zeros((2, 3)), np.zeros((3, 2))),
    (np.array([0.0, 1.0]), np.array([0.0, 1.0 + 1e-16 * 4])),
    (np.array([{"a": 1}]), np.array([{"a": 2}])),
    (torch.zeros(2), torch.zeros(2, dtype=torch.float64)),
    (torch.zeros(2), torch.ones(2)),
    (torch.nn.Parameter(torch.zeros(2)), torch.zeros(2)),
    (xr.Dataset({"a": ("x", [1])}), xr.Dataset({"a": ("x", [2])})),
    (xr.DataArray([1], {"x": [0]}, "x"), xr.DataArray([1], {"x": [1]}, "x")),
    (Options(), Options(rate=0.2)),
    (Options(extra={"a": [1]}), Options(extra={"a": [2]})),
    (Colour.red, Colour.blue),
    (Elman(2, 3, 1), Elman(2, 4, 1)),
    (torch.nn.Linear(2, 2, dtype=torch.float64), torch.nn.Linear(2, 2, dtype=torch.float32)),
    (Linear([1.0]), Linear([2.0])),
    (Linear([1.0]), Linear([1.0], scale=2.0)),
    (Linear([1.0]), Linear([1.0]).eval()),
    (np.random.default_rng(1), np.random.default_rng(2)),
    (Plain(1), Plain(2)),
    (Plain({"a": Plain(1)}), Plain({"a": Plain(2)})),
    (np.sin, np.cos),
    (torch.relu, torch.tanh),
    (len, max),
    (lambda x: x + 1, lambda x: x + 2),
    (lambda x: np.sin(x), lambda x: np.cos(x)),
    (lambda x: "a", lambda x: "b"),
    (lambda x: ["a" for _ in x], lambda x: ["b" for _ in x]),
    (lambda x: set("a" for _ in x), lambda x: set("b" for _ in x)),  # noqa: C401 (a code of its own)
    (lambda x: {"a": 1 for _ in x}, lambda x: {"b": 1 for _ in x}),  # noqa: B035
    (partial(max, 1), partial(max, 2)),
    (partial(measure, rate=1), partial(measure, rate=2)),
    ([1, 2].__contains__, [1, 3].__contains__),
    (Plain, Options),
    (slice(1), slice(2)),
    (range(3), range(4)),
    (b"a", b"b"),
    (torch.float32, torch.float64),
    (Path("not/there"), Path("nor/there")),
]


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_other_values_are_told_apart_and_equal_ones_are_not(one, other):
    assert text(one) != text(other)
    assert text(one) == text(one)


def text(value):
    return json.dumps(described(value, "x"), sort_keys=True, allow_nan=False)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES, VALUES)
def test_values_have_the_same_description_only_if_they_are_equal_with_their_types(one, other):
    assert (text(one) == text(other)) == (repr(one) == repr(other))


def test_names_of_positional_and_named_arguments_are_the_same():
    def of(options, device, condition, seeds):
        """Nothing."""

    one, other = partial(of, Options(), "cpu"), partial(of, device="cpu", options=Options())
    assert identity(one) == identity(other)
    assert identity(one, ["device"]) == identity(partial(of, Options(), "cuda"), ["device"])
    assert identity(one, ["device"]) != identity(partial(of, Options(0.2), "cpu"), ["device"])
    with pytest.raises(ValueError, match="ignored has 'jobs': it must be of the bound arguments, options, device"):
        identity(one, ["jobs"])


def test_values_around_a_function_are_part_of_it():
    def made(scale, offset=[0]):  # noqa: B006 (the default is what is tested)
        def inner(condition, seeds, more=offset):
            return scale

        return inner

    assert described(made(1), "m") != described(made(2), "m")
    assert described(made(1), "m") == described(made(1), "m")
    assert described(made(1, [1]), "m") != described(made(1, [2]), "m")
    assert described(made(Plain(1)), "m") != described(made(Plain(2)), "m")


def test_texts_of_functions_inside_count_and_docstrings_do_not():
    def one():
        """Say something."""

        def inner():
            """Say more."""
            return "a"

        return inner() + "".join("x" for _ in range(2))

    sources = inspect.getsource(one)
    made = {}
    for name, text_of in {
        "same": sources.replace("Say more", "Say less").replace("Say something", "Say it"),
        "inner": sources.replace('"a"', '"b"'),
        "joined": sources.replace('"x"', '"y"'),
    }.items():
        namespace: dict = {}
        exec(dedent(text_of), namespace)
        made[name] = namespace["one"]
    codes = {name: described(each, "f")["code"] for name, each in made.items()}
    assert codes["same"] == described(one, "f")["code"]
    assert len(set(codes.values())) == 3


def test_decorated_and_cached_functions_are_told_apart():
    def decorate(function):
        @wraps(function)
        def outer(*arguments):
            return function(*arguments)

        return outer

    def one(x):
        return x

    def other(x):
        return x + 1

    for wrapper in (decorate, lru_cache, torch.no_grad(), partial):
        assert described(wrapper(one), "m") != described(wrapper(other), "m")
        assert described(wrapper(one), "m") == described(wrapper(one), "m")


def test_values_that_hold_themselves_and_functions_that_call_each_other_end():
    loop = [1]
    loop.append(loop)
    assert described(loop, "x") == described(loop, "x")

    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    assert described(even, "x") == described(even, "x")


@pytest.mark.parametrize("value", [threading.Lock(), (each for each in [1])])
def test_what_has_no_value_is_refused_by_name(tmp_path, value):
    with pytest.raises(
        ValueError, match=r"^source\[1\] is <.*, which has no value that could be compared: give numbers"
    ):
        run(partial(measure, source=[0, value]), [{"p": 1}], [0], tmp_path, progress=False)


def test_an_open_file_is_refused_by_name(tmp_path):
    with (tmp_path / "x").open("w") as file:

        def writing(condition, seeds):
            return file

        with pytest.raises(ValueError, match="file, which writing takes from around it, is <"):
            run(writing, [{"p": 1}], [0], tmp_path, progress=False)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module of a user's own, and imports it anew."""
    monkeypatch.syspath_prepend(tmp_path)
    names = ("mine", "helper")

    def make(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(dedent(text))
        for name in names:
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        try:
            return importlib.import_module("mine")
        finally:
            sys.dont_write_bytecode = before

    yield make
    for name in names:
        sys.modules.pop(name, None)


MINE = """
    import numpy as np
    import xarray as xr
    import helper
    from helper import scaled

    SIZE = 3
    UNUSED = 4

    class Cell:
        gain = 1.0

        def step(self, x):
            return x * self.gain

    def measure(condition, seeds):
        values = [scaled(Cell().step(condition["p"] * SIZE + helper.OFFSET)) for _ in seeds]
        return xr.Dataset({"value": ("seed", np.array(values, float))}, {"seed": list(seeds)})
"""
HELPER = """
    OFFSET = 0
    OTHER = 5

    def factor():
        return 2

    def scaled(x):
        return x * factor()
"""
CHANGES = {
    "a global": ("mine", "SIZE = 3", "SIZE = 5", 10.0),
    "a global of another module": ("helper", "OFFSET = 0", "OFFSET = 1", 8.0),
    "a function that a function calls": ("helper", "return 2", "return 4", 12.0),
    "an attribute of a class": ("mine", "gain = 1.0", "gain = 2.0", 12.0),
    "a method": ("mine", "x * self.gain", "x + self.gain", 8.0),
    "the measure": ("mine", "* SIZE", "- SIZE", -4.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_a_users_code_or_of_a_value_that_it_uses_computes_anew(tmp_path, module, change):
    where, before, after, expected = CHANGES[change]
    texts = {"mine": MINE, "helper": HELPER}
    first = run(module(**texts).measure, [{"p": 1}], [0], tmp_path / "entries", progress=False)
    assert first.value.item() == 6.0
    assert before in texts[where]
    changed = module(**{**texts, where: texts[where].replace(before, after)})
    second = run(changed.measure, [{"p": 1}], [0], tmp_path / "entries", progress=False)
    assert second.value.item() == expected
    assert second.attrs["entries_computed"] == "1 of 1"


@pytest.mark.parametrize(
    ("where", "before", "after"),
    [
        ("mine", "UNUSED = 4", "UNUSED = 5"),
        ("helper", "OTHER = 5", "OTHER = 6"),
        ("mine", "SIZE = 3", "SIZE = 3  # units"),
        ("helper", "def scaled(x):", 'def scaled(x):\n        """Scale."""'),
        ("helper", "return x * factor()", "return (x\n            * factor())"),
    ],
)
def test_a_change_of_comments_layout_or_of_what_is_not_used_computes_nothing(tmp_path, module, where, before, after):
    texts = {"mine": MINE, "helper": HELPER}
    run(module(**texts).measure, [{"p": 1}], [0], tmp_path / "entries", progress=False)
    assert before in texts[where]
    changed = module(**{**texts, where: texts[where].replace(before, after)})
    again = run(changed.measure, [{"p": 1}], [0], tmp_path / "entries", progress=False)
    assert again.attrs["entries_computed"] == "0 of 1"


def reading(condition, seeds, data):
    value = float(Path(data / "a.txt" if data.is_dir() else data).read_text())
    return xr.Dataset({"value": ("seed", np.full(len(seeds), value))}, {"seed": list(seeds)})


@pytest.mark.parametrize("folder", [False, True])
def test_the_content_of_files_counts_not_their_name(tmp_path, folder):
    def result(place):
        data = tmp_path / place if folder else tmp_path / place / "a.txt"
        return run(partial(reading, data=data), [{"p": 1}], [0], tmp_path / "entries", progress=False)

    for place, text in (("one", "1"), ("same", "1"), ("other", "2")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "a.txt").write_text(text)
    assert result("one").value.item() == 1
    assert result("same").attrs["entries_computed"] == "0 of 1"
    assert result("other").value.item() == 2
    (tmp_path / "one" / "a.txt").write_text("3")
    assert result("one").value.item() == 3


def of_methods(condition, seeds, rate, log):
    with Path(log).open("a") as file:
        file.write(f"{condition['method']} ")
    return xr.Dataset({"rate": ("seed", np.full(len(seeds), rate))}, {"seed": list(seeds)})


def test_what_a_condition_is_given_concerns_its_entries_alone(tmp_path):
    rates = {"a": 0.1, "b": 0.2}
    conditions = [{"method": name} for name in rates]

    def result():
        return run(
            partial(of_methods, log=str(tmp_path / "log")),
            conditions,
            [0],
            tmp_path / "entries",
            given=lambda condition: {"rate": rates[condition["method"]]},
            progress=False,
        )

    assert result().rate.values.ravel().tolist() == [0.1, 0.2]
    rates["b"] = 0.3
    assert result().rate.values.ravel().tolist() == [0.1, 0.3]
    assert (tmp_path / "log").read_text() == "a b b "


def loaded(folder, monkeypatch, name, text):
    """A module of a user's own, in a file."""
    (folder / f"{name}.py").write_text(dedent(text))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    sys.modules.pop(name, None)
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module(name)


def test_the_code_that_runs_counts_not_the_file_that_was_edited_meanwhile(tmp_path, monkeypatch):
    module = loaded(tmp_path, monkeypatch, "edited", "def f():\n    return 2.0\n")
    before = text(module.f)
    (tmp_path / "edited.py").write_text("def f():\n    return 3.0\n")
    assert text(module.f) == before
    assert text(loaded(tmp_path, monkeypatch, "edited", "def f():\n    return 3.0\n").f) != before


TWICE = """
    import functools
    from contextlib import contextmanager
    from dataclasses import dataclass, field
    import numpy as np
    import settings

    def times(function):
        @functools.wraps(function)
        def outer(*given):
            return 2 * function(*given)
        return outer

    @times
    def decorated():
        return 1

    @functools.wraps(np.mean)
    def called_like_another(x):
        return 2 * np.mean(x)

    @functools.singledispatch
    def dispatched(x):
        return 1

    @dispatched.register
    def _(x: int):
        return 2

    class Times:
        def __init__(self, function, factor):
            functools.update_wrapper(self, function)
            self.factor = factor

        def __call__(self):
            return self.factor

    def plain():
        return 1

    of_an_object = Times(plain, 2)

    @dataclass
    class Sizes:
        sizes: list = field(default_factory=lambda: [2])

    def by_default():
        return Sizes().sizes

    def imported_inside():
        import settings as inside
        return inside.RATE

    def by_name():
        return getattr(settings, "RATE")
"""


@pytest.mark.parametrize(
    "name",
    ["decorated", "called_like_another", "dispatched", "of_an_object", "by_default", "imported_inside", "by_name"],
)
def test_what_stands_around_the_code_of_a_user_counts(tmp_path, monkeypatch, name):
    settings = "RATE = {}\n"
    loaded(tmp_path, monkeypatch, "settings", settings.format(2))
    before = text(getattr(loaded(tmp_path, monkeypatch, "around", TWICE), name))
    assert text(getattr(loaded(tmp_path, monkeypatch, "around", TWICE), name)) == before
    loaded(tmp_path, monkeypatch, "settings", settings.format(3))
    changed = TWICE.replace("return 2 *", "return 3 *").replace("return 2\n", "return 3\n").replace("[2]", "[3]")
    changed = changed.replace("Times(plain, 2)", "Times(plain, 3)")
    assert text(getattr(loaded(tmp_path, monkeypatch, "around", changed), name)) != before


def make(k):
    return lambda x: x + k


f, g = (lambda x: x + 1), (lambda x: x * 5)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([f, g, f], [f, g, g]),
        ([make(2), make(3), make(2)], [make(2), make(3), make(3)]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (np.ma.array([1.0, 2.0], mask=[0, 0]), np.ma.array([1.0, 2.0], mask=[0, 1])),
        ([0, 1], (0, 1)),
        (float("nan"), "nan"),
        (
            torch.func.grad(torch.nn.functional.mse_loss, argnums=0),
            torch.func.grad(torch.nn.functional.mse_loss, argnums=1),
        ),
    ],
)
def test_what_containers_and_wrappers_hold_counts(one, other):
    assert text(one) == text(one)
    assert text(one) != text(other)


def test_links_are_followed_and_a_folder_around_a_function_is_a_place(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.txt").write_text("1")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "real")
    before, root = text(tmp_path / "data"), tmp_path

    def measured():
        return root

    place = text(measured)
    (tmp_path / "real" / "a.txt").write_text("2")
    assert text(tmp_path / "data") != before
    assert text(measured) == place


def test_two_trainings_of_a_measure_have_places_of_their_own(tmp_path):
    place = Place("job", tmp_path, None)
    with working_at(place):
        assert checkpoint("a") != checkpoint("b")
        with pytest.raises(ValueError, match="name is 'a': another training of this measure has that name"):
            checkpoint("a")
    with working_at(place):
        assert checkpoint("a") == tmp_path / "job.checkpoint" / "a"
    assert checkpoint("a") is None


SET_LATER = """
    import numpy as np
    import xarray as xr

    RATE = 2.0

    def measure(condition, seeds):
        return xr.Dataset({"value": ("seed", np.full(len(seeds), RATE))}, {"seed": list(seeds)})
"""


def test_other_processes_compute_with_what_stands_in_this_one(tmp_path, monkeypatch):
    module = loaded(tmp_path, monkeypatch, "set_later", SET_LATER)
    for rate in (2.0, 5.0):
        module.RATE = rate
        found = run(module.measure, [{"p": 1}], [0, 1], tmp_path / "entries", jobs=2, progress=False)
        assert found.value.values.ravel().tolist() == [rate, rate]
        assert found.attrs["entries_computed"] == "2 of 2"


CACHED = """
    from functools import lru_cache

    @lru_cache(maxsize=2)
    def size(p):
        return 10 * p

    def measure(condition, seeds):
        return size(condition["p"])
"""


def test_a_measure_travels_to_where_its_module_is_unknown_with_its_cached_functions(tmp_path, monkeypatch):
    measure = packed(loaded(tmp_path, monkeypatch, "cached_functions", CACHED).measure)
    command = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read())({'p': 4}, [0]))"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    arguments = [sys.executable, "-P", "-c", command]
    done = subprocess.run(arguments, input=pickle.dumps(measure), capture_output=True, env=environment, check=False)
    assert done.stdout.decode() == "40\n", done.stderr.decode()
