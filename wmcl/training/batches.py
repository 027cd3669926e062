"""Batches for a training run: drawn when they are needed, or ahead by threads."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor

from wmcl.tasks import Sequences

Draw = Callable[[int], Sequences]
"""the batch of an iteration"""


@contextmanager
def drawn(draw: Draw, iterations: range, ahead: int, pinned: bool) -> Iterator[Iterator[Sequences]]:
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


def _ahead(pool: ThreadPoolExecutor, draw: Draw, iterations: range, ahead: int, pinned: bool) -> Iterator[Sequences]:
    def prepare(iteration: int) -> Sequences:
        batch = draw(iteration)
        return each_tensor(batch, lambda values: values.contiguous().pin_memory()) if pinned else batch

    waiting: deque[Future[Sequences]] = deque()
    for iteration in iterations:
        waiting.append(pool.submit(prepare, iteration))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def send(sequences: Sequences, device: torch.device) -> Sequences:
    """The sequences on a device, without waiting for the copy."""
    return each_tensor(sequences, lambda values: values.to(device, non_blocking=True))


def tensors_of(sequences: Sequences) -> list[Tensor]:
    """All tensors of the sequences."""
    return [sequences.inputs, sequences.targets, sequences.scored, sequences.phase]


def each_tensor(sequences: Sequences, function: Callable[[Tensor], Tensor]) -> Sequences:
    """The sequences with a function applied to every tensor."""
    inputs, targets, scored, phase = map(function, tensors_of(sequences))
    return Sequences(inputs, targets, scored, phase, sequences.window)
