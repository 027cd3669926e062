"""The parts of importance_vs_length.py: conditions, settings, measures, labels and report."""
