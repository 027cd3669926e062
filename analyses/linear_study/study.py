"""Linear networks with known memory: does importance grow as derived, and does it protect what must be held?

Trains linear networks to recall numbers, with load, retention and lead crossed, and sets their measured Fisher beside
its closed form; trains students of teachers whose memory has a known dimension, and counts the dimensions that their
recurrent weights protect. Writes a netCDF file and a Markdown table; figures/linear_rnn.py draws it.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import xarray as xr

from linear_study.design import PRESETS, Config, check
from linear_study.ideal import ideal_fisher
from linear_study.measure import measure_recall, measure_students
from linear_study.report import report
from wmcl.statistics import slope
from wmcl.studies import Part, Study, Sweep, together


def results(config: Config, sweep: Sweep) -> xr.Dataset:
    """Networks that recall along ``condition``, students along ``student``, with the slopes of their dimensions."""
    recall = sweep(
        Part(
            "linear networks: recall",
            partial(measure_recall, training=config.training.of("linear"), samples=config.samples),
            config.recall.conditions,
            range(config.seeds),
            given=lambda condition: {"layout": config.recall.layout(condition)},
            cost=lambda condition: float(condition["pattern_length"] * (condition["lead"] + condition["retention"])),
            folder="recall.entries",
        )
    )
    students = sweep(
        Part(
            "linear networks: students",
            partial(measure_students, samples=config.samples),
            config.teachers.conditions,
            range(config.seeds),
            given=lambda condition: {
                "teacher": config.teachers.teacher(condition["memory"]),
                "training": config.training.of(condition["cell"]),
            },
            cost=_cost_of_student,
            dimension="student",
            renamed={"reached": "student_reached", "iteration": "student_iteration"},
            folder="students.entries",
        )
    )
    load = recall.pattern_length * config.recall.channels
    ideal = ideal_fisher(load, recall.retention, config.training.hidden)
    found = together(recall.assign_coords(memory_load=load, ideal=ideal), students)
    return add_slopes(found).assign_attrs(units=config.training.hidden)


def _cost_of_student(condition: Mapping[str, Any]) -> float:
    """Students with a tanh train for longer."""
    return 3.0 if condition["cell"] == "elman" else 1.0


def add_slopes(found: xr.Dataset) -> xr.Dataset:
    """Add the slope of each dimension over the memory of the teacher, within each seed and cell.

    NaN for a seed one of whose students missed the error, and if there is a single memory.
    """
    cells = list(dict.fromkeys(found.cell.values.tolist()))
    parts = [found.dimension.isel(student=(found.cell == cell).values) for cell in cells]
    slopes = xr.concat([slope(part, part.memory.drop_vars("cell"), "student") for part in parts], "student_cell")
    return found.assign(slope=slopes).assign_coords(student_cell=cells)


LABELS = {
    "seed": (
        "seed of the network: initialisation, batches, and sequences for importances; of a student's teacher, too",
        "1",
    ),
    "biases": ("how biases started", "1"),
    "memory_load": ("independent numbers that are held", "1"),
    "ideal": (
        "mean Fisher of W_hh per scored output of a register that does not come around, load x retention / n^2",
        "nats^2 by weight^2",
    ),
    "error": ("mean squared error on validation data that is matched; targets have unit variance", "1"),
    "fisher": ("mean Fisher of the weights of a connection, per scored output", "nats^2 by weight^2"),
    "fisher_without_bias": (
        "mean Fisher of W_hh per scored output in closed form, if the biases of the recurrent layer were zero",
        "nats^2 by weight^2",
    ),
    "network": (
        "weights of the closed form without biases: trained, the orthogonal polar factor in place of the trained W_hh,"
        " or those of the same network before training",
        "1",
    ),
    "gain": ("mean squared norm of the columns of W_ih times that of the rows of W_out", "1"),
    "difference": (
        "largest difference between exact and closed Fisher on the same sequences, by the largest value of a matrix",
        "1",
    ),
    "contribution": ("what the use of W_hh at a step adds to its mean Fisher, closed form", "nats^2 by weight^2"),
    "own_share": ("share of the Fisher of W_hh that steps bring alone, not together", "1"),
    "mean_squared_error": ("mean squared error on test data", "1"),
    "reached": ("whether the error was reached", "1"),
    "cell": ("cell of a student", "1"),
    "memory": ("dimension of the teacher's memory", "1"),
    "side": (
        "whose dimension: directions that W_hh must read and write the same, and what single steps bring to them;"
        " directions that vary and are read after the input (memory), states then, and the teacher's memory",
        "1",
    ),
    "dimensions_counted": ("how dimensions are counted", "1"),
    "dimension": ("dimension of a side", "1"),
    "slope": ("slope of a dimension over the dimension of the teacher's memory, least squares within a seed", "1"),
    "student_cell": ("cell of a student", "1"),
    "protected": ("protected directions", "1"),
    "overlap": (
        "mean squared cosine between as many leading protected directions as the teacher's memory has dimensions, and"
        " the directions in which states change with it",
        "1",
    ),
    "least": ("fewest dimensions that pass on the teacher's outputs, by a linear map, with the matched error", "1"),
    "student_error": ("mean squared error of a student on test data", "1"),
    "student_reached": ("whether a student reached the error", "1"),
    "student_iteration": ("training steps until a student reached the error", "steps"),
}

STUDY = Study(about=__doc__, presets=PRESETS, results=results, report=report, check=check, labels=LABELS)
