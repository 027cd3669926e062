"""Describe data sets: where they come from, who made them, and how their files are read."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from wmcl.data.files import Member
from wmcl.data.records import Records

Splits = dict[str, Records]
"""records by the names of their parts, e.g. ``train`` and ``test``"""


@dataclass(frozen=True)
class Original:
    """An original is a file as its public source offers it."""

    name: str
    """name of the file, e.g. ``train-labels.tar.gz``"""
    url: str | None
    """address of the file; ``None`` if it has no public one"""
    holds: str
    """regular expression of the names, without folders, of the files in it that are read; of the file itself, if it is
    no archive"""
    sha256: str | None = None
    """digest of the file; ``None`` if the source gives none, so that it is recorded at the first download"""
    needs_archive: bool = False
    """flag of an archive whose files mean nothing without their folders, so that unpacked ones are not taken"""

    needed: Callable[[Collection[str]], list[str]] | None = None
    """function that says, of an unpacked archive, which files are missing beside those of given names; ``None`` where
    one file is enough to begin with, and ``read`` finds what is missing"""

    @property
    def is_archive(self) -> bool:
        """Tell whether the file is an archive of other files."""
        return self.name.endswith((".tar.gz", ".tgz", ".tar"))

    def has(self, name: str) -> bool:
        """Tell whether a file of this name, unpacked, is one of those that the original holds."""
        return re.fullmatch(self.holds, name) is not None

    def has_unpacked(self, name: str) -> bool:
        """Tell whether a file beside the archive, which may be gzipped, can be taken for one of those in it."""
        return not self.needs_archive and self.has(name.removesuffix(".gz"))

    def missing(self, names: Collection[str]) -> list[str]:
        """Return what is missing where there are files of these names: the original, or some of the files in it."""
        if self.is_archive and self.name in names:
            return []
        unpacked = {name.removesuffix(".gz") for name in names if self.has_unpacked(name)}
        if not unpacked:
            return [self.name]
        return [] if self.needed is None else self.needed(unpacked)


@dataclass(frozen=True)
class Form:
    """A form is one of those in which a data set is published. All of them give the same records."""

    originals: tuple[Original, ...]
    read: Callable[[Iterator[Member]], Splits]
    """function that reads the files, one original after the other, in whatever order they are in each, and refuses
    wrong ones by file and record"""
    most_bytes: int
    """largest size of the files, unpacked: more is no file of this data set"""


@dataclass(frozen=True)
class DataSet:
    """A data set is prepared once and then read in a moment."""

    name: str
    title: str
    preparation: int
    """version of what ``read`` makes of the files, raised by hand whenever that changes"""
    page: str
    """address of its description"""
    licence: str
    citation: str
    forms: dict[str, Form]
    """forms by name; the first is the one that is downloaded if no other is named"""
