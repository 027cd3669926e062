"""The parts of importance_on_real_data.py: benchmarks, settings, measures, outcome and report."""
