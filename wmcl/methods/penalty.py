"""What holds back changes that would hurt earlier tasks: the second of the four parts of a method."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from wmcl.methods.setting import Setting
from wmcl.networks import Parameters
from wmcl.training import Observer


@runtime_checkable
class Penalty(Protocol):
    """A term of the loss that depends on the trained values, and on what is kept of earlier tasks.

    What is kept between tasks is ``memory``; :meth:`start` makes from it what the loss of a task needs, ``held``. Both
    are of the penalty's own making, and :meth:`stored` counts the numbers in the first.
    """

    @property
    def observer(self) -> Observer | None:
        """What watches the steps of a task, if anything has to; it sees the trained values by name."""

    @property
    def looks_ahead(self) -> bool:
        """Whether the loss is taken where the task gradient alone would lead, not at the values themselves."""

    def empty(self, setting: Setting) -> Any:
        """Memory before the first task.

        Raises:
            ValueError: if a hyperparameter lies outside of its range or does not fit the number of members.
        """

    def start(self, setting: Setting, memory: Any, values: Parameters, task: int) -> Any:
        """What the loss of a task needs; ``None`` if there is nothing to lose yet."""

    def draw(self, setting: Setting, task: int, iteration: int) -> Parameters:
        """Random numbers of an iteration, addressed by the seeds; values may be of any type."""

    def loss(
        self, setting: Setting, held: Any, values: Parameters, task: int, draws: Parameters
    ) -> Float[Tensor, "member"]:
        """The penalty of every member, strength included."""

    def finish(self, setting: Setting, memory: Any, values: Parameters, task: int, observed: Parameters) -> Any:
        """Memory after a task."""

    def stored(self, memory: Any) -> int:
        """Numbers a member that are kept between tasks."""


@dataclass(frozen=True)
class NoPenalty:
    """Nothing is held back."""

    observer: None = None
    looks_ahead: bool = False

    def empty(self, setting: Setting) -> None:
        """Nothing."""

    def start(self, setting: Setting, memory: None, values: Parameters, task: int) -> None:
        """Nothing to lose."""

    def draw(self, setting: Setting, task: int, iteration: int) -> Parameters:
        """Nothing."""
        return {}

    def loss(
        self, setting: Setting, held: None, values: Parameters, task: int, draws: Parameters
    ) -> Float[Tensor, "member"]:
        """Never asked for."""
        raise AssertionError("start found nothing to lose")

    def finish(self, setting: Setting, memory: None, values: Parameters, task: int, observed: Parameters) -> None:
        """Nothing."""

    def stored(self, memory: None) -> int:
        """Nothing."""
        return 0
