"""The integer emulator: firmware arithmetic on any number of events, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from trigforge.hls.fusion import fused_steps, single_steps
from trigforge.hls.graph import Edge, Graph, Ints, Node
from trigforge.train.errors import InputError

# Bytes that the largest activation of a batch may take; the batch size follows from it. Few, so
# that activations stay in the cache between operations; not too few, because threads wait for each
# other at the end of every operation, which costs most where other programs take their time.
BATCH_BYTES = 16 << 20

Observer = Callable[[Node, tuple[Tensor, ...], Tensor], None]


class Emulator:
    """Runs an exact graph on batches of integers.

    Args:
        graph: what to run. It must have one input.
        keep: edges to return beside the outputs, for locating a difference.
        observe: called with every node, its input tensors and its output tensor.

    Raises:
        UnsupportedError: a node needs more bits than a float64 carries.
    """

    def __init__(
        self, graph: Graph, keep: Sequence[str] = (), observe: Observer | None = None
    ) -> None:
        ((self.input_name, self.input_edge),) = graph.inputs.items()
        self.graph = graph
        self.observe = observe
        self.wanted = tuple(dict.fromkeys((*graph.outputs, *keep)))
        for name in self.wanted:
            if name not in graph.edges:
                raise InputError(f"graph {graph.name} has no edge {name!r}")
        # an observer sees every node; otherwise nodes that follow each other run as one
        self._steps = single_steps(graph) if observe else fused_steps(graph, self.wanted)
        self._last_use = {edge: step.output for step in self._steps for edge in step.inputs}
        largest = max(int(np.prod(edge.shape)) for edge in graph.edges.values())
        self.batch_size = max(1, BATCH_BYTES // (4 * largest))

    @torch.inference_mode()
    def batch(self, x: Ints) -> dict[str, Ints]:
        """Integers of every wanted edge for one batch of input integers, (B, H, W, C) or (B, C).

        Raises:
            InputError: wrong shape, or values that the input format does not hold.
        """
        check_input(self.input_edge, x, self.graph.name)
        live: dict[str, Tensor] = {self.input_name: torch.from_numpy(x).to(torch.float32)}
        found: dict[str, Ints] = {}
        if self.input_name in self.wanted:
            found[self.input_name] = x.astype(np.int64)
        for step in self._steps:
            inputs = tuple(live[name] for name in step.inputs)
            output = live[step.output] = step.run(*inputs)
            if self.observe is not None:
                self.observe(step.nodes[0], inputs, output)
            if step.output in self.wanted:
                found[step.output] = output.to(torch.int64).numpy()
            for name in step.inputs:
                if self._last_use[name] == step.output:
                    live.pop(name, None)
        return found

    def stream(self, x: Ints, progress: str | None = None) -> Iterator[dict[str, Ints]]:
        """Results batch by batch, in order.

        Args:
            x: (N, ...) input integers of any integer type.
            progress: label of a progress bar; none by default.
        """
        with tqdm(total=len(x), desc=progress, unit="event", disable=progress is None) as bar:
            for start in range(0, len(x), self.batch_size):
                part = np.ascontiguousarray(x[start : start + self.batch_size])
                yield self.batch(part)
                bar.update(len(part))

    def run(self, x: Ints, progress: str | None = None) -> dict[str, Ints]:
        """Integers of every wanted edge for all of ``x``, each (N, ...)."""
        parts = list(self.stream(x, progress))
        return {name: np.concatenate([part[name] for part in parts]) for name in self.wanted}


def check_input(edge: Edge, x: Ints, where: str) -> None:
    """Refuse what is not on the input grid.

    Raises:
        InputError: wrong shape, not integers, or values outside the input format.
    """
    if x.shape[1:] != edge.shape:
        raise InputError(f"{where}: input has shape {x.shape[1:]}, the graph expects {edge.shape}")
    if not np.issubdtype(x.dtype, np.integer):
        raise InputError(f"{where}: input is {x.dtype}, expected integers on the input grid")
    if x.size and not edge.format.holds(int(x.min()), int(x.max())):
        raise InputError(
            f"{where}: input spans [{x.min()}, {x.max()}], "
            f"{edge.format} holds [{edge.format.min_int}, {edge.format.max_int}]"
        )
