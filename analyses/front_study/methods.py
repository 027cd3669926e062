"""The methods whose fronts are compared, each with a strength a member."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from front_study.normalised import Normalised
from wmcl.methods import (
    FisherImportance,
    FromScratch,
    Hypernetwork,
    Importance,
    Masked,
    MemoryAwareSynapses,
    Method,
    OutputPreserving,
    Parametrisation,
    Quadratic,
    Shared,
    SynapticIntelligence,
)

Kind = Literal["shared", "hypernetwork", "masked"]
"""where the weights come from"""

SCRATCH = "from scratch"
HYPERNETWORK = "HNET (chunked)"
IMPORTANCES = ("online EWC (empirical)", "online EWC (sampled)", "online EWC (exact)", "SI", "MAS")
"""rows whose penalty weighs how far weights move that both tasks share"""

ROWS: Mapping[str, Kind] = {
    SCRATCH: "shared",
    **dict.fromkeys(IMPORTANCES, "shared"),
    HYPERNETWORK: "hypernetwork",
    "masking + SI": "masked",
}
"""kind of the weights of each row"""
MATCHED: tuple[Kind, ...] = ("shared", "hypernetwork")
"""whose new networks settle how long a condition is trained. Masked networks have fewer units: what they cannot learn
for that is a price of the method"""


@dataclass(frozen=True)
class Rows:
    """What methods are told beside their strength."""

    importance_samples: int = 64
    """sequences for Fisher information and Memory Aware Synapses"""
    fraction_off: float = 0.2
    """of the units that a mask switches off"""
    chunk: int = 500
    """weights that the hypernetwork generates at a time"""
    hyper_hidden: tuple[int, ...] = (32, 32)
    """its hidden units"""
    chunk_std: float = 1.0
    """of its chunk embeddings at the start"""

    def importance(self, row: str) -> Importance:
        """How a row weighs changes, before it is divided by its mean."""
        samples = self.importance_samples
        known: dict[str, Importance] = {
            "online EWC (empirical)": FisherImportance("empirical", samples),
            "online EWC (sampled)": FisherImportance("sampled", samples),
            "online EWC (exact)": FisherImportance("exact", samples),
            "SI": SynapticIntelligence(),
            "MAS": MemoryAwareSynapses(samples),
            "masking + SI": SynapticIntelligence(),
        }
        return known[row]

    def parametrisation(self, kind: Kind) -> Parametrisation:
        """Where weights come from."""
        if kind == "hypernetwork":
            return Hypernetwork(self.hyper_hidden, self.chunk, chunk_std=self.chunk_std)
        return Masked(self.fraction_off) if kind == "masked" else Shared()

    def new_networks(self, kind: Kind) -> Method:
        """A new network for each task."""
        return Method(self.parametrisation(kind), schedule=FromScratch())

    def method(self, row: str, strengths: Sequence[float]) -> Method:
        """A row with a strength a member."""
        if row == SCRATCH:
            return self.new_networks("shared")
        kind = ROWS[row]
        if kind == "hypernetwork":
            return Method(self.parametrisation(kind), OutputPreserving(strengths))
        return Method(self.parametrisation(kind), Quadratic(Normalised(self.importance(row)), strengths))
