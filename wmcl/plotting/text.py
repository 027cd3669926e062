"""Write labels that say what is drawn, in which unit and of how many networks."""

import json

import numpy as np
import xarray as xr

KINDS = {
    "empirical": ("empirical Fisher", "nats²"),
    "sampled": ("sampled Fisher", "nats²"),
    "exact": ("exact Fisher", "nats²"),
    "SI total": ("SI of the total loss", "nats"),
    "SI task": ("SI of the task loss", "nats"),
    "MAS": ("MAS", "squared logits"),
}
"""name and unit of each kind of importance"""
USUAL_LEARNING_RATE = 1e-3
"""not worth a word in a title"""


def kind_text(kind: str) -> str:
    """Name a kind of importance."""
    return KINDS.get(kind, (kind, ""))[0]


def importance_text(kind: str, connection: str, per: str) -> str:
    """Label an axis or a colour bar, in two lines."""
    name, unit = KINDS.get(kind, (kind, ""))
    matrix = connection.removesuffix("_reverse")
    reading = "" if matrix == connection else ", reading backwards"
    return f"mean {name} of W$_{{{matrix}}}${reading}\n({unit} per {per})"


def importance_label(values: xr.DataArray) -> str:
    """Label an axis by what was chosen of an array of importances."""
    single = {str(name): str(one.item()) for name, one in values.coords.items() if not one.ndim}
    kind, connection, per = (single.get(name, "") for name in ("kind", "connection", "per"))
    if kind and connection and per:
        return importance_text(kind, connection, "bit of the answer" if per == "bit" else per)
    of = f" of W$_{{{connection}}}$" if connection else ""
    return f"mean importance{of}" + (f"\n(nats² per {per})" if per and not kind else "")


NAMES = {
    "memory_load": "load (bits)",
    "retention": "retention (steps)",
    "lead": "lead (steps)",
    "pattern_length": "pattern length p (steps)",
    "input_length": "input length i (steps)",
    "trained_task": "after task",
    "approach": "method",
}
"""of coordinates on an axis"""
SHORT = {"pattern_length": "p", "input_length": "i", "memory_load": "load"}
"""names of coordinates before a value"""


def axis_text(coordinate: xr.DataArray) -> str:
    """Label an axis with a coordinate, with its unit where it has one."""
    name, unit = str(coordinate.name), str(coordinate.attrs.get("units", "1"))
    return NAMES.get(name, name.replace("_", " ") + ("" if unit in ("1", "") else f" ({unit})"))


def value_text(name: str, value: float | str) -> str:
    """Name one of the values of a coordinate; a text speaks for itself."""
    if isinstance(value, str):
        return value
    short = SHORT.get(name, name.replace("_", " "))
    return f"{short} = {value:g}"


def stage_text(stage: str) -> str:
    """Tell what networks have in common at a stage."""
    return "the end of training" if stage == "final" else f"validation loss {stage} nats a scored bit"


def count_text(n: xr.DataArray) -> str:
    """Tell the number of networks, or its range."""
    low, high = int(n.min()), int(n.max())
    return f"n = {low}" if low == high else f"n = {low} to {high}"


def censored_text(reached: xr.DataArray) -> str:
    """Tell how many networks missed the matched loss, if any did."""
    censored = int((reached == 0).sum())
    return f"; {censored} networks missed it and are left out" if censored else ""


def cell_text(cell: str) -> str:
    """Name networks by their cell."""
    return {"elman": "Elman networks", "lstm": "LSTMs", "gru": "GRUs"}[cell]


def network_text(results: xr.Dataset) -> str:
    """Tell which networks were measured."""
    configuration = json.loads(results.attrs["configuration"])
    cell = configuration["network"].get("cell", "elman")
    rate = configuration["training"]["learning_rate"]
    name = cell_text(cell)
    return name if rate == USUAL_LEARNING_RATE else f"{name}, learning rate {rate:g}"


def training_text(results: xr.Dataset) -> str:
    """Tell cell, initialisation and loss of the conditions."""
    names = (" and ".join(np.unique(results[name].values)) for name in ("initialisation", "reduction"))
    return "{}, {} initialisation, loss per {}".format(network_text(results), *names)


def task_text(condition: xr.Dataset) -> str:
    """Tell what sets a condition apart."""
    text = f"p = {int(condition.pattern_length)}, i = {int(condition.input_length)}, lead {int(condition.lead)}"
    bits = int(condition.independent_bits)
    extra = [f"{bits} independent bit{'s' if bits > 1 else ''} a step"]
    extra += [f"{condition.lead_input.item()} lead"] if condition.lead_input.item() != "blank" else []
    extra += [f"power per {condition.input_power.item()}"] if condition.input_power.item() != "step" else []
    extra += [f"{int(condition.visible_bits)} visible bits"] if int(condition.visible_bits) else []
    return ", ".join([text, *extra])


def variance_share(results: xr.Dataset) -> float:
    """Read which share of the variance the counted components hold."""
    return float(json.loads(results.attrs["configuration"])["measures"]["variance"])
