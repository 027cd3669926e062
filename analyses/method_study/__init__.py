"""Parts of the comparison of continual-learning methods."""
