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


def network_text(results: xr.Dataset) -> str:
    """Tell which networks were measured."""
    configuration = json.loads(results.attrs["configuration"])
    cell = configuration["network"].get("cell", "elman")
    rate = configuration["training"]["learning_rate"]
    name = {"elman": "Elman networks", "lstm": "LSTMs", "gru": "GRUs"}[cell]
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
