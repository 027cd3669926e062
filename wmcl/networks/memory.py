"""How much memory the parameters of a network take, before any is taken."""

import math
import os

from wmcl.networks.network import Network

_COPIES = 4  # of every parameter while it is trained: itself, its gradient and two moments
_BYTES = 4


def check_fits_memory(network: Network, members: int = 1) -> None:
    """Refuse an ensemble whose parameters alone are more than this machine has memory for.

    Raises:
        ValueError: naming the network and both amounts. Nothing is said where the system does not tell its memory.
    """
    values = members * sum(math.prod(shape) for shape in network.shapes.values())
    needed, there = _COPIES * _BYTES * values, _memory()
    if there is not None and needed > there:
        name = f"{type(network).__name__}({network.inputs}, {network.hidden}, {network.outputs})"
        raise ValueError(
            f"network is {name}: {members} of it have {values:,} parameters, whose training takes"
            f" {needed / 1e9:,.0f} GB at least, and this machine has {there / 1e9:,.0f} GB of memory"
        )


def _memory() -> int | None:
    """Return the memory of this machine in bytes, if the system tells it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
