"""This figure is part of figures/importance_vs_length.py."""

if __name__ == "__main__":
    raise SystemExit("error: importance_grid is drawn by figures/importance_vs_length.py: call that with the same file")
