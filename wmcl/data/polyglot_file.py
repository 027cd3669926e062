"""Word vectors of polyglot: a pickle of Python 2 that holds a list of words and an array.

Unpickling calls whatever a pickle asks for. Here that is nothing but two classes of this file, which keep what
describes an array; a pickle that asks for anything else is refused before it is called.
"""

import codecs
import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Float32


def read_polyglot(path: Path) -> tuple[tuple[str, ...], Float32[np.ndarray, "word feature"]]:
    """Words and vectors of a file.

    Raises:
        ValueError: naming the file, if it is damaged, holds something else, or asks for code to be run.
    """
    try:
        with path.open("rb") as file:
            found = _Unpickler(file, path.name).load()
        words, array = found
        return tuple(map(_word, words)), array.values()
    except _HarmfulError:
        raise
    except Exception as error:  # of a damaged pickle there is no end of them
        raise ValueError(
            f"{path.name} is damaged, or no pickle of polyglot, a pair of words and vectors: {error}"
        ) from error


class _HarmfulError(ValueError):
    """A pickle that asks for more than an array."""


def _word(word: object) -> str:
    if isinstance(word, bytes):  # a string of Python 2
        return word.decode("utf-8")
    if not isinstance(word, str):
        raise TypeError(f"{word!r} stands where a word must be")
    return word


class _Type:
    """A type of numbers, e.g. f4, and then the order of its bytes."""

    def __init__(self, code: str | bytes, *_: object) -> None:
        self.dtype = np.dtype(code.decode("ascii") if isinstance(code, bytes) else code)
        if self.dtype.kind != "f":
            raise TypeError(f"{self.dtype} stands where a type of real numbers must be")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order: Any = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """Shape, type, order and bytes of an array."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.type, self.is_by_column, self.content = state

    def values(self) -> Float32[np.ndarray, "word feature"]:
        """The array."""
        if len(self.shape) != 2:
            raise ValueError(f"its array has the shape {self.shape}, which is no row a word")
        flat = np.frombuffer(self.content, self.type.dtype)
        return flat.reshape(self.shape, order="F" if self.is_by_column else "C").astype(np.float32)


def _array(*_: object) -> _Array:
    return _Array()


def _encoded(text: str, encoding: str) -> bytes:
    """Bytes as Python 3 writes them for Python 2."""
    if encoding != "latin1":
        raise ValueError(f"{encoding!r} is another encoding than latin1")
    return codecs.encode(text, encoding)


_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _array,
    ("numpy._core.multiarray", "_reconstruct"): _array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encoded,
}


class _Unpickler(pickle.Unpickler):
    """Calls nothing but what describes an array."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__(file, encoding="bytes")  # of Python 2, whose strings are bytes
        self._name = name

    def find_class(self, module: str, name: str) -> object:
        """What stands for this name."""
        if (module, name) not in _ALLOWED:
            raise _HarmfulError(
                f"{self._name} asks for {module}.{name}: a file of polyglot must hold arrays, tuples, lists and strings"
                " alone"
            )
        return _ALLOWED[module, name]
