r"""One entry of the second part: networks that learn one task and then another, with what may predict forgetting.

Overlaps are those in the network after the first task, before anything of the second is learned:

- of hidden states, the alignment index of Elsayed et al. (Nature Communications 7, 2016)

  .. math:: \sum_{j \le k} a_j^T C_t a_j \Big/ \sum_{j \le k} λ_j(C_t)

  with the first k principal directions a_j of the states in the first task, and the covariance C_t of the states in the
  second and its eigenvalues λ_j: the variance of the second task in directions of the first, over the most that any k
  directions hold. It is 1 if both tasks fill the same directions.
- of the sampled Fishers of both tasks, :func:`wmcl.importance.overlap`, over all values but the heads. That of the
  second task is still untrained.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from wmcl.dimensionality import alignment, hidden_states, states
from wmcl.identity import Described
from wmcl.importance import fisher_diagonal, overlap
from wmcl.importance.overlap import shared_values
from wmcl.methods import TrainedSession, named, train_sequence
from wmcl.networks import Parameters
from wmcl.provenance import describe_device
from wmcl.studies.conditions import ConditionOptions, InTurn, Recurrent
from wmcl.studies.training import TrainingLoop
from wmcl.sweeps import CHECKPOINT_EVERY, checkpoint
from wmcl.tasks import DataTask, Phase
from wmcl.training import Stop, evaluate
from wmcl.training.evaluation import Evaluation

PHASES: Mapping[str, Phase | None] = {"last_step": Phase.output, "all_steps": None}


def pairs_of(tasks: Sequence[DataTask]) -> list[dict[str, int]]:
    """All ordered pairs of tasks, as numbers from 1."""
    numbers = range(1, len(tasks) + 1)
    return [{"first": s, "second": t} for s in numbers for t in numbers if s != t]


def measure_pair(
    pair: Mapping[str, Any],
    seeds: Sequence[int],
    data: ConditionOptions,
    content: Described,
    network: Recurrent,
    training: TrainingLoop,
    in_turn: InTurn,
    device: str,
) -> xr.Dataset:
    """Learn both tasks by fine-tuning, with a head each, and measure before and after the second.

    Args:
        pair: numbers of the first and the second task.
        seeds: of the networks.
        data: options of the conditions, with the tasks that are learned in turn.
        content: what their sequences are, so that other data make other entries.
        network: its options.
        training: how to train.
        in_turn: how long, and what is measured.
        device: of the tensors.
    """
    tasks = data.sequence()
    both = [tasks[pair["first"] - 1], tasks[pair["second"] - 1]]
    run = train_sequence(
        named("fine-tuning"),
        network.build(both[0], heads=2),
        both,
        seeds,
        Stop(in_turn.turn_iterations),
        training.options,
        device=device,
        progress=False,
        checkpoint=checkpoint(),
        checkpoint_every=CHECKPOINT_EVERY,
    )
    first = next(run)
    before = _evaluations(first)
    overlaps = _overlaps(first, in_turn)
    if both[0].draw.test.at_every_step:  # all steps are scored, and there is no last one
        overlaps["overlap_states_last_step"] = torch.full_like(overlaps["overlap_states_last_step"], float("nan"))
    last = next(run)
    after = _evaluations(last)
    found = overlaps | {
        "forgetting_loss": after[0].loss - before[0].loss,
        "forgetting_accuracy": before[0].accuracy - after[0].accuracy,
        "first_loss": before[0].loss,
        "first_accuracy": before[0].accuracy,
        "second_accuracy": after[1].accuracy,
        "moved": distance_moved(first.values, last.values),
    }
    return xr.Dataset(
        {name: ("seed", value.double().cpu().numpy()) for name, value in found.items()}, {"seed": list(seeds)}
    ).assign_attrs(device=describe_device(device))


def _evaluations(after: TrainedSession) -> list[Evaluation]:
    """Of both tasks on their test sets."""
    learner, found = after.learner, []
    for number, task in enumerate(learner.tasks):
        test = task.test.to(learner.device)
        found.append(evaluate(learner.network_of(number), learner.weights(after.values, number), test, task))
    return found


def _overlaps(after: TrainedSession, in_turn: InTurn) -> dict[str, Float[Tensor, "member"]]:
    """Of states and Fishers of both tasks, in the network after the first."""
    learner = after.learner
    hidden, fishers = [], []
    for number, task in enumerate(learner.tasks):
        network, weights = learner.network_of(number), learner.weights(after.values, number)
        probe = task.fixed_set("states", in_turn.state_samples).to(learner.device)
        hidden.append((hidden_states(network, weights, probe), probe))
        few = task.fixed_set("fisher", in_turn.fisher_samples).to(learner.device)
        fishers.append(shared_values(fisher_diagonal(network, weights, few, task, "sampled", learner.seeds)))
    found = {}
    for name, phase in PHASES.items():
        first, second = (states(h, probe, phase) for h, probe in hidden)
        found[f"overlap_states_{name}"] = alignment(first, second, in_turn.shared_components)
    return found | {"overlap_fisher": overlap(*fishers)}


def distance_moved(before: Parameters, after: Parameters) -> Float[Tensor, "member"]:
    """‖θ' - θ‖ / ‖θ‖ over all values that both tasks use."""
    first, last = shared_values(before), shared_values(after)
    return (last - first).norm(dim=1) / first.norm(dim=1)
