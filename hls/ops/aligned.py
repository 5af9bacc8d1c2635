"""Edges of different grids brought to the finest one, exactly."""

from __future__ import annotations

from collections.abc import Sequence

from trigforge.hls.graph import Edge, Ints, check_bits


def shifts(edges: Sequence[Edge]) -> tuple[int, list[int]]:
    """The finest fraction among the edges and the left shift that brings each edge to it."""
    fraction = max(edge.fraction for edge in edges)
    return fraction, [fraction - edge.fraction for edge in edges]


def shifted(edge: Edge, shift: int) -> tuple[Ints, Ints]:
    """The range of an edge on a grid finer by ``shift`` bits.

    Raises:
        OverflowError: the integers could leave 62 bits.
    """
    check_bits(edge.magnitude * 2.0**shift)
    return edge.lo << shift, edge.hi << shift
