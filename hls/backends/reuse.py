"""Reuse factors: which ones hls4ml can build, which node each recipe entry means."""

from __future__ import annotations

from collections.abc import Mapping

from trigforge.hls.backends.processes import multiplications
from trigforge.hls.graph import Graph
from trigforge.hls.ops import Conv, Dense
from trigforge.train.errors import InputError, unknown_name


def is_valid(inputs: int, outputs: int, reuse: int) -> bool:
    """Whether hls4ml's Resource strategy builds ``inputs x outputs`` products at this factor.

    The same conditions as hls4ml 1.3.0's ``FPGABackend._validate_reuse_factor``: the factor
    divides the number of products, and divides the inputs or is a multiple of them.
    """
    if reuse < 1 or inputs * outputs % reuse:
        return False
    if reuse >= inputs:
        return reuse % inputs == 0
    limit = -(-inputs * outputs // reuse)
    return limit % outputs == 0


def valid_factors(inputs: int, outputs: int) -> list[int]:
    """All factors that hls4ml builds, ascending."""
    products = inputs * outputs
    divisors = {
        d for n in range(1, int(products**0.5) + 1) if products % n == 0 for d in (n, products // n)
    }
    return [d for d in sorted(divisors) if is_valid(inputs, outputs, d)]


def resolve_reuse(
    graph: Graph, reuse: Mapping[str, int], where: str = "hls.reuse"
) -> dict[str, int]:
    """The reuse factor of every convolution and dense layer of a lowered graph.

    An entry names a layer or a stage: ``conv2`` stands for ``conv2`` and for every ``conv2_...``
    that has no closer entry. Layers without an entry get 1.

    Raises:
        InputError: an entry that matches no layer, or a factor that hls4ml would silently replace.
    """
    layers = [node for node in graph.nodes if isinstance(node, Conv | Dense)]
    for entry in reuse:
        if not any(_matches(entry, node.name) for node in layers):
            stages = by_stage(dict.fromkeys((node.name for node in layers), 1))
            raise unknown_name("layer", entry, stages, where)
    resolved = {}
    for node in layers:
        entries = [entry for entry in reuse if _matches(entry, node.name)]
        factor = reuse[max(entries, key=len)] if entries else 1
        inputs, outputs = multiplications(node)
        if not is_valid(inputs, outputs, factor):
            valid = valid_factors(inputs, outputs)
            nearest = min(valid, key=lambda v: (abs(v - factor), v))
            raise InputError(
                f"{where}.{node.name} is {factor}, which {inputs} x {outputs} products cannot "
                f"share evenly; the nearest that hls4ml builds is {nearest}"
            )
        resolved[node.name] = factor
    return resolved


def by_stage(reuse: Mapping[str, int]) -> dict[str, int]:
    """Entries of sibling towers (``conv2_g0``, ``conv2_g1``) merged to ``conv2`` where equal."""
    merged: dict[str, int] = {}
    for name, factor in reuse.items():
        stage = name.rpartition("_g")[0] or name
        siblings = {f for n, f in reuse.items() if (n.rpartition("_g")[0] or n) == stage}
        merged[stage if len(siblings) == 1 else name] = factor
    return merged


def _matches(entry: str, name: str) -> bool:
    return name == entry or name.startswith(f"{entry}_")
