"""One Langevin step of the jet-image NAE at batch 128: the plain eager step against the chains'.

The plain step is the trained network in contiguous memory; the chains' is a frozen copy in
channels-last memory with fixed slopes, in float32 and with bfloat16 inside. All variants take
turns, so that other work on the machine meets them alike; the shortest time of each counts. Where
there is a GPU, also a chain of 30 steps there: recorded as a graph, and in one kernel.

Usage: python benchmarks/langevin.py [rounds]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from trigforge.train.nae.chain import (
    EagerChain,
    Evaluation,
    Flat,
    UnitSphere,
    uniform_on_sphere,
    with_gradient,
)
from trigforge.train.nae.frozen import FrozenAutoencoder
from trigforge.train.nae.fused import FusedChain
from trigforge.train.nae.network import JetAutoencoder, energy
from trigforge.train.nae.recorded import RecordedChain
from trigforge.train.nae.sampler import PAPER_SAMPLER
from trigforge.train.nae.spectral import normalise_spectra

BATCH = 128
ROUNDS = 30
STEP_SIZE, NOISE = 50.0, 1e-4


def langevin(evaluate: Evaluation, x: Tensor) -> Callable[[], Tensor]:
    """One step from ``x``."""
    return lambda: x - STEP_SIZE * evaluate(x)[1] + NOISE * torch.randn_like(x)


def main(rounds: int) -> None:
    """Measure and print."""
    torch.manual_seed(1)
    model = JetAutoencoder()
    normalise_spectra(model, 1)
    model.eval()
    x = torch.rand(BATCH, 1, 40, 40)
    x /= x.sum((2, 3), keepdim=True)
    last = x.contiguous(memory_format=torch.channels_last)
    plain = with_gradient(lambda x: energy(model, x))
    single, half = FrozenAutoencoder(model), FrozenAutoencoder(model, "bfloat16")
    exact = plain(x)[1]
    found = (single.input(last)[1] - exact).norm() / exact.norm()
    assert found < 1e-3, "the frozen copy has another gradient"
    steps = {
        "plain, contiguous": langevin(plain, x),
        "frozen, float32": langevin(single.input, last),
        "frozen, bfloat16": langevin(half.input, last),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - start)
    base = min(times["plain, contiguous"])
    print(f"Langevin step of {BATCH} images, {torch.get_num_threads()} thread(s)")
    for name, seconds in times.items():
        print(f"{name:20} {1e3 * min(seconds):8.1f} ms   ratio {base / min(seconds):5.2f}")
    if torch.cuda.is_available():
        chains_on_gpu(model, rounds)


def chains_on_gpu(model: JetAutoencoder, rounds: int) -> None:
    """Measure and print whole chains of both kinds, those of the paper."""
    model = model.to("cuda")
    frozen, generator = FrozenAutoencoder(model), torch.Generator("cuda").manual_seed(1)
    assert isinstance(frozen.network, JetAutoencoder)
    assert PAPER_SAMPLER.latent is not None
    images = torch.rand(BATCH, 1, 40, 40, device="cuda") / 1600
    latents = uniform_on_sphere(BATCH, 3, generator)
    inputs, points = PAPER_SAMPLER.input, PAPER_SAMPLER.latent
    print(f"chain of {inputs.steps} steps of {BATCH} images, {torch.cuda.get_device_name()}")
    for name, start, recorded, fused in (
        (
            "images",
            images.contiguous(memory_format=torch.channels_last),
            RecordedChain(frozen.input, inputs, Flat()),
            FusedChain(frozen.network, inputs, images=True),
        ),
        (
            "latents",
            latents,
            RecordedChain(frozen.latent, points, UnitSphere()),
            FusedChain(frozen.network, points, images=False),
        ),
    ):
        seconds = [gpu_seconds(chain, start, generator, rounds) for chain in (recorded, fused)]
        print(
            f"{name:20} {1e3 * seconds[0]:8.1f} ms recorded, {1e3 * seconds[1]:8.1f} ms in one "
            f"kernel   ratio {seconds[0] / seconds[1]:5.2f}"
        )


def gpu_seconds(
    chain: EagerChain | FusedChain, start: Tensor, generator: torch.Generator, rounds: int
) -> float:
    """Mean seconds of a chain, after one that records or compiles."""
    chain(start, generator)
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(rounds):
        chain(start, generator)
    torch.cuda.synchronize()
    return (time.perf_counter() - began) / rounds


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
