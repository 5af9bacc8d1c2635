"""Chains of the jet-image autoencoder in one kernel each, see ``fused.cu``.

Libraries spend most of a step on layers of eight channels, for which they are not made. Here a
block of a GPU walks one chain from its first step to its last, everything in shared memory.
"""

from __future__ import annotations

import copy
import ctypes
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from trigforge.train.artifacts import atomic_path
from trigforge.train.errors import ToolError
from trigforge.train.nae.chain import ChainConfig, ChainResult
from trigforge.train.nae.network import LATENTS, SIZE, JetAutoencoder

SOURCE = Path(__file__).with_name("fused.cu")
BUILD = Path("build/fused")
COMPILERS = {
    "cuda": ("nvcc", ("-O3", "-std=c++17", "-arch=native", "-Xcompiler", "-fPIC")),
    "cpu": ("g++", ("-O2", "-std=c++17", "-fPIC", "-x", "c++")),
}
"""By kind of device: the compiler and its options. The CPU's is for tests: one thread, slow."""


def can_fuse(model: nn.Module, *chains: ChainConfig | None) -> bool:
    """Whether the kernel is for this network and these chains, and a compiler for GPUs is there."""
    published = isinstance(model, JetAutoencoder) and (model.size, model.latents) == (SIZE, LATENTS)
    exact = any(chain is not None and chain.metropolis for chain in chains)
    return published and not exact and shutil.which(COMPILERS["cuda"][0]) is not None


class FusedChain:
    """Chains without acceptance, in input space or on the sphere.

    Args:
        network: a frozen copy, whose parameters are read at every call.
        images: chains of images; else of latents.
    """

    def __init__(self, network: JetAutoencoder, chain: ChainConfig, *, images: bool) -> None:
        self._chain, self._images = chain, images
        self._parameters = list(network.state_dict().values())
        self._places = places(network)

    def __call__(self, start: Tensor, generator: torch.Generator) -> ChainResult:
        """Where chains from ``start`` (B, ...) end.

        Raises:
            ToolError: the kernel cannot be compiled or launched.
        """
        chain, device = self._chain, start.device
        library = _library(device.type)
        begin = start.detach().float().contiguous()
        noise = torch.empty(chain.steps, *begin.shape, device=device).normal_(generator=generator)
        flat = [torch.zeros(1, device=device), *(p.detach().flatten() for p in self._parameters)]
        end, weights = torch.empty_like(begin), torch.cat(flat)[self._places]
        if weights.numel() != library.trigforge_parameters():
            raise ToolError(f"{SOURCE}: expects another network than it was given; report this")
        pointers = [ctypes.c_void_p(t.data_ptr()) for t in (weights, begin, noise, end)]
        stream = torch.cuda.current_stream().cuda_stream if start.is_cuda else None
        found = library.trigforge_chains(
            int(self._images),
            *pointers,
            len(begin),
            chain.steps,
            *map(ctypes.c_float, (chain.step_size, chain.noise, chain.clip)),
            int(chain.annealing),
            ctypes.c_void_p(stream),
        )
        if found:
            raise ToolError(f"{SOURCE}: CUDA error {found} when chains were launched")
        return ChainResult(end, torch.ones((), device=device))


@torch.no_grad()
def places(network: JetAutoencoder) -> Tensor:
    """Where every number of :func:`packed` stands: 0 for none, else its place in the state dict."""
    numbered, before = copy.deepcopy(network), 1
    for values in numbered.state_dict().values():
        numbers = torch.arange(before, before + values.numel(), device=values.device)
        values.copy_(numbers.view(values.shape))
        before += values.numel()
    return packed(numbered).long()


@torch.no_grad()
def packed(model: JetAutoencoder) -> Tensor:
    """All parameters as ``fused.cu`` wants them, one vector."""
    encoder, decoder = model.encoder, model.decoder
    parts: list[Tensor] = []

    def put(values: Tensor) -> None:
        flat = values.detach().float().flatten()
        parts.append(nn.functional.pad(flat, (0, -len(flat) % 4)))

    def layer(module: nn.Module, slope: nn.Module | None, acting: tuple[int, ...]) -> None:
        weight, bias = cast(Tensor, module.weight), cast(Tensor, module.bias)
        put(weight.permute(acting))
        put(bias)
        put(cast(Tensor, slope.weight) if slope is not None else bias.new_zeros(1))
        put(weight.flip(2, 3).permute(0, 2, 3, 1) if weight.ndim == 4 else weight)

    def convolution(module: nn.Module, slope: nn.Module | None) -> None:
        layer(module, slope, (1, 2, 3, 0))

    before, after = encoder.before, encoder.after
    convolution(before[0], before[1])
    convolution(before[2], before[3])
    put(cast(Tensor, after[0].weight))
    for index in (1, 3, 5):
        convolution(after[index], after[index + 1])
    convolution(decoder.before[0], decoder.before[1])
    convolution(decoder.before[2], decoder.before[3])
    put(cast(Tensor, decoder.after[0].weight))
    convolution(decoder.after[1], decoder.after[2])
    convolution(decoder.pixels, None)
    layer(encoder.dense[0], encoder.dense[1], (1, 0))
    layer(encoder.dense[2], None, (1, 0))
    layer(decoder.dense[0], decoder.dense[1], (1, 0))
    layer(decoder.dense[2], decoder.dense[3], (1, 0))
    return torch.cat(parts)


_loaded: dict[str, ctypes.CDLL] = {}


def _library(device: str) -> ctypes.CDLL:
    if device not in _loaded:
        compiler, options = COMPILERS[device]
        key = hashlib.sha256(SOURCE.read_bytes() + repr(options).encode()).hexdigest()[:16]
        path = (BUILD / f"chains-{device}-{key}.so").resolve()
        if not path.is_file():
            _compile(compiler, options, path)
        _loaded[device] = ctypes.CDLL(str(path))
    return _loaded[device]


def _compile(compiler: str, options: tuple[str, ...], path: Path) -> None:
    with atomic_path(path) as temporary:
        command = [compiler, *options, "-shared", "-o", str(temporary), str(SOURCE)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise ToolError(f"{compiler}: cannot be run ({error}); chains need it") from None
        if done.returncode:
            raise ToolError(f"{compiler} refuses {SOURCE}: {done.stderr.strip()[:400]}")
