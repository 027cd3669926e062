"""Read numbers from the paper and its code, with where each stands in them."""

from wmcl.published.poster import poster_means
from wmcl.published.runs import published_runs

__all__ = [
    "poster_means",
    "published_runs",
]
