"""What a set of vectors has exercised, edge by edge of the exact graph.

Agreement only counts where something happened: a quantiser that never saturated has not had its
saturation compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from trigforge.hls.graph import Graph, Node
from trigforge.hls.ops import Quantise
from trigforge.hls.reports.report import EdgeCoverage


class CoverageObserver:
    """Collects coverage while the emulator runs; give it as ``observe``."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._seen: dict[str, dict[str, bool | None]] = {}
        for node in graph.nodes:
            edge = graph.edges[node.output]
            lo, hi = int(edge.lo.min()), int(edge.hi.max())
            seen: dict[str, bool | None] = {
                "zero": False if lo <= 0 <= hi else None,
                "negative": False if lo < 0 else None,
                "positive": False if hi > 0 else None,
                **dict.fromkeys(("saturated_low", "saturated_high", "half")),
            }
            if isinstance(node, Quantise):
                (source,) = graph.node_inputs(node)
                drop = source.fraction - node.format.fraction
                low, high = node.bounds
                unit = 2.0**-drop
                lowest, highest = (
                    _rounded(node, int(v) * unit) for v in (source.lo.min(), source.hi.max())
                )
                seen["saturated_low"] = False if lowest < low else None
                seen["saturated_high"] = False if highest > high else None
                seen["half"] = False if drop > 0 else None
            self._seen[node.output] = seen

    def __call__(self, node: Node, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Look at one node's tensors, (B, ...) integers in floating point."""
        seen = self._seen[node.output]
        lowest, highest = (float(v) for v in torch.aminmax(output))
        self._note(seen, "negative", lambda: lowest < 0)
        self._note(seen, "positive", lambda: highest > 0)
        self._note(seen, "zero", lambda: bool((output == 0).any()))
        if isinstance(node, Quantise):
            (source,) = self.graph.node_inputs(node)
            unit = 2.0 ** (node.format.fraction - source.fraction)
            low, high = node.bounds
            self._note(
                seen, "saturated_low", lambda: _rounded(node, float(inputs[0].min()) * unit) < low
            )
            self._note(
                seen, "saturated_high", lambda: _rounded(node, float(inputs[0].max()) * unit) > high
            )
            self._note(seen, "half", lambda: bool(((inputs[0] * unit) % 1 == 0.5).any()))

    @staticmethod
    def _note(seen: dict[str, bool | None], key: str, happened: Callable[[], bool]) -> None:
        if seen[key] is False:
            seen[key] = happened()

    def result(self) -> dict[str, EdgeCoverage]:
        """Edge -> what was seen on it."""
        return {edge: EdgeCoverage(**seen) for edge, seen in self._seen.items()}


def _rounded(node: Quantise, value: float) -> int:
    """A value in steps of the output before it is clipped."""
    return round(value) if node.rounding == "half_even" else math.floor(value)
