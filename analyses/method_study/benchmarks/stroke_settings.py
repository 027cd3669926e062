"""How each row is trained on strokes, and what a search crosses."""

from collections.abc import Mapping
from dataclasses import replace

from method_study.benchmarks.benchmark import Grid
from method_study.benchmarks.recorded import REPLAYED, settings_with
from method_study.settings import Settings, Value

COMMON: Mapping[str, Value] = {"batch": 64, "iterations": 400, "learning_rate": 3e-3}
LONGER = 700
"""training steps a task of sequences of digits, some of which have to be held while others are drawn"""


_settings = settings_with(COMMON)


_GENERATED: Mapping[str, Value] = {"chunk": 500, "hidden": (25, 25), "task_embedding": 16, "chunk_embedding": 16}
_REPLAYED: Mapping[str, Value] = {**REPLAYED, "decoder_hidden": 64, "distillation_strength": 3.0}

STARTING_VALUES: Mapping[str, Settings] = {
    "multitask": _settings("multitask", learning_rate=1e-3),
    "online EWC": _settings("online EWC", strength=1e3, kind="empirical"),
    "online EWC (sampled)": _settings("online EWC", strength=1e3, kind="sampled"),
    "online EWC (exact)": _settings("online EWC", strength=1e3, kind="exact"),
    "online EWC + task identity": replace(_settings("online EWC", strength=1e2), task_identity=True),
    "EWC": _settings("EWC", strength=1e2, kind="empirical"),
    "SI": _settings("SI", strength=0.1),
    "MAS": _settings("MAS", strength=0.1),
    "masking": _settings("masking", fraction_off=0.5),
    "masking + SI": _settings("masking + SI", fraction_off=0.8, strength=1.0),
    "masking + online EWC": _settings("masking + online EWC", fraction_off=0.5, strength=1e2),
    "masking + MAS": _settings("masking + MAS", fraction_off=0.5, strength=1.0),
    "HNET": _settings("HNET", strength=0.1),
    "HNET (chunked)": _settings("HNET (chunked)", **_GENERATED, strength=0.01),
    "HNET + coresets": _settings("HNET + coresets", chunk=500, samples=100, strength=0.01),
    "coresets": _settings("coresets", samples=100, strength=10.0),
    "generative replay": _settings("generative replay", **_REPLAYED),
    "HNET+R": _settings("HNET+R", **_REPLAYED, chunk=500),
}
"""where a search has not chosen: what the search on Split Stroke-MNIST chose, and of replay what single pilot networks
did well with. A sequence has one answer, so the loss is that of the paper's code, and strengths have its units."""

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
    "HNET+R": {"distillation_strength": (1.0, 10.0)},
}
