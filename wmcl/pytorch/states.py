"""Hidden states of any recurrent module, for the measures of dimensionality."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from wmcl.check_data import describe
from wmcl.pytorch.batches import batches
from wmcl.pytorch.check import check_samples
from wmcl.tasks.sequences import Phase, Sequences


@dataclass(frozen=True)
class HiddenStates:
    """HiddenStates are the states of a recurrent module at every step of some sequences, as an ensemble of one.

    Measures that take states and sequences, such as :func:`wmcl.dimensionality.states`, are called as
    ``measure(found.hidden, found.sequences)``; those that take rows of states as ``measure(found.rows)``.
    """

    hidden: Float[Tensor, "1 time sample unit"]
    """h_t, zero in the padding"""
    lengths: Int64[Tensor, "sample"]
    """steps of each sequence before its padding"""

    @property
    def sequences(self) -> Sequences:
        """Return sequences of these lengths, without inputs and targets, to say where the padding is."""
        _, steps, samples, _ = self.hidden.shape
        padded = torch.arange(steps)[:, None] >= self.lengths
        phase = torch.where(padded, int(Phase.padding), int(Phase.output)).to(torch.int8)[None]
        nothing = self.hidden.new_zeros(1, steps, samples, 1)
        return Sequences(nothing, nothing, (~padded)[None].to(nothing), phase.to(nothing.device), slice(0, steps))

    @property
    def rows(self) -> Float[Tensor, "1 row unit"]:
        """Return the states of all steps that are no padding."""
        is_known = torch.arange(self.hidden.shape[1])[:, None] < self.lengths
        return self.hidden[:, is_known.to(self.hidden.device)]


@torch.no_grad()
def hidden_states(
    model: nn.Module, data: Any, module: str | None = None, *, batch_first: bool = True, chunk: int = 512
) -> HiddenStates:
    """Run a model, and keep the hidden states of a recurrent module in it.

    Args:
        model: any module.
        data: as for :func:`~wmcl.pytorch.fisher_diagonal`; targets play no part.
        module: name of an ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``, or of a cell of these, whose calls are the steps;
            ``None`` takes the only one.
        batch_first: whether the sample is the first axis of the inputs of the model.
        chunk: samples in memory at a time.

    Raises:
        ValueError: if there is no such module, or more than one.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is {describe(model)}: it must be a torch.nn.Module")
    check_samples(model)
    recurrent = {n: m for n, m in model.named_modules() if isinstance(m, (nn.RNNBase, nn.RNNCellBase))}
    if module is None and len(recurrent) == 1:
        (module,) = recurrent
    if module not in recurrent:
        known = ", ".join(map(repr, recurrent)) or "the recurrent modules, of which the model has none"
        raise ValueError(f"module is {module!r}: it must be one of {known}")
    like = next(iter(model.parameters()))
    found, lengths = list[Tensor](), list[Tensor]()
    for batch in batches(data, batch_first, chunk, like):
        with _kept(recurrent[module]) as outputs:
            batch.answer(model)
        hidden, own = _states(recurrent[module], outputs, batch.samples)
        if own is not None and batch.lengths is not None and not torch.equal(own, batch.lengths):
            raise ValueError(
                "module has sequences of other lengths than the data, or in another order: it must keep it"
            )
        ends = batch.lengths if own is None and batch.lengths is not None else own
        if ends is not None and int(ends.max()) > len(hidden):
            raise ValueError(
                f"module has {len(hidden)} steps, but a length is {int(ends.max())}: it must have one a step of data"
            )
        if own is None and ends is not None and len(hidden) != batch.inputs.shape[1 - batch.axis]:
            raise ValueError(f"module has {len(hidden)} steps, and the data others: their lengths say nothing of it")
        lengths.append(torch.full((batch.samples,), len(hidden)) if ends is None else ends)
        found.append(hidden)
    if not found:
        raise ValueError("data is empty: there is no sequence")
    steps, every = max(len(hidden) for hidden in found), torch.cat(lengths)
    whole = torch.cat([nn.functional.pad(hidden, (0, 0, 0, 0, 0, steps - len(hidden))) for hidden in found], 1)
    is_known = torch.arange(steps)[:, None] < every
    return HiddenStates((whole * is_known[..., None].to(whole))[None], every)


@contextmanager
def _kept(module: nn.Module) -> Iterator[list[Any]]:
    outputs: list[Any] = []
    handle = module.register_forward_hook(lambda module, args, output: outputs.append(output))
    try:
        yield outputs
    finally:
        handle.remove()


def _states(module: nn.Module, outputs: list[Any], samples: int) -> tuple[Tensor, Tensor | None]:
    """Return states with the axes (time, sample, unit), and lengths, if the module knows them."""
    if isinstance(module, nn.RNNCellBase):
        steps = [one[0] if isinstance(one, tuple) else one for one in outputs]
        if not steps:
            raise ValueError("module was not called in the forward pass: it must be part of it")
        return torch.stack(steps), None
    if len(outputs) != 1:
        raise ValueError(f"module was called {len(outputs)} times in a forward pass: it must be called once")
    assert isinstance(module, nn.RNNBase)
    found = outputs[0][0]
    if isinstance(found, PackedSequence):
        return pad_packed_sequence(found)
    found = found.transpose(0, 1) if module.batch_first else found
    if found.ndim != 3 or found.shape[1] != samples:
        raise ValueError(
            f"module has states of shape {tuple(found.shape)} for {samples} samples: its sequences must be those of the"
            " data, one a sample"
        )
    return found, None
