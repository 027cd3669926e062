"""The benchmarks of the comparison, a file each; add one of your own here."""

from collections.abc import Mapping

from method_study.benchmarks.audioset import SPLIT_AUDIOSET
from method_study.benchmarks.benchmark import RATES, Benchmark
from method_study.benchmarks.permuted_copy import COPY
from method_study.benchmarks.pos_tagging import POS
from method_study.benchmarks.strokes import SEQUENTIAL, SPLIT

BENCHMARKS: Mapping[str, Benchmark] = {
    "copy": COPY,
    "smnist": SPLIT,
    "sequential_smnist": SEQUENTIAL,
    "audioset": SPLIT_AUDIOSET,
    "pos": POS,
}

__all__ = ["BENCHMARKS", "RATES", "Benchmark"]
