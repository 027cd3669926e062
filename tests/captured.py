"""Captures a step on a machine that has no GPU."""


def rerun(function):
    """Stands in for a CUDA graph: does the same to the same memory, and returns the same memory."""
    record = function()

    def replay():
        for name, value in vars(function()).items():
            getattr(record, name).copy_(value)
        return record

    return replay
