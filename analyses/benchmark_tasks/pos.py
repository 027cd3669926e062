"""Part-of-speech tagging, in one language after the other: a word a step, and its tag is the answer.

Every step is answered, so there is no last step, and losses and importances are those of a word. In the study of
importances each language is a condition. Nothing grows, and nobody knows which words tell the tag of another, so there
are no exponents and no retention.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal, cast

from wmcl.data import read_word_vectors, stand_in_languages, universal_dependencies, universal_dependencies_reduced
from wmcl.data.treebank import Treebank
from wmcl.data.word_vectors import WordVectors
from wmcl.published import published_runs
from wmcl.published.runs import Published
from wmcl.stages.importance import ImportanceKind
from wmcl.studies.benchmark import (
    Benchmark,
    Chance,
    Comparison,
    Grid,
    Hyperparameters,
    TaskOptions,
    Value,
    most_frequent,
)
from wmcl.studies.conditions import DirectedRecurrent, InTurn, Measured, OneATask, Stages
from wmcl.studies.constraints import ONCE
from wmcl.studies.network import DirectedNetwork
from wmcl.studies.starting_values import HYPERFAN, REPLAYED, SMALL_MEASURES, hyperparameters_with
from wmcl.studies.training import TrainingLoop
from wmcl.tasks import DataTask, Task, pos_tasks
from wmcl.tasks.pos_tasks import Unknown

Treebanks = Literal["universal-dependencies", "universal-dependencies-reduced", "stand-in"]

NAMES: Mapping[Treebanks, str] = {
    "universal-dependencies": "Universal Dependencies 2.6",
    "universal-dependencies-reduced": "Universal Dependencies (reduced: small files in place of most treebanks)",
    "stand-in": "stand-in languages",
}
CODE = "{language}"
GENERATING = ("generative replay", "HNET + replay")
DIFFERENCES = (
    "Unlike there, the forward half of the networks, which is zero by a mistake, is left out; weights of inputs start"
    " uniform on ±1/√64, not ±1/√32; units of hypernetworks are rectified, not sigmoid; batches hold sentences of"
    " about the same length; every word counts for accuracy; from scratch starts each task from the same weights."
)


@dataclass(frozen=True)
class PosTagging(TaskOptions):
    """Part-of-speech tagging."""

    treebanks: Treebanks = "universal-dependencies-reduced"
    """universal-dependencies: the treebanks of the paper; universal-dependencies-reduced: the same languages in small
    files, for which no number was published; stand-in: syllables at random, to try things out. See wmcl data"""
    languages: Annotated[tuple[str, ...], ONCE] = ()
    """codes, such as en, in the order of the tasks, as many as there are tasks; none named takes those of the data, in
    the order of the paper"""
    vectors: Path | None = None
    """files of word vectors, with {language} in place of its code, such as polyglot-{language}.pkl; None makes vectors
    of the characters of each word"""
    unknown: Unknown = "keep"
    """what is done with words that the files do not have: keep gives all of them the vector of unknown words; drop
    leaves out their sentences, as in the paper. Without files, every word has a vector"""
    learned: bool = False
    """whether the vectors of each language are learned with its task, or frozen, as in all published runs"""

    answers: ClassVar[str] = "words"

    @property
    def title(self) -> str:
        """The data and the vectors."""
        vectors = "vectors of characters" if self.vectors is None else f"vectors of {self.vectors.name}"
        learned = ", learned with each task" if self.learned else ""
        dropped = ", sentences with other words left out" if self.vectors is not None and self.unknown == "drop" else ""
        return f"Part-of-speech tagging, {NAMES[self.treebanks]}, {vectors}{learned}{dropped}"

    @property
    def refused_methods(self) -> tuple[str, ...]:
        """Those that generate inputs: learned vectors belong to words, and words are not generated."""
        return GENERATING if self.learned else ()

    def tasks(self, number: int) -> list[Task]:
        """The tasks in their order."""
        if self.vectors is not None and CODE not in self.vectors.name:
            raise ValueError(
                f"vectors is {self.vectors}: its name must have {CODE} in it, in place of the code of each"
            )
        if number < 1:
            raise ValueError(f"tasks is {number}: it must be at least 1")
        return list(_tasks(self, number))

    def chance(self, tasks: Sequence[Task]) -> Chance:
        """The best that can be said of a word unseen: tags are far from equally frequent."""
        return Chance(most_frequent(tasks, one_answer=False), "the share of the most frequent tag")

    def note(self, tasks: Sequence[Task]) -> str:
        """The treebanks, and how many sentences there are to test on: with unknown words left out they may be few."""
        names = (f"{task.name.split(' of speech of ', 1)[1]} ({task.test.samples:,})" for task in tasks)
        return f"Treebanks in the order of the tasks, with the sentences to test on: {', '.join(names)}."

    def published(self) -> tuple[Published, ...]:
        """The published runs; none beside what stands in for the data."""
        return () if self.treebanks == "stand-in" else published_runs("pos tagging")


@lru_cache(maxsize=2)
def _treebanks(treebanks: Treebanks) -> tuple[Treebank, ...]:
    if treebanks == "stand-in":
        return tuple(stand_in_languages())
    return tuple(
        universal_dependencies() if treebanks == "universal-dependencies" else universal_dependencies_reduced()
    )


def chosen(treebanks: Sequence[Treebank], languages: Sequence[str], number: int) -> list[Treebank]:
    """The treebanks of so many languages, in the order that is given.

    Raises:
        ValueError: if a language is not there, is there twice, or if there are not as many as tasks.
    """
    known = {each.language: each for each in treebanks}
    for language in languages:
        if language not in known:
            raise ValueError(f"languages has {language!r}: it must be of {', '.join(known)}")
    if len(set(languages)) < len(languages):
        raise ValueError(f"languages is {', '.join(languages)}: each may occur once")
    if languages and len(languages) != number:
        raise ValueError(f"tasks is {number}: it must be {len(languages)}, the number of languages that are named")
    order = languages or tuple(known)
    if number > len(order):
        raise ValueError(f"tasks is {number}: it must be at most {len(order)}, the number of languages")
    return [known[language] for language in order[:number]]


def _vectors(pattern: Path | None, languages: Sequence[str]) -> dict[str, WordVectors] | None:
    """Of each language, from its file."""
    if pattern is None:
        return None
    files = {each: pattern.with_name(pattern.name.replace(CODE, each)) for each in languages}
    for file in files.values():
        if not file.exists():
            raise ValueError(f"vectors is {pattern}: there is no file {file}")
    return {each: read_word_vectors(file) for each, file in files.items()}


@lru_cache(maxsize=2)
def _tasks(options: PosTagging, number: int) -> tuple[Task, ...]:
    treebanks = chosen(_treebanks(options.treebanks), options.languages, number)
    vectors = _vectors(options.vectors, [each.language for each in treebanks])
    return tuple(pos_tasks(treebanks, vectors, unknown=options.unknown, learned=options.learned))


COMMON: Mapping[str, Value] = {"batch": 32, "iterations": 400, "learning_rate": 1e-2}


_hyperparameters = hyperparameters_with(COMMON)


_MASKED: Mapping[str, Value] = {"fraction_off": 0.2}
_DECAYING: Mapping[str, Value] = {**HYPERFAN, "iterations": 2400, "learning_rate": 1e-3, "weight_decay": 0.01}
"""of hypernetworks: without decay they overfit; at the rate of the others they learned less of later languages"""
_SIZE: Mapping[str, Value] = {"chunk": 2000, "hidden": (10, 10)}
_REPLAYED: Mapping[str, Value] = {**REPLAYED, "decoder_hidden": 32, "distillation_strength": 10.0}
_CHUNK = 400
"""of hypernetworks whose hidden layers have 50 units: with more, they would be larger than the network"""

STARTING_VALUES: Mapping[str, Hyperparameters] = {
    "online EWC": _hyperparameters("online EWC", strength=1.0, kind="empirical"),
    "online EWC (sampled)": _hyperparameters("online EWC", strength=1.0, kind="sampled"),
    "online EWC (exact)": _hyperparameters("online EWC", strength=1.0, kind="exact", samples=50),
    "online EWC + task identity": replace(_hyperparameters("online EWC", strength=1.0), task_identity=True),
    "EWC": _hyperparameters("EWC", strength=1.0, kind="empirical"),
    "SI": _hyperparameters("SI", strength=0.3),
    "MAS": _hyperparameters("MAS", strength=0.1),
    "masking": _hyperparameters("masking", **_MASKED),
    "masking + SI": _hyperparameters("masking + SI", **_MASKED, strength=1.0),
    "masking + online EWC": _hyperparameters("masking + online EWC", **_MASKED, strength=1.0),
    "masking + MAS": _hyperparameters("masking + MAS", **_MASKED, strength=0.1),
    "HNET": _hyperparameters("HNET", **_DECAYING, strength=0.1),
    "HNET (chunked)": _hyperparameters("HNET (chunked)", **_DECAYING, **_SIZE, strength=0.1),
    "HNET + coresets": _hyperparameters("HNET + coresets", **_DECAYING, **_SIZE, samples=100, strength=0.1),
    "coresets": _hyperparameters("coresets", samples=100, strength=10.0),
    "generative replay": _hyperparameters("generative replay", **_REPLAYED),
    "HNET + replay": _hyperparameters("HNET + replay", **_REPLAYED, chunk=_CHUNK),
}
"""where a search has not chosen yet. The loss is one a word, that of the paper's code is summed over the words of a
sentence."""

GRIDS: Mapping[str, Grid] = {
    "online EWC": {"strength": (0.1, 0.3, 1.0, 3.0)},
    "online EWC (sampled)": {"strength": (0.1, 0.3, 1.0, 3.0)},
    "online EWC (exact)": {"strength": (0.1, 0.3, 1.0, 3.0)},
    "online EWC + task identity": {"strength": (0.1, 0.3, 1.0, 3.0)},
    "EWC": {"strength": (0.1, 0.3, 1.0, 3.0)},
    "SI": {"strength": (0.03, 0.1, 0.3, 1.0)},
    "MAS": {"strength": (0.01, 0.1, 1.0)},
    "masking": {"fraction_off": (0.2, 0.5)},
    "masking + SI": {"strength": (0.1, 0.3, 1.0, 3.0)},
    "masking + online EWC": {"strength": (0.1, 1.0, 10.0)},
    "masking + MAS": {"strength": (0.01, 0.1, 1.0)},
    "HNET": {"strength": (0.01, 0.1, 1.0)},
    "HNET (chunked)": {"strength": (0.03, 0.1, 0.3)},
    "HNET + coresets": {"strength": (0.01, 0.1)},
    "coresets": {"strength": (1.0, 10.0)},
    "generative replay": {"distillation_strength": (1.0, 10.0)},
    "HNET + replay": {"distillation_strength": (1.0, 10.0)},
}


@dataclass(frozen=True)
class Tagging(OneATask):
    """Part-of-speech tagging."""

    treebanks: Treebanks = "universal-dependencies-reduced"
    """universal-dependencies: the treebanks of the paper; universal-dependencies-reduced: the same languages in small
    files; stand-in: syllables at random, to try things out"""
    languages: Annotated[tuple[str, ...], ONCE] = ("en", "ar", "cs", "da", "de", "es", "fi", "fr")
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
        """Whose words these are."""
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
    def names(self) -> Sequence[str]:
        """The codes of the languages."""
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


_KINDS: tuple[ImportanceKind, ...] = ("sampled", "SI total", "SI task", "MAS")
_PUBLISHED: Mapping[str, object] = {
    "task": PosTagging(treebanks="universal-dependencies", vectors=Path(f"polyglot-{CODE}.pkl"), unknown="drop"),
    "network": DirectedNetwork(cell="lstm", hidden=32, direction="backward"),
}

POS = Benchmark(
    task=PosTagging(),
    tasks=8,
    network=DirectedNetwork(cell="lstm", hidden=32, direction="bidirectional"),
    presets={
        "smoke": {
            "task": PosTagging(treebanks="stand-in"),
            "comparison": Comparison(tasks=2, seeds=2, iterations=10),
            "network": DirectedNetwork(cell="lstm", hidden=12, direction="bidirectional"),
            "measures": SMALL_MEASURES,
        },
        "published": {"comparison": Comparison(tasks=20, iterations=1000), **_PUBLISHED},
        "paper": {"comparison": Comparison(tasks=20, seeds=10), **_PUBLISHED},
    },
    starting_values=STARTING_VALUES,
    grids=GRIDS,
    common=COMMON,  # other sentences in each language, so all published runs say how many their Fisher takes
    differences=DIFFERENCES,
    conditions=Tagging(),
    importance_presets={
        "quick": {
            "network": DirectedRecurrent(hidden=32, forget_bias=0.0),
            "training": TrainingLoop(batch=32, learning_rate=1e-2, validate_every=20, watch_every=5),
            "stages": Stages(losses=(1.4, 1.0), main_loss=1.4, iterations=300),
            "measures": Measured(kinds=_KINDS),
            "in_turn": InTurn(turn_iterations=150),
        },
        "smoke": {
            "seeds": 2,
            "data": Tagging(treebanks="stand-in", languages=("x1", "x2", "x3"), tasks=3),
            "network": DirectedRecurrent(hidden=8, forget_bias=0.0),
            "training": TrainingLoop(batch=16, learning_rate=3e-2, validate_every=10),
            "stages": Stages(losses=(1.2, 1.0), main_loss=1.2, iterations=60),
            "measures": Measured(kinds=_KINDS, importance_samples=16),
            "in_turn": InTurn(turn_iterations=15, state_samples=32, fisher_samples=16, shared_components=3),
        },
        "paper": {
            "seeds": 10,
            "data": Tagging(treebanks="universal-dependencies", tasks=8),
            "network": DirectedRecurrent(hidden=256, forget_bias=0.0),
            "training": TrainingLoop(batch=64, learning_rate=1e-3, validate_every=25, watch_every=5),
            "stages": Stages(losses=(1.4, 1.0, 0.8), main_loss=1.0, iterations=5000),
            "measures": Measured(kinds=_KINDS, importance_samples=512),
            "in_turn": InTurn(turn_iterations=2000, state_samples=1000, fisher_samples=512, shared_components=20),
        },
    },
)
