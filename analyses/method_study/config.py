"""All numbers of the comparison, whichever the benchmark."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from common.network import Network
from common.running import Run

from wmcl.methods import Measures
from wmcl.published.runs import Published
from wmcl.tasks import Task

Preset = Literal["smoke", "quick", "published", "paper"]

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Chance:
    """The accuracy that needs no look at the inputs, mean over tasks."""

    accuracy: float
    name: str = "chance"
    """what it is: not chance where classes are not equally frequent"""


class TaskSequence(Protocol):
    """The tasks of a benchmark, as options of the command line."""

    answers: ClassVar[str]
    """what accuracy is a fraction of"""
    published_leaves_open: ClassVar[tuple[str, ...]]
    """options that may have any value without the settings being others than those of :meth:`published`"""
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def title(self) -> str:
        """What the tasks are, and which data they are made of."""

    @property
    def one_head(self) -> bool:
        """Whether one head answers all tasks."""

    @property
    def refused_methods(self) -> tuple[str, ...]:
        """Methods of the catalogue that cannot learn these tasks."""

    def tasks(self, number: int) -> list[Task]:
        """The tasks in their order.

        Raises:
            ValueError: if an option, or the number of tasks, makes no sense.
        """

    def chance(self, tasks: Sequence[Task]) -> Chance:
        """What the tasks allow without looking at the inputs."""

    def note(self, tasks: Sequence[Task]) -> str:
        """What the title leaves out, as a sentence for the report; empty if there is nothing."""

    def published(self) -> tuple[Published, ...]:
        """The published runs on these tasks."""


def plain(options: Any) -> dict[str, Any]:
    """Options by name, as JSON has them: paths are text."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()}


@dataclass(frozen=True)
class Comparison:
    """What is compared."""

    methods: tuple[str, ...] = ()
    """rows of the comparison; none named takes all that the preset has settings for"""
    tasks: int = 3
    """number of tasks, K"""
    seeds: int = 3
    """networks a method, with seeds 0, 1, ..."""
    iterations: int | None = None
    """training steps a task, of every method; None takes those of its settings"""


@dataclass(frozen=True)
class Search:
    """Search for hyperparameters."""

    search: bool = False
    """choose hyperparameters on validation data, and write them to the file that quick reads, instead of comparing"""
    search_seeds: int = 1
    """networks a candidate, with seeds 1000, 1001, ..."""
    chosen: Path | None = HERE / "chosen_copy.json"
    """file of the chosen hyperparameters; None takes none into account"""


@dataclass(frozen=True, kw_only=True)
class Config:
    """All numbers of the comparison. Each benchmark has a class of its own, with its own options of tasks."""

    preset: Preset = "quick"
    """smoke: tiny, to see that it works; quick: small networks or few tasks, trained to the end; published:
    as the published runs, with fewer iterations; paper: the same at full length, for a large machine"""
    benchmark: Literal["copy", "smnist", "sequential_smnist", "audioset", "pos"] = "copy"
    """copy: the Permuted Copy Task; smnist: Split Stroke-MNIST; sequential_smnist: Sequential Stroke-MNIST, m digits;
    audioset: Split AudioSet; pos: part-of-speech tagging in one language after the other"""
    comparison: Comparison = field(default_factory=Comparison)
    task: TaskSequence
    network: Network = field(default_factory=Network)
    measures: Measures = field(default_factory=Measures)
    selection: Search = field(default_factory=Search)
    run: Run = field(default_factory=Run)
