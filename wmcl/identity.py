"""Describe everything that a measure depends on, so that no result is taken for that of other settings.

A number of a sweep depends on the measure and on everything that the measure was given. Both are described by value:

- arrays and tensors by a digest of their content, and a :class:`pathlib.Path` by a digest of the file or folder there;
- dataclasses, containers and other objects by their class and what they hold, but for what a
  :class:`functools.cached_property` keeps;
- a function that belongs to no installed package by the code that runs, which has neither comments nor docstrings, by
  the values that it takes from around it (closure, defaults, globals), and by every function and class that it names,
  in the same manner;
- what belongs to an installed package, or to this one, by its name alone: provenance keeps the versions.
"""

import copyreg
import functools
import hashlib
import inspect
import json
import os
import sys
import sysconfig
import types
from collections.abc import Callable, Collection, Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

import wmcl

Described = Any
"""JSON values"""

_INSTALLED = tuple(Path(each).resolve() for each in (sysconfig.get_paths()["stdlib"], Path(wmcl.__file__).parent))
_PACKAGES = {"site-packages", "dist-packages"}


def identity(measure: Callable[..., Any], ignored: Collection[str] = ()) -> Described:
    """Describe a measure with all its bound arguments, as JSON values.

    Args:
        measure: a function, a method, an object that can be called, or a :func:`functools.partial` of one.
        ignored: names of bound arguments that the numbers do not depend on, such as ``device``.

    Raises:
        ValueError: if the measure depends on a value that cannot be described, such as an open file, or if a name
            in ``ignored`` is not bound.
    """
    function, bound = _bound(measure) if isinstance(measure, functools.partial) else (measure, {})
    for name in ignored:
        if name not in bound:
            raise ValueError(f"ignored has {name!r}: it must be of the bound arguments, {', '.join(bound) or 'none'}")
    describe = _Description()
    arguments = {name: describe(value, name) for name, value in sorted(bound.items()) if name not in ignored}
    return {"measure": describe(function, "measure"), "arguments": arguments}


def described(value: object, name: str) -> Described:
    """Describe a value, as JSON values.

    Raises:
        ValueError: if that is not possible; names the value by ``name``.
    """
    return _Description()(value, name)


def own_code(things: Iterable[object]) -> dict[str, str]:
    """Return a digest of every function and class, by its name, that things depend on and that no package installed.

    What some code names is part of it. Empty if all code belongs to Python, installed packages and this one.
    """
    describe = _Description()
    for thing in things:
        try:
            describe(thing, type(thing).__name__)
        except ValueError:  # it holds what has no value; its code has one
            describe(type(thing), type(thing).__name__)
    found: dict[str, list[Described]] = {}
    for value in describe.code:
        found.setdefault(value.__qualname__, []).append(_Description()(value, value.__qualname__))
    return {name: _digest(json.dumps(every, sort_keys=True).encode()) for name, every in found.items()}


def _bound(measure: functools.partial) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return the function below a partial, and the arguments that are bound to it, by name."""
    try:
        parameters = list(inspect.signature(measure.func).parameters.values())
    except ValueError:  # some functions of Python do not tell
        parameters = []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind in positional]
    names += [f"argument {k + 1}" for k in range(len(names), len(measure.args))]
    return measure.func, dict(zip(names, measure.args, strict=False)) | measure.keywords


class _Description:
    """Describe values one after the other; a function or class is described in full where it comes first."""

    def __init__(self) -> None:
        self.code: dict[Any, str] = {}
        self.holding: list[object] = []
        """the objects that hold the one that is described"""
        self.in_code = 0
        """how many functions hold the value"""

    def __call__(self, value: Any, name: str) -> Described:
        """Describe a value; the name is for errors alone."""
        if isinstance(value, Enum):
            return {"enum": f"{type(value).__qualname__}.{value.name}", "value": self(value.value, name)}
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if np.isfinite(value) else {"float": repr(value)}
        if isinstance(value, np.generic):
            return {"numpy": str(value.dtype), "value": self(value.item(), name)}
        if isinstance(value, (complex, range, slice, torch.dtype, torch.device, np.dtype)):
            return {"plain": f"{type(value).__name__} {value!r}"}
        if isinstance(value, bytes):
            return {"bytes": _digest(value)}
        if isinstance(value, Path):
            return _content(value, folders=not self.in_code)
        if isinstance(value, types.ModuleType):
            file = getattr(value, "__file__", None) if is_own(value) else None
            return {"module": value.__name__, "file": file and _file_digest(Path(file))}
        if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
            return self._of_code(value, name)
        if any(value is each for each in self.holding):
            return {"holds": type(value).__qualname__}
        self.holding.append(value)
        try:
            return self._of_object(value, name)
        finally:
            self.holding.pop()

    def _of_object(self, value: Any, name: str) -> Described:
        if type(value) is np.ndarray and not value.dtype.hasobject:
            return {"array": f"{value.dtype} {value.shape} {_digest(np.ascontiguousarray(value).tobytes())}"}
        if type(value) in (torch.Tensor, torch.nn.Parameter):
            plain = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
            kind = f"{type(value).__name__} {value.dtype} {tuple(value.shape)} {value.requires_grad}"
            return {"tensor": f"{kind} {_digest(plain.tobytes())}"}
        if isinstance(value, (xr.Dataset, xr.DataArray)):
            return {type(value).__name__: self(value.to_dict(data="array"), name)}
        if type(value) in (list, tuple):
            items = [self(each, f"{name}[{k}]") for k, each in enumerate(value)]
            return items if type(value) is list else {"tuple": items}
        if type(value) in (dict, types.MappingProxyType):
            return {"mapping": [[self(key, name), self(each, f"{name}[{key!r}]")] for key, each in value.items()]}
        if type(value) in (set, frozenset):
            return {"set": sorted((described(each, name) for each in value), key=repr)}
        if isinstance(value, functools.partial):
            function, bound = _bound(value)
            return {"function": self(function, name), "bound": self(dict(sorted(bound.items())), name)}
        if isinstance(value, types.MethodType):
            return {"method": self(value.__func__, name), "of": self(value.__self__, name)}
        if isinstance(value, (staticmethod, classmethod)):
            return {type(value).__name__: self(value.__func__, name)}
        if isinstance(value, property):
            return {"property": [self(value.fget, name), self(value.fset, name)]}
        if isinstance(value, functools.cached_property):
            return {"property": self(value.func, name)}
        if isinstance(value, functools._lru_cache_wrapper):
            return {"cached": self(value.__wrapped__, name)}
        return self._of_instance(value, name)

    def _of_instance(self, value: Any, name: str) -> Described:
        """Describe an object by what it would be made of again."""
        try:
            registered = copyreg.dispatch_table.get(type(value))
            made = value.__reduce_ex__(4) if registered is None else registered(value)
        except TypeError:
            raise ValueError(
                f"{name} is {value!r}, of type {_name_of(type(value))}, which has no value that could be compared: give"
                " numbers, text, arrays, paths, functions or dataclasses"
            ) from None
        parts = made if isinstance(made, str) else [_uncached(each, type(value)) for each in made]
        return {"class": self._of_code(type(value), name), "parts": self(parts, name)}

    def _of_code(self, value: Any, name: str) -> Described:
        """Describe a function or a class, in full where it is nobody else's and comes first."""
        if isinstance(value, types.BuiltinFunctionType):
            owner = value.__self__
            is_plain = owner is None or isinstance(owner, (types.ModuleType, type))
            found = {"name": _name_of(value)}
            return found if is_plain else {"method": value.__name__, "of": self(owner, name)}
        if not is_own(value):
            return self._of_installed(value, name)
        if value in self.code:
            return {"as above": self.code[value]}
        self.code[value] = f"{value.__qualname__}, number {len(self.code)}"
        self.in_code += 1
        try:
            return self._of_class(value, name) if isinstance(value, type) else self._of_function(value, name)
        finally:
            self.in_code -= 1

    def _of_installed(self, value: Any, name: str) -> Described:
        """Describe code of others by its name, and by what it was made around, such as the function that it wraps."""
        closure = getattr(value, "__closure__", None)
        if isinstance(value, type) or not closure:
            return {"name": _name_of(value)}
        if hasattr(value, "registry"):  # of a single-dispatch function, beside which stands a cache
            return {"name": _name_of(value), "registry": self(value.registry, name)}
        if any(value is each for each in self.holding):
            return {"holds": value.__qualname__}
        self.holding.append(value)
        try:
            around = [self(cell.cell_contents, name) for cell in closure if _is_filled(cell)]
        finally:
            self.holding.pop()
        return {"name": value.__code__.co_qualname, "around": around}

    def _of_class(self, kind: type, name: str) -> Described:
        members = {
            key: self(each, f"{kind.__qualname__}.{key}")
            for key, each in sorted(vars(kind).items())
            if not _follows(key, each)
        }
        made = {
            key: self([each.default, each.default_factory], f"{kind.__qualname__}.{key}")
            for key, each in vars(kind).get("__dataclass_fields__", {}).items()
        }
        bases = [self._of_code(base, name) for base in kind.__bases__]
        return {"class": kind.__qualname__, "bases": bases, "members": members, "fields": made}

    def _of_function(self, function: types.FunctionType, name: str) -> Described:
        codes = [
            [code.co_code.hex(), code.co_exceptiontable.hex(), list(code.co_names), list(code.co_varnames)]
            for code in _codes(function.__code__)
        ]
        constants = [self(each, f"a constant of {function.__name__}") for each in _constants(function.__code__)]
        around = {
            key: self(each, f"{key}, which {function.__name__} takes from around it,")
            for key, each in sorted(_taken_from_around(function).items())
        }
        return {
            "function": function.__qualname__,
            "code": _digest(json.dumps([codes, constants], sort_keys=True).encode()),
            "defaults": self([function.__defaults__, function.__kwdefaults__], f"a default of {function.__name__}"),
            "around": around,
            "attributes": self(vars(function), f"an attribute of {function.__name__}"),
        }


def _uncached(part: Any, kind: type) -> Any:
    """Leave out of the state of an object what it has computed from the rest and kept."""
    if isinstance(part, Iterator):
        return list(part)
    if not isinstance(part, dict):
        return part
    kept = {
        name for each in kind.__mro__ for name, own in vars(each).items() if isinstance(own, functools.cached_property)
    }
    return {name: each for name, each in part.items() if name not in kept}


def _taken_from_around(function: types.FunctionType) -> dict[str, Any]:
    """Find the values of the closure, and those of the globals that the code names, also in modules of its author."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    found: dict[str, Any] = {name: cell.cell_contents for name, cell in cells if _is_filled(cell)}
    names = [name for code in _codes(function.__code__) for name in code.co_names]
    for name in names:
        if name not in found and name in function.__globals__:
            found[name] = function.__globals__[name]
        elif name not in found and isinstance(sys.modules.get(name), types.ModuleType):
            found[name] = sys.modules[name]  # imported where it is used
    modules = [each for each in found.items() if isinstance(each[1], types.ModuleType) and is_own(each[1])]
    seen = set()
    while modules:
        key, module = modules.pop()
        parts = {f"{key}.{name}": vars(module)[name] for name in names if name in vars(module)}
        if parts:
            del found[key]  # what the code names of it is enough
        found |= parts
        seen.add(module.__name__)
        modules += [
            (part, each)
            for part, each in parts.items()
            if isinstance(each, types.ModuleType) and is_own(each) and each.__name__ not in seen
        ]
    return found


def _is_filled(cell: types.CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:  # of a name that has no value yet
        return False
    return True


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """List the code of a function and of everything that is defined inside it."""
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _codes(each)


def _constants(code: types.CodeType) -> Iterator[Any]:
    """List the constants of all codes but their docstrings."""
    for each in _codes(code):
        for place, constant in enumerate(each.co_consts):
            if not isinstance(constant, types.CodeType):
                yield None if place == 0 and _has_docstring(each) else constant


def _has_docstring(code: types.CodeType) -> bool:
    """Tell whether the first constant is a docstring: before Python 3.14, that of a function is one or None."""
    if hasattr(inspect, "CO_HAS_DOCSTRING"):
        return bool(code.co_flags & inspect.CO_HAS_DOCSTRING)
    is_function = bool(code.co_flags & inspect.CO_OPTIMIZED) and not code.co_name.startswith("<")  # as of a <listcomp>
    return is_function and isinstance(code.co_consts[0], str)


def is_own(value: Any) -> bool:
    """Tell whether code belongs to neither Python nor an installed package nor this one."""
    code = getattr(value, "__code__", None)
    if isinstance(code, types.CodeType) and not code.co_filename.startswith("<"):
        return _is_own_file(code.co_filename)
    module = value if isinstance(value, types.ModuleType) else sys.modules.get(getattr(value, "__module__", None) or "")
    if module is None or module.__name__.partition(".")[0] in sys.builtin_module_names:
        return module is None
    file = getattr(module, "__file__", None)
    return module.__name__ == "__main__" if file is None else _is_own_file(file)


def _is_own_file(name: str) -> bool:
    path = Path(name).resolve()
    return not _PACKAGES & set(path.parts) and not any(path.is_relative_to(folder) for folder in _INSTALLED)


def _follows(name: str, member: Any) -> bool:
    """Tell members of a class that follow from others or say nothing, such as annotations and generated methods."""
    if name.startswith("_abc_") or isinstance(member, (types.MemberDescriptorType, types.GetSetDescriptorType)):
        return True
    if not (name.startswith("__") and name.endswith("__")):
        return False
    function = getattr(member, "__func__", member)
    is_written = isinstance(function, types.FunctionType) and function.__code__.co_filename != "<string>"
    return not is_written or name.startswith("__annotate")


def _content(path: Path, folders: bool) -> Described:
    """Describe what a file, or all files of a folder, hold; the name alone where there is none.

    A folder that a function takes from around it, such as that of a project, is a place and not data.
    """
    if path.is_file():
        return {"file": _file_digest(path)}
    if folders and path.is_dir():
        files = sorted(Path(top) / name for top, _, names in os.walk(path, followlinks=True) for name in names)
        return {"folder": [[each.relative_to(path).as_posix(), _file_digest(each)] for each in files]}
    return {"path": path.as_posix()}


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:24]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:24]


def _name_of(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"
