"""Part-of-speech tagging: a word a step, and its tag is the answer. Each language is a condition.

Every step is answered, so there is no last step, and losses and importances are those of a word. Nothing grows, and
nobody knows which words tell the tag of another, so there are no exponents and no retention.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from common.training import TrainingLoop
from method_study.benchmarks.pos_tagging import PosTagging, Treebanks

from real_data_study.config import Config, DirectedNetwork, InTurn, Measures, Stages, Study, output
from real_data_study.one_a_task import OneATask
from wmcl.tasks import DataTask
from wmcl.tasks.pos_tasks import Unknown


@dataclass(frozen=True)
class Tagging(OneATask):
    """Part-of-speech tagging."""

    treebanks: Treebanks = "universal-dependencies-reduced"
    """universal-dependencies: the treebanks of the paper; universal-dependencies-reduced: the same languages in small
    files; stand-in: syllables at random, to try things out"""
    languages: tuple[str, ...] = ("en", "ar", "cs", "da", "de", "es", "fi", "fr")
    """codes of the languages of the first part"""
    vectors: Path | None = None
    """files of word vectors, with {language} in place of its code, such as polyglot-{language}.pkl; None makes vectors
    of the characters of each word"""
    unknown: Unknown = "keep"
    """what is done with words that the files do not have: keep gives all of them the vector of unknown words; drop
    leaves out their sentences. Without files, every word has a vector"""
    tasks: int = 5
    """the first so many languages are learned in turn, two at a time; 0 leaves that part out"""

    @property
    def data(self) -> str:
        """Return whose words these are."""
        return self._made_by.title

    @property
    def note(self) -> str:
        """The treebank of each language."""
        names = "; ".join(each.name.split(" of speech of ", 1)[1] for each in self.made)
        return (
            "An answer is the tag of a word. Networks of a language differ in their initial weights and batches alone."
            " W_hh_reverse belongs to the half that reads backwards, in networks that read in both directions."
            f" Treebanks, in the order of their numbers: {names}."
        )

    @property
    def condition_configuration(self) -> Mapping[str, Any]:
        """Return the configuration of the conditions, which name their languages themselves."""
        vectors = None if self.vectors is None else str(self.vectors)
        return {"treebanks": self.treebanks, "vectors": vectors, "unknown": self.unknown}

    @property
    def sequence_configuration(self) -> Mapping[str, Any]:
        """Pairs have numbers, so languages belong to the settings."""
        return {**self.condition_configuration, "languages": list(self.languages)}

    @property
    def names(self) -> Sequence[str]:
        """Return the codes of the languages."""
        return self.languages

    @property
    def _made_by(self) -> PosTagging:
        return PosTagging(self.treebanks, self.languages, self.vectors, self.unknown)

    @property
    def made(self) -> list[DataTask]:
        """The tasks of the comparison of methods."""
        return cast(list[DataTask], self._made_by.tasks(len(self.languages)))

    def check(self) -> None:
        """Refuse what makes no sense, and data that are not on this machine."""
        if not self.languages:
            raise ValueError("languages is empty: there must be at least one")
        super().check()


@dataclass(frozen=True, kw_only=True)
class TaggingConfig(Config):
    """All numbers of the analysis of part-of-speech tagging."""

    tagging: Tagging = field(default_factory=Tagging)
    network: DirectedNetwork = field(default_factory=DirectedNetwork)

    @property
    def benchmark(self) -> Tagging:
        """Return the benchmark of languages."""
        return self.tagging


PRESETS: Mapping[str, TaggingConfig] = {
    "quick": TaggingConfig(
        study=Study(benchmark="pos"),
        network=DirectedNetwork(hidden=32, forget_bias=0.0),
        training=TrainingLoop(batch=32, learning_rate=1e-2, validate_every=20, watch_every=5),
        stages=Stages(losses=(1.4, 1.0), main_loss=1.4, iterations=300),
        measures=Measures(kinds=("sampled", "SI total", "SI task", "MAS")),
        in_turn=InTurn(turn_iterations=150),
        run=output("importance_on_pos"),
    ),
    "smoke": TaggingConfig(
        preset="smoke",
        study=Study(benchmark="pos", seeds=2),
        tagging=Tagging(treebanks="stand-in", languages=("x1", "x2", "x3"), tasks=3),
        network=DirectedNetwork(hidden=8, forget_bias=0.0),
        training=TrainingLoop(batch=16, learning_rate=3e-2, validate_every=10),
        stages=Stages(losses=(1.2, 1.0), main_loss=1.2, iterations=60),
        measures=Measures(kinds=("sampled", "SI total", "SI task", "MAS"), importance_samples=16),
        in_turn=InTurn(turn_iterations=15, state_samples=32, fisher_samples=16, shared_components=3),
        run=output("importance_on_pos_smoke"),
    ),
    "paper": TaggingConfig(
        preset="paper",
        study=Study(benchmark="pos", seeds=10),
        tagging=Tagging(treebanks="universal-dependencies", tasks=8),
        network=DirectedNetwork(hidden=256, forget_bias=0.0),
        training=TrainingLoop(batch=64, learning_rate=1e-3, validate_every=25, watch_every=5),
        stages=Stages(losses=(1.4, 1.0, 0.8), main_loss=1.0, iterations=5000),
        measures=Measures(kinds=("sampled", "SI total", "SI task", "MAS"), importance_samples=512),
        in_turn=InTurn(turn_iterations=2000, state_samples=1000, fisher_samples=512, shared_components=20),
        run=output("importance_on_pos_paper"),
    ),
}
