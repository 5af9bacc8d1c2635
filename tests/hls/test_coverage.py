from __future__ import annotations

import numpy as np

from trigforge.hls.coverage import CoverageObserver
from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import Quantise


def quantiser() -> Graph:
    """Six bits on the grid 1/4 to four bits on the grid 1: values -8..7.75 to -4..3."""
    x = Edge.full((1,), Format(6, 4, True))
    node = Quantise(name="q", inputs=("x",), output="q", format=Format(3, 3, True))
    return Graph.build("g", {"x": x}, [node], ["q"])


def seen(values: list[int]) -> dict[str, bool | None]:
    graph = quantiser()
    observer = CoverageObserver(graph)
    Emulator(graph, observe=observer).run(np.array(values, np.int64)[:, None])
    return vars(observer.result()["q"])


def test_each_corner_is_noticed_alone() -> None:
    nothing = dict.fromkeys(
        ("zero", "negative", "positive", "saturated_low", "saturated_high", "half"), False
    )
    assert seen([5]) == nothing | {"positive": True}
    assert seen([1]) == nothing | {"zero": True}
    assert seen([-4]) == nothing | {"negative": True}
    assert seen([6]) == nothing | {"positive": True, "half": True}
    # 15/4 truncates to 3, the largest value, without being clipped; 16/4 is clipped
    assert seen([15]) == nothing | {"positive": True}
    assert seen([16]) == nothing | {"positive": True, "saturated_high": True}
    assert seen([-16]) == nothing | {"negative": True}
    assert seen([-17]) == nothing | {"negative": True, "saturated_low": True}


def test_what_cannot_happen_is_absent() -> None:
    x = Edge.full((1,), Format(3, 3, False))
    node = Quantise(name="q", inputs=("x",), output="q", format=Format(4, 4, False))
    graph = Graph.build("g", {"x": x}, [node], ["q"])
    observer = CoverageObserver(graph)
    found = observer.result()["q"]
    assert found.negative is None and found.half is None
    assert found.saturated_low is None and found.saturated_high is None
    assert found.zero is False and found.positive is False
