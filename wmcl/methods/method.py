"""A continual-learning method is four parts, of which each can be exchanged."""

from dataclasses import dataclass, field

from wmcl.methods.schedule import Schedule
from wmcl.training.parts import Offer, Parametrisation, Part, Penalty, Rehearsal

_KINDS = {"parametrisation": Parametrisation, "penalty": Penalty, "rehearsal": Rehearsal, "schedule": Schedule}


@dataclass(frozen=True)
class Method:
    """A Method says how a network learns tasks one after the other. With no part given it is fine-tuning.

    Raises:
        ValueError: if a part is of the wrong kind, or needs something that no other part offers.
    """

    parametrisation: Parametrisation = field(default_factory=Parametrisation)
    penalty: Penalty | None = None
    rehearsal: Rehearsal | None = None
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        for name, kind in _KINDS.items():
            part = getattr(self, name)
            if not isinstance(part, kind) and not (part is None and name in ("penalty", "rehearsal")):
                raise ValueError(
                    f"{name} is {part!r}: it must be an instance of a {kind.__name__}, such as those of wmcl.methods"
                )
        everywhere = frozenset({Offer.sequences, Offer.steps})
        for name, part in (("penalty", self.penalty), ("rehearsal", self.rehearsal)):
            check_needs(name, part, self.parametrisation, everywhere | self.schedule.offers, self.schedule)


def check_needs(
    name: str, part: Part | None, parametrisation: Parametrisation, offers: frozenset[Offer], other: object
) -> None:
    """Refuse a part that needs more than is offered.

    Args:
        name: what the part is called in the message.
        part: with its needs.
        parametrisation: with its offers.
        offers: of the rest of the run.
        other: what makes these offers.

    Raises:
        ValueError: naming the parts and what is missing.
    """
    if part is None:
        return
    watches = part.observer is not None or (isinstance(part, Penalty) and part.lookahead)
    needs = part.needs | ({Offer.steps} if watches else set())
    of_weights = {Offer.shared_weights, Offer.generated_weights}
    for need in sorted(needs - parametrisation.offers - offers):
        kind = "schedule" if isinstance(other, Schedule) else "rehearsal"
        where = "parametrisation" if need in of_weights else kind
        who = parametrisation if need in of_weights else other
        has = ", ".join(sorted(parametrisation.offers)) if need in of_weights else ""
        raise ValueError(
            f"{name} is {type(part).__name__} with the {where} {type(who).__name__}: it needs {need}, which"
            f" {type(who).__name__} does not offer{f', only {has}' if has else ''}; leave the {name} out, or exchange"
            " one of the two"
        )
