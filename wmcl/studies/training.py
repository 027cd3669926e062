"""Options of the training loop, as options of the command line of a study."""

from dataclasses import dataclass, fields

from wmcl.training import Adam, Options
from wmcl.training.loss import Reduction
from wmcl.training.options import Precision


@dataclass(frozen=True)
class TrainingLoop:
    """Training, with Adam.

    Raises:
        ValueError: if a field lies outside of its range.
    """

    batch: int = 128
    """sequences a step"""
    learning_rate: float = 1e-3
    """of Adam"""
    clip: float | None = 1.0
    """largest L2 norm of a network's gradient; None switches clipping off"""
    orthogonality: float = 0.0
    """strength of the penalty ‖W Wᵀ - I‖², summed over the gates, layers and directions of W_hh"""
    weight_decay: float = 0.0
    """times each parameter it is added to its gradient, after clipping, as ``torch.optim.Adam`` does"""
    reduction: Reduction = "scored bit"
    """what the loss is divided by: the number of scored bits, or of sequences"""
    validate_every: int = 25
    """iterations between validations"""
    watch_every: int = 5
    """iterations between validations of a network that is near its next threshold"""
    watch_within: float = 3.0
    """near: its loss on the last batch is below so many times the threshold"""
    precision: Precision = "float32"
    """float32, float64, or (tf32, on a GPU alone) float32 with inputs of products rounded to 10 bits of mantissa"""

    def __post_init__(self) -> None:
        if isinstance(self.learning_rate, tuple):
            raise ValueError(f"learning_rate is {self.learning_rate}: it must be one number for all networks")
        _ = self.options  # refuses what is wrong when the command line is read

    @property
    def options(self) -> Options:
        """The options of the training loop.

        Raises:
            ValueError: if a field lies outside of its range.
        """
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        rate, decay = own.pop("learning_rate"), own.pop("weight_decay")
        return Options(optimiser=Adam(rate, weight_decay=decay), **own)
