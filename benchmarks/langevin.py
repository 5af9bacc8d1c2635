"""One Langevin step of the jet-image NAE at batch 128: the plain eager step against the chains'.

The plain step is the trained network in contiguous memory; the chains' is a frozen copy in
channels-last memory with fixed slopes, in float32 and with bfloat16 inside. All variants take
turns, so that other work on the machine meets them alike; the shortest time of each counts.

Usage: python benchmarks/langevin.py [rounds]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from trigforge.train.nae.chain import Evaluation, with_gradient
from trigforge.train.nae.frozen import FrozenAutoencoder
from trigforge.train.nae.network import JetAutoencoder, energy
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


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
