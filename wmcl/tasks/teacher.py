r"""Make tasks of student and teacher, whose targets come from a linear RNN with a memory of known dimension.

The teacher has n units, of which only an r-dimensional subspace remembers: with an orthonormal basis Q (n × r) and a
random orthogonal matrix A (r × r), W_hh = Q A Qᵀ is orthogonal on the subspace and zero elsewhere. White Gaussian
inputs are shown for p steps, then d blank ones, and then its outputs are the targets, during q steps of blank input.
What they depend on by then lies in the subspace: the map from the inputs to the outputs has the rank
min(r, inputs · p, outputs · q). That is the smallest dimension of a state that carries the targets (Ho and Kalman,
1966).

The paper's code has a teacher of its own (r_t = σ(A r_{t-1} + x_t), outputs at every step); its memory has no known
dimension, and choosing the rank of A there also changes the size of its entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Float64

from wmcl.likelihoods import Gaussian
from wmcl.networks import LinearRNN, Parameters
from wmcl.networks.initialisation import random_orthogonal
from wmcl.randomness import generator
from wmcl.tasks.layout import every_sample
from wmcl.tasks.memory_demand import MemoryDemand
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.task import Task, check_counts


@dataclass(frozen=True)
class Teacher:
    """A teacher is a linear network with the layout of its sequences.

    Raises:
        ValueError: if a field lies outside of its range, naming it.
    """

    memory: int
    """r, dimension of the subspace that remembers"""
    units: int = 64
    """n, units of the teacher"""
    channels: int = 4
    """number of inputs, and of outputs"""
    shown_steps: int = 16
    """p, steps of white Gaussian inputs"""
    delay: int = 2
    """d, blank steps between the last input and the first target"""
    scored_steps: int = 16
    """q, steps whose outputs are the targets"""
    seed: int = 0
    """seed of the teacher's weights"""

    def __post_init__(self) -> None:
        check_counts(
            memory=self.memory,
            units=self.units,
            channels=self.channels,
            shown_steps=self.shown_steps,
            scored_steps=self.scored_steps,
        )
        check_counts(0, delay=self.delay, seed=self.seed)
        most = min(self.units, self.channels * min(self.shown_steps, self.scored_steps))
        if self.memory > most:
            raise ValueError(
                f"memory is {self.memory}: it must be at most {most}, the least of units, channels x shown_steps and"
                " channels x scored_steps"
            )

    @property
    def network(self) -> LinearRNN:
        """Return the kind of network that the teacher is."""
        return LinearRNN(self.channels, self.units, self.channels)

    @property
    def steps(self) -> int:
        """Return T, the number of steps of a sequence."""
        return self.window.stop

    @property
    def window(self) -> slice:
        """Return the steps that are scored."""
        start = self.shown_steps + self.delay
        return slice(start, start + self.scored_steps)

    @property
    def memory_demand(self) -> MemoryDemand:
        """Return the working-memory demand.

        The load is the memory; it is held from the middle of the input to that of the output.
        """
        return MemoryDemand(
            load=self.memory,
            retention=self.delay + (self.shown_steps + self.scored_steps) / 2,
            lead=0,
            steps=self.steps,
            scored_bits=self.scored_steps * self.channels,
        )

    @cached_property
    def basis(self) -> Float64[np.ndarray, "unit dimension"]:
        """Return Q, an orthonormal basis of the subspace that remembers."""
        return random_orthogonal(generator(self.seed, "teacher subspace"), self.units)[:, : self.memory]

    @cached_property
    def parameters(self) -> Parameters:
        """Return the weights in float64, for one member.

        Outputs have unit variance on average over the scored steps.
        """
        rotation = random_orthogonal(generator(self.seed, "teacher rotation"), self.memory)
        recurrent = self.basis @ rotation @ self.basis.T
        shape = (self.units, self.channels)
        entering = generator(self.seed, "teacher inputs").standard_normal(shape) / self.units**0.5
        read = generator(self.seed, "teacher outputs").standard_normal(shape).T
        effects = [entering]  # of an input on the state, after 0, 1, ... steps
        for _ in range(self.steps):
            effects.append(recurrent @ effects[-1])
        ages = [t - s for t in range(self.window.start, self.steps) for s in range(self.shown_steps)]
        variance = sum(((read @ effects[age]) ** 2).sum(1) for age in ages) / self.scored_steps
        read = read / np.sqrt(variance)[:, None]
        values = {"W_ih": entering, "W_hh": recurrent, "W_out": read}
        zeros = {"b_ih": np.zeros(self.units), "b_hh": np.zeros(self.units), "b_out": np.zeros(self.channels)}
        return {name: torch.from_numpy(np.ascontiguousarray(value))[None] for name, value in (values | zeros).items()}

    def memory_of(
        self, inputs: Float[torch.Tensor, "member time sample feature"], step: int
    ) -> Float64[torch.Tensor, "member sample dimension"]:
        """Return the coordinates Qᵀ h of the teacher's state in its subspace after a step."""
        hidden = self.network.apply(self._for(len(inputs)), inputs[:, : step + 1].double()).hidden[:, step]
        return hidden @ torch.from_numpy(self.basis)

    def draw(self, generators: Sequence[np.random.Generator], samples: int) -> Sequences:
        """Draw sequences of white Gaussian inputs, with the teacher's outputs as targets: one member a generator."""
        shape = (samples, self.shown_steps, self.channels)
        shown = torch.from_numpy(np.stack([g.standard_normal(shape) for g in generators])).transpose(1, 2)
        inputs = torch.zeros(len(generators), self.steps, samples, self.channels, dtype=torch.float64)
        inputs[:, : self.shown_steps] = shown
        targets = torch.zeros_like(inputs)
        targets[:, self.window] = self.network.apply(self._for(len(generators)), inputs, self.window).logits
        phase = torch.full((self.steps,), int(Phase.input), dtype=torch.int8)
        phase[self.window] = Phase.output
        scored = (phase == Phase.output).float()
        return Sequences(
            inputs.float(), targets.float(), every_sample(scored, samples), every_sample(phase, samples), self.window
        )

    def _for(self, members: int) -> Parameters:
        """Return the weights of the teacher, repeated for each member."""
        return {name: value.expand(members, *value.shape[1:]) for name, value in self.parameters.items()}


def teacher_task(teacher: Teacher, validation_samples: int = 512, test_samples: int = 1000) -> Task:
    """Make the task of giving the outputs of a teacher.

    The likelihood of the targets is Gaussian with unit variance around the outputs of the student.

    Raises:
        ValueError: if a number is not whole or lies outside of its range.
    """
    check_counts(validation_samples=validation_samples, test_samples=test_samples)
    return Task(
        name=f"teacher {teacher}",
        inputs=teacher.channels,
        outputs=teacher.channels,
        likelihood=Gaussian(),
        draw=teacher.draw,
        memory_demand=teacher.memory_demand,
        validation_samples=validation_samples,
        test_samples=test_samples,
    )
