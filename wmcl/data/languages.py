"""List the twenty languages of Ehret et al. (2021), in their order, and the files that each is made of."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from wmcl.data.conllu_file import Sentence
from wmcl.data.data_set import Original
from wmcl.data.treebank import FILES, Part, Treebank, dealt, treebank

Division = Literal["own", "dev", "test"]
"""source of the three parts: files of their own; or train and validation from the file of the development set, 4
to 1; or all three from that of the test set, 3 to 1 to 1, in the order of sentence ids"""


@dataclass(frozen=True)
class Language:
    """A language is represented by a treebank of Universal Dependencies."""

    language: str
    """code of the language, e.g. ``de``"""
    treebank: str
    """name of the treebank, e.g. ``German-GSD``"""
    licence: str
    division: Division = "own"
    release: str = "2.6"
    train: tuple[str, ...] = ("train",)
    """ends of the names of the training files"""
    train_at_once: str = ""
    """end of the name of the training file where an archive has one file of what the repository has in several"""

    @property
    def name(self) -> str:
        """Return the name of the treebank.

        Its release is named where that is not 2.6, and it is called reduced where no training file is used.
        """
        release = "" if self.release == "2.6" else f" of UD {self.release}"
        return f"{'' if self.is_full else 'reduced '}{self.treebank}{release}"

    @property
    def is_full(self) -> bool:
        """Tell whether all three parts are as the treebank has them."""
        return self.division == "own"

    @property
    def files(self) -> tuple[str, ...]:
        """Return the names of the files, train first, as the repository of the treebank has them."""
        ends = {"own": (*self.train, "dev", "test"), "dev": ("dev", "test"), "test": ("test",)}[self.division]
        return tuple(f"{self._stem}-ud-{end}.conllu" for end in ends)

    @property
    def originals(self) -> tuple[Original, ...]:
        """Return the files with their addresses."""
        folder = f"https://raw.githubusercontent.com/UniversalDependencies/UD_{self.treebank}/r{self.release}"
        return tuple(Original(name, f"{folder}/{name}", re.escape(name)) for name in self.files)

    @property
    def pattern(self) -> str:
        """Return the regular expression of the names of files, those of archives among them."""
        return "|".join(re.escape(name) for name in (*self.files, self._whole) if name)

    def missing(self, names: Collection[str]) -> list[str]:
        """Return the files that are not among those of these names."""
        if self._whole in names:
            return [name for name in self.files if "-ud-train" not in name and name not in names]
        return [name for name in self.files if name not in names]

    def made_of(self, files: Mapping[str, Sequence[Sentence]]) -> Treebank:
        """Make the treebank from the sentences of its files, by name.

        Raises:
            ValueError: if a file is missing, or there in two forms.
        """
        missing = self.missing(files)
        if missing:
            raise ValueError(f"files of {self.treebank} are missing: {', '.join(missing)}")
        found = {end: self._part(end, files) for end in FILES if self.is_full or end in (self.division, "test")}
        return treebank(self.name, self.language, self._parts(found))

    def _parts(self, found: Mapping[str, list[Sentence]]) -> dict[Part, list[Sentence]]:
        if self.division == "own":
            return {"train": found["train"], "validation": found["dev"], "test": found["test"]}
        if self.division == "dev":
            train, validation = dealt(found["dev"], (4, 1))
            return {"train": train, "validation": validation, "test": found["test"]}
        train, validation, test = dealt(sorted(found["test"], key=lambda each: each.name), (3, 1, 1))
        return {"train": train, "validation": validation, "test": test}

    def _part(self, end: str, files: Mapping[str, Sequence[Sentence]]) -> list[Sentence]:
        ends = self.train if end == "train" else (end,)
        names = [f"{self._stem}-ud-{each}.conllu" for each in ends]
        if end == "train" and self._whole in files:
            if any(name in files for name in names):
                raise ValueError(f"{self._whole} is there beside {', '.join(names)}: it must be one or the others")
            names = [self._whole]
        return [sentence for name in names for sentence in files[name]]

    @property
    def _whole(self) -> str:
        return f"{self._stem}-ud-{self.train_at_once}.conllu" if self.train_at_once else ""

    @property
    def _stem(self) -> str:
        """Return what the names of files begin with; it was the language alone up to release 2.1."""
        is_old = tuple(map(int, self.release.split("."))) < (2, 2)
        return self.language if is_old else f"{self.language}_{self.treebank.split('-')[1].lower()}"


_BY = "CC BY-SA 4.0"
_NC3, _NC4 = "CC BY-NC-SA 3.0", "CC BY-NC-SA 4.0"

FULL = (
    Language("en", "English-GUM", _NC4),
    Language("ar", "Arabic-PADT", _NC3),
    Language("cs", "Czech-PDT", _NC3, train=("train-c", "train-l", "train-m", "train-v"), train_at_once="train"),
    Language("da", "Danish-DDT", _BY),
    Language("de", "German-GSD", _BY),
    Language("es", "Spanish-AnCora", "GNU GPL 3.0"),
    Language("fi", "Finnish-FTB", "CC BY 4.0"),
    Language("fr", "French-GSD", _BY),
    Language("he", "Hebrew-HTB", _NC4),
    Language("hi", "Hindi-HDTB", _NC4),
    Language("hr", "Croatian-SET", _BY),
    Language("id", "Indonesian-GSD", "CC BY-NC-SA 3.0 US"),
    Language("it", "Italian-ISDT", _NC3),
    Language("lt", "Lithuanian-ALKSNIS", _BY),
    Language("nl", "Dutch-Alpino", _BY),
    Language("no", "Norwegian-Bokmaal", "CC BY-SA"),
    Language("pl", "Polish-PDB", _NC4),
    Language("pt", "Portuguese-Bosque", _BY),
    Language("sl", "Slovenian-SSJ", _NC4),
    Language("sv", "Swedish-LinES", _NC4),
)
"""the treebanks of the paper: Universal Dependencies 2.6, parts as published"""

REDUCED = (
    Language("en", "English-GUM", _NC4),
    Language("ar", "Arabic-PUD", "CC BY-SA 3.0", "test"),
    Language("cs", "Czech-CAC", _BY, "dev"),
    Language("da", "Danish-DDT", _BY, "dev"),
    Language("de", "German-GSD", _BY, "dev"),
    Language("es", "Spanish-AnCora", "GNU GPL 3.0", "dev"),
    Language("fi", "Finnish-FTB", "CC BY 4.0", "dev"),
    Language("fr", "French-GSD", _BY, "dev"),
    Language("he", "Hebrew-HTB", _NC4, "dev"),
    Language("hi", "Hindi-PUD", "CC BY-SA 3.0", "test"),
    Language("hr", "Croatian-SET", _BY, "dev"),
    Language("id", "Indonesian-GSD", "CC BY-NC-SA 3.0 US", release="2.1"),
    Language("it", "Italian-ISDT", _NC3, "dev"),
    Language("lt", "Lithuanian-ALKSNIS", _BY, release="2.4"),
    Language("nl", "Dutch-Alpino", _BY, "dev"),
    Language("no", "Norwegian-Bokmaal", "CC BY-SA", "dev"),
    Language("pl", "Polish-PDB", _NC4, "dev"),
    Language("pt", "Portuguese-Bosque", _BY),
    Language("sl", "Slovenian-SSJ", _NC4, "dev"),
    Language("sv", "Swedish-LinES", _NC4, release="2.4"),
)
"""the same languages in small files: where the training file is left out, the development set stands for it; Czech is
another treebank, and Arabic and Hindi are the parallel one (PUD), 600 sentences to train on"""
