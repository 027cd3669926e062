"""A study: a question, options, sweeps of networks, and a report; one runner for all.

A study is declared in two values. A :class:`Part` is one sweep: a measure, its conditions and seeds. A :class:`Study`
says which options there are, how the results follow from parts, and what the report says of them; from there on it
owns the command line, the cache of finished networks, provenance, labels and files.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Generic, TypeVar

import torch
import xarray as xr

from wmcl import sweeps
from wmcl.atomic_file import write_atomically
from wmcl.console import any_console
from wmcl.labels import Label, label
from wmcl.provenance import invocation, provenance
from wmcl.studies.command_line import Configuration, configuration, errors_as_sentences
from wmcl.studies.constraints import check_fields
from wmcl.studies.run import Run, check_run, settled
from wmcl.sweeps.grid import Condition

C = TypeVar("C", bound=Configuration)


@dataclass(frozen=True)
class Part:
    """One sweep of a study."""

    name: str
    """for the progress bar"""
    measure: Callable[..., xr.Dataset]
    """``measure(condition, seeds, device=...)``; bind to it what it needs and no more: results depend on all of that"""
    conditions: Sequence[Condition]
    seeds: Sequence[int]
    given: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """further arguments of the measure in a condition, by name"""
    ignored: Collection[str] = ()
    """names of bound arguments that results do not depend on, or that are given in another form besides"""
    cost: Callable[[Mapping[str, Any]], float] = lambda condition: 1.0
    """relative time of a condition"""
    members_on_gpu: Callable[[int], int] | None = None
    """networks of a condition that fit into so many bytes of a GPU; None trains all seeds together there"""
    dimension: str = "condition"
    """what its conditions are along, in the file of the study"""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """names of its variables in the file of the study that differ from those of the measure"""
    folder: str = "entries"
    """what the name of the folder with its finished entries ends in, beside the file of the study"""


Sweep = Callable[[Part], xr.Dataset]
"""computes a part, or what is missing of it"""


@dataclass(frozen=True)
class Study(Generic[C]):
    """The declaration of a study: its question, options, parts and report."""

    about: str
    """the question, and how it is answered; for ``--help``"""
    presets: Mapping[str, C]
    """options by name; ``--preset`` chooses one, ``quick`` if it is not given"""
    results: Callable[[C, Sweep], xr.Dataset]
    """computes its parts and makes one Dataset of them"""
    report: Callable[[xr.Dataset], str]
    """says in Markdown what a Dataset shows, from what is in the Dataset alone"""
    check: Callable[[C], None] = lambda config: None
    """refuses with a ValueError what no constraint at a field can tell"""
    completed: Callable[[C], C] = lambda config: config
    """fills in options that depend on others"""
    labels: Mapping[str, Label] = field(default_factory=dict)
    """long name and unit of the variables that the study itself makes"""

    def check_options(self, config: C) -> None:
        """Refuse options that make no sense, before any work starts.

        Raises:
            ValueError: names the option, its value and what is allowed.
        """
        check_fields(config)
        check_run(config.run)
        self.check(config)

    def run(self, config: C) -> xr.Dataset:
        """Run the study, or what is missing of it, and write its file and its report; each appears whole or not at all.

        Raises:
            CannotGoOnError: if options have to change before it can go on.
            OSError: names the file and the reason, e.g. a full disk.
        """
        began = time.perf_counter()
        config, sweep = ready(config)
        results = described(self.results(config, sweep), self.labels, config)
        results = results.assign_attrs(wall_seconds=time.perf_counter() - began)
        sweeps.save_atomically(results, config.run.output)
        write_atomically(f"{self.report(results)}\n".encode(), config.run.output.with_suffix(".md"))
        return results

    def configuration(self) -> C:
        """Return the options that the command line names.

        Raises:
            SystemExit: with a sentence, if they make no sense.
        """
        any_console()
        return configuration(self.presets, self.completed, self.check_options, self.about)

    def errors(self, config: C) -> AbstractContextManager[None]:
        """End with a sentence where the study is interrupted, or cannot write or reach what it was told to."""
        return errors_as_sentences(config.run)

    def main(self) -> None:
        """Read the command line, run the study, and print its report."""
        self.carry_out(self.configuration())

    def carry_out(self, config: C) -> None:
        """Run the study, and print its report.

        Raises:
            SystemExit: with a sentence, if it is interrupted, or cannot write or reach what it was told to.
        """
        with self.errors(config):
            results = self.run(config)
        print(self.report(results))
        if results.attrs["failed_entries"]:
            print(f"Given up, because they killed their process twice: {results.attrs['failed_entries']}")
        print(f"\nWrote {config.run.output} in {results.attrs['wall_seconds']:.0f} s.")


def ready(config: C) -> tuple[C, Sweep]:
    """Fill in what depends on the machine, and return what computes parts with these options."""
    config = replace(config, run=settled(config.run))  # type: ignore[type-var]
    return config, partial(_sweep, config.run)


def described(results: xr.Dataset, labels: Mapping[str, Label], config: Configuration) -> xr.Dataset:
    """Say what the variables are, and with which options and command they were made."""
    return label(results, **labels).assign_attrs(invocation(asdict(config)))  # type: ignore[call-overload]


def together(*parts: xr.Dataset) -> xr.Dataset:
    """Merge the parts of a study into one Dataset, with all the different values of their attributes."""
    names = {name: None for part in parts for name in part.attrs}
    attributes = {
        name: "; ".join(dict.fromkeys(text for part in parts if (text := str(part.attrs.get(name, "")))))
        for name in names
    }
    return xr.merge(parts, join="outer", combine_attrs="override").assign_attrs(attributes)


def _sweep(run: Run, part: Part) -> xr.Dataset:
    """Compute a part, cached beside the file of the study; on which device does not tell entries apart."""
    device = run.device
    members = run.members or 1
    if device == "cuda" and run.members is None:
        free = torch.cuda.mem_get_info()[0]
        members = len(part.seeds) if part.members_on_gpu is None else part.members_on_gpu(free)
    found = sweeps.run(
        partial(part.measure, device=device),
        part.conditions,
        part.seeds,
        run.output.with_suffix(f".{part.folder}"),
        name=part.name,
        given=part.given,
        ignored=("device", *part.ignored),
        origin=provenance(device),
        jobs=run.jobs,
        members=members,
        cost=part.cost,
        cluster=run.cluster,
    )
    names = {name: new for name, new in {"condition": part.dimension, **part.renamed}.items() if name != new}
    return found.rename(names)
