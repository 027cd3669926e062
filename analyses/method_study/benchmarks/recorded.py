"""What the benchmarks of recorded data have in common."""

from collections.abc import Callable, Mapping
from typing import Literal

from method_study.hyperparameters import Hyperparameters, Value
from wmcl.methods import Measures

Scenario = Literal["task-incremental", "domain-incremental", "class-incremental"]

SMALLER: Mapping[str, Mapping[str, Value]] = {
    "online EWC (exact)": {"samples": 4},
    "HNET (chunked)": {"chunk": 100},
    "coresets": {"samples": 10},
    "generative replay": {"latent": 4, "decoder_hidden": 8},
    "HNET + replay": {"latent": 4, "decoder_hidden": 8, "chunk": 100},
    "HNET + coresets": {"chunk": 100, "samples": 10},
}
"""what the preset smoke takes instead, by row"""
SMALL_MEASURES = Measures(importance_samples=8, state_samples=16, shared_components=5)
"""of the preset smoke"""
REPLAYED: Mapping[str, Value] = {
    "latent": 16,
    "decoder_cell": "lstm",
    "input_likelihood": "gaussian",
    "kl_strength": 1e-3,
    "reconstruction_strength": 1e-2,
}
"""of rows that generate sequences: inputs are real numbers, which weigh as much as they are large"""
HYPERFAN: Mapping[str, Value] = {"hyper_initialisation": "hyperfan"}
"""as initialised in the paper's code, hypernetworks of small networks learned less even of the first task of sounds"""


def hyperparameters_with(common: Mapping[str, Value]) -> Callable[..., Hyperparameters]:
    """Makes the hyperparameters of a method from those that all have in common, and values of its own."""

    def hyperparameters(method: str, **values: Value) -> Hyperparameters:
        return Hyperparameters(method).changed({**common, **values})

    return hyperparameters


def check_words(options: object, **allowed: tuple[str, ...]) -> None:
    """Refuse options that are none of the words allowed, with a ValueError that names the field."""
    for name, words in allowed.items():
        if getattr(options, name) not in words:
            raise ValueError(f"{name} is {getattr(options, name)!r}: it must be one of {', '.join(words)}")
