"""Refuse a model whose samples influence each other: it has no gradient of a sample."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from wmcl.check_data import describe
from wmcl.pytorch.batches import Batch
from wmcl.pytorch.layout import Layout
from wmcl.pytorch.watch import Watch


def check_model(model: Any) -> tuple[nn.Module, dict[str, nn.Parameter]]:
    """Return the module that computes and its parameters that are trained, by the names that the user knows.

    Raises:
        ValueError: if it is no module, has nothing to train, or normalises over the batch.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is {describe(model)}: it must be a torch.nn.Module")
    parameters = {name: value for name, value in model.named_parameters() if value.requires_grad}
    inner: Any = getattr(model, "_orig_mod", model)  # of a compiled model
    if not parameters:
        raise ValueError("model has no parameter that requires a gradient: there is nothing to measure")
    for name, value in parameters.items():
        if value.is_complex() or value.is_meta or not value.is_leaf:
            raise ValueError(f"{name} of the model is {describe(value)}: it must be a real tensor with numbers")
        if not bool(value.detach().isfinite().all()):
            raise ValueError(f"{name} of the model holds NaN or infinite numbers: they must be finite")
    for name, module in inner.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and (module.training or module.running_mean is None):
            raise ValueError(
                f"{name or 'model'} is a {type(module).__name__} that normalises over the batch, so a sample has no"
                " gradient of its own: call model.eval(), or take LayerNorm or GroupNorm"
            )
    return inner, parameters


def agrees_alone(
    model: nn.Module, batch: Batch, outputs: Tensor, watch: Watch, layouts: Sequence[Layout | None], number: int
) -> bool:
    """Run one sample of a batch alone, and tell whether its rows are where the layouts say.

    Raises:
        ValueError: if its outputs differ from those in the batch, by the name of the module where they do so first.
    """
    alone = batch.inputs_of(slice(number, number + 1))
    again = Watch(watch.parameters)
    with torch.no_grad(), again:
        own = alone.by_time(alone.answer(model))
    together = batch.by_time(outputs.detach())[: len(own), number : number + 1]
    if own.shape != together.shape or not _are_close(own, together):
        raise ValueError(_culprit(model, batch, number))
    if len(again.uses) != len(watch.uses) or len(layouts) != len(watch.taps):
        return False
    for one, other in zip(again.uses, watch.uses, strict=True):
        layout = layouts[other.tap]
        if one.input is None or other.input is None or layout is None:
            continue
        rows = watch.taps[other.tap].shape[:-1].numel()
        mine = layout(other.input.reshape(rows, -1))[:, number]
        alone_rows = one.input.reshape(again.taps[one.tap].shape[:-1].numel(), -1)
        least = min(len(mine), len(alone_rows))
        if one.parameter != other.parameter or not _are_close(mine[:least], alone_rows[:least]):
            return False
    return True


def _are_close(one: Tensor, other: Tensor) -> bool:
    """Tell whether numbers agree, but for the order of summation."""
    if not one.numel():
        return True
    a, b = one.double(), other.double()
    tolerance = {torch.float64: 1e-8, torch.float32: 1e-3}.get(one.dtype, 3e-2)
    return bool((a - b).abs().max() <= tolerance * b.abs().max().clamp(min=1e-30))


def _culprit(model: nn.Module, batch: Batch, number: int) -> str:
    """Name the module in which a sample first differs from itself alone."""
    with torch.no_grad():
        with _recorded(model) as together:
            batch.answer(model)
        alone = batch.inputs_of(slice(number, number + 1))
        with _recorded(model) as apart:
            alone.answer(model)
    place = ""
    for (where, moment, within, one), (other_where, other_moment, _, other) in zip(together, apart, strict=False):
        if (where, moment) != (other_where, other_moment):
            break
        if not all(_is_same_sample(a, b, number, batch.samples) for a, b in zip(one, other, strict=False)):
            place = where if moment == "outputs" else within
            break
    random = [name for name, module in model.named_modules() if _draws(module)]
    place = random[0] if random else place
    return (
        f"{place or 'model'} is a {type(model.get_submodule(place)).__name__} that gives sample {number} of a batch"
        " other numbers than the same sample alone: samples influence each other there, or it draws random numbers, as"
        " dropout does; call model.eval(), or replace it"
    )


def _draws(module: nn.Module) -> bool:
    """Tell whether a module draws random numbers, as far as one can tell."""
    is_dropout = isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0
    return module.training and (is_dropout or (isinstance(module, nn.RNNBase) and module.dropout > 0))


@contextmanager
def _recorded(model: nn.Module) -> Iterator[list[tuple[str, str, str, list[Tensor]]]]:
    """Keep what goes into and comes out of each module, and the module from which it was called."""
    events: list[tuple[str, str, str, list[Tensor]]] = []
    inside = [""]

    def before(name: str) -> Any:
        def keep(module: nn.Module, args: Any) -> None:
            events.append((name, "inputs", inside[-1], _tensors(args)))
            inside.append(name)

        return keep

    def after(name: str) -> Any:
        def keep(module: nn.Module, args: Any, outputs: Any) -> None:
            inside.pop()
            events.append((name, "outputs", inside[-1], _tensors(outputs)))

        return keep

    handles = []
    for name, module in model.named_modules():
        handles += [module.register_forward_pre_hook(before(name)), module.register_forward_hook(after(name))]
    try:
        yield events
    finally:
        for handle in handles:
            handle.remove()


def _tensors(values: Any) -> list[Tensor]:
    return [leaf.detach().clone() for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


def _is_same_sample(together: Tensor, alone: Tensor, number: int, samples: int) -> bool:
    """Compare a sample with itself alone, where one axis tells the samples apart; else there is nothing to compare."""
    if together.ndim != alone.ndim or not alone.is_floating_point():
        return True
    axes = [k for k in range(together.ndim) if together.shape[k] == samples and alone.shape[k] == 1]
    if not axes or samples == 1:
        return True
    return any(
        together.select(k, number).shape == alone.select(k, 0).shape
        and _are_close(alone.select(k, 0), together.select(k, number))
        for k in axes
    )
