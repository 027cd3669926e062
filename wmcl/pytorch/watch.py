"""Watch what a model does with its parameters: every use of one in a known function, with a tap on its output.

PyTorch hands each call of a function of its own to a *mode* (:class:`torch.overrides.TorchFunctionMode`). Whatever the
module around it, ``F.linear(x, W, b)`` is seen here, and zeros are added to its output: the gradient with respect to
this *tap* is the error signal of every row, from which per-sample gradients are formed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from wmcl.pytorch.functions import RANDOM, REGULAR
from wmcl.pytorch.recurrent import CELLS, RECURRENCES, Call, recurrence

_LINEAR = F.linear  # which attention finds replaced, see below
Kind = Literal["outer", "sum", "product", "rows"]
"""how a row of the error signal δ and a row x of the input make a gradient: δ xᵀ; δ; δ · x; or δ in the row x of an
embedding"""


class Use(NamedTuple):
    """A Use is one call of a known function with a parameter."""

    parameter: str
    kind: Kind
    tap: int
    """number of the tap on the output of the call"""
    input: Tensor | None = None
    """rows that the call read, with the leading axes of the tap"""
    version: int = 0
    """how often the input had been changed in place by then"""
    first: int = 0
    """row of the parameter at which the part begins that the call uses"""


class Watch(TorchFunctionMode):
    """A Watch sees the known functions that read some parameters, for as long as it is entered.

    Args:
        parameters: by name, whose uses are kept.
        attached: whether the parameters themselves take part in the graph, too.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], attached: bool = False) -> None:
        super().__init__()
        self.parameters = dict(parameters)
        self._names = {id(parameter): name for name, parameter in parameters.items() if parameter.numel()}
        self._attached = attached
        self.is_regular = True
        """whether the place of a row can depend on shapes alone, not on numbers"""
        self.uses = list[Use]()
        self.taps = list[Tensor]()

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call a function, or what stands for it here."""
        name = getattr(func, "__name__", "")
        if name in RANDOM or (name.endswith("dropout") and _drops(*args, **(kwargs or {}))):
            raise ValueError(
                f"model calls {name}, which draws random numbers: what it answers to a sample must be settled; call"
                " model.eval(), or draw them before"
            )
        self.is_regular &= _keeps_places(name, args)
        known: Callable[..., Any] | None = None if _is_transformed() else _KNOWN.get(func)
        return (func if known is None else _bound(self, known, func))(*args, **(kwargs or {}))

    def find(self, value: Any) -> tuple[str, int] | None:
        """Return the name of a parameter and the row at which a part of it begins; ``None`` for anything else."""
        if not isinstance(value, Tensor):
            return None
        if id(value) in self._names:
            return self._names[id(value)], 0
        base = value._base
        if base is None or id(base) not in self._names or value.ndim != base.ndim or not value.ndim:
            return None
        is_block = value.shape[1:] == base.shape[1:] and value.stride() == base.stride()
        if not is_block or not base.is_contiguous() or not base.stride(0):
            return None
        return self._names[id(base)], (value.storage_offset() - base.storage_offset()) // base.stride(0)

    def loose(self, value: Tensor) -> Tensor:
        """Return a parameter as it takes part in the graph."""
        return value if self._attached or self.find(value) is None else value.detach()

    def tap(self, output: Tensor) -> tuple[Tensor, int]:
        """Return an output with zeros added, and the number of this tap."""
        zeros = output.new_zeros(()).expand(output.shape).requires_grad_()
        self.taps.append(zeros)
        return output + zeros, len(self.taps) - 1

    def use(self, parameter: Any, kind: Kind, tap: int, read: Tensor | None = None) -> None:
        """Keep a use, if it is of a parameter that is watched."""
        found = self.find(parameter)
        if found is not None:
            name, first = found
            version = 0 if read is None else read._version
            self.uses.append(Use(name, kind, tap, None if read is None else read.detach(), version, first))

    def knows(self, *parameters: Any) -> bool:
        """Tell whether any of these is watched."""
        return any(self.find(parameter) is not None for parameter in parameters)

    # what stands for the known functions

    def linear(self, func: Any, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Watch W x + b."""
        is_plain = bias is None or bias.shape == weight.shape[:1]
        if not self.knows(weight, bias) or not is_plain:
            return func(input, weight, bias)
        output, tap = self.tap(_LINEAR(input, self.loose(weight), None if bias is None else self.loose(bias)))
        self.use(weight, "outer", tap, input)
        self.use(bias, "sum", tap)
        return output

    def embedding(
        self,
        func: Any,
        input: Tensor,
        weight: Tensor,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Tensor:
        """Watch rows of a table; those that frequencies scale or norms change are left alone."""
        is_whole = id(weight) in self._names
        if not is_whole or max_norm is not None or scale_grad_by_freq:
            return func(input, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        output, tap = self.tap(F.embedding(input, self.loose(weight), padding_idx, sparse=False))
        rows = input
        if padding_idx is not None:
            padding = padding_idx % len(weight)
            rows = torch.where(input == padding, -1, input)  # which learns nothing
        self.use(weight, "rows", tap, rows)
        return output

    def layer_norm(
        self,
        func: Any,
        input: Tensor,
        normalized_shape: Sequence[int],
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        eps: float = 1e-5,
    ) -> Tensor:
        """Watch gain and shift of a layer normalisation over the last axis."""
        if not self.knows(weight, bias) or len(normalized_shape) != 1:
            return func(input, normalized_shape, weight, bias, eps)
        normal = F.layer_norm(input, list(normalized_shape), eps=eps)
        scaled = normal if weight is None else normal * self.loose(weight)
        output, tap = self.tap(scaled if bias is None else scaled + self.loose(bias))
        self.use(weight, "product", tap, normal)
        self.use(bias, "sum", tap)
        return output

    def conv1d(
        self,
        func: Any,
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        """Watch a convolution as a linear map of the stretches of its input that it looks at."""
        if not self.knows(weight, bias) or groups != 1 or isinstance(padding, str) or input.ndim != 3:
            return func(input, weight, bias, stride, padding, dilation, groups)
        found = F.conv1d(
            input, self.loose(weight), None if bias is None else self.loose(bias), stride, padding, dilation
        )
        output, tap = self.tap(found.transpose(1, 2))
        (step,), (margin,), (gap,) = (
            each if isinstance(each, (tuple, list)) else (each,) for each in (stride, padding, dilation)
        )
        stretches = F.unfold(
            input.detach()[:, :, None], (1, weight.shape[2]), (1, gap), (0, margin), (1, step)
        )  # (sample, channel × place, step)
        self.use(weight, "outer", tap, stretches.transpose(1, 2))
        self.use(bias, "sum", tap)
        return output.transpose(1, 2)

    def attention(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        """Watch the linear maps inside of PyTorch's attention."""
        with mock.patch.object(F, "linear", _bound(self, Watch.linear, _LINEAR)):
            return func(*args, **kwargs)

    def map(self, input: Tensor, weight: Tensor, bias: Tensor | None, tap: Tensor) -> None:
        """Keep the uses of one map of a recurrent layer, whose tap was put inside of the recurrence."""
        self.taps.append(tap)
        self.use(weight, "outer", len(self.taps) - 1, input)
        self.use(bias, "sum", len(self.taps) - 1)

    def recurrent(self, func: Any, *args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
        """Watch recurrent layers, which run on the recurrence of this package."""
        if kwargs:  # the modules of PyTorch have none
            return func(*args, **kwargs)
        call = Call.of(args)
        self.is_regular &= call.sizes is None
        if not self.knows(*call.weights) or call.has_projections:
            return func(*args)
        return recurrence(RECURRENCES[func], call, self.loose, self.map)

    def recurrent_cell(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        """Watch one step of a recurrent cell."""
        if kwargs or not self.knows(*args):
            return func(*args, **kwargs)

        def apply(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            return self.linear(_LINEAR, input, weight, bias)

        return CELLS[func](apply, *args)


def _drops(input: Any = None, p: float = 0.5, training: bool = True, *_: Any, **__: Any) -> bool:
    return bool(training) and p > 0


def _keeps_places(name: str, args: Sequence[Any]) -> bool:
    """Tell whether a function puts every number where shapes alone say."""
    if name == "__getitem__":
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        return all(part is None or part is ... or isinstance(part, (int, slice)) for part in index)
    is_search = name == "where" and len(args) == 1  # which finds the places of what is true
    is_moved_by_numbers = name in ("narrow", "select") and any(isinstance(each, Tensor) for each in args[1:])
    return name in REGULAR and not is_search and not is_moved_by_numbers


def _is_transformed() -> bool:
    """Tell whether this runs inside of a transform such as ``torch.vmap``, where no tap can be put."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def _bound(watch: Watch, known: Callable[..., Any], func: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: known(watch, func, *args, **kwargs)


_KNOWN: dict[Any, Callable[..., Any]] = {
    F.linear: Watch.linear,
    F.embedding: Watch.embedding,
    F.layer_norm: Watch.layer_norm,
    torch.conv1d: Watch.conv1d,
    F.conv1d: Watch.conv1d,
    F.multi_head_attention_forward: Watch.attention,
    **dict.fromkeys(RECURRENCES, Watch.recurrent),
    **dict.fromkeys(CELLS, Watch.recurrent_cell),
}
