"""What has no counterpart in ``torch.nn``, or in a network, is refused in a sentence that says what to do instead."""

from typing import Any, NoReturn

import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from wmcl.networks.checks import check_parameters
from wmcl.networks.elman import Elman, ReLUElman
from wmcl.networks.gru import GRU
from wmcl.networks.linear import LinearRNN
from wmcl.networks.lstm import LSTM
from wmcl.networks.network import Network
from wmcl.networks.torch_network import TORCH_NAMES, named, suffixes, torch_suffix
from wmcl.networks.vectors import CHANGES

RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)
DTYPES = (torch.float32, torch.float64)
_FORWARD = ("cell", "apply", "_layer", "_width", "weights_of", "has_output_stage", "shapes", "parts", "head_rows")
"""what decides what a network computes, its constants aside"""
_KINDS: tuple[type[Network], ...] = (ReLUElman, Elman, LSTM, GRU, LinearRNN)


def kind_of(network: Any) -> type[Network]:
    """Return the class of this package whose forward pass a network has."""
    if not isinstance(network, Network):
        raise ValueError(f"network is {named(network)}: it must be a wmcl.networks.Network, such as Elman or GRU")
    own = type(network)
    for kind in _KINDS:
        if isinstance(network, kind) and all(getattr(own, each) is getattr(kind, each) for each in _FORWARD):
            return kind
    raise ValueError(
        f"network is of the class {own.__name__}, with the cell {type(network.cell).__name__}: torch.nn has modules for"
        f" {', '.join(sorted(kind.__name__ for kind in _KINDS))} alone; write one that computes what yours does"
    )


def check_ensemble(network: Network, parameters: Any) -> int:
    """Refuse parameters that do not fit or have no place in a module; return the number of members."""
    if isinstance(parameters, dict) and CHANGES in parameters:
        raise ValueError(
            f"{CHANGES} stands among the parameters: a module has no place for vectors of words that are learned; leave"
            " it out, and add what was learned to the inputs of the module"
        )
    shifts = network.shapes_of_shifts(parameters)
    first = check_parameters(parameters, network.shapes | shifts)
    unknown = sorted(set(parameters) - set(network.shapes) - set(shifts))
    if unknown:
        raise ValueError(
            f"parameters holds {', '.join(unknown)}: it must hold those of the network alone; of a run over tasks, take"
            " the weights of a task, as after.weights(0)"
        )
    if first.dtype not in DTYPES:
        raise ValueError(f"parameters is of the type {first.dtype}: it must be torch.float32 or torch.float64")
    return int(first.shape[0])


def check_not_parametrized(module: Any, name: str) -> None:
    """Refuse a module whose values are computed from others by ``torch.nn.utils.parametrize``."""
    if isinstance(module, nn.Module) and is_parametrized(module):
        raise ValueError(
            f"{name} has parametrizations: its values must be parameters of their own; call"
            " torch.nn.utils.parametrize.remove_parametrizations first"
        )


def check_plain(recurrent: Any, name: str) -> None:
    """Refuse what is no recurrent module of torch, and what such a module may have and a network has not."""
    check_not_parametrized(recurrent, name)
    if type(recurrent) not in RECURRENT:
        _refuse_class(recurrent, name)
    if recurrent.proj_size:
        raise ValueError(
            f"proj_size of {name} is {recurrent.proj_size}: it must be 0; a module without projection gives the same"
            " outputs if weight_hh is multiplied by weight_hr, and so is what reads its states"
        )
    if recurrent.num_layers > 1 and recurrent.dropout > 0 and recurrent.training:
        raise ValueError(
            f"dropout of {name} is {recurrent.dropout} in training mode: networks have none between layers; call"
            " .eval() on the module, or set its dropout to 0"
        )
    expected = {
        f"{theirs}{torch_suffix(suffix)}"
        for suffix in suffixes(recurrent.num_layers, "bidirectional" if recurrent.bidirectional else "forward")
        for theirs in TORCH_NAMES.values()
        if recurrent.bias or theirs.startswith("weight")
    }
    _check_names(recurrent, name, expected)


def _check_names(module: nn.Module, name: str, expected: set[str]) -> None:
    """Refuse a module whose values are made from others, as by weight_norm or by pruning."""
    found = {own for own, value in module._parameters.items() if value is not None}
    if found != expected:
        raise ValueError(
            f"{name} has the parameters {', '.join(sorted(found))}: they must be {', '.join(sorted(expected))}; remove"
            " weight_norm, spectral_norm or pruning first"
        )


def check_linear(module: Any, name: str) -> None:
    """Refuse what is no linear map, with or without a bias."""
    check_not_parametrized(module, name)
    if type(module) is not nn.Linear:
        raise ValueError(f"{name} is {named(module)}: it must be an nn.Linear, or a sequence of such")
    _check_names(module, name, {"weight"} if module.bias is None else {"weight", "bias"})


def check_heads(head: Any, name: str, features: int | None, of: str) -> list[nn.Linear]:
    """Return the heads as a list, and refuse what is no linear map with a bias that reads the states."""
    if head is None:
        raise ValueError(
            f"{name} is missing {of}: it must be an nn.Linear from the {features} units, or a sequence of such, one for"
            f" each task; nn.Linear({features}, outputs) is an untrained one"
        )
    several = is_several(head)
    heads = list(head) if several else [head]
    if not heads:
        raise ValueError(f"{name} is empty: it must hold at least one nn.Linear")
    for number, each in enumerate(heads):
        own = f"{name}[{number}]" if several else name
        check_linear(each, own)
        if each.bias is None:
            raise ValueError(
                f"{own} has no bias: it must have one; with zeros it computes the same, head.bias ="
                " nn.Parameter(head.weight.new_zeros(head.out_features))"
            )
        if features is not None and each.in_features != features:
            raise ValueError(f"in_features of {own} is {each.in_features}: it must be {features}, the units {of}")
        if each.weight.shape != heads[0].weight.shape:
            raise ValueError(
                f"{own} has the shape {tuple(each.weight.shape)}: it must be {tuple(heads[0].weight.shape)}, as the"
                " first head has"
            )
        if (each.weight.dtype, each.weight.device) != (heads[0].weight.dtype, heads[0].weight.device):
            raise ValueError(
                f"{own} is {each.weight.dtype} on {each.weight.device}: it must be {heads[0].weight.dtype} on"
                f" {heads[0].weight.device}, as the first head is"
            )
    return heads


def is_several(value: Any) -> bool:
    """Tell whether a value is a list of modules."""
    return isinstance(value, (list, tuple, nn.ModuleList))


def _refuse_class(module: Any, name: str) -> NoReturn:
    if isinstance(module, RECURRENT):
        base = next(kind for kind in RECURRENT if isinstance(module, kind)).__name__
        raise ValueError(
            f"{name} is of the class {type(module).__name__}: it must be an nn.{base} itself, as what is derived from"
            f" it may compute something else; if it does not, load its state_dict into an nn.{base}"
        )
    raise ValueError(
        f"{name} is {named(module)}: it must be an nn.RNN, nn.LSTM or nn.GRU, what to_torch returned, or a list of such"
    )
