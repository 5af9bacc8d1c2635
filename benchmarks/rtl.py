"""LUTs of a network of the ATLAS level-1 autoencoder's shape, from logic synthesis.

44-32-16-3, inputs of 19 bits, hidden layers behind ReLU that saturate at one on the grid 2^-8: the
formats of the public build whose reports tests read (Vitis HLS 2024.1, xcvu9p). Its weights are not
public. Seeded ones stand in for them, as sparse and as wide: that build's C-synthesis lists 242 and
225 products with constants other than powers of two, in the first layer and in the others.

    python benchmarks/rtl.py [period in ns]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Ints, Node
from trigforge.hls.ops import Dense, LeakyRelu, Quantise
from trigforge.hls.rtl.blocks import build
from trigforge.hls.rtl.simulate import write_design
from trigforge.hls.rtl.synthesis import synthesise

SIZES = (44, 32, 16, 3)
DENSITY = (0.36, 0.83, 0.83)
SCALE = 5.5
LARGEST = 127
SEED = 44


def weights(rng: np.random.Generator, inputs: int, outputs: int, density: float) -> Ints:
    """Integers of exponential size, random sign and a share of zeros."""
    shape = (inputs, outputs)
    size = np.minimum(np.rint(rng.exponential(SCALE, shape)), LARGEST).astype(np.int64)
    return size * rng.choice([-1, 1], shape) * (rng.random(shape) < density)


def nontrivial(weight: Ints) -> int:
    """How many products are neither zero nor a shift."""
    size = np.abs(weight)
    return int(np.count_nonzero(size & (size - 1)))


def atlas() -> Graph:
    """The network."""
    rng = np.random.default_rng(SEED)
    nodes: list[Node] = []
    edge = "x"
    for index, density in enumerate(DENSITY):
        inputs, outputs = SIZES[index : index + 2]
        name = f"dense{index + 1}"
        weight = weights(rng, inputs, outputs, density)
        print(f"{name}: {np.count_nonzero(weight)} weights, {nontrivial(weight)} no powers of two")
        nodes.append(
            Dense(
                name=name,
                inputs=(edge,),
                output=name,
                weight=weight,
                bias=rng.integers(-64, 64, outputs),
                weight_fraction=6,
                bias_fraction=8,
            )
        )
        last = index == len(DENSITY) - 1
        kept = Format(12, 4, True) if last else Format(8, 0, False)
        if not last:
            nodes.append(
                LeakyRelu(
                    name=f"relu{index + 1}",
                    inputs=(name,),
                    output=f"relu{index + 1}",
                    slope=0,
                    slope_fraction=0,
                )
            )
        edge = f"out{index + 1}"
        nodes.append(Quantise(name=edge, inputs=(nodes[-1].output,), output=edge, format=kept))
    return Graph.build("atlas", {"x": Edge.full((44,), Format(19, 11, True))}, nodes, [edge])


def main() -> None:
    """Build, synthesise and print."""
    period = float(sys.argv[1]) if len(sys.argv) > 1 else 1000 / 240
    graph = atlas()
    started = time.perf_counter()
    design = build(graph, period)
    print(
        f"{design.latency_cycles} cycles of {period:.3f} ns, traced in "
        f"{time.perf_counter() - started:.0f} s"
    )
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        write_design(design, Path(folder))
        found = synthesise(design, Path(folder))
        for name, counts in found.modules.items():
            print(name, dict(counts))
        print(
            f"{dict(found.total)} in {time.perf_counter() - started:.0f} s, Yosys {found.version}"
        )
    print("the build with the real weights: 25,423 LUT after synthesis, 23,917 placed")


if __name__ == "__main__":
    main()
