"""What a benchmark takes that says nothing else: starting values of all rows, grids, and a smaller preset smoke."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from wmcl.methods import Measures
from wmcl.studies.benchmark import Grid, Hyperparameters, Value

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


COMMON: Mapping[str, Value] = {"batch": 64, "iterations": 400, "learning_rate": 3e-3}
_hyperparameters = hyperparameters_with(COMMON)


_GENERATED: Mapping[str, Value] = {"chunk": 500, "hidden": (25, 25), "task_embedding": 16, "chunk_embedding": 16}
_REPLAYED: Mapping[str, Value] = {**REPLAYED, "decoder_hidden": 64, "distillation_strength": 3.0}

STARTING_VALUES: Mapping[str, Hyperparameters] = {
    "multitask": _hyperparameters("multitask", learning_rate=1e-3),
    "online EWC": _hyperparameters("online EWC", strength=1e3, kind="empirical"),
    "online EWC (sampled)": _hyperparameters("online EWC", strength=1e3, kind="sampled"),
    "online EWC (exact)": _hyperparameters("online EWC", strength=1e3, kind="exact"),
    "online EWC + task identity": replace(_hyperparameters("online EWC", strength=1e2), task_identity=True),
    "EWC": _hyperparameters("EWC", strength=1e2, kind="empirical"),
    "SI": _hyperparameters("SI", strength=0.1),
    "MAS": _hyperparameters("MAS", strength=0.1),
    "masking": _hyperparameters("masking", fraction_off=0.5),
    "masking + SI": _hyperparameters("masking + SI", fraction_off=0.8, strength=1.0),
    "masking + online EWC": _hyperparameters("masking + online EWC", fraction_off=0.5, strength=1e2),
    "masking + MAS": _hyperparameters("masking + MAS", fraction_off=0.5, strength=1.0),
    "HNET": _hyperparameters("HNET", strength=0.1),
    "HNET (chunked)": _hyperparameters("HNET (chunked)", **_GENERATED, strength=0.01),
    "HNET + coresets": _hyperparameters("HNET + coresets", chunk=500, samples=100, strength=0.01),
    "coresets": _hyperparameters("coresets", samples=100, strength=10.0),
    "generative replay": _hyperparameters("generative replay", **_REPLAYED),
    "HNET + replay": _hyperparameters("HNET + replay", **_REPLAYED, chunk=500),
}
"""where a search has not chosen, and a benchmark says nothing else: what the search on Split Stroke-MNIST chose, and of
replay what single pilot networks did well with. A sequence has one answer there, so the loss is that of the paper's
code, and strengths have its units."""

GRIDS: Mapping[str, Grid] = {
    "online EWC": {"strength": (1e1, 1e2, 1e3, 1e4)},
    "online EWC (sampled)": {"strength": (1.0, 1e1, 1e2, 1e3)},
    "online EWC (exact)": {"strength": (1.0, 1e1, 1e2, 1e3)},
    "online EWC + task identity": {"strength": (1e1, 1e2, 1e3)},
    "EWC": {"strength": (1e1, 1e2, 1e3)},
    "SI": {"strength": (0.01, 0.1, 1.0)},
    "MAS": {"strength": (0.01, 0.1, 1.0)},
    "masking": {"fraction_off": (0.5, 0.8)},
    "masking + SI": {"fraction_off": (0.5, 0.8), "strength": (0.1, 1.0)},
    "masking + online EWC": {"strength": (1e2, 1e3, 1e4)},
    "masking + MAS": {"strength": (0.01, 0.1, 1.0)},
    "HNET": {"strength": (0.01, 0.1, 1.0)},
    "HNET (chunked)": {"strength": (0.01, 0.1, 1.0)},
    "HNET + coresets": {"strength": (0.01, 0.1)},
    "coresets": {"strength": (1.0, 10.0)},
    "generative replay": {"distillation_strength": (1.0, 10.0)},
    "HNET + replay": {"distillation_strength": (1.0, 10.0)},
}
