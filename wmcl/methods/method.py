"""A continual-learning method: four parts, of which each can be exchanged."""

from dataclasses import dataclass, field

from wmcl.methods.parametrisation import Parametrisation, Shared
from wmcl.methods.penalty import NoPenalty, Penalty
from wmcl.methods.rehearsal import NoRehearsal, Rehearsal
from wmcl.methods.schedule import Schedule, Sequential


@dataclass(frozen=True)
class Method:
    """How a network learns tasks one after the other. With no part given it is fine-tuning.

    Raises:
        ValueError: if parts contradict each other.
    """

    parametrisation: Parametrisation = field(default_factory=Shared)
    penalty: Penalty = field(default_factory=NoPenalty)
    rehearsal: Rehearsal = field(default_factory=NoRehearsal)
    schedule: Schedule = field(default_factory=Sequential)

    def __post_init__(self) -> None:
        if not isinstance(self.schedule, Sequential):
            for name, part, nothing in (
                ("penalty", self.penalty, NoPenalty),
                ("rehearsal", self.rehearsal, NoRehearsal),
            ):
                if not isinstance(part, nothing):
                    raise ValueError(
                        f"{name} is {type(part).__name__} with the schedule {type(self.schedule).__name__}: it protects"
                        f" earlier tasks, which only {Sequential.__name__} has; leave the {name} out"
                    )
