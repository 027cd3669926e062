"""The presets of each benchmark."""

from collections.abc import Mapping

from real_data_study import audioset, pos_tagging, sequential_smnist
from real_data_study.config import Config

BENCHMARKS: Mapping[str, Mapping[str, Config]] = {
    "sequential_smnist": sequential_smnist.PRESETS,
    "audioset": audioset.PRESETS,
    "pos": pos_tagging.PRESETS,
}
