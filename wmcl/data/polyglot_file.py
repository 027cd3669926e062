"""Read word vectors of polyglot: a pickle of Python 2 that holds a list of words and an array.

Unpickling calls whatever a pickle asks for. Here that is nothing but two classes of this file, which keep what
describes an array; a pickle that asks for anything else is refused before it is called. So is one that would take far
more memory or time than its own size: by the number of a place that it keeps values at, by keys of dictionaries, which
are hashed, or by making something of the same text again and again.
"""

import codecs
import pickle
import pickletools
import re
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32


def read_polyglot(path: Path) -> tuple[tuple[str, ...], Float32[np.ndarray, "word feature"]]:
    """Read the words and vectors of a file.

    Raises:
        ValueError: naming the file, if it is damaged, holds something else, or asks for code to be run.
    """
    try:
        content = path.read_bytes()
        _check(content)
        words, array = _Unpickler(content, path.name).load()
        if sum(map(len, words)) > len(content):
            raise ValueError("its words have more letters than it has bytes")
        return tuple(map(_word, words)), array.values()
    except _HarmfulError:
        raise
    except Exception as error:  # of a damaged pickle there is no end of them
        raise ValueError(
            f"{path.name} is damaged, or no pickle of polyglot, a pair of words and vectors: {error}"
        ) from error


class _HarmfulError(ValueError):
    """This error says that a pickle asks for more than an array."""


_USED = re.compile(
    "PROTO|FRAME|STOP|MARK|NONE|NEWTRUE|NEWFALSE|INT|BININT|BININT1|BININT2|LONG|LONG1|STRING|BINSTRING|SHORT_BINSTRING"
    "|BINBYTES|SHORT_BINBYTES|BINBYTES8|UNICODE|BINUNICODE|SHORT_BINUNICODE|BINUNICODE8|EMPTY_LIST|LIST|APPEND|APPENDS"
    "|EMPTY_TUPLE|TUPLE|TUPLE1|TUPLE2|TUPLE3|GET|BINGET|LONG_BINGET|PUT|BINPUT|LONG_BINPUT|MEMOIZE|GLOBAL|STACK_GLOBAL"
    "|REDUCE|BUILD"
)
"""operations of pickles that lists of words and arrays are made of"""


def _check(content: bytes) -> None:
    """Refuse a pickle of other operations, or one that keeps values at places far beyond those that it has."""
    for number, (operation, argument, _) in enumerate(pickletools.genops(content)):
        if not _USED.fullmatch(operation.name):
            raise ValueError(f"it has the operation {operation.name}, of which no words and no arrays are made")
        if operation.name in ("PUT", "BINPUT", "LONG_BINPUT") and not 0 <= int(argument or 0) <= number + 1:
            raise ValueError(f"its operation {number} keeps a value at the place {argument}, beyond all others")


def _text(value: object, what: str) -> str:
    """Return a value as text, or refuse it by its type alone.

    The value is not shown: a few lists in each other can be longer than memory when written.
    """
    if isinstance(value, bytes):  # a string of Python 2
        return value.decode("utf-8")
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} stands where {what} must be")
    return value


_word = partial(_text, what="a word")


class _Type:
    """This is a type of numbers, e.g. f4, and then the order of its bytes."""

    def __init__(self, code: object, *_: object) -> None:
        self.dtype = np.dtype(_text(code, "the name of a type"))
        if self.dtype.kind != "f":
            raise TypeError(f"{self.dtype} stands where a type of real numbers must be")

    def __setstate__(self, state: tuple[object, ...]) -> None:
        order: Any = _text(state[1], "the order of bytes")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """This holds shape, type, order and bytes of an array."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.type, self.is_by_column, self.content = state

    def values(self) -> Float32[np.ndarray, "word feature"]:
        """Return the array."""
        if not isinstance(self.shape, tuple) or [*map(type, self.shape)] != [int, int]:
            raise ValueError("its array is not of rows and columns, with a row a word")
        flat = np.frombuffer(self.content, self.type.dtype)
        return flat.reshape(self.shape, order="F" if self.is_by_column else "C").astype(np.float32)


def _array(*_: object) -> _Array:
    return _Array()


_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _array,
    ("numpy._core.multiarray", "_reconstruct"): _array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
}


class _Unpickler(pickle.Unpickler):
    """This unpickler calls nothing but what describes an array."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(BytesIO(content), encoding="bytes")  # of Python 2, whose strings are bytes
        self._name, self._left = name, len(content)

    def find_class(self, module: str, name: str) -> object:
        """Return the class or function that stands for this name."""
        if (module, name) == ("_codecs", "encode"):
            return self._encoded
        if (module, name) not in _ALLOWED:
            raise _HarmfulError(
                f"{self._name} asks for {module}.{name}: a file of polyglot must hold arrays, tuples, lists and strings"
                " alone"
            )
        return _ALLOWED[module, name]

    def _encoded(self, text: str, encoding: str) -> bytes:
        """Return bytes that Python 3 wrote as text for Python 2.

        Each text counts once, so all together are no longer than the file.
        """
        if _text(encoding, "the name of an encoding") != "latin1":
            raise ValueError(f"{encoding!r} is another encoding than latin1")
        self._left -= len(text)
        if self._left < 0:
            raise ValueError("it makes more bytes of its texts than it has itself")
        return codecs.encode(text, encoding)
