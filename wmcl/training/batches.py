"""This module draws the batches of a training run, when they are needed or ahead by threads."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from wmcl.training.objective import Batch


@contextmanager
def drawn(draw: Callable[[int], Batch], iterations: range, ahead: int, pinned: bool) -> Iterator[Iterator[Batch]]:
    """Give the batches of the iterations, one after the other.

    Args:
        draw: the batch of an iteration; what it returns must not depend on what was drawn before.
        iterations: whose batches are wanted.
        ahead: batches that are drawn ahead, by as many threads; with 0 each is drawn when it is needed. The batches
            are the same. What a draw raises is raised when its batch is needed.
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
    pool: ThreadPoolExecutor, draw: Callable[[int], Batch], iterations: range, ahead: int, pinned: bool
) -> Iterator[Batch]:
    def prepare(iteration: int) -> Batch:
        batch = draw(iteration)
        return batch.map(lambda values: values.contiguous().pin_memory()) if pinned else batch

    waiting: deque[Future[Batch]] = deque()
    for iteration in iterations:
        waiting.append(pool.submit(prepare, iteration))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
