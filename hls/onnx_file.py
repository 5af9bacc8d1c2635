"""An ONNX file before anything is read from it: loaded, checked, cut to what the output needs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import onnx
from onnx.external_data_helper import uses_external_data

from trigforge.train.errors import InputError, UnsupportedError, unknown_name

# Larger files are no trigger networks; protobuf itself ends at 2 GiB.
LARGEST_BYTES = 1 << 30
OLDEST_OPSET = 7
STANDARD_DOMAINS = ("", "ai.onnx")
# Every domain name under which exporters have written QONNX's quantisers.
QUANTISER_DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")


def load_model(path: Path) -> onnx.ModelProto:
    """The file's model, weights inside.

    Raises:
        InputError: missing, too large, not ONNX, or with weights in other files.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name the .onnx file in it")
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise InputError(
                f"{path}: has {size / 2**30:.1f} GiB, at most {LARGEST_BYTES / 2**30:.0f} are read"
            )
        model = onnx.load(str(path), load_external_data=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path}: not a readable ONNX file ({type(error).__name__})") from None
    if not model.graph.node or not model.graph.output:
        raise InputError(f"{path}: not a readable ONNX file (it has no nodes or no output)")
    for tensor in model.graph.initializer:
        if uses_external_data(tensor):
            raise InputError(
                f"{path}: {tensor.name} lies in another file; save the model with its weights "
                "inside (onnx.save with save_as_external_data=False)"
            )
        try:
            onnx.numpy_helper.to_array(tensor)
        except Exception as error:
            raise InputError(
                f"{path}: the data of {tensor.name} do not fit its shape "
                f"({type(error).__name__}); export the file again"
            ) from None
    _check_order(model, path)
    return model


def opset_version(model: onnx.ModelProto, path: Path) -> int:
    """Version of the standard operations.

    Raises:
        InputError: none is stated, or it is older or newer than what the evaluator knows.
    """
    newest = onnx.defs.onnx_opset_version()
    stated = [o.version for o in model.opset_import if o.domain in STANDARD_DOMAINS]
    if not stated or not OLDEST_OPSET <= stated[0] <= newest:
        found = str(stated[0]) if stated else "none"
        raise InputError(
            f"{path}: states the opset {found}, expected {OLDEST_OPSET} to {newest}; "
            "export with opset 17"
        )
    return int(stated[0])


def live_nodes(
    model: onnx.ModelProto, path: Path, output: str | None
) -> tuple[str, list[onnx.NodeProto]]:
    """The output and the nodes that it needs, in order.

    Raises:
        InputError: no tensor of that name.
        UnsupportedError: several outputs and none chosen.
    """
    target = output
    if target is None:
        names = [o.name for o in model.graph.output]
        if len(names) > 1:
            raise UnsupportedError(
                f"{path}: has {len(names)} outputs, {', '.join(names)}; choose one with "
                "--output NAME"
            )
        (target,) = names
    made = {name for node in model.graph.node for name in node.output if name}
    if target not in made:
        if output is None:
            raise InputError(f"{path}: output {target} is not computed from the input")
        raise unknown_name("tensor", target, made, str(path))
    needed = {target}
    nodes = []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            needed.update(name for name in node.input if name)
            nodes.append(node)
    return target, nodes[::-1]


def input_shape(
    model: onnx.ModelProto, nodes: list[onnx.NodeProto], constants: Collection[str], path: Path
) -> tuple[str, tuple[int, ...]]:
    """Name and shape of the only input, channels last, without the batch.

    Raises:
        UnsupportedError: several inputs, open sizes, more than one event, neither image nor vector.
    """
    read = {name for node in nodes for name in node.input}
    inputs = [i for i in model.graph.input if i.name not in constants and i.name in read]
    if len(inputs) != 1:
        names = ", ".join(i.name for i in inputs) or "none"
        raise UnsupportedError(f"{path}: has {len(inputs)} inputs ({names}), expected one")
    (value,) = inputs
    sizes = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
    if len(sizes) not in (2, 4) or any(size < 1 for size in sizes[1:]) or sizes[0] > 1:
        shown = ", ".join(d.dim_param or str(d.dim_value) for d in value.type.tensor_type.shape.dim)
        raise UnsupportedError(
            f"{path}: input {value.name} has the shape ({shown}), expected one event, (1, C, H, W) "
            "or (1, C); export it with fixed sizes"
        )
    shape = sizes[1:]
    return value.name, (shape[1], shape[2], shape[0]) if len(shape) == 3 else shape


def _check_order(model: onnx.ModelProto, path: Path) -> None:
    """Every tensor is written once, before it is read."""
    known = {t.name for t in model.graph.initializer} | {i.name for i in model.graph.input}
    written: set[str] = set()
    for node in model.graph.node:
        where = f"{path}: node {node.name or (node.output[0] if node.output else node.op_type)}"
        for name in node.input:
            if name and name not in known:
                raise InputError(
                    f"{where}: reads {name}, which nothing before it makes; export the file again"
                )
        if not any(node.output):
            raise InputError(f"{where}: has no output; export the file again")
        for name in node.output:
            if name and name in written:
                raise InputError(f"{where}: writes {name} a second time; export the file again")
            written.add(name)
        known |= set(node.output)
