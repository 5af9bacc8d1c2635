"""hls4ml's layers for an exact graph, under construction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Layer = dict[str, Any]
IoType = Literal["io_stream", "io_parallel"]


@dataclass
class LayerList:
    """The layer list under construction and the precisions that go with it."""

    io_type: IoType = "io_stream"
    layers: list[Layer] = field(default_factory=list)
    precisions: dict[str, dict[str, str]] = field(default_factory=dict)
    # edge of the exact graph -> output of the layer list
    where: dict[str, str] = field(default_factory=dict)

    def add(self, layer: Layer, edge: str | None = None, **precision: str) -> str:
        """Append a layer; returns the name of its output."""
        name: str = layer["name"]
        self.layers.append({**layer, "outputs": [name]})
        self.precisions[name] = precision
        if edge is not None:
            self.where[edge] = name
        return name
