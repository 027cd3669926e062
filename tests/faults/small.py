"""A small sweep that takes long enough to be hit, for processes of its own."""

import os
import signal
import time
import traceback
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr

from wmcl.sweeps import run
from wmcl.sweeps.store import save_atomically

CONDITIONS = [{"p": p, "i": i} for p in (1, 2) for i in (2, 3)]
SEEDS = range(3)
ENTRIES = len(CONDITIONS) * len(SEEDS)


def measure(pause, log, condition, seeds):
    """Random numbers that the condition and seed settle; each call is written down."""
    with Path(log).open("a") as file:
        file.write(f"{condition['p']},{condition['i']},{seeds[0]}\n")
    time.sleep(pause)
    steps = np.arange(10 * condition["i"])
    draws = [np.random.default_rng([condition["p"], condition["i"], seed]).normal(size=len(steps)) for seed in seeds]
    return xr.Dataset(
        {"mean": ("seed", [draw.mean() for draw in draws]), "draws": (("seed", "step"), np.stack(draws))},
        coords={"seed": list(seeds), "step": steps},
    )


def small(folder, pause=0.0, **more):
    """The sweep, in the folder ``entries`` of a folder."""
    arguments = {
        "folder": folder / "entries",
        "ignored": ("pause", "log"),
        "progress": False,
        "jobs": 1,
    } | more
    return run(partial(measure, pause, str(folder / "log")), CONDITIONS, SEEDS, **arguments)


def undisturbed_run(folder):
    found = small(folder)
    assert found.attrs["entries_computed"] == f"{ENTRIES} of {ENTRIES}"
    return found


def files(folder):
    return sorted((folder / "entries").glob("*.safetensors"))


def same(found, expected):
    """Bit for bit."""
    xr.testing.assert_identical(found.drop_attrs(deep=False), expected.drop_attrs(deep=False))
    for name, variable in expected.variables.items():
        assert found[name].dtype == variable.dtype
        assert found[name].values.tobytes() == variable.values.tobytes()


def whole(folder, found, expected, computed):
    """Nothing finished was computed again, the values are right, and the folder holds the entries and nothing else."""
    same(found, expected)
    assert found.attrs["entries_computed"] == f"{computed} of {ENTRIES}"
    assert found.attrs["failed_entries"] == ""
    assert len({path.name.split(".")[0] for path in files(folder)}) == ENTRIES
    assert not list((folder / "entries").glob("*.part"))


def child(folder, pause=0.0, environment=(), before=None, **more):
    """The sweep in a process: exit code 0 if it is through, 1 with the error in ``error``, 130 if interrupted."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.update(environment)
    try:
        (folder / "ready").touch()
        if before is not None:
            before()
        found = small(folder, pause, **more)
        save_atomically(found.drop_attrs(deep=False), folder / f"result.{os.getpid()}")
        os._exit(0)  # an interrupt while Python tidies up is none of the sweep
    except KeyboardInterrupt:
        os._exit(130)
    except Exception as error:
        (folder / "error").write_text(f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
        os._exit(1)


def start(context, folder, *arguments, **named):
    """Start the sweep in a process, and wait until it is about to begin."""
    (folder / "ready").unlink(missing_ok=True)
    process = context.Process(target=child, args=(folder, *arguments), kwargs=named)
    process.start()
    until(lambda: (folder / "ready").exists())
    return process


def until(condition, seconds=600):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it hangs"
        time.sleep(0.005)
