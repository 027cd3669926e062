"""Finds code that would break on a GPU, on a machine that has none.

While :class:`Elsewhere` is active, whatever is moved to a device by name counts as being elsewhere, and so does all
that is computed from it or made on its device. Two things that a GPU refuses are refused: one operation on tensors from
here and from elsewhere (scalars, indices and copies excepted), and reading an array that was not fetched by ``cpu()``.
The values are those of the CPU. It does not see backward passes.
"""

import weakref

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

MOVES = {torch.Tensor.to}
FETCHES = {torch.Tensor.cpu}
READS = {torch.Tensor.numpy, torch.Tensor.__array__}
MAY_MIX = {torch.Tensor.__getitem__, torch.Tensor.__setitem__, torch.Tensor.copy_, torch.Tensor.to}


class Elsewhere(TorchFunctionMode):
    """Remembers which memory is elsewhere."""

    def __init__(self):
        super().__init__()
        self._storages = weakref.WeakSet()

    def is_elsewhere(self, tensor):
        with torch._C.DisableTorchFunction():
            return tensor.untyped_storage() in self._storages

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        there = [tensor for tensor in given if self.is_elsewhere(tensor)]
        here = [tensor for tensor in given if tensor.ndim and not self.is_elsewhere(tensor)]
        if there and here and function not in MAY_MIX:
            raise RuntimeError(
                f"{function} of tensors on different devices: {[tuple(x.shape) for x in here]} are on the CPU"
            )
        if there and function in READS:
            raise TypeError("cannot convert a tensor from elsewhere to numpy: use cpu() first")
        result = function(*args, **kwargs)
        if function in FETCHES:
            return result.clone()
        moved = function in MOVES and (self._names_device(args[1:]) or self._names_device(kwargs.values()))
        if moved and not self.is_elsewhere(args[0]):
            result = result.clone()
        if there or moved or kwargs.get("device") is not None:
            for leaf in tree_leaves(result):
                if isinstance(leaf, torch.Tensor):
                    self._storages.add(leaf.untyped_storage())
        return result

    def _names_device(self, values):
        return any(
            isinstance(value, (str, torch.device)) or (isinstance(value, torch.Tensor) and self.is_elsewhere(value))
            for value in values
        )
