"""Small synthetic material for reports and verdicts: events, comparisons, observations."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from trigforge.hls.budget import load_budget
from trigforge.hls.recipe import BudgetConfig
from trigforge.hls.reports.observations import Observation, observe
from trigforge.hls.reports.physics import assess
from trigforge.hls.reports.report import (
    SCHEMA,
    BitAccuracy,
    Dataset,
    EdgeCoverage,
    Hardware,
    Inputs,
    Layer,
    Physics,
    Report,
    Stage,
    StageTime,
    Verdict,
)
from trigforge.hls.reports.verdict import judge
from trigforge.train.events import SampleInfo

SIGNALS = ("suep_125", "svj_2100")

Samples = dict[str, np.ndarray]


def events(extra: float = 0.0, seed: int = 1) -> tuple[dict[str, dict[str, Samples]], Samples]:
    """Scores that follow the mask sum, plus ``extra`` that only signals have; and the mask sum."""
    rng = np.random.default_rng(seed)
    sums = {"qcd": rng.poisson(80, 3000), "suep_125": rng.poisson(95, 400)}
    sums["svj_2100"] = rng.poisson(100, 400)
    before: Samples = {}
    for name, values in sums.items():
        noise = rng.normal(0.0, 3.0, len(values))
        before[name] = values + noise + (0.0 if name == "qcd" else extra)
    after = {name: np.floor(v * 4).astype(np.int64) for name, v in before.items()}
    quantised = {name: v / 4.0 for name, v in after.items()}
    return {"z_m[0]": {"float": before, "quantised": quantised, "firmware": after}}, sums


def info(cross_section_pb: float | None = 1e5) -> SampleInfo:
    return SampleInfo(
        name="qcd/test",
        cross_section_pb=cross_section_pb,
        cross_section_err_pb=None,
        preselection_efficiency=0.01,
        n_generated=None,
        n_accepted=3000,
        generator="toy",
    )


@cache
def physics(
    extra: float = 0.0, cross_section_pb: float | None = 1e5, max_rate_hz: float | None = None
) -> Physics:
    scores, sums = events(extra)
    return assess(
        scores,
        {"mask_sum": sums},
        background="qcd",
        signals=SIGNALS,
        info=info(cross_section_pb),
        rng=np.random.default_rng(2),
        max_rate_hz=max_rate_hz,
    )


def observations(**changes: Any) -> list[Observation]:
    """Estimates that fit the budget hlt; a change to None leaves the quantity out."""
    values = {
        "latency_cycles": 30_000,
        "ii_cycles": 21_681,
        "lut": 600_000,
        "ff": 280_000,
        "dsp": 0,
        "bram_18k": 2_200,
        **changes,
    }
    return [
        observe(quantity, value, provenance="estimated", tool="trigforge", version="0.1.0")
        for quantity, value in values.items()
        if value is not None
    ]


def pair(a: Stage, b: Stage, inputs: Inputs, mismatches: int = 0) -> BitAccuracy:
    coverage = {"act1": EdgeCoverage(zero=True, negative=True, saturated_high=True, half=True)}
    return BitAccuracy(
        a=a,
        b=b,
        inputs=inputs,
        vectors=32,
        values=64_000,
        mismatches=mismatches,
        max_abs_lsb=3 if mismatches else 0,
        first_layer="conv2_g0" if mismatches else None,
        coverage=coverage if b == "emulator" else {},
    )


def bits() -> list[BitAccuracy]:
    found = []
    for inputs in ("events", "random", "extreme"):
        found += [pair("brevitas", "qonnx", inputs), pair("qonnx", "emulator", inputs)]
    return [*found, pair("emulator", "csim", "events"), pair("emulator", "csim", "extreme")]


def verdict(**changes: Any) -> Verdict:
    arguments: dict[str, Any] = {
        "observations": observations(),
        "compute_units": 1,
        "physics": physics(),
        "bit_accuracy": bits(),
        **changes,
    }
    budget = load_budget(arguments.pop("budget", "hlt"))
    config = arguments.pop("config", BudgetConfig(name="hlt"))
    return judge(budget, config, **arguments)


def report(**changes: Any) -> Report:
    judged = changes.pop("verdict", None) or verdict()
    layer = Layer(name="conv1_g0", op="conv", weight_bits=6, acc_bits=11, reuse=1, multipliers=288)
    arguments: dict[str, Any] = {
        "schema": SCHEMA,
        "model": "toy_model",
        "created": "2026-01-02T03:04:05+00:00",
        "recipe_sha256": "ab" * 32,
        "versions": {"trigforge": "0.1.0", "hls4ml": "1.3.0"},
        "dataset": Dataset(
            name="shipped",
            source="shipped",
            sha256="cd" * 32,
            preselection="HT > 500 GeV",
            background="qcd",
            background_events=3000,
            signals=dict.fromkeys(SIGNALS, 400),
        ),
        "verdict": judged,
        "bit_accuracy": tuple(bits()),
        "physics": physics(),
        "hardware": {
            "hls4ml": Hardware(
                device="xcu250",
                compute_units=1,
                observations=tuple(observations()),
                layers=(layer,),
            )
        },
        "stages": {"train": StageTime(seconds=1.5, cached=True)},
        **changes,
    }
    return Report(**arguments)
