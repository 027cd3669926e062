"""Read numbers from the paper and its code, with where each stands in them."""

from wmcl.published.poster import PosterMean, poster_means
from wmcl.published.runs import Published, published_runs

__all__ = [
    "PosterMean",
    "Published",
    "poster_means",
    "published_runs",
]
