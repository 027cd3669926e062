"""Numbers from the paper and its code, with where each stands in them."""

from wmcl.published.copy_task import CopyBenchmark, Published, published_copy_runs

__all__ = ["CopyBenchmark", "Published", "published_copy_runs"]
