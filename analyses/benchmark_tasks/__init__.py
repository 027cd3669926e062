"""The benchmarks, a file each: for the comparison of methods and for the study of importances alike.

``copy``: the Permuted Copy Task; ``smnist``: Split Stroke-MNIST; ``sequential_smnist``: Sequential Stroke-MNIST, m
digits; ``audioset``: Split AudioSet; ``pos``: part-of-speech tagging in one language after the other. A benchmark of
your own is named by its file and its name in there: ``mine.py:BENCHMARK`` (:mod:`wmcl.studies.benchmark`).
"""

import sys
from collections.abc import Collection
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from wmcl.studies.benchmark import Benchmark
from wmcl.studies.command_line import chosen_word

REGISTERED = {
    "copy": "benchmark_tasks.copy:COPY",
    "smnist": "benchmark_tasks.strokes:SPLIT",
    "sequential_smnist": "benchmark_tasks.strokes:SEQUENTIAL",
    "audioset": "benchmark_tasks.audioset:AUDIOSET",
    "pos": "benchmark_tasks.pos:POS",
}
"""where each of the package is, by name"""
HERE = Path(__file__).parent


def chosen_benchmark(usual: str, allowed: Collection[str] = tuple(REGISTERED)) -> tuple[str, Benchmark]:
    """The benchmark that ``--benchmark`` names on the command line, on which all other options depend.

    Raises:
        SystemExit: with a sentence, if there is no such benchmark.
    """
    name = chosen_word("benchmark", usual)
    try:
        return name, benchmark(name, allowed)
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None


def benchmark(name: str, allowed: Collection[str] = tuple(REGISTERED)) -> Benchmark:
    """The benchmark of a name, or of a file and a name in it.

    Raises:
        ValueError: if there is none.
    """
    if name in allowed:
        module, attribute = REGISTERED[name].split(":")
        return replace(getattr(import_module(module), attribute), name=name)
    file, separator, attribute = name.rpartition(":")
    if not separator or not file.endswith(".py"):
        raise ValueError(f"benchmark is {name!r}: it must be one of {', '.join(allowed)}, or like mine.py:BENCHMARK")
    path = Path(file)
    if not path.is_file():
        raise ValueError(f"benchmark is {name!r}: there is no file {file}")
    found = getattr(_module(path), attribute, None)
    if not isinstance(found, Benchmark):
        what = f"the class {found.__name__}" if isinstance(found, type) else f"of the type {type(found).__name__}"
        text = "there is no such name in the file" if found is None else f"what has that name in the file is {what}"
        raise ValueError(f"benchmark is {name!r}: {text}; it must be a wmcl.studies.benchmark.Benchmark")
    return found if found.name else replace(found, name=path.stem)


def _module(path: Path) -> object:
    """The module in a file, whose folder joins the path of this process and its workers."""
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    module = import_module(path.stem)
    if Path(module.__file__ or "").resolve() != path.resolve():
        raise ValueError(f"benchmark is in {path}: there is another module {path.stem}; give the file another name")
    return module
