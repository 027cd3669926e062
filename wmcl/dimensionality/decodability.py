r"""Measure what working memory holds: how well the bits of the pattern can be read from each hidden state.

At each step a linear decoder of its own is fitted for each bit to the states of training sequences, by ridge
regression onto targets s = ±1,

    w = (Xᵀ X + λ I)⁻¹ Xᵀ s,   λ = ridge · tr(XᵀX) / units,

where X is centred and the mean of s is added to the prediction, which is an intercept without penalty. A bit is
decoded as 1 where the prediction is not negative. With the error rate e on other sequences, the mutual information
of a fair bit and its decoded value is at least

    1 - H(e),   H(e) = -e log2 e - (1 - e) log2(1 - e)   bits   (Fano's inequality),

which is set to 0 where the accuracy is at most one half. Nothing is subtracted for chance: where nothing is held, n
test sequences yield 1 / (4 n ln 2) ≈ 0.36 / n bits for each bit of the pattern on average. Nonlinear codes are missed,
and how strongly a bit is expressed does not matter. The sum over bits is what the state holds, at least, of a
pattern of independent fair bits.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from wmcl.check_arguments import checked
from wmcl.check_data import check_floats, check_is_sequences
from wmcl.tasks import Sequences


@dataclass(frozen=True)
class Decodability:
    """Hold results on the test sequences."""

    accuracy: Float64[Tensor, "member time bit"]
    """fraction of sequences whose bit is decoded rightly; 0.5 is chance"""
    information: Float64[Tensor, "member time bit"]
    """information 1 - H(1 - accuracy) in bits, 0 where the accuracy is at most 0.5"""

    @property
    def bits_held(self) -> Float64[Tensor, "member time"]:
        """Sum the bits that the state of each step holds over the pattern."""
        return self.information.sum(-1)


def pattern_bits(data: Sequences) -> Float[Tensor, "sample bit"]:
    """Take the targets of the scored window, step by step: bit = step · width + channel.

    Raises:
        ValueError: if the members have sequences of their own, or if sequences are scored at different steps or padded:
            a decoder of a step needs the state of every sequence at the same point of its course.
    """
    check_is_sequences(data)
    if data.targets.shape[0] != 1:
        raise ValueError(f"data has {data.targets.shape[0]} members: they must share their sequences (1)")
    lengths = data.lengths
    if bool((lengths != data.steps).any()) or bool((data.scored != data.scored[:, :, :1]).any()):
        raise ValueError(
            f"data has lengths from {int(lengths.min())} to {int(lengths.max())}: what a state holds is read step"
            " by step, so all must be of the same length and scored at the same steps"
        )
    return data.targets[0, data.window].transpose(0, 1).flatten(1)


@checked
def decodability(
    train_hidden: Float[Tensor, "member time train unit"],
    train_bits: Float[Tensor, "train bit"],
    test_hidden: Float[Tensor, "member time test unit"],
    test_bits: Float[Tensor, "test bit"],
    ridge: float = 1e-3,
) -> Decodability:
    """Fit a decoder for each step and bit on one set of sequences and measure it on another, in float64.

    Args:
        train_hidden: states to fit; more sequences than units are advisable.
        train_bits: zeros and ones, of the same sequences.
        test_hidden: states of other sequences.
        test_bits: zeros and ones, of these.
        ridge: penalty, as a fraction of the mean variance of the units at the step.

    Raises:
        ValueError: if states are not finite, if the ridge is not positive, if bits are not 0 or 1 or
            never differ within a set, or if shapes do not fit.
    """
    if not ridge > 0:
        raise ValueError(f"ridge is {ridge}: it must be positive")
    for name, hidden in (("train_hidden", train_hidden), ("test_hidden", test_hidden)):
        check_floats(hidden, name, "member time sample unit")
    for name, bits in (("train_bits", train_bits), ("test_bits", test_bits)):
        check_floats(bits, name, "sample bit")
        if not bool(((bits == 0) | (bits == 1)).all()):
            raise ValueError(f"{name} holds values other than 0 and 1: {bits.unique().tolist()[:5]}")
        if bool((bits == bits[:1]).all(0).any()):
            constant = (bits == bits[:1]).all(0).nonzero()[:, 0].tolist()
            raise ValueError(
                f"{name} has bits that are the same in all sequences, {constant}: each must take both values"
            )
    fits = (
        train_hidden.shape[:2] == test_hidden.shape[:2]
        and train_hidden.shape[2:] == (len(train_bits), test_hidden.shape[3])
        and (test_hidden.shape[2], train_bits.shape[1]) == tuple(test_bits.shape)
    )
    if not fits:
        shapes = [tuple(x.shape) for x in (train_hidden, train_bits, test_hidden, test_bits)]
        raise ValueError(f"train and test have the shapes {shapes}: members, steps, units, samples and bits must agree")
    signs = 2 * train_bits.double() - 1
    wanted = test_bits > 0.5
    steps = range(train_hidden.shape[1])
    accuracy = torch.stack(
        [
            ((_predict(train_hidden[:, t], signs, test_hidden[:, t], ridge) >= 0) == wanted).double().mean(1)
            for t in steps
        ],
        1,
    )
    return Decodability(accuracy, information(accuracy))


def information(accuracy: Float64[Tensor, "*batch"]) -> Float64[Tensor, "*batch"]:
    """Compute 1 - H(1 - accuracy) in bits; 0 where the accuracy is at most 0.5."""
    nats = torch.special.entr(accuracy) + torch.special.entr(1 - accuracy)
    return torch.where(accuracy > 0.5, 1 - nats / torch.log(accuracy.new_tensor(2.0)), 0.0)


def _predict(
    train: Float[Tensor, "member train unit"],
    signs: Float64[Tensor, "train bit"],
    test: Float[Tensor, "member test unit"],
    ridge: float,
) -> Float64[Tensor, "member test bit"]:
    """Predict all bits from the states of one step by ridge regression."""
    mean, intercept = train.mean(1, keepdim=True, dtype=torch.float64), signs.mean(0)
    centred = train.double() - mean
    gram = centred.mT @ centred
    diagonal = gram.diagonal(dim1=1, dim2=2)
    penalty = ridge * diagonal.mean(1, keepdim=True)
    diagonal += torch.where(penalty > 0, penalty, 1.0)
    weights = torch.cholesky_solve(centred.mT @ signs, torch.linalg.cholesky(gram))
    return (test.double() - mean) @ weights + intercept
