"""The operations of the exact graph, one file each: parameters, integer semantics, ranges."""

from __future__ import annotations

from trigforge.hls.ops.add import Add, Sub
from trigforge.hls.ops.append import Append
from trigforge.hls.ops.bilinear import Bilinear
from trigforge.hls.ops.concat import Concat
from trigforge.hls.ops.conv import Conv
from trigforge.hls.ops.conv_transpose import ConvTranspose
from trigforge.hls.ops.crop import Crop
from trigforge.hls.ops.dense import Dense
from trigforge.hls.ops.flatten import Flatten
from trigforge.hls.ops.highest import Highest
from trigforge.hls.ops.instance_norm import InstanceNorm
from trigforge.hls.ops.leaky_relu import LeakyRelu
from trigforge.hls.ops.lookup import Lookup
from trigforge.hls.ops.max_pool import MaxPool
from trigforge.hls.ops.mul import Mul
from trigforge.hls.ops.nearest import Nearest
from trigforge.hls.ops.prelu import Prelu
from trigforge.hls.ops.quantise import Quantise
from trigforge.hls.ops.scale import Scale
from trigforge.hls.ops.sphere import Sphere
from trigforge.hls.ops.split import Split
from trigforge.hls.ops.thresholds import Thresholds
from trigforge.hls.ops.tile import Tile
from trigforge.hls.ops.total import Total
from trigforge.hls.ops.unflatten import Unflatten

__all__ = [
    "Add",
    "Append",
    "Bilinear",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Crop",
    "Dense",
    "Flatten",
    "Highest",
    "InstanceNorm",
    "LeakyRelu",
    "Lookup",
    "MaxPool",
    "Mul",
    "Nearest",
    "Prelu",
    "Quantise",
    "Scale",
    "Sphere",
    "Split",
    "Sub",
    "Thresholds",
    "Tile",
    "Total",
    "Unflatten",
]
