"""Read Stroke MNIST from arrays.

The files are ``train-padded-leading.npy`` of shape (digit, step, 4), ``train-labels.npy``, and ``test`` alike.

Before each digit stand rows of zeros. The numbers are stored as float64, twenty times the size of what they say, so
they are read digit by digit.
"""

import re
from collections.abc import Iterator, Mapping
from tokenize import TokenError

import numpy as np
from jaxtyping import Int, Int8, Int64
from numpy.lib import format as npy

from wmcl.data.data_set import Splits
from wmcl.data.files import DamagedError, Member, read_up_to
from wmcl.data.published import Published, check_published
from wmcl.data.records import Records, ended
from wmcl.data.strokes import SPLITS, Place, Split, as_int8, check_labels, check_strokes

ARRAY = re.compile(r"(train|test)-(padded-leading|labels)\.npy")
_BLOCK = 1000  # digits that are looked at together


def read_stroke_arrays(members: Iterator[Member], expected: Mapping[Split, Published]) -> Splits:
    """Read the digits of both splits.

    Args:
        members: the four files, in any order.
        expected: what the records must be.

    Raises:
        ValueError: naming the file and the record, counted from 0.
    """
    digits: dict[str, tuple[np.ndarray, np.ndarray, Place]] = {}
    labels: dict[str, np.ndarray] = {}
    for member in members:
        split, kind = re.fullmatch(ARRAY, member.name).groups()  # type: ignore[union-attr]  # others do not come
        if split in (labels if kind == "labels" else digits):
            raise ValueError(f"{member.where}: there are two files of this name")
        if kind == "labels":
            labels[split] = _labels(member)
        else:
            digits[split] = _digits(member, expected["train" if split == "train" else "test"].count)
    found: Splits = {}
    for split in SPLITS:
        if split not in digits or split not in labels:
            raise ValueError(f"{split}-{'labels' if split in digits else 'padded-leading'}.npy is missing")
        check_labels(labels[split], expected[split].count, f"{split}-labels.npy")
        rows, offsets, place = digits[split]
        found[split] = Records(rows, offsets, labels[split].astype(np.int8))
        check_published(found[split], expected[split], place)
    return found


def _labels(member: Member) -> Int[np.ndarray, "record"]:
    shape, dtype = _header(member)
    if len(shape) != 1 or dtype.kind not in "iu":
        raise ValueError(f"{member.where} holds {dtype} of shape {shape}: it must hold a whole number a digit")
    content = member.content(shape[0] * dtype.itemsize)
    if len(content) < shape[0] * dtype.itemsize:
        raise ValueError(f"{member.where} ends in record {len(content) // dtype.itemsize} of {shape[0]}")
    return np.frombuffer(content, dtype).astype(np.int64)


def _digits(member: Member, count: int) -> tuple[Int8[np.ndarray, "row 4"], Int64[np.ndarray, "boundary"], Place]:
    """Return rows and offsets of the digits, and what to call each."""
    shape, dtype = _header(member)
    if len(shape) != 3 or (shape[0], shape[2]) != (count, 4) or dtype.kind not in "iuf":
        raise ValueError(
            f"{member.where} holds {dtype} of shape {shape}: it must hold numbers of shape ({count}, *, 4)"
        )

    def place(record: int) -> str:
        return f"{member.where}, record {record},"

    rows, lengths = [], []
    for first in range(0, count, _BLOCK):
        padded = _block(member, range(first, min(first + _BLOCK, count)), shape[1:], dtype)
        small = as_int8(padded, lambda record, first=first: place(first + record))  # type: ignore[misc]
        is_own = np.logical_or.accumulate(small.any(2), axis=1)
        rows.append(small[is_own])
        lengths += is_own.sum(1).tolist()
    if member.stream.read(1):
        raise ValueError(f"{member.where} goes on after its last record, {count - 1}")
    together, offsets = np.concatenate(rows), ended(lengths)
    check_strokes(together, offsets, place)
    return together, offsets, place


def _block(member: Member, records: range, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    size = int(np.prod(shape)) * dtype.itemsize
    content = bytearray()
    for record in records:
        try:
            piece = read_up_to(member.stream, size)
        except DamagedError as error:
            raise DamagedError(f"{error} (in record {record})") from error
        if len(piece) < size:
            raise ValueError(f"{member.where} ends in record {record}")
        content += piece
    return np.frombuffer(content, dtype).reshape(-1, *shape)


def _header(member: Member) -> tuple[tuple[int, ...], np.dtype]:
    """Read shape and type of an npy file of numbers in the usual order, and refuse Python objects, which run code."""
    try:
        version = npy.read_magic(member.stream)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, is_fortran, dtype = read(member.stream)
    except DamagedError:
        raise
    except (ValueError, KeyError, TypeError, SyntaxError, TokenError) as error:  # the header is read as Python
        raise ValueError(f"{member.where} is no npy file: {error}") from error
    if is_fortran or dtype.hasobject:
        raise ValueError(f"{member.where} holds {dtype} in an unusual order: it must hold plain numbers, row by row")
    return shape, dtype
