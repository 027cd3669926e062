"""What a study would compute, without computing it."""

import json
from functools import partial

import xarray as xr

from wmcl.identity import described, identity
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


def keys_of_part(part):
    """What the entries of a part depend on, by condition."""
    common = identity(partial(part.measure, device="cpu"), ("device", *part.ignored))
    return {condition: json.dumps([common, given]) for condition, given in given_of_part(part).items()}


def given_of_part(part):
    """What the measure of a part is given in each condition, as it makes entries."""
    own = [{} if part.given is None else part.given(condition) for condition in part.conditions]
    return {
        str(condition): json.dumps(described(given, "given"))
        for condition, given in zip(part.conditions, own, strict=True)
    }


def two_parts(study, config):
    """Both parts of a study, which are not run; the second one needs nothing of the first."""
    parts = []

    def sweep(part):
        parts.append(part)
        if len(parts) == 2:
            raise FoundError
        return xr.Dataset()

    try:
        study.results(config, sweep)
    except FoundError:
        return parts
    raise AssertionError("the study has no second part")


def keys_of_parts(study, config):
    """What the entries of both parts of a study depend on."""
    return [keys_of_part(part) for part in two_parts(study, config)]


def given_of_parts(study, config):
    """What the measures of both parts are given: a test that replaces a function changes all other keys by that."""
    return [given_of_part(part) for part in two_parts(study, config)]
