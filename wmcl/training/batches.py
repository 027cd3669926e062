"""Batches for a training run: what they are, and how they are drawn when they are needed, or ahead by threads."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class Batch(Protocol):
    """What a training step takes: :class:`wmcl.tasks.Sequences`, or whatever an objective draws."""

    def tensors(self) -> list[Tensor]:
        """All tensors, in an order of their own."""

    def map(self, function: Callable[[Tensor], Tensor]) -> Any:
        """The batch with a function applied to every tensor."""

    def shapes(self) -> list[object]:
        """What batches must have in common to be taken by the same captured step."""


B = TypeVar("B", bound=Batch)


@contextmanager
def drawn(draw: Callable[[int], B], iterations: range, ahead: int, pinned: bool) -> Iterator[Iterator[B]]:
    """The batches of the iterations, one after the other.

    Args:
        draw: the batch of an iteration; what it returns must not depend on what was drawn before.
        iterations: whose batches are wanted.
        ahead: batches that are drawn ahead, by as many threads; with 0 each is drawn when it is asked for. The batches
            are the same. What a draw raises is raised when its batch is asked for.
        pinned: whether threads put them into page-locked memory, from which a GPU copies while it computes.
    """
    if not ahead:
        yield map(draw, iterations)
        return
    pool = ThreadPoolExecutor(ahead, thread_name_prefix="batch")
    try:
        yield _ahead(pool, draw, iterations, ahead, pinned)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)  # what is being drawn takes milliseconds


def _ahead(
    pool: ThreadPoolExecutor, draw: Callable[[int], B], iterations: range, ahead: int, pinned: bool
) -> Iterator[B]:
    def prepare(iteration: int) -> B:
        batch = draw(iteration)
        return batch.map(lambda values: values.contiguous().pin_memory()) if pinned else batch

    waiting: deque[Future[B]] = deque()
    for iteration in iterations:
        waiting.append(pool.submit(prepare, iteration))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def send(batch: B, device: torch.device) -> B:
    """The batch on a device, without waiting for the copy."""
    return batch.map(lambda values: values.to(device, non_blocking=True))
