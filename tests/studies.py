"""What a study would compute, without computing it."""

from functools import partial

from wmcl.studies import Part


class FoundError(Exception):
    """Ends a study before its first sweep."""


def first_part(study, config) -> Part:
    """The first part of a study, which is not run."""

    def sweep(part):
        raise FoundError(part)

    try:
        study.results(config, sweep)
    except FoundError as found:
        return found.args[0]
    raise AssertionError("the study has no part")


def measure_of(study, config, device="cpu"):
    """The measure of the first part of a study, on a device."""
    return partial(first_part(study, config).measure, device=device)
