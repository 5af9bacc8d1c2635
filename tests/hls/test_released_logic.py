"""Released recipes from their weights to simulated Verilog, as their committed reports say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_rtl_bench import VECTORS, simulated

from trigforge.hls.emulator import Emulator
from trigforge.hls.reports.report import load_report
from trigforge.hls.rtl.blocks import build
from trigforge.hls.rtl.simulate import cut_edges, write_bench, write_design, write_vectors
from trigforge.hls.session import Options, Session
from trigforge.hls.stages.firmware import lowered
from trigforge.hls.vectors import to_input

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["l1_objects", "nae_svj"])
def test_released_weights_become_the_reported_logic(model: str, tmp_path: Path) -> None:
    pytest.importorskip("da4ml", reason="the extra 'rtl' is not installed")
    session = Session(Options(model=model, workers=1), ROOT / "firmware_projects", tmp_path)
    graph, samples = lowered(session), session.samples
    design = build(graph, session.budget.clock_period_ns, model)
    write_design(design, tmp_path)
    write_bench(design, tmp_path, VECTORS, VECTORS)
    # as many of every sample, background and signals
    events = np.concatenate([sample.integers for sample in samples.all.values()])
    chosen = events[np.linspace(0, len(events) - 1, VECTORS).astype(int)]
    (edge,) = graph.inputs.values()
    x = to_input(chosen, edge, samples.format.fraction)
    edges = Emulator(graph, cut_edges(design)).run(x)
    write_vectors(design, x, edges, tmp_path)
    found, results = simulated(design, tmp_path)
    expected = design.outputs.flat(edges)
    assert len(np.unique(expected)) > VECTORS / 4, "events must differ"
    assert np.array_equal(results, np.concatenate([expected, expected]))
    assert (found.mismatches, found.vectors) == (0, 2 * VECTORS)
    reported = {
        entry.quantity: entry.value
        for entry in load_report(ROOT / "latency_reports" / f"{model}.json")
        .hardware["rtl"]
        .observations
        if entry.provenance == "rtl-sim"
    }
    assert reported["latency_cycles"] == found.latency_cycles
    assert reported["ii_cycles"] == found.ii_cycles
