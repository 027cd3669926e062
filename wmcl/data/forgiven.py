"""Say what a reader has forgiven: files that circulate have small faults which leave no doubt about what is meant."""

import warnings
from dataclasses import dataclass, field

MOST_FORGIVEN = 100
"""damaged records of one kind that a reader forgives in a file; more are refused"""


@dataclass
class Forgiven:
    """The faults of a file by their kind, with the places of the first and the number of all."""

    name: str
    """of the file, in messages"""
    _found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, what: str, where: str, is_habit: bool = False) -> None:
        """Note a fault.

        Args:
            what: is wrong.
            where: the place of it in the file.
            is_habit: whether it is a habit of the writer that leaves every record as it is, so that there may be any
                number of it.

        Raises:
            ValueError: if there are too many of this kind.
        """
        places = self._found.setdefault(what, [])
        places.append(where)
        if len(places) > MOST_FORGIVEN and not is_habit:
            raise ValueError(
                f"{self.name} has more than {MOST_FORGIVEN} times {what}, first in {places[0]} and last in {where}: so"
                " many are not forgiven; is it damaged, or of another format?"
            )

    def tell(self) -> None:
        """Warn of all faults in one sentence, if there are any."""
        if self._found:
            faults = ", ".join(
                f"{what} ({places[0]}{f' and {len(places) - 1} more' if len(places) > 1 else ''})"
                for what, places in self._found.items()
            )
            warnings.warn(f"{self.name} was read in spite of small faults: {faults}", UserWarning, stacklevel=3)
