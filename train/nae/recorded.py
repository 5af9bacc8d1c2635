"""Chains on a GPU: recorded once and launched whole, hundreds of small kernels in one call."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trigforge.train.nae.chain import ChainResult, EagerChain, run_chain

WARM_UP = 3
"""Runs before a recording, in which libraries choose their kernels and allocate."""


@dataclass(frozen=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    start: Tensor
    end: ChainResult


class RecordedChain(EagerChain):
    """The same as one CUDA graph per shape.

    The noise of every launch is new: the graph reads seed and position of the generator that it was
    recorded with. Parameters of the energy may change between calls as long as they stay where they
    are in memory.
    """

    _generator: torch.Generator | None = None
    _recorded: dict[torch.Size, _Recording]

    def __call__(self, start: Tensor, generator: torch.Generator) -> ChainResult:
        """Where chains from ``start`` (B, ...) end."""
        if generator is not self._generator:
            self._generator, self._recorded = generator, {}
        if start.shape not in self._recorded:
            self._recorded[start.shape] = self._record(start, generator)
        recorded = self._recorded[start.shape]
        recorded.start.copy_(start)
        recorded.graph.replay()
        return ChainResult(recorded.end.points.clone(), recorded.end.acceptance.clone())

    def _record(self, start: Tensor, generator: torch.Generator) -> _Recording:
        source = start.detach().clone()
        apart = torch.Generator(generator.device).manual_seed(0)  # a warm-up must not use up noise
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                run_chain(self._evaluate, source, self._chain, self._space, apart)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(generator)
        with torch.cuda.graph(graph):
            end = run_chain(self._evaluate, source, self._chain, self._space, generator)
        return _Recording(graph, source, end)
