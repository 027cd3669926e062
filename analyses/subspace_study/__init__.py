"""Parts of the study of importances, subspaces and heads over a sequence of tasks."""
