"""Rewrites of the exact graph, one small file each: graph in, graph out, same integers."""

from __future__ import annotations

from trigforge.hls.graph import Graph
from trigforge.hls.passes.copy_repeats import copy_repeats
from trigforge.hls.passes.fold_scales import fold_scales
from trigforge.hls.passes.name_edges import name_edges
from trigforge.hls.passes.pair_concats import pair_concats
from trigforge.hls.passes.raise_splits import raise_splits
from trigforge.hls.passes.sink_concats import sink_concats
from trigforge.hls.passes.sink_flattens import sink_flattens
from trigforge.hls.passes.split_groups import split_groups
from trigforge.hls.passes.untranspose import untranspose

PASSES = (
    untranspose,
    sink_flattens,
    fold_scales,
    split_groups,
    raise_splits,
    sink_concats,
    pair_concats,
    copy_repeats,
    name_edges,
)


def lower(graph: Graph) -> Graph:
    """Apply all passes in order: what comes out is what firmware implements."""
    for apply in PASSES:
        graph = apply(graph)
    return graph


__all__ = [
    "PASSES",
    "copy_repeats",
    "fold_scales",
    "lower",
    "name_edges",
    "pair_concats",
    "raise_splits",
    "sink_concats",
    "sink_flattens",
    "split_groups",
    "untranspose",
]
