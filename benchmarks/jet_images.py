"""Jet images per second beside the same steps in plain loops, one jet after the other.

    python benchmarks/jet_images.py [--jets N] [--data FILE]

Takes training jets of the shipped sample, or of a file with the labels qcd and top, on one thread.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from trigforge.train.jets.images import Preprocessing, jet_images
from trigforge.train.jets.jets import Constituents
from trigforge.train.jets.plain_image import plain_image
from trigforge.train.jets.sample import load_jets, load_shipped_jets

PLAIN_JETS = 200


def plainly(constituents: Constituents, preprocessing: Preprocessing) -> None:
    """Every jet through the plain loops."""
    values = [
        np.split(column, constituents.starts[1:])
        for column in (constituents.pt, constituents.eta, constituents.phi)
    ]
    for pt, eta, phi in zip(*values, strict=True):
        plain_image(pt.tolist(), eta.tolist(), phi.tolist(), preprocessing)


def main() -> None:
    """Print rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jets", type=int, default=20_000)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    sample = load_jets(options.data) if options.data else load_shipped_jets("top_tagging")
    print(
        f"{'sample':8} {'jets':>7} {'wall jets/s':>12} {'CPU jets/s':>12} {'plain':>8} {'ratio':>7}"
    )
    for label in ("qcd", "top"):
        constituents = sample.part("train", label).head(options.jets).constituents
        assert constituents is not None
        preprocessing = Preprocessing(power=0.5)
        jet_images(constituents.take(slice(1000)), preprocessing)
        with threadpool_limits(1):
            wall, cpu = time.perf_counter(), time.process_time()
            jet_images(constituents, preprocessing)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        begin = time.process_time()
        plainly(constituents.take(slice(PLAIN_JETS)), preprocessing)
        plain = PLAIN_JETS / (time.process_time() - begin)
        count = len(constituents)
        print(
            f"{label:8} {count:7} {count / wall:12,.0f} {count / cpu:12,.0f} {plain:8,.0f}"
            f" {count / cpu / plain:7.0f}"
        )


if __name__ == "__main__":
    main()
