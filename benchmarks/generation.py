"""Where the CPU time of event generation goes: at least 70 % of it belongs inside Pythia.

    python benchmarks/generation.py [--events N]

Makes one small chunk of a few samples with pileup, calorimeters and level-1 inputs, and zero-bias
crossings, in this process; prints CPU time per event and the fraction spent in Pythia's
``nextBatch``. Starting Pythia counts as Pythia for the pool only, where it belongs to few events.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from trigforge.train.generation.chunks import ChunkTask, Pileup, make_chunk
from trigforge.train.generation.crossings import CrossingTask, make_crossings
from trigforge.train.generation.detector import TrackerConfig
from trigforge.train.generation.minimum_bias import (
    PieceTask,
    PoolConfig,
    build_pool,
    load_pool,
    make_piece,
)
from trigforge.train.generation.preselection import Preselection
from trigforge.train.generation.processes import get_process
from trigforge.train.generation.pythia import Generator

POOL = PoolConfig(collisions=(200, 50, 30, 20, 10, 5, 5))
SAMPLES = ("qcd", "suep_200", "svj_2100")
MEAN_PILEUP = 50.0
spent = {"events": 0.0, "start": 0.0}


def timed(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    """``function``, its CPU time added to ``spent[what]``."""

    def wrapper(*arguments: Any, **options: Any) -> Any:
        begin = time.process_time()
        result = function(*arguments, **options)
        spent[what] += time.process_time() - begin
        return result

    return wrapper


class Counted:
    """A Pythia whose ``nextBatch`` is on the clock."""

    def __init__(self, pythia: Any) -> None:
        self._pythia = pythia
        self.nextBatch = timed(pythia.nextBatch, "events")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pythia, name)


def line(what: str, count: int, total: float) -> None:
    """One row: CPU time without Pythia's start, and the share of its events."""
    busy = total - spent["start"]
    print(
        f"{what:28} {count:6} {1e3 * busy / max(count, 1):9.2f} {spent['events'] / busy:9.1%}"
        f" {spent['start']:9.2f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200, help="completed by Pythia per sample")
    count = parser.parse_args().events
    start = Generator.__init__

    def counted_start(self: Generator, *arguments: Any) -> None:
        timed(start, "start")(self, *arguments)
        self._pythia = Counted(self._pythia)

    Generator.__init__ = counted_start  # type: ignore[method-assign]
    print(f"{'':28} {'events':>6} {'ms each':>9} {'in Pythia':>9} {'start [s]':>9}")
    totals = {"busy": 0.0, "pythia": 0.0}
    with tempfile.TemporaryDirectory() as scratch:
        pool = build_pool(POOL, "test", 1, TrackerConfig(), Path(scratch), 1)
        load_pool(pool, MEAN_PILEUP)
        path = Path(scratch) / "unused.npz"
        common: dict[str, Any] = {"split": "test", "index": 0, "seed": 1, "path": path}
        rows: list[tuple[str, Callable[[], int]]] = [
            (
                f"minimum bias, stratum {stratum}",
                lambda stratum=stratum: (
                    make_piece(
                        PieceTask(stratum=stratum, count=count, tracker=TrackerConfig(), **common)
                    ).n_generated
                ),
            )
            for stratum in (0, 2)
        ]
        for sample in SAMPLES:
            task = ChunkTask(
                sample=sample,
                process=replace(get_process(sample), chunk_events=count),
                tracker=TrackerConfig(),
                preselection=Preselection(),
                pileup=Pileup(pool=pool, mean=MEAN_PILEUP, images=True),
                **common,
            )
            rows.append((f"{sample}, accepted", lambda task=task: len(make_chunk(task).events)))
        crossings = CrossingTask(
            stratum=None, first=0, count=count, pool=pool, mean_pileup=MEAN_PILEUP, **common
        )
        rows.append(("zero bias, no Pythia", lambda: len(make_crossings(crossings))))
        for name, make in rows:
            spent.update(events=0.0, start=0.0)
            begin = time.process_time()
            made = make()
            total = time.process_time() - begin
            line(name, made, total)
            totals["busy"] += total - spent["start"]
            totals["pythia"] += spent["events"]
    print(f"together: {totals['pythia'] / totals['busy']:.1%} of the CPU time inside Pythia")


if __name__ == "__main__":
    main()
