"""Latency, resources and widths of one backend, with every source beside the one that counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from trigforge.hls.reports.markdown import number
from trigforge.hls.reports.observations import Observation, strongest
from trigforge.hls.reports.page.tables import Cell, Table, bar, cells
from trigforge.hls.reports.report import Hardware, Layer

_FORMAT = re.compile(r"u?fixed<(\d+),")


def observations(block: Hardware, everything: Sequence[Observation]) -> Table:
    """Observations of one backend; of all backends' the strongest of each quantity counts."""
    rows = []
    for quantity in dict.fromkeys(o.quantity for o in block.observations):
        best = strongest(everything, quantity)
        for o in sorted(
            (o for o in block.observations if o.quantity == quantity), key=lambda o: o.strength
        ):
            used = o.value * block.compute_units / o.available if o.available else None
            rows.append(
                cells(
                    Cell(quantity, style="counts" if o is best else ""),
                    number(o.value),
                    o.unit,
                    number(o.available),
                    "–" if used is None else Cell(f"{100 * used:.1f} %", min(used, 1.0)),
                    Cell(o.provenance, style="provenance"),
                    f"{o.tool} {o.version}",
                    o.source_file or "–",
                    "yes" if o is best else "no",
                )
            )
    header = ("quantity", "value", "unit", "available", "of the card", "provenance", "tool")
    return Table(
        "Every observation of one compute unit",
        (*header, "read from", "counts"),
        tuple(rows),
        frozenset({0, 2, 5, 6, 7, 8}),
    )


def costs(layers: Sequence[Layer]) -> Table:
    """Time and area per layer; bars are shares of the largest in the column."""
    columns: dict[str, Callable[[Layer], int | None]] = {
        "latency [cycles]": lambda layer: layer.latency_cycles,
        "II [cycles]": lambda layer: layer.ii_cycles,
        "LUT": lambda layer: layer.lut,
        "FF": lambda layer: layer.ff,
        "DSP": lambda layer: layer.dsp,
        "BRAM_18K": lambda layer: layer.bram_18k,
        "multipliers": lambda layer: layer.multipliers,
        "reuse": lambda layer: layer.reuse,
    }
    largest = {name: max((of(la) or 0 for la in layers), default=0) for name, of in columns.items()}
    rows = [
        cells(
            layer.name,
            layer.op,
            *(bar(of(layer), largest[name]) for name, of in columns.items() if name != "reuse"),
            number(layer.reuse),
            ", ".join(str(depth) for depth in layer.fifo_depths) or "–",
        )
        for layer in layers
    ]
    sums = [
        number(sum(of(la) or 0 for la in layers))
        if name in ("LUT", "FF", "DSP", "BRAM_18K")
        else ""
        for name, of in columns.items()
    ]
    return Table(
        "Time and area of every layer",
        ("layer", "operation", *columns, "FIFOs read [pixels]"),
        tuple(rows),
        frozenset({0, 1, 10}),
        cells("sum", "", *sums, ""),
    )


def widths(layers: Sequence[Layer]) -> Table:
    """Bits of weights, edges and accumulators per layer; bars are shares of the widest."""
    bits = [_bits(layer) for layer in layers]
    widest = max((b for row in bits for b in row if b is not None), default=1)
    rows = []
    for layer, (weights, given, made, accumulated) in zip(layers, bits, strict=True):
        rows.append(
            cells(
                layer.name,
                layer.op,
                bar(weights, widest),
                _format(layer.in_format, given, widest),
                _format(layer.out_format, made, widest),
                bar(accumulated, widest),
            )
        )
    header = ("layer", "operation", "weights [bit]", "in", "out", "accumulator [bit]")
    return Table("Widths of every layer", header, tuple(rows), frozenset({0, 1}))


def _format(name: str | None, bits: int | None, widest: int) -> Cell:
    return Cell(name or "–", None if bits is None else bits / widest)


def _bits(layer: Layer) -> tuple[int | None, int | None, int | None, int | None]:
    return layer.weight_bits, _width(layer.in_format), _width(layer.out_format), layer.acc_bits


def _width(name: str | None) -> int | None:
    found = _FORMAT.match(name or "")
    return int(found[1]) if found else None
