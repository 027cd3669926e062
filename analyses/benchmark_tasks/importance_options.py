"""Options of the study of importances on recorded data, which each benchmark has presets of."""

from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Ge, Gt

from wmcl import networks
from wmcl.networks.initialisation import Initialisation
from wmcl.networks.network import Direction
from wmcl.stages.importance import ImportanceKind
from wmcl.studies.constraints import FALLING, FINITE, GIVEN, ONCE, Count, Share
from wmcl.tasks import DataTask


@dataclass(frozen=True)
class Recurrent:
    """Network: a long short-term memory."""

    hidden: Count = 64
    """recurrent units"""
    initialisation: Initialisation = "orthogonal"
    """of the weights; orthogonal concerns the recurrent ones"""
    forget_bias: float = 4.0
    """constant in the forget gates; without, digits are forgotten before learning begins"""

    def build(self, task: DataTask, heads: int = 1) -> networks.LSTM:
        """The network for a task."""
        return networks.LSTM(
            task.inputs,
            self.hidden,
            task.outputs,
            heads=heads,
            initialisation=self.initialisation,
            forget_bias=self.forget_bias,
        )


@dataclass(frozen=True)
class DirectedRecurrent(Recurrent):
    """Network: a long short-term memory, or one for each direction of reading."""

    direction: Direction = "bidirectional"
    """in which sequences are read; bidirectional has so many units for each direction"""

    def build(self, task: DataTask, heads: int = 1) -> networks.LSTM:
        """The network for a task."""
        return replace(super().build(task, heads), direction=self.direction)


@dataclass(frozen=True)
class Stages:
    """Stages of training at which networks are measured."""

    losses: Annotated[tuple[Annotated[float, Gt(0), FINITE], ...], GIVEN, ONCE, FALLING] = (0.2, 0.1)
    """validation losses to match, from high to low; training ends at the last one. In nats a bit of the answer where
    conditions differ in the bits that they ask for (sequential_smnist), in nats an answer elsewhere"""
    main_loss: float = 0.2
    """the one of them that the report begins with and the figure shows"""
    iterations: int = 1500
    """training steps at the most"""


@dataclass(frozen=True)
class Measured:
    """Measures of the networks of a condition."""

    kinds: Annotated[tuple[ImportanceKind, ...], GIVEN, ONCE] = ("sampled", "exact", "SI total", "SI task", "MAS")
    """importances at every stage"""
    importance_samples: Count = 128
    """sequences for Fisher and MAS"""
    variance: Share = 0.75
    """share of the variance that the counted components hold"""


@dataclass(frozen=True)
class InTurn:
    """Two tasks that are learned one after the other."""

    turn_iterations: Count = 200
    """training steps a task"""
    state_samples: Annotated[int, Ge(2)] = 256
    """sequences of each task for its hidden states"""
    fisher_samples: Count = 128
    """sequences of each task for its Fisher"""
    shared_components: Count = 8
    """principal directions of the first task in which the variance of the second is taken"""
