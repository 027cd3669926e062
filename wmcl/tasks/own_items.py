"""Read sequences and targets from data sets whose items hold both, such as those of PyTorch."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch.utils.data import DataLoader, Dataset

from wmcl.tasks.own_arrays import each_of
from wmcl.tasks.torch_data import TaskStream

NAMES = {
    "inputs": ("inputs", "input", "x"),
    "targets": ("targets", "target", "labels", "label", "y"),
    "lengths": ("lengths", "length"),
    "mask": ("mask",),
    "scored": ("scored",),
}
"""keys of items that are mappings, and of named tuples"""

FORMS = "it must be (inputs, target), (inputs, length, target) or a mapping"


def read_items(data: Any) -> dict[str, list[Any]]:
    """Return what the items hold, by the first of its names in ``NAMES``: a list with one entry a sequence.

    Args:
        data: a PyTorch data set, a loader, whose batches are batch first, or any other iterable of items.

    Raises:
        ValueError: naming the first item that cannot be understood, or if there is no end or none at all.
    """
    columns: dict[str, list[Any]] = {}
    for number, item in enumerate(_items(data)):
        if not number:
            columns = {name: [] for name in item}
        if item.keys() != columns.keys():
            raise ValueError(
                f"item {number} has {', '.join(item)}: it must have {', '.join(columns)}, as the first one has"
            )
        for name, value in item.items():
            columns[name].append(value)
    if not columns:
        raise ValueError("sequences is empty: there must be at least one")
    return columns


def _items(data: Any) -> Iterator[dict[str, Any]]:
    """Yield the items one by one, those of batches, too."""
    source = data.dataset if isinstance(data, DataLoader) else data
    if isinstance(source, TaskStream):
        raise ValueError(f"sequences is {source!r}, which is endless: it must end, as task.dataset(1000) does")
    if isinstance(data, DataLoader) and data.batch_size is None and data.batch_sampler is None:
        yield from (_parsed(item, f"item {n}") for n, item in enumerate(data))
    elif isinstance(data, DataLoader):
        for number, batch in enumerate(data):
            yield from _of_batch(_parsed(batch, f"batch {number}"), f"batch {number}")
    elif isinstance(data, Dataset) and hasattr(data, "__len__"):
        yield from (_parsed(data[n], f"item {n}") for n in range(len(data)))
    elif isinstance(data, Iterable) and not isinstance(data, (str, bytes, Mapping)):
        yield from (_parsed(item, f"item {n}") for n, item in enumerate(data))
    else:
        raise ValueError(
            f"targets is None and sequences is of the type {type(data).__name__}: give targets, or a Dataset, a"
            " DataLoader or a list of items"
        )


def _of_batch(batch: dict[str, Any], where: str) -> Iterator[dict[str, Any]]:
    """Yield the items of a batch that is batch first."""
    parts = {name: each_of(values, f"{name} of {where}") for name, values in batch.items()}
    sizes = {name: len(values) for name, values in parts.items()}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{count} {name}" for name, count in sizes.items())
        raise ValueError(f"{where} has {found}: it must have as many of each, batch first")
    for values in zip(*parts.values(), strict=True):
        yield dict(zip(parts, values, strict=True))


def _parsed(item: Any, where: str) -> dict[str, Any]:
    """Return the parts of an item, or of a batch, by name."""
    if hasattr(item, "_asdict"):
        item = item._asdict()
    if isinstance(item, Mapping):
        return _of_mapping(item, where)
    if isinstance(item, (tuple, list)) and len(item) in (2, 3):
        names = ("inputs", "targets") if len(item) == 2 else ("inputs", "lengths", "targets")
        return dict(zip(names, item, strict=True))
    found = f"has {len(item)} parts" if isinstance(item, (tuple, list)) else f"is of the type {type(item).__name__}"
    raise ValueError(f"{where} {found}: {FORMS}; or give targets as an argument")


def _of_mapping(item: Mapping[Any, Any], where: str) -> dict[str, Any]:
    known = {each: name for name, names in NAMES.items() for each in names}
    parts: dict[str, Any] = {}
    for key, value in item.items():
        if key not in known:
            raise ValueError(f"{where} has the key {key!r}: it must be one of {', '.join(known)}")
        if known[key] in parts:
            raise ValueError(f"{where} has the key {key!r} and another one for its {known[key]}: it must have one")
        parts[known[key]] = value
    missing = [name for name in ("inputs", "targets") if name not in parts]
    if missing:
        raise ValueError(f"{where} has no {missing[0]}: it must have one of the keys {', '.join(NAMES[missing[0]])}")
    return parts
