"""Refuse what a measure cannot take, with one sentence that names the argument, what it is, and the remedy.

Every public function that reads a network, its parameters and a set of sequences calls :func:`check_data` once, before
any work starts. What passes has the shapes, types and devices that the function counts on, and no NaN or infinity.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import torch
from torch import Tensor

from wmcl.likelihoods import Bernoulli, Categorical, Likelihood, likelihood_of
from wmcl.networks import Network
from wmcl.networks.vectors import CHANGES
from wmcl.tasks import Sequences


def check_data(
    network: Any, parameters: Any, data: Any, likelihood: Any = None, reads_targets: bool = True, name: str = "data"
) -> None:
    """Refuse a network, parameters, sequences or a likelihood that do not fit each other.

    Args:
        network: what must be a :class:`~wmcl.networks.Network`.
        parameters: what must be those of the network.
        data: what must be :class:`~wmcl.tasks.Sequences` for both.
        likelihood: what must be the likelihood of the targets, or their task, where something must be scored; ``None``
            if nothing needs to be.
        reads_targets: whether the targets are read; else they may be anything.
        name: of the argument that ``data`` was given as.

    Raises:
        ValueError: naming the argument, what it is and what is wanted.
    """
    check_parameters(network, parameters)
    check_is_sequences(data, name)
    _check_shapes(network, parameters, data, reads_targets, name)
    example = parameters["b_out"]
    tensors = {"inputs": data.inputs, "scored": data.scored} | ({"targets": data.targets} if reads_targets else {})
    for field, values in tensors.items():
        if values.device != example.device:
            _refuse(
                f"{field} of {name}",
                f"on the device {values.device}",
                f"on {example.device}, where the parameters are: convert with data.to({str(example.device)!r})",
            )
        if field != "scored" and values.dtype != example.dtype:
            _refuse(
                f"{field} of {name}",
                f"{values.dtype}",
                f"{example.dtype}, as the parameters are: convert with data.to({example.dtype})",
            )
    check_finite({f"{field} of {name}": values for field, values in tensors.items() if field != "targets"})
    if reads_targets:
        _check_targets(data, name)
    if likelihood is not None:
        _check_scored(likelihood_of(likelihood), data, reads_targets, name)


def check_is_sequences(data: Any, name: str = "data") -> None:
    """Refuse what are no sequences: a tensor, a task, or labelled samples.

    Raises:
        ValueError: naming the argument, what it is and what is wanted.
    """
    if not isinstance(data, Sequences):
        _refuse(name, describe(data), "wmcl.tasks.Sequences, such as task.test or task.fixed_set('probe', 200)")


def check_parameters(network: Any, parameters: Any, name: str = "parameters") -> None:
    """Refuse parameters that are not those of a network, and a network that is none of this package.

    Raises:
        ValueError: naming the argument, what it is and what is wanted.
    """
    if not isinstance(network, Network):
        _refuse("network", describe(network), "a wmcl.networks.Network, such as Elman, LSTM or GRU")
    check_tensors(parameters, name)
    missing = [each for each in network.shapes if each not in parameters]
    if missing:
        _refuse(
            name, f"without {', '.join(missing)}", f"a dict with {', '.join(network.shapes)}, as network.init gives"
        )
    for each, shape in network.shapes.items():
        if tuple(parameters[each].shape[1:]) != shape or parameters[each].ndim != len(shape) + 1:
            wanted = f"(member, {', '.join(map(str, shape))})"
            _refuse(f"{each} of {name}", f"of shape {tuple(parameters[each].shape)}", f"{wanted} for this network")
    own = {each: value for each, value in parameters.items() if each in network.shapes or each == CHANGES}
    example = own["b_out"]
    for each, value in own.items():
        if len(value) != len(example):
            _refuse(f"{each} of {name}", f"of {len(value)} members", f"of as many as b_out, {len(example)}")
        if value.dtype != example.dtype or not value.is_floating_point():
            like = (
                f"{example.dtype}, as b_out is" if value.dtype != example.dtype else "of a type such as torch.float32"
            )
            _refuse(f"{each} of {name}", f"{value.dtype}", like)
        if value.device != example.device:
            _refuse(f"{each} of {name}", f"on the device {value.device}", f"on that of b_out, {example.device}")
    if not len(example):
        _refuse(name, "of no member", "of at least one")
    check_finite({f"{each} of {name}": value for each, value in own.items()})


def check_tensors(values: Any, name: str, names: Iterable[str] = ()) -> None:
    """Refuse what is no dict of tensors by name, or lacks one of some names.

    Raises:
        ValueError: naming the argument, what it is and what is wanted.
    """
    if not isinstance(values, Mapping) or not values:
        found = "empty" if isinstance(values, Mapping) else describe(values)
        _refuse(name, found, "a dict of tensors by the name of the parameter, such as network.init gives")
    for each, value in values.items():
        if not isinstance(value, Tensor):
            _refuse(f"{each} of {name}", describe(value), "a tensor")
    missing = [each for each in names if each not in values]
    if missing:
        _refuse(name, f"without {', '.join(missing)}", "a dict with these names, too")


def check_floats(values: Any, name: str, axes: str, *, leading: bool = False) -> None:
    """Refuse what is no finite tensor of floating-point numbers with the given axes.

    Args:
        values: what must be such a tensor.
        name: of the argument.
        axes: names of the axes, such as ``member row unit``.
        leading: whether there may be any further axes before these.

    Raises:
        ValueError: naming the argument, what it is and what is wanted.
    """
    names = axes.split()
    wanted = f"a tensor of floating-point numbers with the axes ({'…, ' if leading else ''}{', '.join(names)})"
    if not isinstance(values, Tensor) or not values.is_floating_point():
        _refuse(name, describe(values), wanted)
    if values.ndim < len(names) or (values.ndim > len(names) and not leading):
        _refuse(name, f"of shape {tuple(values.shape)}", wanted)
    if values.is_meta:
        _refuse(name, "a tensor on the device meta, which holds no numbers", "on a device with memory")
    check_finite({name: values})


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Refuse NaN and infinities in tensors, by the names that they are called in the message.

    Raises:
        ValueError: naming the first tensor that has any.
    """
    known = {name: value.detach() for name, value in tensors.items() if not value.is_meta and value.numel()}
    if not known:
        return
    # a sum is finite only if every number is, and takes no memory; it may overflow, which the slower look sorts out
    if bool(torch.stack([value.sum().double() for value in known.values()]).isfinite().all()):
        return
    for name, value in known.items():
        bad = int((~value.isfinite()).sum())
        if bad:
            _refuse(name, f"NaN or infinite in {bad} of {value.numel()} numbers", "finite")


def describe(value: object) -> str:
    """Return a phrase for what a value is: its type or, of a tensor, the shape, the dtype and the device."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}, {value.dtype}, on {value.device}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return f"of the type {type(value).__name__}"


def _check_shapes(
    network: Network, parameters: Mapping[str, Tensor], data: Sequences, targets: bool, name: str
) -> None:
    inputs, members = data.inputs, len(parameters["b_out"])
    if inputs.ndim != 4:
        _refuse(f"inputs of {name}", f"of shape {tuple(inputs.shape)}", "of the axes (member, time, sample, feature)")
    features = network.inputs + (CHANGES in parameters)
    if inputs.shape[-1] != features:
        note = f", {CHANGES} included: the number of a word stands first" if CHANGES in parameters else ""
        _refuse(f"inputs of {name}", f"of {inputs.shape[-1]} features", f"of the {features} of the network{note}")
    wanted = (*inputs.shape[1:3], network.outputs)
    fields = {"inputs": (inputs, inputs.shape[1:]), "scored": (data.scored, wanted[:2])}
    fields["phase"] = (data.phase, wanted[:2])
    if targets:
        fields["targets"] = (data.targets, wanted)
    for field, (values, shape) in fields.items():
        if tuple(values.shape[1:]) != tuple(shape) or values.ndim != len(shape) + 1:
            _refuse(
                f"{field} of {name}",
                f"of shape {tuple(values.shape)}",
                f"(member or 1, {', '.join(map(str, shape))}) for this network and these inputs",
            )
        if len(values) not in (1, members):
            _refuse(f"{field} of {name}", f"of {len(values)} members", f"of 1, for all, or of the {members} members")


def _check_targets(data: Sequences, name: str) -> None:
    """Refuse NaN and infinities at the steps that are scored; elsewhere no target is read."""
    targets = data.targets.detach()
    if targets.is_meta or not targets.numel() or bool(targets.sum().isfinite()):
        return
    bad = int((~targets.isfinite().all(-1) & (data.scored > 0)).sum())
    if bad:
        _refuse(f"targets of {name}", f"NaN or infinite at {bad} scored steps", "finite where they are scored")


def _check_scored(likelihood: Likelihood, data: Sequences, reads_targets: bool, name: str) -> None:
    """Refuse sequences of which nothing is scored, and scored targets that the likelihood holds for impossible."""
    kind, is_choice = type(likelihood).__name__, isinstance(likelihood, Categorical)
    if data.answers is not None and data.answers != (1 if is_choice else data.targets.shape[-1]):
        wanted = "one choice among classes, 1" if is_choice else f"one an output unit, {data.targets.shape[-1]}"
        _refuse(f"answers of {name}", f"{data.answers} a step", f"{wanted}, for the likelihood {kind}")
    scored, targets = data.scored > 0, data.targets.detach()
    if scored.is_meta or not data.samples:  # an empty set is refused where something is averaged
        return
    if not bool(scored.flatten(1).any(1).all()):
        _refuse(f"scored of {name}", "0 at every step", "above 0 at one step at least")
    if not reads_targets or not isinstance(likelihood, (Bernoulli, Categorical)):
        return
    impossible = ((targets < 0) | (targets > 1)).any(-1)
    if is_choice:  # as the sum of 0 and 1 is exact, and that of soft targets is not
        impossible |= (targets.sum(-1) - 1).abs() > 1e-4
    bad = int((impossible & scored).sum())
    if bad:
        wanted = "of 0 to 1 that add up to 1" if is_choice else "from 0 to 1"
        _refuse(f"targets of {name}", f"impossible at {bad} scored steps", f"{wanted}, for the likelihood {kind}")


def _refuse(name: str, found: str, wanted: str) -> NoReturn:
    verb = "are" if name.split()[0] in ("inputs", "targets", "parameters") else "is"
    raise ValueError(f"{name} {verb} {found}: {'they' if verb == 'are' else 'it'} must be {wanted}")
