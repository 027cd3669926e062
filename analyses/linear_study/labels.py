"""One Dataset of both parts, and what everything in it is called."""

import xarray as xr
from common.results import describe

from linear_study.config import Config
from linear_study.ideal import ideal_fisher
from linear_study.outcome import add_slopes

ATTRIBUTES = ("failed_entries", "entries_computed")


def together(recall: xr.Dataset, students: xr.Dataset, config: Config) -> xr.Dataset:
    """Networks that recall along ``condition``, students along ``student``, with long names and units."""
    load = recall.pattern_length * config.recall.channels
    ideal = ideal_fisher(load, recall.retention, config.training.hidden)
    recall = recall.assign_coords(memory_load=load, ideal=ideal)
    students = students.rename(condition="student", reached="student_reached", iteration="student_iteration")
    results = add_slopes(recall.merge(students, combine_attrs="override"))
    both = {name: "; ".join(filter(None, (part.attrs[name] for part in (recall, students)))) for name in ATTRIBUTES}
    return describe(results, DESCRIPTIONS).assign_attrs(both)


DESCRIPTIONS = {
    "seed": (
        "seed of the network: initialisation, batches, and sequences for importances; of a student's teacher, too",
        "1",
    ),
    "pattern_length": ("steps that show numbers", "steps"),
    "retention": ("steps that each number is held", "steps"),
    "lead": ("blank steps before the pattern", "steps"),
    "biases": ("how biases started", "1"),
    "memory_load": ("independent numbers that are held", "1"),
    "ideal": (
        "mean Fisher of W_hh per scored output of a register that does not come around, load x retention / n^2",
        "nats^2 by weight^2",
    ),
    "error": ("mean squared error on validation data that is matched; targets have unit variance", "1"),
    "kind": ("how the Fisher was obtained", "1"),
    "connection": ("weight matrix", "1"),
    "step": ("step of the sequence, from 0", "steps"),
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
    "iteration": ("training steps until the error was reached", "steps"),
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
    "least": (
        "fewest dimensions that pass on the teacher's outputs, by a linear map, with the matched error",
        "1",
    ),
    "student_error": ("mean squared error of a student on test data", "1"),
    "student_reached": ("whether a student reached the error", "1"),
    "student_iteration": ("training steps until a student reached the error", "steps"),
}
