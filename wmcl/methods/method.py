"""A continual-learning method: four parts, of which each can be exchanged."""

from dataclasses import dataclass, field

from wmcl.methods.hypernetwork import Hypernetwork
from wmcl.methods.output_preserving import OutputPreserving
from wmcl.methods.parametrisation import Parametrisation, Shared
from wmcl.methods.penalty import NoPenalty, Penalty
from wmcl.methods.quadratic import Quadratic
from wmcl.methods.rehearsal import NoRehearsal, Rehearsal
from wmcl.methods.schedule import Schedule, Sequential

_KINDS = {"parametrisation": Parametrisation, "penalty": Penalty, "rehearsal": Rehearsal, "schedule": Schedule}


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
        for name, kind in _KINDS.items():
            part = getattr(self, name)
            if isinstance(part, type) or not isinstance(part, kind):
                raise ValueError(
                    f"{name} is {part!r}: it must be an instance of a {kind.__name__}, such as those of wmcl.methods"
                )
        parametrisation, penalty = type(self.parametrisation).__name__, type(self.penalty).__name__
        if isinstance(self.penalty, Quadratic) and isinstance(self.parametrisation, Hypernetwork):
            raise ValueError(
                f"penalty is {penalty} with the parametrisation {parametrisation}: there are no weights to hold, only"
                f" generated ones; the penalty must be {OutputPreserving.__name__}, or none"
            )
        if isinstance(self.penalty, OutputPreserving) and not isinstance(self.parametrisation, Hypernetwork):
            raise ValueError(
                f"penalty is {penalty} with the parametrisation {parametrisation}: it holds what a hypernetwork"
                f" generates, so the parametrisation must be {Hypernetwork.__name__}"
            )
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
