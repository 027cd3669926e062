"""Networks of ``torch.nn`` become ensembles, and members of an ensemble become networks of ``torch.nn``.

Gates stand in the same order on both sides, and so do layers and directions, so nothing but names changes:

=============================  ========================================================================
parameter of a network         key in ``state_dict`` of the module
=============================  ========================================================================
``W_ih``, ``W_hh``             ``recurrent.weight_ih_l0``, ``recurrent.weight_hh_l0``
``b_ih``, ``b_hh``             ``recurrent.bias_ih_l0``, ``recurrent.bias_hh_l0``
``W_ih_l1_reverse``, …         ``recurrent.weight_ih_l1_reverse``, …
rows of ``W_out``, ``b_out``   ``heads.0.weight``, ``heads.0.bias``, ``heads.1.weight``, …
=============================  ========================================================================

``recurrent`` is one ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``, and ``heads`` an ``nn.ModuleList`` of ``nn.Linear``. A
direction ``backward`` is a recurrent module that is given reversed sequences. Two networks have no such module:

- With an output stage there is a single-layer ``nn.RNN`` for each layer and direction, in the order of layers and,
  within them, of directions: ``recurrent.0.weight_ih_l0``, …, and its stage is ``stages.0.weight``, ``stages.0.bias``.
- A linear network has two ``nn.Linear`` for each layer and direction in the same order, ``input_maps.0.weight``, … and
  ``recurrent.0.weight``, …, and its loop over time is written out.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from wmcl.autograd import with_autograd
from wmcl.networks.elman import Elman, ReLUElman
from wmcl.networks.gru import GRU
from wmcl.networks.initialisation import Parameters
from wmcl.networks.linear import LinearRNN
from wmcl.networks.lstm import LSTM
from wmcl.networks.network import Direction, Network
from wmcl.networks.recurrence import Weights
from wmcl.networks.torch_checks import (
    DTYPES,
    check_ensemble,
    check_heads,
    check_linear,
    check_plain,
    is_several,
    kind_of,
)
from wmcl.networks.torch_network import TORCH_NAMES, TorchNetwork, named, place, suffixes, torch_suffix

Values = dict[str, Float[Tensor, "..."]]
"""parameters of one member, by their names in a network"""


@with_autograd
def to_torch(network: Network, parameters: Parameters, member: int = 0, batch_first: bool = True) -> TorchNetwork:
    """Return a member of an ensemble as a module of ``torch.nn``: ``module(inputs, lengths, head)`` gives its logits.

    The module has the dtype and device of the parameters, copies of their values, and all heads; ``lengths`` and
    ``head`` may be left out. Constants that a network adds to its weights, such as ``forget_bias`` of an LSTM, become
    part of its biases. What its parts are called is in :mod:`wmcl.networks.torch_modules`: its ``state_dict`` loads
    into plain modules elsewhere.

    Args:
        network: any network of this package.
        parameters: of the ensemble, of the type float32 or float64.
        member: number of the member.
        batch_first: whether inputs are (sample, time, feature), and not (time, sample, feature).

    Raises:
        ValueError: if network and parameters do not fit, or have no counterpart in ``torch.nn``; the message says what
            to do instead.

    Example:
        >>> import torch, wmcl
        >>> network = wmcl.networks.GRU(3, 8, 2)
        >>> module = wmcl.networks.to_torch(network, network.init(seeds=[0]))
        >>> tuple(module(torch.zeros(4, 11, 3)).shape)
        (4, 11, 2)
        >>> list(module.state_dict())[:2]
        ['recurrent.weight_ih_l0', 'recurrent.weight_hh_l0']
    """
    kind = kind_of(network)
    members = check_ensemble(network, parameters)
    if isinstance(member, bool) or not isinstance(member, int) or not 0 <= member < members:
        raise ValueError(f"member is {member!r}: it must be a whole number from 0 to {members - 1}")
    own = {name: value[member : member + 1].detach() for name, value in parameters.items()}
    found = {suffix: network.weights_of(own, suffix) for suffix in suffixes(network.layers, network.direction)}
    # constants need a bias to be kept in
    biases = network.biases or any(bool(weights.b_ih.any() or weights.b_hh.any()) for weights in found.values())
    with torch.device("meta"):  # where nothing is drawn
        empty = TorchNetwork(network, kind, biases, batch_first).to(own["W_out"].dtype)
    module = empty.to_empty(device=own["W_out"].device)
    with torch.no_grad():
        for suffix, weights in found.items():
            for name, value in zip(Weights._fields, weights, strict=True):
                if biases or name.startswith("W"):
                    place(module, name + suffix).copy_(value[0])
        for name, value in own.items():
            if name.startswith(("W_ho", "b_ho")):
                place(module, name).copy_(value[0])
        for name, kind_of_value in (("W_out", "weight"), ("b_out", "bias")):
            for head, rows in zip(module.heads, own[name][0].chunk(network.heads), strict=True):
                getattr(head, kind_of_value).copy_(rows)
    return module


@with_autograd
def from_torch(recurrent: Any, head: Any = None) -> tuple[Network, Parameters]:
    """Return the network that modules of ``torch.nn`` make up, and its parameters, an ensemble of one member or more.

    ``nn.RNN`` gives an :class:`Elman` network without output stage, or a :class:`ReLUElman`; ``nn.LSTM`` an
    :class:`LSTM`, ``nn.GRU`` a :class:`GRU`. Values are copies without gradient, of the dtype and on the device of the
    modules. Inputs of the network are (member, time, sample, feature), whether the module is ``batch_first`` or not.
    The ``initialisation`` of the network is the usual one; nothing was drawn from it.

    Args:
        recurrent: an ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``, of any number of layers, in one direction or both, with or
            without biases; or the module that :func:`to_torch` returns, which has heads of its own. A list of such
            modules, all of one shape, becomes an ensemble, with a member for each.
        head: an ``nn.Linear``, or a sequence of such of one shape: heads of tasks, of which the first one answers
            (``network.answering(1)`` answers with the second). For a list of modules, a list of as many of these.

    Raises:
        ValueError: if a module cannot be represented; the message says which, why, and what to do instead.

    Example:
        >>> import torch, wmcl
        >>> modules = [torch.nn.LSTM(3, 8) for _ in range(2)]
        >>> heads = [torch.nn.Linear(8, 2) for _ in range(2)]
        >>> network, parameters = wmcl.networks.from_torch(modules, heads)
        >>> network.hidden, tuple(parameters["W_hh"].shape)
        (8, (2, 32, 8))
    """
    if not is_several(recurrent):
        pairs = [_member(recurrent, head, "recurrent", "head")]
    else:
        modules = list(recurrent)
        if not modules:
            raise ValueError("recurrent is empty: it must hold at least one module")
        heads = [None] * len(modules) if head is None else head
        if not is_several(heads) or len(heads) != len(modules):
            found = f"of length {len(heads)}" if is_several(heads) else named(heads)
            raise ValueError(
                f"head is {found}: it must be a list of one entry for each of the {len(modules)} modules of recurrent"
            )
        pairs = [
            _member(module, own, f"recurrent[{number}]", f"head[{number}]")
            for number, (module, own) in enumerate(zip(modules, heads, strict=True))
        ]
    network, first = pairs[0]
    for number, (other, values) in enumerate(pairs):
        if other != network:
            raise ValueError(
                f"recurrent[{number}] makes {other}, and recurrent[0] {network}: all members of an ensemble must be of"
                " one shape, with the same heads"
            )
        like, given = first["W_out"], values["W_out"]
        if (given.dtype, given.device) != (like.dtype, like.device):
            raise ValueError(
                f"recurrent[{number}] is {given.dtype} on {given.device}, and recurrent[0] {like.dtype} on"
                f" {like.device}: all members of an ensemble must have one dtype and device"
            )
    return network, {name: torch.stack([values[name] for _, values in pairs]) for name in network.shapes}


def _member(recurrent: Any, head: Any, name: str, name_of_head: str) -> tuple[Network, Values]:
    """Return the network and the values of one member."""
    if type(recurrent) is TorchNetwork:
        if head is not None:
            raise ValueError(
                f"{name_of_head} is {named(head)} beside a module of to_torch: it must be left out, as that module has"
                " heads of its own"
            )
        return _of_own(recurrent, name)
    check_plain(recurrent, name)
    heads = check_heads(head, name_of_head, recurrent.hidden_size * (2 if recurrent.bidirectional else 1), f"of {name}")
    direction: Direction = "bidirectional" if recurrent.bidirectional else "forward"
    network = _network(_kind_of_module(recurrent), recurrent, direction, heads)
    values = {
        f"{own}{suffix}": getattr(recurrent, f"{theirs}{torch_suffix(suffix)}")
        for suffix in suffixes(network.layers, direction)
        for own, theirs in TORCH_NAMES.items()
        if network.biases or own.startswith("W")
    }
    return network, _one_kind(values | _out(heads), name)


def _of_own(module: TorchNetwork, name: str) -> tuple[Network, Values]:
    """Return the network and the values of a module that :func:`to_torch` made."""
    sides = 2 if module.direction == "bidirectional" else 1
    parts = list(module.recurrent) if isinstance(module.recurrent, nn.ModuleList) else [module.recurrent]
    for number, part in enumerate(parts):
        part_name = f"{name}.recurrent.{number}" if isinstance(module.recurrent, nn.ModuleList) else f"{name}.recurrent"
        if type(part) is nn.Linear:
            check_linear(part, part_name)
        else:
            check_plain(part, part_name)
    for other in ("input_maps", "stages"):
        for number, part in enumerate(getattr(module, other, ())):
            check_linear(part, f"{name}.{other}.{number}")
    heads = check_heads(module.heads, f"{name}.heads", None, "")
    if not isinstance(module.recurrent, nn.ModuleList):
        network = _network(module.kind, module.recurrent, module.direction, heads, head=module.head)
    else:
        linear, first = module.kind is LinearRNN, parts[0]
        fields: dict[str, Any] = {} if linear else {"output_stage": True}
        network = module.kind(
            module.input_maps[0].in_features if linear else first.input_size,  # type: ignore[arg-type]
            first.in_features if linear else first.hidden_size,  # type: ignore[arg-type]
            heads[0].out_features,
            layers=len(parts) // sides,
            direction=module.direction,
            heads=len(heads),
            head=module.head,
            biases=first.bias is not None if linear else bool(first.bias),
            **fields,
        )
    out = _out(heads)
    values = {each: place(module, each) for each in network.shapes if each not in out}
    return network, _one_kind(values | out, name)


def _network(
    kind: type[Network], recurrent: Any, direction: Direction, heads: Sequence[nn.Linear], head: int = 0
) -> Network:
    """Return the network without output stage that one recurrent module makes up."""
    fields: dict[str, Any] = {"output_stage": False} if issubclass(kind, Elman) else {}
    return kind(
        recurrent.input_size,
        recurrent.hidden_size,
        heads[0].out_features,
        layers=recurrent.num_layers,
        direction=direction,
        heads=len(heads),
        head=head,
        biases=bool(recurrent.bias),
        **fields,
    )


def _kind_of_module(recurrent: nn.Module) -> type[Network]:
    if isinstance(recurrent, nn.RNN):
        return ReLUElman if recurrent.nonlinearity == "relu" else Elman
    return LSTM if isinstance(recurrent, nn.LSTM) else GRU


def _out(heads: Sequence[nn.Linear]) -> Values:
    """Stack heads in the rows of W_out and b_out."""
    return {
        "W_out": torch.cat([head.weight.detach() for head in heads]),
        "b_out": torch.cat([head.bias.detach() for head in heads]),
    }


def _one_kind(values: Values, name: str) -> Values:
    """Copy values, and refuse those of a type that networks do not have, or of several types or devices."""
    example = next(iter(values.values()))
    for value in values.values():
        if value.dtype not in DTYPES:
            raise ValueError(
                f"{name} has values of the type {value.dtype}: it must be torch.float32 or torch.float64, as after"
                " module.float()"
            )
        if (value.dtype, value.device) != (example.dtype, example.device):
            raise ValueError(
                f"{name} and its head have values of the types {example.dtype} on {example.device} and {value.dtype} on"
                f" {value.device}: they must have one dtype and device"
            )
    return {own: value.detach().clone() for own, value in values.items()}
