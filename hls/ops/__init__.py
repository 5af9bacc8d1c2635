"""The operations of the exact graph, one file each: parameters, integer semantics, ranges."""

from __future__ import annotations

from trigforge.hls.ops.concat import Concat
from trigforge.hls.ops.conv import Conv
from trigforge.hls.ops.dense import Dense
from trigforge.hls.ops.flatten import Flatten
from trigforge.hls.ops.leaky_relu import LeakyRelu
from trigforge.hls.ops.max_pool import MaxPool
from trigforge.hls.ops.quantise import Quantise
from trigforge.hls.ops.split import Split

__all__ = ["Concat", "Conv", "Dense", "Flatten", "LeakyRelu", "MaxPool", "Quantise", "Split"]
