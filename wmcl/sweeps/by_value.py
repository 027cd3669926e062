"""Send a measure to other processes as it is here, with the code and the values of its author's modules.

A process of this machine imports modules from their files, which may hold something else than this process: an edited
file, a global that was set since, or, in a process that is used again, an earlier version. Another machine lacks them.
The key of an entry describes what is here.
"""

import functools
import io
import pickle
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cloudpickle
import xarray as xr

from wmcl.identity import is_own
from wmcl.sweeps.grid import Condition
from wmcl.sweeps.pool import Measure


@dataclass(frozen=True)
class Packed:
    """Carry a measure as bytes."""

    measure: bytes

    def __call__(self, condition: Condition, seeds: Sequence[int]) -> xr.Dataset:
        """Call the measure itself."""
        return _unpacked(self.measure)(condition, seeds)


@functools.cache
def _unpacked(measure: bytes) -> Measure:
    return pickle.loads(measure)


class _Pickler(cloudpickle.CloudPickler):
    """Pack cached functions of the author's, too, which pickle knows by name alone, without what they keep."""

    def reducer_override(self, obj: Any) -> Any:
        """Return how to make an object again."""
        if isinstance(obj, functools._lru_cache_wrapper) and is_own(obj):
            return functools.lru_cache(obj.cache_parameters()["maxsize"]), (obj.__wrapped__,)
        return super().reducer_override(obj)


def packed(measure: Measure) -> Packed:
    """Pack a measure with the code of all loaded modules that belong to no installed package."""
    known = cloudpickle.list_registry_pickle_by_value()
    own = [
        module
        for name, module in list(sys.modules.items())
        if isinstance(module, types.ModuleType)
        and module.__name__ == name
        and name not in {*known, "__main__", "__mp_main__"}
        and getattr(module, "__file__", None)
        and is_own(module)
    ]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    content = io.BytesIO()
    try:
        _Pickler(content).dump(measure)
        return Packed(content.getvalue())
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)
