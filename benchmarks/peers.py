"""Time of the Fisher diagonal of an ``nn.LSTM``: of this package in two ways, of a loop, and of BackPACK.

    pip install --no-deps backpack-for-pytorch einops unfoldNd
    python benchmarks/peers.py

One CPU thread, one LSTM with a linear read-out, 256 units, Copy Task with p = i. Prints Markdown. BackPACK is installed
without its dependencies, since it asks for torchvision, which only its examples use; without it its column is empty.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec

import torch
import tyro
from timing import compare, machine, print_table
from torch import Tensor, nn

from wmcl import pytorch
from wmcl.importance import fisher_diagonal
from wmcl.importance.signals import FisherKind
from wmcl.networks import from_torch
from wmcl.tasks import copy_task

HIDDEN = 256
NAMES = {"W_ih": "0.weight_ih_l0", "W_hh": "0.weight_hh_l0", "W_out": "2.weight"}
"""weights of the network and of the module"""

COLUMNS = ("wmcl", "wmcl.pytorch", "loop", "BackPACK")
Ways = dict[str, Callable[[], Mapping[str, Tensor]]]


class First(nn.Module):
    """The output of a recurrent module, without its last state."""

    def forward(self, outputs: tuple[Tensor, Tensor]) -> Tensor:
        """Return the output."""
        return outputs[0]


def loss_of(outputs: Tensor, targets: Tensor, scored: Tensor) -> Tensor:
    """The negative log-likelihood of all scored bits."""
    nll = nn.functional.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
    return (nll * scored[..., None]).sum()


def loop(model: nn.Module, inputs: Tensor, targets: Tensor, scored: Tensor) -> dict[str, Tensor]:
    """One backward pass a sequence."""
    total = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    for n in range(len(inputs)):
        loss = loss_of(model(inputs[n : n + 1]), targets[n : n + 1], scored[n : n + 1])
        for name, gradient in zip(total, torch.autograd.grad(loss, list(model.parameters())), strict=True):
            total[name] += gradient.square()
    return {name: value / len(inputs) for name, value in total.items()}


def backpack_of(recurrent: nn.Module, head: nn.Module) -> Callable[[Tensor, Tensor, Tensor], dict[str, Tensor]]:
    """BackPACK's sum of squared gradients."""
    from backpack import backpack, extend
    from backpack.custom_module.reduce_tuple import ReduceTuple
    from backpack.extensions import SumGradSquared

    model = extend(nn.Sequential(recurrent, ReduceTuple(), head))

    def measure(inputs: Tensor, targets: Tensor, scored: Tensor) -> dict[str, Tensor]:
        total = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
        for first in range(0, len(inputs), 64):  # larger chunks were not faster
            part = slice(first, first + 64)
            model.zero_grad()
            with backpack(SumGradSquared()):
                loss_of(model(inputs[part]), targets[part], scored[part]).backward()
            for name, value in model.named_parameters():
                total[name] += value.sum_grad_squared
        return {name: value / len(inputs) for name, value in total.items()}

    return measure


def check_same(ways: Mapping[str, Mapping[str, Tensor]]) -> None:
    """All ways give the same Fisher diagonal."""
    for weight, name in NAMES.items():
        expected = ways["wmcl"][weight][0]
        for way, found in ways.items():
            if way != "wmcl":
                atol = 1e-6 * float(expected.max())
                torch.testing.assert_close(found[name].double(), expected, rtol=1e-3, atol=atol, msg=f"{way}: {name}")


def measure(length: int, kind: FisherKind, samples: int, repeats: int) -> list[object]:
    """A row of the table."""
    task = copy_task(length)
    torch.manual_seed(0)
    recurrent, head = nn.LSTM(task.inputs, HIDDEN, batch_first=True), nn.Linear(HIDDEN, task.outputs)
    network, parameters = from_torch(recurrent, head)
    data = task.fixed_set("fisher", samples)
    model = nn.Sequential(recurrent, First(), head)
    inputs, targets = (each[0].transpose(0, 1).contiguous() for each in (data.inputs, data.targets))
    scored = data.scored[0].T.contiguous()
    batch = (inputs, targets, scored > 0)
    ways: Ways = {
        "wmcl": partial(fisher_diagonal, network, parameters, data, task, kind),
        "wmcl.pytorch": partial(pytorch.fisher_diagonal, model, batch, "bernoulli", kind, progress=False),
    }
    if kind == "empirical":
        ways["loop"] = partial(loop, model, inputs, targets, scored)
        if find_spec("backpack") is not None:
            ways["BackPACK"] = partial(backpack_of(recurrent, head), inputs, targets, scored)
    check_same({name: way() for name, way in ways.items()})
    times = compare(ways, repeats, warm_up=1)
    ours, row = times["wmcl.pytorch"].median, list[object]([data.steps, kind])
    row += [times[name].median / samples if name in times else "–" for name in COLUMNS]
    row.append(ours / times["wmcl"].median)
    return row + [times[name].median / ours if name in times else "–" for name in ("loop", "BackPACK")]


def main(samples: int = 256, repeats: int = 5) -> None:
    """Print the table.

    Args:
        samples: sequences.
        repeats: of every measurement; medians are shown.
    """
    torch.set_num_threads(1)
    rows = [measure(length, "empirical", samples, repeats) for length in (5, 20)]
    rows.append(measure(5, "exact", samples, repeats))
    header = ["steps", "kind", *(f"{name} ms / sequence" for name in COLUMNS)]
    print(
        f"## Fisher diagonal of an nn.LSTM\n\n{machine()}. {HIDDEN} units, {samples} sequences; median of {repeats}.\n"
    )
    print_table([*header, "wmcl.pytorch over wmcl", "loop over wmcl.pytorch", "BackPACK over wmcl.pytorch"], rows)


if __name__ == "__main__":
    tyro.cli(main)
