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


def parameters_of(model: Any) -> dict[str, nn.Parameter]:
    """Return the parameters of a module that are trained, by the names that the user knows.

    Raises:
        ValueError: if it is no module, or has nothing to train.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is {describe(model)}: it must be a torch.nn.Module")
    parameters = {name: value for name, value in model.named_parameters() if value.requires_grad}
    for name, value in parameters.items():
        if isinstance(value, nn.parameter.UninitializedParameter) or value.is_complex() or value.is_meta:
            raise ValueError(f"{name} of the model is {_kind(value)}: it must be a real tensor with numbers")
    if not parameters:
        raise ValueError("model has no parameter that requires a gradient: there is nothing to measure")
    return parameters


def _kind(value: nn.Parameter) -> str:
    is_lazy = isinstance(value, nn.parameter.UninitializedParameter)
    return "lazy (run the model once)" if is_lazy else describe(value)


def check_model(model: Any) -> tuple[nn.Module, dict[str, nn.Parameter]]:
    """Return the module that computes, and its parameters that are trained.

    Raises:
        ValueError: if it has no finite parameters to train, normalises over the batch, or drops values at random.
    """
    parameters = parameters_of(model)
    for name, value in parameters.items():
        if not bool(value.detach().isfinite().all()):
            raise ValueError(f"{name} of the model holds NaN or infinite numbers: they must be finite")
    return check_samples(model), parameters


def check_samples(model: nn.Module) -> nn.Module:
    """Return the module that computes, if what it answers to a sample is known to depend on more than that.

    Raises:
        ValueError: if it normalises over the batch, or drops values at random.
    """
    inner: nn.Module = getattr(model, "_orig_mod", model)  # of a compiled model
    for name, module in inner.named_modules():
        kind = f"{name or 'model'} is a {type(module).__name__}"
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and (module.training or module.running_mean is None):
            raise ValueError(
                f"{kind} that normalises over the batch, so a sample has no gradient of its own: call model.eval(), or"
                " take LayerNorm or GroupNorm"
            )
        if module.training and _drops(module):
            raise ValueError(
                f"{kind} that draws random numbers, to drop values: call model.eval() before anything is measured"
            )
    return inner


def _drops(module: nn.Module) -> bool:
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return module.p > 0
    return isinstance(module, (nn.RNNBase, nn.MultiheadAttention)) and module.dropout > 0


def agrees_alone(
    model: nn.Module, batch: Batch, outputs: Tensor, watch: Watch, layouts: Sequence[Layout | None], number: int
) -> bool:
    """Run one sample of a batch alone, and tell whether its rows are where the layouts say.

    Raises:
        ValueError: if its outputs differ from those in the batch, by the name of the module where they do so first.
    """
    alone = batch.inputs_of(slice(number, number + 1))
    again = Watch(watch.parameters)
    with again:
        own = alone.by_time(alone.answer(model)).detach()
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
        if one.parameter != other.parameter or not _are_close(mine, alone_rows):
            return False
    return True


def _are_close(one: Tensor, other: Tensor) -> bool:
    """Tell whether numbers agree, but for the order of summation.

    What is small is compared with what is usual, not with the largest: that may be a mask of -1e9.
    """
    if one.shape != other.shape or not bool((one.isfinite() == other.isfinite()).all()):
        return False
    is_known = one.isfinite() if one.is_floating_point() else torch.ones_like(one, dtype=torch.bool)
    a, b = one[is_known].double(), other[is_known].double()
    if not a.numel():
        return True
    usual = b.abs().median()
    usual = usual if bool(usual > 0) else b.abs().max()
    tolerance = {torch.float64: 1e-8, torch.float32: 1e-3}.get(one.dtype, 5e-2)
    return bool(((a - b).abs() <= tolerance * (b.abs() + usual) + 1e-30).all())


def _culprit(model: nn.Module, batch: Batch, number: int) -> str:
    """Name the module in which a sample first differs from itself alone."""
    with _recorded(model) as together:
        batch.answer(model)
    with _recorded(model) as apart:
        batch.inputs_of(slice(number, number + 1)).answer(model)
    place = ""
    for (where, moment, within, one), (other_where, other_moment, _, other) in zip(together, apart, strict=False):
        if (where, moment) != (other_where, other_moment):
            break
        if not all(_is_same_sample(a, b, number, batch.samples) for a, b in zip(one, other, strict=False)):
            place = where if moment == "outputs" else within
            break
    return (
        f"{place or 'model'} is a {type(model.get_submodule(place)).__name__} that gives sample {number} of a batch"
        " other numbers than the same sample alone: samples influence each other there, or it draws random numbers, or"
        " it keeps a state from call to call; replace it"
    )


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
