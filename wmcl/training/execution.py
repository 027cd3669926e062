"""A stepper executes steps: each one anew, or one that is captured as a CUDA graph and replayed.

A step of a small recurrent network is hundreds of short kernels, and starting them one by one takes a GPU longer than
running them. A graph starts them together. It always reads and writes the same memory, so everything that moves and the
batch live in buffers: a batch is copied in, the graph is replayed, and what the host wants to keep is copied out.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch

from wmcl.training.objective import Batch
from wmcl.training.state import Moving, Record

Advance = Callable[[Moving, Batch], tuple[Moving, Record]]
Capture = Callable[[Callable[[], Record]], Callable[[], Record]]
"""function that turns another one, without arguments, into one that does the same to the same memory"""

_WARM_UP = 3


@dataclass(frozen=True)
class Execution:
    """An Execution says how steps are executed. The results do not depend on it, up to the rounding of a device."""

    capture: Capture | None = None
    """how the step is captured to be replayed; ``None`` takes each step anew"""
    ahead: int = 0
    """number of batches that threads draw ahead; with 0 each is drawn when it is needed"""
    pinned: bool = False
    """whether threads put batches into page-locked memory, from which a GPU copies while it computes"""


def execution_on(device: str, alike: bool = True) -> Execution:
    """Return the execution that suits a device, for batches that all have the same shape (``alike``) or not."""
    if torch.device(device).type != "cuda":
        return Execution()
    capture = partial(cuda_graph, torch.device(device)) if alike else None
    return Execution(capture, ahead=8, pinned=True)


def cuda_graph(device: torch.device, function: Callable[[], Record]) -> Callable[[], Record]:
    """Capture what a function does on a GPU, and return a function that replays it.

    The function runs some times before, on a stream of its own, so that libraries have allocated what they need
    (PyTorch's notes on CUDA graphs require that).
    """
    with torch.cuda.device(device):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                function()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            record = function()

    def replay() -> Record:
        graph.replay()
        return record

    return replay


class Stepper:
    """Hold what moves while an ensemble trains, and take each step anew. Batches may differ in shape."""

    def __init__(self, advance: Advance, moving: Moving) -> None:
        self._advance, self._moving = advance, moving

    def step(self, batch: Batch) -> Record:
        """Take a step on a batch, and return its record."""
        self._moving, record = self._advance(self._moving, batch.to(self._moving.active.device))
        return record

    def moving(self) -> Moving:
        """Return the ensemble as it is now; later steps leave it alone."""
        return self._moving

    def freeze(self, active: Sequence[bool]) -> None:
        """Let only these members learn from now on."""
        self._moving = self._moving.with_active(active)


class CapturedStepper(Stepper):
    """Take each step by replaying one that was captured.

    Args:
        advance: the step; it must not look at values of tensors.
        moving: where to start.
        example: a batch whose shapes all others have.
        capture: how to capture.
    """

    def __init__(self, advance: Advance, moving: Moving, example: Batch, capture: Capture) -> None:
        super().__init__(advance, moving.map(torch.clone))
        example = example.to(moving.active.device)
        self._batch = example.map(lambda values: values.clone(memory_format=torch.contiguous_format))

        def run() -> Record:
            new, record = advance(self._moving, self._batch)
            record = record.clone()  # the record may hold buffers that are about to change
            self._load(new)
            return record

        self._replay = capture(run)
        self._load(moving)  # capturing may have taken steps

    def step(self, batch: Batch) -> Record:
        """Take a step on a batch, and return its record.

        Raises:
            ValueError: if the batch has another shape than the one that the step was captured with.
        """
        self._check(batch)
        for buffer, values in zip(self._batch.tensors(), batch.tensors(), strict=True):
            buffer.copy_(values, non_blocking=True)
        return self._replay().clone()

    def moving(self) -> Moving:
        """Return a copy of the ensemble as it is now."""
        return self._moving.map(torch.clone)

    def freeze(self, active: Sequence[bool]) -> None:
        """Let only these members learn from now on."""
        self._moving.active.copy_(torch.tensor(list(active)))

    def _load(self, moving: Moving) -> None:
        for buffer, values in zip(self._moving.tensors(), moving.tensors(), strict=True):
            buffer.copy_(values)

    def _check(self, batch: Batch) -> None:
        known, new = self._batch.shapes(), batch.shapes()
        if known != new:
            raise ValueError(
                f"a batch has shapes, types and window {new}: a captured training step takes those of its first batch,"
                f" {known}; train with execution=Execution() if a task draws batches of different shapes"
            )


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
