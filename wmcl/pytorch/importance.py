r"""Importances of the parameters of any module, exact for each sample.

Where PyTorch's own functions use a parameter, the gradients of all samples come from one backward pass (*fast*); for
any other use, from one backward pass a sample (*slow*). Which way each parameter went is in the result, and nothing is
believed: before a parameter goes the fast way, its gradients are compared with those of autograd.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import CheckpointError
from tqdm import tqdm

from wmcl.autograd import autograd_on
from wmcl.check_data import describe
from wmcl.importance.informative import Moments, informative_draws, moments, warn_of_few
from wmcl.importance.per_sample import Power
from wmcl.importance.signals import FisherKind
from wmcl.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood, likelihood_of
from wmcl.pytorch.batches import Answers, Batch, answers, batches
from wmcl.pytorch.check import agrees_alone, check_model
from wmcl.pytorch.gradients import Rows, new_buffers, sum_of_powers
from wmcl.pytorch.layout import TOLERANCES, Layout, find_layout, weights_of
from wmcl.pytorch.watch import Use, Watch
from wmcl.randomness import uniforms
from wmcl.tasks.task import check_counts

Way = Literal["fast", "slow"]
CHECKPOINTED = (
    "model computes activations again in the backward pass (torch.utils.checkpoint): switch that off before measuring"
)
FEW = 3
"""samples that prove the layout of all batches of which each sample has as many rows"""
LIKELIHOODS: dict[str, Likelihood] = {
    "bernoulli": Bernoulli(),
    "categorical": Categorical(),
    "gaussian": Gaussian(),
}
Cotangents = Callable[[Float[Tensor, "time sample output"], slice], Iterator[Float[Tensor, "time sample output"]]]
"""gradients of what is differentiated with respect to the outputs of some samples, one backward pass each"""


@dataclass(frozen=True)
class Importance(Mapping[str, Tensor]):
    """An Importance holds a non-negative number for each value of each parameter, under the parameter's name."""

    values_by_name: Mapping[str, Tensor]
    """float64 tensors of the shapes of the parameters"""
    way: Mapping[str, Way]
    """``fast`` for the parameters whose gradients came from one backward pass for all samples, ``slow`` for those that
    needed one a sample; both are exact"""
    samples: int
    """number of samples that the importance is a mean over"""
    informative_draws: float | None = None
    """effective number of the draws of a sampled Fisher that say anything (:mod:`wmcl.importance.informative`); NaN if
    a likelihood of one's own does not tell, ``None`` for other importances"""

    def __getitem__(self, name: str) -> Tensor:
        return self.values_by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)

    def __repr__(self) -> str:
        lines = [f"  {name}: {tuple(self[name].shape)}, {self.way[name]}" for name in self]
        return "\n".join([f"Importance over {self.samples} samples", *lines])


def fisher_diagonal(
    model: nn.Module,
    data: Any,
    likelihood: Any,
    kind: FisherKind = "exact",
    *,
    batch_first: bool = True,
    draws: int = 1,
    seed: int = 0,
    chunk: int = 128,
    progress: bool = True,
) -> Importance:
    r"""Measure the Fisher diagonal of every parameter of a module: the mean over samples of squared gradients.

    .. math:: F_θ = \frac{1}{N} \sum_{n=1}^{N} E_{y} \left( \frac{∂}{∂θ} \log p(y | x_n, θ) \right)^2

    A sample is a whole sequence: gradients are summed over its scored steps before they are squared.

    Args:
        model: returns logits of the axes (sample, output), or (sample, time, output).
        data: a ``DataLoader``, a ``Dataset``, an iterable of batches, or one batch. A batch is ``(inputs, targets)``,
            with lengths (whole numbers, one a sample) or a mask of scored steps (booleans) after them, or a dict with
            ``inputs``, ``targets``, ``lengths`` and ``mask``; inputs may be a ``PackedSequence``. Lengths are handed to
            a model whose ``forward`` has an argument of that name.
        likelihood: ``"categorical"`` (targets are class numbers, -100 where nothing is scored), ``"bernoulli"``,
            ``"gaussian"`` (of standard deviation 1), or one of :mod:`wmcl.likelihoods`. For the empirical kind, it may
            be a function of outputs and targets that returns a loss for each sample.
        kind: ``empirical`` takes the targets of the data, ``sampled`` draws them from the model, ``exact`` takes the
            expectation over all targets.
        batch_first: whether the sample is the first axis of sequences; else time is.
        draws: targets for each sample, of the sampled kind.
        seed: of these draws.
        chunk: samples in memory at a time; the result does not depend on it beyond rounding.
        progress: whether to show a progress bar.

    Returns:
        Tensors by the name that ``model.named_parameters()`` gives, without those that are frozen. Parameters that no
        output depends on have zeros.

    Warns:
        UserWarning: if a sampled Fisher rests on fewer than 10 informative draws.

    Raises:
        ValueError: if an argument does not fit, or if samples influence each other in the model.
    """
    check_counts(draws=draws, chunk=chunk)
    check_counts(0, seed=seed)
    own = own_likelihood(likelihood, kind)
    told = list[Moments]()

    def gradients(batch: Batch, outputs: Tensor, first: int) -> Cotangents:
        if not isinstance(own, LIKELIHOOD_KINDS) and callable(own) and not hasattr(own, "nll"):
            return _of_function(own, batch, outputs)
        found = answers(batch, outputs, own, reads_targets=kind == "empirical")
        if kind == "exact":
            return _exact(own, found)
        if kind == "empirical":
            return _at_targets(own, found, [found.targets])
        logits = batch.by_time(outputs)
        told.append(moments(own, logits.detach()[None], found.scored[None, : len(logits), :, None]))
        return _at_targets(own, found, _draw(own, logits, seed, first, draws))

    result = _mean(model, data, gradients, 2, draws if kind == "sampled" else 1, batch_first, chunk, progress)
    if kind != "sampled":
        return result
    number = informative_draws(told, draws)
    warn_of_few(number, result.samples * draws, stacklevel=2)
    return replace(result, informative_draws=float(number))


def memory_aware_synapses(
    model: nn.Module,
    data: Any,
    *,
    batch_first: bool = True,
    chunk: int = 128,
    progress: bool = True,
) -> Importance:
    """Measure Memory Aware Synapses (:mod:`wmcl.importance.memory_aware_synapses`) of every parameter of a module.

    It is the mean over samples of the absolute gradient of the squared length of the outputs at the scored steps.
    Targets play no part, but where they are class numbers, -100 stands for steps that are not scored; a batch may be a
    tensor of inputs alone. The arguments are those of :func:`fisher_diagonal`.

    Raises:
        ValueError: as there.
    """
    check_counts(chunk=chunk)

    def gradients(batch: Batch, outputs: Tensor, first: int) -> Cotangents:
        by_class = batch.targets is not None and not batch.targets.is_floating_point()
        fits = by_class and batch.targets.shape == outputs.shape[:-1]
        like = batch if fits else _without_targets(batch)
        scored = answers(like, outputs, Categorical(), reads_targets=False).scored

        def of(logits: Tensor, chosen: slice) -> Iterator[Tensor]:
            yield 2 * logits.detach() * scored[: len(logits), chosen, None]

        return of

    return _mean(model, data, gradients, 1, 1, batch_first, chunk, progress)


def _without_targets(batch: Batch) -> Batch:
    return Batch(batch.inputs, None, batch.lengths, batch.mask, batch.batch_first, batch.is_packed)


LIKELIHOOD_KINDS = (Bernoulli, Categorical, Gaussian)


def own_likelihood(likelihood: Any, kind: str) -> Any:
    """Return a likelihood by its name, or as it is; a function only for the empirical kind.

    Raises:
        ValueError: if it is none, or the kind is unknown.
    """
    if kind not in get_args(FisherKind):
        found = repr(kind) if isinstance(kind, str) else describe(kind)
        raise ValueError(f"kind is {found}: it must be one of {', '.join(get_args(FisherKind))}")
    if isinstance(likelihood, str):
        if likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood is {likelihood!r}: it must be one of {', '.join(LIKELIHOODS)}, or a function")
        return LIKELIHOODS[likelihood]
    if isinstance(likelihood, nn.modules.loss._Loss) and likelihood.reduction != "none":
        raise ValueError(
            f"likelihood is {type(likelihood).__name__}(), which gives one number for all samples: it must be one of"
            f" {', '.join(LIKELIHOODS)}, or a function that returns a loss for each sample"
        )
    is_function = callable(likelihood) and not isinstance(likelihood, type) and not hasattr(likelihood, "nll")
    if is_function and kind != "empirical":
        raise ValueError(
            f"likelihood is a function, but kind is {kind!r}: a function knows the targets of the data alone, so kind"
            f" must be 'empirical'; the other kinds need one of {', '.join(LIKELIHOODS)}"
        )
    return likelihood if is_function else likelihood_of(likelihood)


def _at_targets(likelihood: Likelihood, found: Answers, targets: list[Tensor]) -> Cotangents:
    def of(logits: Tensor, chosen: slice) -> Iterator[Tensor]:
        leaf = logits.detach().requires_grad_()
        for each in targets:
            time = len(logits)
            nll = likelihood.nll(leaf[None], each[None, :time, chosen]) * found.scored[None, :time, chosen, None]
            yield torch.autograd.grad(nll.sum(), leaf)[0]

    return of


def _exact(likelihood: Likelihood, found: Answers) -> Cotangents:
    def of(logits: Tensor, chosen: slice) -> Iterator[Tensor]:
        weights = found.scored[: len(logits), chosen]
        factor = likelihood.fisher_factor(logits.detach()[None])[0] * weights[..., None, None]
        for step in weights.any(1).nonzero()[:, 0].tolist():
            for column in factor[step].unbind(-1):
                cotangent = torch.zeros_like(logits)
                cotangent[step] = column
                yield cotangent

    return of


def _draw(likelihood: Likelihood, logits: Tensor, seed: int, first: int, draws: int) -> list[Tensor]:
    """Draw targets from the model, addressed by the seed, the number of the draw and the place of the sample."""
    time, samples, outputs = logits.shape
    drawn = []
    for draw in range(draws):
        purpose = f"fisher targets {draw}" if draw else "fisher targets"
        table = torch.from_numpy(uniforms(seed, purpose, first, samples, time * outputs))
        uniform = table.view(samples, time, outputs).transpose(0, 1).to(logits)
        drawn.append(likelihood.sample(logits.detach()[None], uniform[None])[0])
    return drawn


def _of_function(function: Callable[[Tensor, Any], Tensor], batch: Batch, outputs: Tensor) -> Cotangents:
    leaf = outputs.detach().requires_grad_()
    losses = function(leaf, batch.targets)
    if not isinstance(losses, Tensor) or losses.shape != (batch.samples,):
        raise ValueError(
            f"likelihood returns losses {describe(losses)}: it must return a tensor with one for each of the"
            f" {batch.samples} samples, such as a cross-entropy with reduction='none', summed over steps"
        )
    if not losses.requires_grad:
        raise ValueError("likelihood returns losses without a gradient: it must be differentiable in the outputs")
    if batch.batch_first and batch.samples > 1:
        alone = function(outputs[:1].detach(), None if batch.targets is None else batch.targets[:1]).detach()
        if not bool(torch.isclose(alone[0], losses[0].detach(), rtol=1e-3, atol=1e-6)):
            raise ValueError("likelihood gives a sample another loss alone than in a batch: it must treat each alone")
    whole = batch.by_time(torch.autograd.grad(losses.sum(), leaf)[0])

    def of(logits: Tensor, chosen: slice) -> Iterator[Tensor]:
        yield whole[: len(logits), chosen]

    return of


def _mean(
    model: nn.Module,
    data: Any,
    gradients: Callable[[Batch, Tensor, int], Cotangents],
    power: Power,
    number: int,
    batch_first: bool,
    chunk: int,
    progress: bool,
) -> Importance:
    with _prepared(model) as (inner, parameters):
        like = next(iter(parameters.values()))
        total = {name: torch.zeros(p.shape, dtype=torch.float64, device=p.device) for name, p in parameters.items()}
        ways = Ways(inner, parameters, power, total)
        samples = 0
        with tqdm(desc="importance", unit="sample", disable=not progress) as bar:
            for batch in batches(data, batch_first, chunk, like):

                def of(outputs: Tensor, batch: Batch = batch, first: int = samples) -> Cotangents:
                    return gradients(batch, outputs, first)

                try:
                    ways.add(batch, of, bar)
                except CheckpointError as error:
                    raise ValueError(CHECKPOINTED) from error
                samples += batch.samples
    if not samples:
        raise ValueError("data is empty: an importance needs at least one sample")
    values = {name: value / (samples * number) for name, value in total.items()}
    return Importance(values, {name: "slow" if name in ways.slow else "fast" for name in values}, samples)


@contextmanager
def _prepared(model: nn.Module) -> Iterator[tuple[nn.Module, dict[str, nn.Parameter]]]:
    """Give the module that computes, and its parameters under the names that the user knows."""
    inner, parameters = check_model(model)
    buffers = {name: (buffer, buffer._version, buffer.clone()) for name, buffer in inner.named_buffers()}
    owners = {name: (inner.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2]) for name in buffers}
    with ExitStack() as stack:
        stack.enter_context(autograd_on())
        stack.enter_context(torch.backends.cudnn.flags(enabled=False))  # which cannot go backward in eval mode
        stack.enter_context(torch.compiler.set_stance("force_eager"))
        for device in {value.device.type for value in parameters.values()}:
            stack.enter_context(torch.autocast(device, enabled=False))  # importances have the precision of the model
        attention = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # its fused kernels have no gradient
        stack.callback(torch.backends.mha.set_fastpath_enabled, attention)
        error = None
        try:
            yield inner, parameters
        except ValueError as raised:
            error = raised
        finally:
            changed = [
                name
                for name, (buffer, version, _) in buffers.items()
                if buffer._version != version or getattr(*owners[name]) is not buffer
            ]
            for name in changed:
                with torch.no_grad():
                    buffers[name][0].copy_(buffers[name][2])
                setattr(*owners[name], buffers[name][0])
        if changed:
            raise ValueError(
                f"model changes its buffer {changed[0]} in the forward pass: what it answers depends on what it has"
                " seen before; call model.eval()"
            ) from error
        if error is not None:
            raise error


class Ways:
    """The two ways to the per-sample gradients of a model, and who goes which."""

    def __init__(
        self, model: nn.Module, parameters: Mapping[str, nn.Parameter], power: Power, total: dict[str, Tensor]
    ) -> None:
        self.model, self.parameters, self.power, self.total = model, parameters, power, total
        self.slow = set[str]()
        self.known = dict[Any, list[int | None]]()
        self.buffers = new_buffers(parameters.values())
        self.seen = 0
        self.is_opaque = any(isinstance(module, torch.jit.ScriptModule) for module in model.modules())

    def add(self, batch: Batch, gradients: Callable[[Tensor], Cotangents], bar: Any) -> None:
        """Add the powers of the gradients of a batch."""
        layouts, watch, outputs = self._forward(batch)
        logits = batch.by_time(outputs)
        cotangents = gradients(outputs.detach())
        fast = [name for name in self.parameters if name not in self.slow]
        if fast:
            for cotangent in cotangents(logits, slice(None)):
                self._add_fast(watch, layouts, logits, cotangent)
        if not self.slow:
            bar.update(batch.samples)
            return
        del watch
        slow = {name: self.parameters[name] for name in self.parameters if name in self.slow}
        for n in range(batch.samples):
            one = slice(n, n + 1)
            alone = batch.inputs_of(one)
            own = alone.by_time(alone.answer(self.model))
            for cotangent in cotangents(own, one):
                found = torch.autograd.grad(own, list(slow.values()), cotangent, retain_graph=True, allow_unused=True)
                for name, gradient in zip(slow, found, strict=True):
                    if gradient is not None:
                        self.total[name] += gradient.to_dense().double().abs().pow(self.power)
            bar.update(1)

    def _forward(self, batch: Batch) -> tuple[list[Layout | None], Watch, Tensor]:
        """Run the model on a batch, with the layout of each tap; what has no proof of being exact goes the slow way."""
        watch = Watch({name: p for name, p in self.parameters.items() if name not in self.slow})
        with watch:
            outputs = batch.answer(self.model)
        batch.by_time(outputs)  # which refuses outputs of a wrong shape
        if not outputs.requires_grad:
            raise ValueError("model returns outputs on which no parameter has a differentiable influence")
        before = set(self.slow)
        self.slow |= _reachable(outputs, watch.parameters)  # by a use that is not known
        if self.slow == before:
            layouts = self._layouts(batch, outputs, watch)
        return (layouts, watch, outputs) if self.slow == before else self._forward(batch)

    def _layouts(self, batch: Batch, outputs: Tensor, watch: Watch) -> list[Layout | None]:
        """Find where the rows of each sample are.

        Where shapes alone can say so, a few samples prove it for all, and one of the batch, run alone, confirms it.
        Else the whole batch is the proof.
        """
        number, self.seen = self.seen % batch.samples, self.seen + 1
        shape = _shape(watch, batch.samples)
        if watch.is_regular and shape not in self.known and batch.samples > FEW:
            self._prove(batch.inputs_of(slice(0, FEW)))
        known = self.known.get(shape, ()) if watch.is_regular and not self.is_opaque else ()
        layouts = [None if inner is None else Layout(batch.samples, inner) for inner in known]
        agrees = agrees_alone(self.model, batch, outputs, watch, layouts, number)
        return layouts if agrees and known else self._prove(batch)

    def _prove(self, batch: Batch) -> list[Layout | None]:
        """Find the layout of every tap, and compare the gradients that follow with those of autograd."""
        fast = {name: p for name, p in self.parameters.items() if name not in self.slow}
        if not fast:
            self.known[()] = []
            return []
        watch = Watch(fast, attached=True)
        with watch:
            outputs = batch.answer(self.model)
        logits = batch.by_time(outputs)
        random = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        cotangent = random.to(logits)
        weighted = cotangent * weights_of(batch.samples, cotangent)[:, None]
        wanted = [*watch.taps, *fast.values()]
        found = torch.autograd.grad(logits, wanted, cotangent, retain_graph=True, allow_unused=True)
        signals, gradients = found[: len(watch.taps)], dict(zip(fast, found[len(watch.taps) :], strict=True))
        again = torch.autograd.grad(logits, watch.taps, weighted, allow_unused=True) if watch.taps else ()
        layouts = [
            None if one is None or other is None else find_layout(one, other, batch.samples)
            for one, other in zip(signals, again, strict=True)
        ]
        for name, parameter in fast.items():
            uses = [use for use in watch.uses if use.parameter == name and signals[use.tap] is not None]
            if any(layouts[use.tap] is None for use in uses) or not _agrees(
                parameter, uses, signals, layouts, gradients[name]
            ):
                self.slow.add(name)
        if batch.samples > 1 and all(layout is None or layout.inner is not None for layout in layouts):
            self.known[_shape(watch, batch.samples)] = [None if each is None else each.inner for each in layouts]
        return layouts

    def _add_fast(self, watch: Watch, layouts: list[Layout | None], logits: Tensor, cotangent: Tensor) -> None:
        signals = torch.autograd.grad(logits, watch.taps, cotangent, retain_graph=True, allow_unused=True)
        by_name: dict[str, list[Use]] = {}
        for use in watch.uses:
            if use.parameter not in self.slow and signals[use.tap] is not None and layouts[use.tap] is not None:
                by_name.setdefault(use.parameter, []).append(use)
        for name, uses in by_name.items():
            rows = [Rows(use, signals[use.tap], layouts[use.tap]) for use in uses]  # type: ignore[arg-type]
            self.total[name] += sum_of_powers(self.parameters[name], rows, self.power, self.buffers)


def _reachable(outputs: Tensor, parameters: Mapping[str, nn.Parameter]) -> set[str]:
    """Return the parameters that take part in the graph of outputs themselves, without a tap in between."""
    names = {id(parameter): name for name, parameter in parameters.items() if parameter.numel()}
    waiting, seen, found = [outputs.grad_fn], set[Any](), set[str]()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if "Checkpoint" in node.name():
            raise ValueError(CHECKPOINTED)
        found |= {names[id(leaf)] for leaf in [getattr(node, "variable", None)] if id(leaf) in names}
        waiting += [following for following, _ in node.next_functions]
    return found


def _shape(watch: Watch, samples: int) -> tuple[tuple[float, int], ...]:
    """Return how many rows of how many features each tap has for a sample."""
    return tuple((tap.shape[:-1].numel() / samples, tap.shape[-1]) for tap in watch.taps)


def _agrees(
    parameter: nn.Parameter,
    uses: list[Use],
    signals: Any,
    layouts: list[Layout | None],
    expected: Tensor | None,
) -> bool:
    """Tell whether the gradients of all samples add up to what autograd says."""
    if expected is None:
        return not uses
    if any(use.input is not None and use.input._version != use.version for use in uses):
        return False
    found = torch.zeros(parameter.shape, dtype=torch.float64, device=parameter.device)
    size = torch.zeros((), dtype=torch.float64, device=parameter.device)
    for use in uses:
        part = total(parameter, use, signals[use.tap])
        found += part
        size += part.square().sum()
    difference = (found - expected.to_dense().double()).square().sum()
    tolerance = TOLERANCES.get(parameter.dtype, 5e-2)
    return bool(difference <= tolerance**2 * (size + expected.to_dense().double().square().sum()))


def total(parameter: nn.Parameter, use: Use, signal: Tensor) -> Tensor:
    """Return what a use adds to the gradient of all samples together, in float64."""
    flat = signal.reshape(-1, signal.shape[-1]).double()
    if use.kind == "sum":
        part = flat.sum(0)
    elif use.kind == "rows":
        assert use.input is not None
        index = use.input.reshape(-1)
        place = torch.where(index < 0, len(parameter), index)
        part = flat.new_zeros(len(parameter) + 1, flat.shape[-1]).index_add_(0, place, flat)[:-1]
    else:
        assert use.input is not None
        read = use.input.reshape(len(flat), -1).double()
        part = (flat * read).sum(0) if use.kind == "product" else flat.mT @ read
    whole = torch.zeros(parameter.shape, dtype=torch.float64, device=parameter.device)
    rows = whole.view(len(parameter), -1)
    rows[use.first : use.first + len(part)] = part.reshape(len(part), -1)
    return whole
