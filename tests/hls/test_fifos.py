"""FIFO depths: what is enough gets through, one pixel less blocks, and the project asks for it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from chains import Chain, every_operation
from graphs import mask_encoder

from trigforge.hls.backends.bounded import blocked, least_depth, require_flow
from trigforge.hls.backends.fifos import MARGIN, fifo_depths, image_depths, most_waiting
from trigforge.hls.backends.hls4ml_project import ProjectConfig, build_project
from trigforge.hls.backends.schedule import Schedule, schedule
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import Add, Concat, Conv, InstanceNorm, MaxPool, Nearest, Split
from trigforge.hls.passes import lower
from trigforge.train.errors import UnsupportedError

CONFIG = ProjectConfig(part="xcu250-figd2104-2L-e", clock_period_ns=4)


def skip(height: int, width: int) -> Graph:
    """x + nearest(pool(conv(x))): the skip waits for the longer branch."""
    c = Chain()
    c(
        Conv, "conv", "x", weight=np.ones((3, 3, 2, 2), np.int64), bias=np.ones(2, np.int64),
        weight_fraction=0, bias_fraction=0, pads=(1, 1, 1, 1),
    )  # fmt: skip
    c(MaxPool, "pool", "conv", kernel=(2, 2), strides=(2, 2), pads=(0, 0, 0, 0))
    c(Nearest, "nearest", "pool")
    c(Add, "sum", "x", "nearest")
    x = Edge.full((height, width, 2), Format(4, 4, True))
    return Graph.build("skip", {"x": x}, c.nodes, ["sum"])


def forked(norms: int = 1) -> Graph:
    """One channel is normalised over the image, so often, the others wait."""
    c = Chain()
    c(Split, "left", "x", start=0, stop=1)
    c(Split, "right", "x", start=1, stop=3)
    last = "left"
    for index in range(norms):
        fmt = Format(4, 4, True)
        last = c(InstanceNorm, f"norm{index}", last, epsilon=3, format=fmt)
    c(Concat, "joined", last, "right")
    x = Edge.full((5, 8, 3), Format(4, 4, True))
    return Graph.build("forked", {"x": x}, c.nodes, ["joined"])


def check_that_one_less_blocks(timing: Schedule, stream: str, *, stalling: bool) -> int:
    depths = fifo_depths(timing)
    least = least_depth(timing.processes, depths, stream, stalling=stalling)
    assert not blocked(timing.processes, {**depths, stream: least}, stalling=stalling)
    waiting = blocked(timing.processes, {**depths, stream: least - 1}, stalling=stalling)
    assert waiting
    assert least <= depths[stream]
    return least


@pytest.mark.parametrize(("height", "width"), [(6, 10), (8, 6)])
def test_a_skip_around_conv_pool_and_upsampling(height: int, width: int) -> None:
    timing = schedule(skip(height, width), {})
    least = check_that_one_less_blocks(timing, "x:1", stalling=False)
    # Before the first sum leaves, the pool needs the convolution's pixel (1, 1), and that one the
    # image down to (2, 2): two rows and three pixels have been copied to the skip.
    assert least == 2 * width + 3
    assert check_that_one_less_blocks(timing, "x:1", stalling=True) > least
    with pytest.raises(UnsupportedError, match=r"block for ever.*x, conv.*sum never finish"):
        require_flow(timing.processes, {**fifo_depths(timing), "x:1": least - 1})


@pytest.mark.parametrize("stalling", [False, True])
def test_a_branch_beside_a_normalisation_holds_the_image(stalling: bool) -> None:
    timing = schedule(forked(), {})
    depths = {**fifo_depths(timing), "x:1": 2}
    least = least_depth(timing.processes, depths, "right", stalling=stalling)
    if not stalling:
        # the last pixel of the left half needs 40 right ones gone: one splits, two wait before it
        assert least + depths["x:1"] == 5 * 8
    assert not blocked(timing.processes, {**depths, "right": least}, stalling=stalling)
    assert blocked(timing.processes, {**depths, "right": least - 1}, stalling=stalling)
    assert fifo_depths(timing)["right"] >= 5 * 8


def test_image_deep_fifos_are_not_always_enough() -> None:
    """Beside two normalisations more than one image waits when events follow each other."""
    timing = schedule(forked(norms=3), {})
    assert image_depths(timing)["right"] == 40
    assert fifo_depths(timing)["right"] - MARGIN > 40
    assert blocked(timing.processes, image_depths(timing)) == []


def test_pixels_waiting_are_counted_step_by_step() -> None:
    rng = np.random.default_rng(4)
    for ii in (3, 7, 20):
        written = np.sort(rng.integers(0, 40, 15))
        read = np.maximum.accumulate(written + rng.integers(0, 30, 15))
        levels = [0] * 300
        for event in range(30):
            for first, last in zip(written + event * ii, read + event * ii, strict=True):
                for cycle in range(first, min(last + 1, 300)):
                    levels[cycle] += 1
        # in the steady state, before the last event has come in
        assert most_waiting(written, read, ii) == max(levels[80 : 29 * ii] or levels)


def test_depths_let_every_operation_through() -> None:
    timing = schedule(every_operation(np.random.default_rng(10)), {})
    depths = fifo_depths(timing)
    assert not blocked(timing.processes, depths)
    assert "both" in blocked(timing.processes, dict.fromkeys(depths, 1))


@pytest.mark.parametrize("name", ["skip", "chain", "towers"])
def test_the_project_asks_for_the_depths(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(10)
    graph = {
        "skip": lambda: skip(6, 10),
        "chain": lambda: every_operation(rng),
        "towers": lambda: lower(mask_encoder(rng)),
    }[name]()
    project = build_project(graph, CONFIG, tmp_path / "model")
    code = (project.folder / "firmware" / f"{project.name}.cpp").read_text()
    written = re.findall(r"#pragma HLS STREAM variable=\w+ depth=(\d+)", code)
    assert sorted(map(int, written)) == sorted(fifo_depths(schedule(graph, {})).values())
    # inside the synthesised function no stream is left without a depth
    assert len(re.findall(r"^ +hls::stream<\w+> \w+\(", code, re.M)) == len(written)
