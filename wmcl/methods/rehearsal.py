"""What is practised again of earlier tasks: the third of the four parts of a method."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from wmcl.methods.parametrisation import Initial
from wmcl.methods.setting import Setting
from wmcl.networks import Parameters
from wmcl.tasks import Sequences


@runtime_checkable
class Rehearsal(Protocol):
    """Adds losses on sequences of earlier tasks, stored or generated.

    ``memory`` and ``held`` are as in :class:`wmcl.methods.Penalty`.
    """

    def init(self, setting: Setting) -> Initial:
        """Values of its own, such as those of a generator; their names must differ from those of the network."""

    def empty(self, setting: Setting) -> Any:
        """Memory before the first task.

        Raises:
            ValueError: if a hyperparameter lies outside of its range or does not fit the number of members.
        """

    def start(self, setting: Setting, memory: Any, values: Parameters, task: int) -> Any:
        """What the losses of a task need, such as soft targets from the network as it is now; ``None`` if nothing."""

    def draw(self, setting: Setting, held: Any, task: int, iteration: int, batch: Sequences) -> Parameters:
        """Random numbers of an iteration, addressed by the seeds; values may be of any type.

        What a member draws must not depend on how far its batch is padded: batches of recorded sequences differ in
        length, and are as long as the longest sequence of all members.
        """

    def losses(
        self, setting: Setting, held: Any, values: Parameters, task: int, batch: Sequences, draws: Parameters
    ) -> dict[str, Float[Tensor, "member"]]:
        """The losses of every member by name, strengths included."""

    def finish(self, setting: Setting, memory: Any, values: Parameters, task: int) -> Any:
        """Memory after a task."""

    def stored(self, memory: Any) -> int:
        """Numbers a member that are kept between tasks, beside its trained and fixed values."""


@dataclass(frozen=True)
class NoRehearsal:
    """Nothing is practised again."""

    def init(self, setting: Setting) -> Initial:
        """Nothing."""
        return Initial({}, {})

    def empty(self, setting: Setting) -> None:
        """Nothing."""

    def start(self, setting: Setting, memory: None, values: Parameters, task: int) -> None:
        """Nothing."""

    def draw(self, setting: Setting, held: None, task: int, iteration: int, batch: Sequences) -> Parameters:
        """Nothing."""
        return {}

    def losses(
        self, setting: Setting, held: None, values: Parameters, task: int, batch: Sequences, draws: Parameters
    ) -> dict[str, Float[Tensor, "member"]]:
        """Never asked for."""
        raise AssertionError("start found nothing to practise")

    def finish(self, setting: Setting, memory: None, values: Parameters, task: int) -> None:
        """Nothing."""

    def stored(self, memory: None) -> int:
        """Nothing."""
        return 0
