"""Numbers from the paper and its code, with where each stands in them."""

from wmcl.published.runs import Published, PublishedBenchmark, published_runs

__all__ = ["Published", "PublishedBenchmark", "published_runs"]
