"""The methods whose fronts are compared; each member of an ensemble has a strength of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from wmcl.methods import (
    FisherImportance,
    FromScratch,
    Hypernetwork,
    Masked,
    MemoryAwareSynapses,
    Method,
    Multitask,
    OutputPreserving,
    Parametrisation,
    Quadratic,
    SynapticIntelligence,
)
from wmcl.methods.importances import Importance, Normalised
from wmcl.studies.constraints import Count

Kind = Literal["shared", "small hypernetwork", "large hypernetwork", "masked"]
"""where the weights come from"""

SCRATCH = "from scratch"
MULTITASK = "multitask"
REFERENCES = (SCRATCH, MULTITASK)
"""rows without a strength: one network for each task, and one network that learns both at once"""
HYPERNETWORK = "HNET"
HYPERNETWORKS = (HYPERNETWORK, "HNET (large)")
IMPORTANCES = ("online EWC (empirical)", "online EWC (sampled)", "online EWC (exact)", "SI", "MAS")
"""rows whose penalty weighs how far weights move that both tasks share"""

ROWS: Mapping[str, Kind] = {
    **dict.fromkeys((*REFERENCES, *IMPORTANCES), "shared"),
    HYPERNETWORK: "small hypernetwork",
    "HNET (large)": "large hypernetwork",
    "masking + SI": "masked",
}
"""kind of the weights of each row"""


def matched(row: str) -> Kind:
    """Return the kind whose new networks settle how long a row is trained: its own.

    Masked networks have fewer units. They are trained for as long as others with shared weights, so that what they
    cannot learn counts against masking.
    """
    return "shared" if ROWS[row] == "masked" else ROWS[row]


@dataclass(frozen=True)
class Rows:
    """Arguments of the methods beside their strength."""

    importance_samples: Count = 64
    """sequences for Fisher information and Memory Aware Synapses"""
    fraction_off: float = 0.2
    """fraction of the units that a mask switches off"""
    chunk: Count = 200
    """weights that a hypernetwork generates at a time"""
    hyper_hidden: tuple[int, ...] = (24, 24)
    """hidden units of the hypernetwork"""
    large_chunk: Count = 500
    """weights that the large hypernetwork generates at a time"""
    large_hyper_hidden: tuple[int, ...] = (32, 32)
    """hidden units of the large hypernetwork"""
    chunk_std: float = 1.0
    """standard deviation of chunk embeddings at the start"""

    def importance(self, row: str) -> Importance:
        """Return the importance of a row, before it is divided by its mean."""
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
        """Return the part that gives the weights."""
        if kind == "small hypernetwork":
            return Hypernetwork(self.hyper_hidden, self.chunk, chunk_std=self.chunk_std)
        if kind == "large hypernetwork":
            return Hypernetwork(self.large_hyper_hidden, self.large_chunk, chunk_std=self.chunk_std)
        return Masked(self.fraction_off) if kind == "masked" else Parametrisation()

    def new_networks(self, kind: Kind) -> Method:
        """Return the method that starts a new network for each task."""
        return Method(self.parametrisation(kind), schedule=FromScratch())

    def method(self, row: str, strengths: Sequence[float]) -> Method:
        """Return a row of the comparison, with one strength for each member."""
        if row == SCRATCH:
            return self.new_networks("shared")
        if row == MULTITASK:
            return Method(schedule=Multitask())
        kind = ROWS[row]
        if row in HYPERNETWORKS:
            return Method(self.parametrisation(kind), OutputPreserving(strengths))
        return Method(self.parametrisation(kind), Quadratic(Normalised(self.importance(row)), strengths))
