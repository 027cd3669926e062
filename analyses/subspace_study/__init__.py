"""Parts of the study of importances, subspaces and read-outs over a sequence of tasks."""
