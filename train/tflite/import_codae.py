"""The published CoDAE: the authors' TF-Lite files as a state dict of our network.

A file is read as a sentence: every operation must be the one that :mod:`trigforge.train.codae` has
at that place, with the same slope, epsilon, stride, mesh and crop, and fed by the tensor that feeds
it there. Anything else is refused, so a file that could be read is the same function.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trigforge.train.artifacts import sha256_file
from trigforge.train.codae import CoDAE, ConditionalDecoder, MaskEncoder, ResidualEncoder
from trigforge.train.config import NetworkConfig
from trigforge.train.errors import InputError
from trigforge.train.tflite.graph import TfliteGraph, read_tflite
from trigforge.train.tflite.layers import Array, LayerReader
from trigforge.train.train_codae import weights_config
from trigforge.train.weights import save_released

PUBLISHED = NetworkConfig(
    architecture="codae", export="encoder", normalization="instance", negative_slope=0.2
)
FILES = {
    "residual_encoder": "encoder1_quant_f16.tflite",
    "mask_encoder": "encoder2_quant_f16.tflite",
    "decoder": "decoder_quant_f16.tflite",
}
SOURCE = "github.com/Luca96/dark-autoencoders (MPL-2.0), weights of arXiv:2306.12955"


def import_codae(source: Path, folder: Path, name: str) -> Path:
    """Read the published network and write it as ``<name>.safetensors`` with its manifest.

    Args:
        source: folder with the three files of :data:`FILES`.
        folder: where the pair is written.

    Returns:
        The path of the weights.

    Raises:
        InputError: a file is missing, damaged, or of another network.
        StorageError: the weights cannot be written.
    """
    state = read_codae(source)
    manifest = {
        "name": name,
        "command": f"trigforge import-codae FOLDER --name {name}",
        "source": SOURCE,
        "files": {file: sha256_file(source / file) for file in FILES.values()},
        "config": weights_config(PUBLISHED),
        "history": [],
        "metrics": {},
    }
    save_released(folder, name, state, manifest)
    return folder / f"{name}.safetensors"


def read_codae(source: Path) -> dict[str, Tensor]:
    """The state dict of :data:`PUBLISHED` from the files in ``source``.

    Raises:
        InputError: as :func:`import_codae`.
    """
    if not source.is_dir():
        raise InputError(f"{source}: no such folder; expected {', '.join(FILES.values())} in it")
    model = CoDAE(PUBLISHED)
    parts = {
        part: _read_part(read_tflite(source / file), getattr(model, part))
        for part, file in FILES.items()
    }
    state = {f"{part}.{key}": value for part, found in parts.items() for key, value in found}
    expected = model.state_dict()
    return {key: state[key] for key in expected}


def _read_part(
    graph: TfliteGraph, part: ResidualEncoder | MaskEncoder | ConditionalDecoder
) -> list[tuple[str, Tensor]]:
    reader = LayerReader(graph)
    if isinstance(part, MaskEncoder):
        last = _mask_encoder(reader, PUBLISHED)
    elif isinstance(part, ResidualEncoder):
        last = _residual_encoder(reader, PUBLISHED)
    else:
        last = _decoder(reader, PUBLISHED, part)
    reader.finish(last)
    expected = part.state_dict()
    for key, value in reader.state.items():
        if value.shape != expected[key].shape:
            raise InputError(
                f"{graph.path}: {key} is {list(value.shape)}, expected {list(expected[key].shape)}"
            )
        if not bool(torch.isfinite(value).all()):
            raise InputError(f"{graph.path}: {key} has values that are not finite")
    return list(reader.state.items())


def _mask_encoder(reader: LayerReader, network: NetworkConfig) -> int:
    features = _image(reader)
    for index in range(len(network.filters)):
        features = reader.block(f"blocks.{index}", features)
        pool = reader.take("MAX_POOL_2D", features)
        if [pool.option(field, "i") for field in (1, 2, 3, 4)] != [2, 2, 3, 3]:
            raise reader.refuse("the pooling is not 3 x 3 with stride 2")
        if pool.option(0, "b") != 0:
            raise reader.refuse("the pooling has no padding SAME")
        features = pool.outputs[0]
    flat = reader.take("RESHAPE", features)
    dense = reader.take("FULLY_CONNECTED", flat.outputs[0], None, None)
    reader.keep("dense.weight", reader.constant(dense, 1))
    reader.keep("dense.bias", reader.constant(dense, 2))
    return dense.outputs[0]


def _residual_encoder(reader: LayerReader, network: NetworkConfig) -> int:
    features = _image(reader)
    for index in range(len(network.residual_filters)):
        features = reader.block(f"stages.{2 * index}", features, stride=2)
        features = reader.residual(f"stages.{2 * index + 1}", features)
    return reader.conv("bottleneck", features)


def _decoder(reader: LayerReader, network: NetworkConfig, part: ConditionalDecoder) -> int:
    if len(reader.graph.inputs) != 2:
        raise reader.refuse(f"{len(reader.graph.inputs)} inputs, expected bottleneck and latents")
    images, latents = reader.graph.inputs
    batch = reader.take("SHAPE", latents)
    batch = reader.take("STRIDED_SLICE", batch.outputs[0], None, None, None)
    shape = reader.take("PACK", batch.outputs[0], None, None, None)
    spread = reader.take("RESHAPE", latents, shape.outputs[0]).outputs[0]
    stages = len(network.residual_filters)
    # TensorFlow's converter moved the tiling of the latents to the front; the first stage's factors
    # are used before the others' are computed.
    tiles = [reader.take("TILE", spread, None).outputs[0]]
    counts = reader.take("PACK", batch.outputs[0], None, None, None).outputs[0]
    tiles += [reader.take("TILE", spread, None).outputs[0] for _ in range(stages - 1)]
    factors = []
    for index in range(stages):
        mesh = part.get_buffer(f"conditionings.{index}.mesh").numpy()[0]
        factors.append(_factors(reader, index, tiles[index], counts, mesh))
        if index == 0:
            conditioned = reader.take("MUL", images, factors[0]).outputs[0]
            larger = _bilinear(reader, conditioned)
    for index in range(stages):
        if index:
            conditioned = reader.take("MUL", images, factors[index]).outputs[0]
            larger = _bilinear(reader, conditioned)
        images = reader.residual(f"residuals.{index}", reader.block(f"ups.{index}", larger))
    cropped = _crop(reader, images, network)
    return reader.take("LOGISTIC", reader.conv("pixels", cropped)).outputs[0]


def _factors(reader: LayerReader, index: int, tiled: int, counts: int, mesh: Array) -> int:
    """The linear convolution over latents and mesh (2, H, W) of one conditioning."""
    axes = []
    for values in mesh:
        tile = reader.take("TILE", None, counts)
        found = reader.constant(tile, 0)
        if found.shape != (1, *values.shape, 1) or np.abs(found[0, ..., 0] - values).max() > 1e-3:
            raise reader.refuse(f"the mesh of conditioning {index} is not x, y from -1 to 1")
        axes.append(tile.outputs[0])
    joined = reader.take("CONCATENATION", tiled, *axes)
    return reader.conv(f"conditionings.{index}.conv", joined.outputs[0])


def _bilinear(reader: LayerReader, source: int) -> int:
    resize = reader.take("RESIZE_BILINEAR", source, None)
    doubled = [2 * size for size in reader.graph.shapes[source][1:3]]
    if reader.constant(resize, 1).tolist() != doubled:
        raise reader.refuse(f"the enlargement is not to {doubled}")
    if resize.option(2, "b") or not resize.option(3, "b"):
        raise reader.refuse("the enlargement has no half-pixel centres")
    return resize.outputs[0]


def _crop(reader: LayerReader, source: int, network: NetworkConfig) -> int:
    shape = reader.take("SHAPE", source)
    batch = reader.take("STRIDED_SLICE", shape.outputs[0], None, None, None)
    size = reader.take("PACK", batch.outputs[0], None, None, None)
    crop = reader.take("SLICE", source, None, size.outputs[0])
    height, width = reader.graph.shapes[source][1:3]
    centred = [0, (height - network.height) // 2, (width - network.width) // 2, 0]
    sizes = [value for at in (1, 2) for value in reader.constant(size, at).ravel().tolist()]
    if reader.constant(crop, 1).tolist() != centred or sizes != [network.height, network.width]:
        raise reader.refuse("the crop is not centred")
    return crop.outputs[0]


def _image(reader: LayerReader) -> int:
    if len(reader.graph.inputs) != 1:
        raise reader.refuse(f"{len(reader.graph.inputs)} inputs, expected one image")
    return reader.graph.inputs[0]
