"""Runs of nodes that the emulator executes as one, in place and on the smaller tensor.

A convolution, LeakyReLU, quantiser and max-pool behind each other cost one pass over memory each.
All three after the convolution are monotone, so the pool may come first: the largest of the
activated values is the activation of the largest. The factors of two between the grids go into the
kernel, which leaves every number as it was but for its exponent. The integers are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from trigforge.hls import kernels
from trigforge.hls.graph import Graph, Node
from trigforge.hls.ops import Conv, LeakyRelu, MaxPool, Quantise

Run = Callable[..., Tensor]


@dataclass(frozen=True, eq=False)
class Step:
    """What the emulator does at a time.

    Attributes:
        nodes: of the graph, in order; the last one's output is what comes out.
        run: from the first node's input tensors to that output.
    """

    nodes: tuple[Node, ...]
    run: Run

    @property
    def inputs(self) -> tuple[str, ...]:
        """Edges that go in."""
        return self.nodes[0].inputs

    @property
    def output(self) -> str:
        """Edge that comes out."""
        return self.nodes[-1].output


def single_steps(graph: Graph) -> list[Step]:
    """One step per node: every edge exists."""
    return [Step((n,), kernels.prepare(n, graph.node_inputs(n))) for n in graph.nodes]


def fused_steps(graph: Graph, wanted: Collection[str]) -> list[Step]:
    """Fewer steps with the same integers on every edge in ``wanted``."""
    steps: list[Step] = []
    taken: set[Node] = set()
    for node in graph.nodes:
        if node in taken:
            continue
        run = _chain(graph, node, wanted) if isinstance(node, Conv) else ()
        if len(run) > 1 and (step := _fuse(graph, run)) is not None:
            taken.update(run)
            steps.append(step)
        else:
            steps.append(Step((node,), kernels.prepare(node, graph.node_inputs(node))))
    return steps


def _chain(graph: Graph, conv: Conv, wanted: Collection[str]) -> tuple[Node, ...]:
    """The convolution and what follows of LeakyReLU, quantiser, max-pool, seen by nobody else."""
    chain: list[Node] = [conv]
    for kind in (LeakyRelu, Quantise, MaxPool):
        edge = chain[-1].output
        readers = graph.consumers(edge)
        if len(readers) == 1 and isinstance(readers[0], kind) and edge not in wanted:
            chain.append(readers[0])
    return tuple(chain)


def _fuse(graph: Graph, chain: Sequence[Node]) -> Step | None:
    """One step for a chain; ``None`` where the convolution alone gets by with a narrower type."""
    conv = chain[0]
    assert isinstance(conv, Conv)  # noqa: S101 - the caller's choice
    (x,) = graph.node_inputs(conv)
    leaky = next((node for node in chain if isinstance(node, LeakyRelu)), None)
    quantise = next((node for node in chain if isinstance(node, Quantise)), None)
    pool = next((node for node in chain if isinstance(node, MaxPool)), None)
    own = max(conv.carried_bits(x), x.magnitude.bit_length())
    # moving the binary point costs no bits, so the quantiser needs none beyond its output's
    bits = [own]
    bits += [leaky.carried_bits(*graph.node_inputs(leaky))] if leaky else []
    bits += [quantise.format.width] if quantise else []
    dtype = kernels.carrier(max(bits))
    if dtype is None or dtype != kernels.carrier(own):
        return None
    # the kernel's output is already on the grid of the chain's last node
    unit = 2.0 ** (graph.edges[chain[-1].output].fraction - graph.edges[conv.output].fraction)
    convolve = kernels.convolution(conv, x, dtype, unit)
    reduce = kernels.pooling(pool, graph.edges[pool.inputs[0]]) if pool else None
    slope = leaky.slope * 2.0**-leaky.slope_fraction if leaky else None
    bounds = quantise.bounds if quantise else None
    rounds = quantise is not None and quantise.rounding == "half_even"

    def run(tensor: Tensor) -> Tensor:
        y = convolve(tensor.to(dtype).permute(0, 3, 1, 2))
        if reduce is not None:
            y = reduce(y)
        if slope is not None:
            functional.leaky_relu_(y, slope)
        if bounds is not None:
            (y.round_() if rounds else y.floor_()).clamp_(*bounds)
        return y.permute(0, 2, 3, 1)

    return Step(tuple(chain), run)
