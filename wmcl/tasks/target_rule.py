"""Say what the targets of a Copy Task are: the pattern in an order, or exclusive ors of it, on some channels."""

from dataclasses import dataclass
from typing import Literal, get_args

from wmcl.tasks.layout import CopyLayout
from wmcl.tasks.target_map import (
    TargetMap,
    by_channels,
    by_steps,
    exclusive_or,
    in_order,
    iterated_exclusive_or,
    swapped_in_pairs,
)
from wmcl.tasks.task import check_counts
from wmcl.tasks.task_draws import TaskDraws, permutations

Order = Literal["forward", "reversed", "pairwise", "permuted time", "permuted width", "permuted both"]
XorMode = Literal["separate", "iterated"]


@dataclass(frozen=True)
class TargetRule:
    """A target rule holds the arguments of :func:`wmcl.tasks.copy_task` that say what the targets are."""

    output_width: int
    order: Order = "forward"
    xor: int | None = None
    xor_mode: XorMode = "separate"
    task_seed: int = 0
    task_draws: TaskDraws = "addressed"

    @property
    def is_random(self) -> bool:
        """Tell whether permutations are drawn for the task."""
        return self.order.startswith("permuted")

    def check(self, layout: CopyLayout) -> None:
        """Refuse values that are out of range, or do not fit the layout.

        Raises:
            ValueError: naming what contradicts what.
        """
        for name, words in (("order", Order), ("xor_mode", XorMode), ("task_draws", TaskDraws)):
            if getattr(self, name) not in get_args(words):
                raise ValueError(f"{name} is {getattr(self, name)!r}: it must be one of {', '.join(get_args(words))}")
        self._check_channels(layout)
        if self.order != "forward" and isinstance(layout.pattern_length, tuple):
            raise ValueError(
                f"order is {self.order!r} and pattern_length is {layout.pattern_length}: it must be a single length"
            )
        if self.xor is not None:
            check_counts(xor=self.xor)
            if not self.is_random:
                raise ValueError(
                    f"xor is {self.xor} and order is {self.order!r}: it must be one of the permuted orders"
                )
        if self.task_draws == "reference" and not (self.is_random or layout.filler == "scattered"):
            raise ValueError(
                f"task_draws is 'reference' with order {self.order!r} and filler {layout.filler!r}: nothing is drawn"
                " for the task, so it must be 'addressed'"
            )

    def _check_channels(self, layout: CopyLayout) -> None:
        outputs, visible = self.output_width, layout.visible_bits
        check_counts(output_width=outputs)
        if outputs > layout.width:
            raise ValueError(f"output_width is {outputs}: it must be at most the width, {layout.width}")
        if outputs < layout.width and self.order in ("permuted width", "permuted both"):
            raise ValueError(
                f"output_width is {outputs} and order is {self.order!r}: where channels are permuted it must be the"
                f" width, {layout.width}"
            )
        if visible and self.order != "forward":
            raise ValueError(f"visible_bits is {visible} and order is {self.order!r}: order must be 'forward'")
        if visible > outputs:
            raise ValueError(f"visible_bits is {visible}: it must be at most the output_width, {outputs}")

    def of_pattern(self, length: int) -> TargetMap:
        """Return the map from a pattern of so many steps to its targets."""
        width = self.output_width
        if self.order == "forward":
            return TargetMap(width)
        if self.order == "reversed":
            return in_order(by_steps(range(length)[::-1], width), width)
        if self.order == "pairwise":
            return in_order(by_steps(swapped_in_pairs(length), width), width)
        size = {"permuted time": length, "permuted width": width, "permuted both": length * width}[self.order]
        count = self.xor if self.xor is not None and self.xor_mode == "separate" else 1
        drawn = permutations(size, count, self.task_seed, self.task_draws)
        if self.order == "permuted time":
            drawn = [by_steps(one, width) for one in drawn]
        if self.order == "permuted width":
            drawn = [by_channels(one, length) for one in drawn]
        if self.xor is None:
            return in_order(drawn[0], width)
        if self.xor_mode == "separate":
            return exclusive_or(drawn, width)
        return iterated_exclusive_or(drawn[0], self.xor, width)
