"""Measure several importances of the same sequences together: one forward pass serves them all."""

from collections.abc import Sequence

from jaxtyping import Float64
from torch import Tensor

from wmcl.autograd import with_autograd
from wmcl.importance.informative import Moments, informative_draws, moments, warn_of_few
from wmcl.importance.per_sample import Sum
from wmcl.importance.signals import GradientKind, chunks, passes, passes_of, seeds_of
from wmcl.likelihoods import Likelihood
from wmcl.networks import Network, Parameters
from wmcl.randomness import Seeds
from wmcl.tasks import Sequences


class FisherDiagonal(dict[str, Tensor]):
    """A FisherDiagonal holds a number for every value of every parameter, by the name of the parameter."""

    informative_draws: Float64[Tensor, "member"] | None = None
    """effective number of the draws of a sampled Fisher that say anything (:mod:`wmcl.importance.informative`); NaN if
    a likelihood of one's own does not tell, ``None`` for the other kinds"""


@with_autograd
def importances(
    network: Network,
    parameters: Parameters,
    data: Sequences,
    likelihood: Likelihood,
    kinds: Sequence[GradientKind],
    seeds: Seeds | None = None,
    draws: int = 1,
    chunk: int = 128,
) -> dict[str, FisherDiagonal]:
    """Measure importances by the kinds that :func:`~wmcl.importance.fisher_diagonal` names, and ``MAS``.

    The arguments are those of that function, and have been checked.
    """
    drawn = seeds_of(seeds, len(parameters["b_out"])) if "sampled" in kinds else ()
    sums = {kind: Sum(parameters, 1 if kind == "MAS" else 2) for kind in kinds}
    told = list[Moments]()
    for part in chunks(network, parameters, data, chunk):
        for kind, total in sums.items():
            for each in passes_of(part, kind, likelihood, drawn, draws):
                total.add(each)
        if "sampled" in sums:
            told.append(moments(likelihood, part.forward.activations.logits.detach(), part.weights))
    found: dict[str, FisherDiagonal] = {
        kind: FisherDiagonal({n: v / passes(kind, data.samples, draws) for n, v in total.values.items()})
        for kind, total in sums.items()
    }
    if "sampled" in found:
        number = informative_draws(told, draws)
        found["sampled"].informative_draws = number
        warn_of_few(number, data.samples * draws, stacklevel=5)
    return found
