"""How each row of the comparison is trained: data, and no code that knows a method.

A row is a method of :data:`wmcl.methods.CATALOGUE` with its settings; its name is that of the method, or that with what
sets it apart. A method that has no row here runs with the settings that all have in common and its own defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from wmcl.networks import Initialisation
from wmcl.published import Published, published_copy_runs
from wmcl.training import Options, Reduction

Value = float | int | str | tuple[int, ...]


@dataclass(frozen=True)
class Settings:
    """How a row is trained."""

    method: str
    """in the catalogue"""
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)
    """of the method, by the names of the catalogue"""
    batch: int = 128
    iterations: int = 300
    learning_rate: float = 1e-3
    clip: float | None = 1.0
    orthogonality: float = 0.0
    reduction: Reduction = "scored bit"
    initialisation: Initialisation = "orthogonal"
    multi_head: bool = True
    task_identity: bool = False
    """whether inputs say which task it is"""

    @property
    def options(self) -> Options:
        """For the training loop. Nothing stops early, so validation is but a curve."""
        return Options(
            batch=self.batch,
            learning_rate=self.learning_rate,
            clip=self.clip,
            orthogonality=self.orthogonality,
            reduction=self.reduction,
            validate_every=100,
        )

    def changed(self, values: Mapping[str, Value]) -> "Settings":
        """With other values of training settings or, by any other name, of hyperparameters."""
        own = {name: value for name, value in values.items() if name in TRAINING}
        others = {name: value for name, value in values.items() if name not in TRAINING}
        return replace(self, hyperparameters={**self.hyperparameters, **others}, **own)  # type: ignore[arg-type]


TRAINING = frozenset(each.name for each in fields(Settings)) - {"method", "hyperparameters"}

_EWC: Mapping[str, Value] = {"strength": 1.0, "kind": "empirical"}
_MASKED: Mapping[str, Value] = {"fraction_off": 0.8}
_FAST = 5e-3
"""learning rate where few units, or few values that generate many weights, have to learn"""

STARTING_VALUES: Mapping[str, Settings] = {
    "online EWC": Settings("online EWC", _EWC),
    "online EWC (sampled)": Settings("online EWC", {"strength": 1.0, "kind": "sampled"}),
    "online EWC (exact)": Settings("online EWC", {"strength": 1.0, "kind": "exact", "samples": 64}),
    "EWC": Settings("EWC", _EWC),
    "SI": Settings("SI", {"strength": 1.0}),
    "MAS": Settings("MAS", {"strength": 0.01}),
    "masking": Settings("masking", _MASKED, learning_rate=_FAST),
    "masking + SI": Settings("masking + SI", {**_MASKED, "strength": 1.0}, learning_rate=_FAST),
    "masking + online EWC": Settings("masking + online EWC", {**_MASKED, "strength": 10.0}, learning_rate=_FAST),
    "masking + MAS": Settings("masking + MAS", {**_MASKED, "strength": 0.01}, learning_rate=_FAST),
    "HNET": Settings("HNET", {"strength": 0.1}, orthogonality=0.01),
    "HNET (chunked)": Settings("HNET (chunked)", {"strength": 0.1}, orthogonality=0.01, learning_rate=2e-3),
    "HNET + coresets": Settings("HNET + coresets", {"strength": 0.1}, orthogonality=0.01, learning_rate=2e-3),
    "coresets": Settings("coresets", {"samples": 100, "strength": 1.0}),
    "generative replay": Settings("generative replay", {"reconstruction_strength": 10.0}),
    "HNET+R": Settings("HNET+R", {"reconstruction_strength": 10.0}),
}
"""where a search has not chosen yet. The loss is one a scored bit, that of the paper's code is summed over the bits of
a sequence. So at p = i = 5 the same strength weighs 35 times as much here, except for SI and rehearsal, whose losses
scale with that of the task."""

SMALLER: Mapping[str, Mapping[str, Value]] = {
    "online EWC (exact)": {"samples": 4},
    "HNET (chunked)": {"chunk": 100},
    "coresets": {"samples": 10},
    "generative replay": {"latent": 4, "decoder_hidden": 16},
    "HNET+R": {"latent": 4, "decoder_hidden": 16, "chunk": 100},
    "HNET + coresets": {"chunk": 100, "samples": 10},
}
"""what the preset smoke takes instead"""

RATES = (1e-3, 3e-3)
FISHER_STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)
FRACTIONS_OFF = (0.5, 0.8)

GRIDS: Mapping[str, Mapping[str, tuple[Value, ...]]] = {
    "multitask": {"learning_rate": RATES},
    "from scratch": {"learning_rate": RATES},
    "fine-tuning": {"learning_rate": RATES},
    "online EWC": {"strength": FISHER_STRENGTHS},
    "online EWC (sampled)": {"strength": FISHER_STRENGTHS},
    "online EWC (exact)": {"strength": FISHER_STRENGTHS},
    "EWC": {"strength": FISHER_STRENGTHS},
    "SI": {"strength": (0.1, 1.0, 10.0, 100.0)},
    "MAS": {"strength": (0.001, 0.01, 0.1, 1.0)},
    "masking": {"fraction_off": FRACTIONS_OFF},
    "masking + SI": {"fraction_off": FRACTIONS_OFF, "strength": (0.1, 1.0, 10.0)},
    "masking + online EWC": {"fraction_off": FRACTIONS_OFF, "strength": (1.0, 10.0, 100.0)},
    "masking + MAS": {"fraction_off": FRACTIONS_OFF, "strength": (0.01, 0.1, 1.0)},
    "context modulation": {"learning_rate": RATES},
    "HNET": {"strength": (0.01, 0.1, 1.0, 10.0)},
    "HNET (chunked)": {"learning_rate": (2e-3, 5e-3), "strength": (0.01, 0.1, 1.0)},
    "HNET + coresets": {"learning_rate": (2e-3, 5e-3)},
    "coresets": {"strength": (0.1, 1.0, 10.0)},
    "generative replay": {"distillation_strength": (1.0, 10.0)},
    "HNET+R": {"distillation_strength": (1.0, 10.0)},
}
"""what a search crosses for each row; a row without a grid is searched over RATES"""

PUBLISHED_HYPERPARAMETERS: Mapping[str, Mapping[str, Value]] = {
    "multitask": {},
    "from scratch": {},
    "fine-tuning": {},
    "online EWC": {"strength": 100.0, "decay": 1.0, "kind": "empirical", "samples": 100_000},
    "online EWC + task identity": {"strength": 1e7, "decay": 1.0, "kind": "empirical", "samples": 200},
    "SI": {"strength": 0.01, "kind": "task"},
    "masking": {"fraction_off": 0.8},
    "masking + SI": {"fraction_off": 0.8, "strength": 1.0, "kind": "task"},
    "HNET (chunked)": {
        "strength": 10.0,
        "hidden": (50, 50),
        "chunk": 2500,
        "task_embedding": 32,
        "chunk_embedding": 32,
        "task_std": 1.0,
        "chunk_std": 0.1,
    },
    "coresets": {"samples": 100, "strength": 10.0},
    "generative replay": {
        "distillation_strength": 1.0,
        "kl_strength": 1.0,
        "reconstruction_strength": 10.0,
        "latent": 8,
        "decoder_cell": "elman",
        "decoder_hidden": 256,
    },
}
"""of the runs of ``wmcl.published``, in the words of the catalogue; the Fisher of online EWC is that of all 100,000
training sequences, unless inputs tell the task"""


def published_run(row: str) -> Published | None:
    """The published run of the Permuted Copy Task that a row is compared with; of several the first."""
    return next((run for run in published_copy_runs("permuted copy") if run.method == row), None)


def published_settings() -> dict[str, Settings]:
    """The settings of the published runs that the catalogue has a method for."""
    found = {}
    for row, values in PUBLISHED_HYPERPARAMETERS.items():
        run = published_run(row)
        assert run is not None, row
        found[row] = Settings(
            row.removesuffix(" + task identity"),
            values,
            batch=run.batch,
            iterations=run.iterations,
            learning_rate=run.learning_rate,
            clip=run.clip,
            orthogonality=run.orthogonality,
            reduction="reference",
            initialisation=run.initialisation,
            multi_head=run.multi_head,
            task_identity="input_task_identity" in run.options,
        )
    return found
