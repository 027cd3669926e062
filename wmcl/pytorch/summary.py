"""Summarise an importance by parameter."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from torch import Tensor, nn

from wmcl.check_data import check_tensors
from wmcl.importance.summary import QUANTILES
from wmcl.labels import label


def summarise(importance: Mapping[str, Tensor], model: nn.Module) -> xr.Dataset:
    r"""Describe size, spread and distribution of an importance F over the n values w of each parameter of a module.

    Args:
        importance: by the name of the parameter, of one module.
        model: that it was measured of, for F w².

    Returns:
        Variables with the dimension ``parameter``: ``mean``, ``median``, ``trace`` (ΣF), ``scaled`` (mean F w²),
        ``effective_fraction`` ((ΣF)² / (n ΣF²): 1 if all values matter alike, 1/n if one does), ``share`` of the sum of
        all traces, ``size`` n; and ``distribution`` (parameter, probability), quantiles of F.

    Raises:
        ValueError: if there is no importance, or of a parameter that the model does not have.
    """
    check_tensors(importance, "importance")
    parameters = dict(model.named_parameters())
    rows = []
    for name, values in importance.items():
        if name not in parameters or parameters[name].shape != values.shape:
            found = tuple(parameters[name].shape) if name in parameters else "missing"
            raise ValueError(f"{name} of the model is {found}: it must be of shape {tuple(values.shape)}")
        f, w = values.detach().double().flatten().cpu(), parameters[name].detach().double().flatten().cpu()
        trace, squares = float(f.sum()), float(f.square().sum())
        quantiles = np.quantile(f.numpy(), QUANTILES)
        rows.append(
            {
                "mean": float(f.mean()),
                "median": float(quantiles[QUANTILES.index(0.5)]),
                "trace": trace,
                "scaled": float((f * w.square()).mean()),
                "effective_fraction": trace**2 / (len(f) * squares) if squares else np.nan,
                "size": len(f),
                "distribution": quantiles,
            }
        )
    total = sum(row["trace"] for row in rows)
    names = ("mean", "median", "trace", "scaled", "effective_fraction", "size")
    variables = {name: ("parameter", np.array([row[name] for row in rows])) for name in names}
    variables["share"] = "parameter", np.array([row["trace"] / total if total else np.nan for row in rows])
    distribution = ("parameter", "probability"), np.stack([row["distribution"] for row in rows])
    summary = xr.Dataset(
        variables | {"distribution": distribution},
        coords={"parameter": list(importance), "probability": list(QUANTILES)},
    )
    return label(
        summary,
        mean=("mean importance", "as the importance"),
        median=("median importance", "as the importance"),
        trace=("sum of the importance", "as the importance"),
        scaled=("mean importance times squared value", "as the importance, times the squared unit of a value"),
        size=("number of values", "1"),
        parameter=("name of the parameter", "1"),
    )
