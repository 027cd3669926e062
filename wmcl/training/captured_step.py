"""A training step that is captured once as a CUDA graph and replayed.

A step of a small recurrent network is hundreds of short kernels, and starting them one by one takes a GPU longer than
running them. A graph starts them together. It always reads and writes the same memory, so the ensemble and the batch
live in buffers: a batch is copied in, the graph is replayed, and what the host wants to keep is copied out.
"""

from collections.abc import Callable, Sequence

import torch

from wmcl.training.batches import Batch
from wmcl.training.learner import Advance, Learner, Record, mask

Capture = Callable[[Callable[[], Record]], Callable[[], Record]]
"""turns a function without arguments into one that does the same to the same memory"""

_WARM_UP = 3


def cuda_graph(device: torch.device, function: Callable[[], Record]) -> Callable[[], Record]:
    """Capture what a function does on a GPU.

    It runs some times before, on a stream of its own, so that libraries have allocated what they need (PyTorch's notes
    on CUDA graphs ask for that).
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


class CapturedStep:
    """Takes steps by replaying one.

    Args:
        function: the step; it must not look at values of tensors.
        learner: where to start.
        example: a batch on the device of the learner, whose shapes all others have.
        capture: how to capture.
    """

    def __init__(self, function: Advance, learner: Learner, example: Batch, capture: Capture) -> None:
        self._learner = learner.map(torch.clone)
        self._batch = example.map(lambda values: values.clone(memory_format=torch.contiguous_format))

        def run() -> Record:
            new, record = function(self._learner, self._batch)
            record = record.clone()  # the record may hold buffers that are about to change
            self._load(new)
            return record

        self._replay = capture(run)
        self._load(learner)  # capturing may have taken steps

    def step(self, batch: Batch) -> Record:
        """Take a step.

        Raises:
            ValueError: if the batch has another shape than the one that the step was captured with.
        """
        self._check(batch)
        for buffer, values in zip(self._batch.tensors(), batch.tensors(), strict=True):
            buffer.copy_(values, non_blocking=True)
        return self._replay().clone()

    def learner(self) -> Learner:
        """A copy of the ensemble as it is now."""
        return self._learner.map(torch.clone)

    def freeze(self, active: Sequence[bool]) -> None:
        """Let only these members learn from now on."""
        self._learner.active.copy_(mask(active, self._learner.active.device))

    def _load(self, learner: Learner) -> None:
        for buffer, values in zip(self._learner.tensors(), learner.tensors(), strict=True):
            buffer.copy_(values)

    def _check(self, batch: Batch) -> None:
        known, new = self._batch.shapes(), batch.shapes()
        if known != new:
            raise ValueError(
                f"a batch has shapes, types and window {new}: a captured training step takes those of its first batch,"
                f" {known}; train with execution=Execution() if a task draws batches of different shapes"
            )
