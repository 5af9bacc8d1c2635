"""The emulator against C-simulation and the ONNX reference evaluator: one graph, one run.

Prints events per second, ratios, and the fraction of the dense float32 rate that this machine
reaches in the same run on the same number of threads. All three must agree on every integer.

Usage: python benchmarks/emulator.py build/codae_mask_encoder/demo/export/model.onnx
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from qonnx.custom_op.general.quant import quant

from trigforge.hls.accuracy import on_grid
from trigforge.hls.backends.csim import compile_project, run_csim
from trigforge.hls.backends.hls4ml_project import ProjectConfig, build_project
from trigforge.hls.emulator import Emulator
from trigforge.hls.graph import Graph, Ints
from trigforge.hls.ops import Conv, Dense
from trigforge.hls.passes import lower
from trigforge.hls.read_qonnx import read_qonnx
from trigforge.hls.vectors import random_masks, to_input

EVENTS = 256
CSIM_EVENTS = 4  # per thread
REFERENCE_EVENTS = 2
GEMM = 2048


class Quant(OpRun):  # type: ignore[misc]
    """QONNX's quantiser for onnx's evaluator."""

    op_domain = "qonnx.custom_op.general"

    def _run(self, x: Any, *parameters: Any, **settings: Any) -> tuple[Any]:
        return (quant(x, *parameters, **settings).astype(x.dtype),)


def seconds(run: Callable[[], object], repeats: int = 1) -> float:
    """Shortest wall time of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def gemm_rate() -> float:
    """Floating-point operations per second of a dense float32 product."""
    a, b = torch.rand(GEMM, GEMM), torch.rand(GEMM, GEMM)
    return 2 * GEMM**3 / seconds(lambda: torch.mm(a, b), 5)


def share_of_gemm(run: Callable[[], object], flop: float, rounds: int = 9) -> float:
    """Rate of ``run`` over that of a dense product, in CPU time of one thread.

    The two take turns, so that what other programs do to caches and clocks meets both; waiting for
    them does not count. On a busy machine it still varies by a quarter.
    """
    a, b = torch.rand(GEMM, GEMM), torch.rand(GEMM, GEMM)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    ratios = []
    for _ in range(rounds):
        times = [time.process_time()]
        for turn in (lambda: torch.mm(a, b), run):
            turn()
            times.append(time.process_time())
        dense, own = np.diff(times)
        ratios.append(flop / own / (2 * GEMM**3 / dense))
    torch.set_num_threads(threads)
    return float(np.median(ratios))


def operations(graph: Graph) -> int:
    """Multiplications and additions of one event."""
    return sum(
        2 * node.weight.size * int(np.prod(graph.edges[node.output].shape[:-1]))
        for node in graph.nodes
        if isinstance(node, Conv | Dense)
    )


def reference(path: Path, masks: NDArray[np.uint8], fraction: int) -> Ints:
    """Output integers from onnx's evaluator, event by event."""
    evaluator = ReferenceEvaluator(onnx.load(str(path)), new_ops=[Quant])
    (name,) = evaluator.input_names
    outputs = [
        evaluator.run(None, {name: mask[None, None].astype(np.float32)})[0] for mask in masks
    ]
    return on_grid(np.concatenate(outputs).astype(np.float64), fraction, "reference")


def main(path: Path) -> None:
    """Measure and print."""
    graph = lower(read_qonnx(path).graph)
    (start,), (output,) = graph.inputs.values(), graph.outputs
    masks = random_masks(np.random.default_rng(0), EVENTS, *start.shape[:2])
    x = to_input(masks, start)
    emulator = Emulator(graph)
    expected = emulator.run(x)[output]
    rate = gemm_rate()
    emulated = EVENTS / seconds(lambda: emulator.run(x), 3)
    rate = max(rate, gemm_rate())
    share = share_of_gemm(lambda: emulator.run(x), EVENTS * operations(graph))
    with tempfile.TemporaryDirectory() as folder:
        config = ProjectConfig(part="xcu250-figd2104-2L-e", clock_period_ns=4)
        project = build_project(graph, config, Path(folder) / "model")
        compiling = time.perf_counter()
        library = compile_project(project)
        compiling = time.perf_counter() - compiling
        found: dict[str, Ints] = {}
        threads = torch.get_num_threads()

        def simulate(events: Ints) -> None:
            found.update(run_csim(project, library, graph, events, workers=threads))

        # a process takes its time to start: one event each is subtracted
        startup = seconds(lambda: simulate(x[:threads]))
        more = threads * (1 + CSIM_EVENTS)
        took = seconds(lambda: simulate(x[:more])) - startup
    assert np.array_equal(found[output], expected[:more]), "C-simulation differs"
    simulated = threads * CSIM_EVENTS / took
    took = seconds(
        lambda: found.update(
            reference=reference(path, masks[:REFERENCE_EVENTS], graph.edges[output].fraction)
        )
    )
    assert np.array_equal(found["reference"], expected[:REFERENCE_EVENTS]), "the reference differs"
    evaluated = REFERENCE_EVENTS / took
    flop = operations(graph)
    print(f"one graph, the same events, {threads} thread(s) each; all three agree on every integer")
    if os.getloadavg()[0] > 0.5 + threads:
        print("the machine is busy with other work: trust ratios more than rates")
    print(f"work per event:            {flop / 1e9:10.2f} Gflop (products and sums)")
    print(f"dense float32 product:     {rate / 1e9:10.1f} Gflop/s")
    print(f"emulator:                  {emulated:10.1f} events/s ({EVENTS} events)")
    print(f"  of the dense rate:       {emulated * flop / rate:10.2f}")
    print(f"  one thread, CPU time:    {share:10.2f}")
    print(f"C-simulation:              {simulated:10.3f} events/s ({threads * CSIM_EVENTS} events)")
    print(f"  emulator is faster by:   {emulated / simulated:10.0f}")
    print(f"  to compile it:           {compiling:10.0f} s")
    print(f"ONNX reference evaluator:  {evaluated:10.3f} events/s ({REFERENCE_EVENTS} events)")
    print(f"  emulator is faster by:   {emulated / evaluated:10.0f}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
