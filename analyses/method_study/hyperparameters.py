"""How a row of the comparison is trained: data, and no code that knows a method.

A row is a method of :data:`wmcl.methods.CATALOGUE` with its hyperparameters; its name is that of the method, or
that with what sets it apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from wmcl.networks.initialisation import Initialisation
from wmcl.training import Adam, Options
from wmcl.training.loss import Reduction

Value = float | int | str | tuple[int, ...]


@dataclass(frozen=True)
class Hyperparameters:
    """How a row is trained: a method, its hyperparameters, and those of the training."""

    method: str
    """in the catalogue"""
    of_method: Mapping[str, Value] = field(default_factory=dict)
    """of the method, by the names of the catalogue"""
    batch: int = 128
    iterations: int = 300
    learning_rate: float = 1e-3
    clip: float | None = 1.0
    orthogonality: float = 0.0
    weight_decay: float = 0.0
    reduction: Reduction = "scored bit"
    initialisation: Initialisation = "orthogonal"
    multi_head: bool = True
    task_identity: bool = False
    """whether inputs say which task it is"""

    @property
    def options(self) -> Options:
        """For the training loop. Nothing stops early, so validation is but a curve."""
        return Options(
            batch=self.batch,
            optimiser=Adam(self.learning_rate, weight_decay=self.weight_decay),
            clip=self.clip,
            orthogonality=self.orthogonality,
            reduction=self.reduction,
            validate_every=50,
        )

    def changed(self, values: Mapping[str, Value]) -> "Hyperparameters":
        """Change values of training or, by any other name, hyperparameters of the method."""
        own = {name: value for name, value in values.items() if name in TRAINING}
        others = {name: value for name, value in values.items() if name not in TRAINING}
        return replace(self, of_method={**self.of_method, **others}, **own)  # type: ignore[arg-type]


TRAINING = frozenset(each.name for each in fields(Hyperparameters)) - {"method", "of_method"}
