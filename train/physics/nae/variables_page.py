"""The physics page of the NAE of eight substructure variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trigforge.train.artifacts import versions
from trigforge.train.errors import InputError
from trigforge.train.jets.jets import VARIABLES
from trigforge.train.jets.normal_map import fit_normal_map
from trigforge.train.jets.sample import JetSample, load_jets, load_shipped_jets
from trigforge.train.physics.cells import Row
from trigforge.train.physics.document import Card, Document, Section, Table, write_document
from trigforge.train.physics.figures import Plan
from trigforge.train.physics.nae import curves, words
from trigforge.train.physics.nae.dark import discrepancy_cell
from trigforge.train.physics.nae.discrepancy import discrepancy
from trigforge.train.physics.nae.names import LABELS, NETWORKS, jet_label
from trigforge.train.physics.nae.networks import Training, latest, load_dense_trainings
from trigforge.train.physics.nae.paper import CMS_SOURCE
from trigforge.train.physics.nae.samples import draw_samples, fresh_sampler
from trigforge.train.physics.nae.separation import (
    Scored,
    auc_cell,
    equal_cell,
    gain,
    rejection_cell,
    separation,
)
from trigforge.train.physics.nae.tagging import mean_energies
from trigforge.train.physics.options import PhysicsOptions

BACKGROUND = "ttbar"
BASELINES = ("pt", "mass", "tau3")
COMPARED = 500
SEED = 5


def run_nae_svj(options: PhysicsOptions) -> Path:
    """Semi-visible jets of every mediator and invisible fraction, plain and at equal pT.

    Raises:
        InputError: no weights, other weights, or jets that cannot be read.
        StorageError: an output cannot be written.
    """
    names = options.networks or latest("nae_svj")
    if not names:
        raise InputError(
            "no released weights of nae_svj; name weights of your own training with --network path"
        )
    sample = load_jets(options.data) if options.data else load_shipped_jets("semivisible")
    trainings = load_dense_trainings(names)
    entries = [measure(training, sample, options.events) for training in trainings]
    result: dict[str, Any] = {
        "schema": 1,
        "model": options.model,
        "sample": {"selection": sample.selection, "sha256": sample.sha256},
        "networks": entries,
        "versions": versions("torch", "numpy", "matplotlib"),
    }
    document = Document(
        "NAE of substructure variables: physics",
        "The normalised autoencoder of eight variables",
        [
            f"After {CMS_SOURCE}: trained on jets of ttbar events, it looks for semi-visible jets. "
            "The note gives its AUC in pictures only, so none stands here.",
            f"Test jets: {sample.selection}",
        ],
        [
            section
            for training, entry in zip(trainings, entries, strict=True)
            for section in _sections(training, entry)
        ],
        [
            "Errors are one standard deviation, of AUC by bootstrap; intervals are 95 %, paired "
            "bootstrap. All numbers: physics.json and physics.md beside this page; figures as PNG "
            "and SVG in figures/.",
            f"jets: {sample.sha256[:16]}",
            *(f"{training.name}: {training.weights_sha256[:16]}" for training in trainings),
        ],
    )
    return write_document(document, result, options.output)


def measure(training: Training, sample: JetSample, count: int) -> dict[str, Any]:
    """Plain numbers of one training."""
    transform = fit_normal_map(sample.variables("train", BACKGROUND))
    signals = [name for name in sample.labels if name != BACKGROUND]
    jets = {name: sample.part("test", name).head(count) for name in (BACKGROUND, *signals)}
    inputs = {
        name: torch.from_numpy(transform(sample.variables("test", name)[:count])) for name in jets
    }
    scores: dict[str, dict[str, np.ndarray[Any, Any]]] = {
        name: {
            **{key: mean_energies(net, inputs[name]) for key, net in training.networks.items()},
            "pt": part.pt.astype(np.float64),
            "mass": part.mass.astype(np.float64),
            "tau3": sample.variables("test", name)[:count, VARIABLES.index("tau3")].astype(
                np.float64
            ),
        }
        for name, part in jets.items()
    }
    found: dict[str, Any] = {}
    for name in signals:
        pairs = {
            key: Scored(scores[name][key], scores[BACKGROUND][key]) for key in scores[BACKGROUND]
        }
        change = gain(pairs["nae"], pairs["ae"])
        found[name] = {
            "scores": {key: separation(pair, pairs["pt"]) for key, pair in pairs.items()},
            "gain": {"value": change.value, "low": change.low, "high": change.high},
        }
    background = inputs[BACKGROUND]
    shape = tuple(background.shape[1:])
    chains = fresh_sampler(training.sampler, training.buffer_age, spherical=False)
    return {
        "name": training.name,
        "about": training.about,
        "weights_sha256": training.weights_sha256,
        "signals": found,
        "discrepancy": {
            name: vars(
                discrepancy(
                    background[:COMPARED].double().numpy(),
                    draw_samples(network, chains, shape, COMPARED).double().numpy(),
                    np.random.default_rng(SEED),
                )
            )
            for name, network in training.networks.items()
        },
    }


def _sections(training: Training, entry: Mapping[str, Any]) -> list[Section]:
    signals: Mapping[str, Mapping[str, Any]] = entry["signals"]
    slug = training.name
    return [
        Section(
            slug,
            f"Semi-visible jets ({training.name})",
            _paragraphs(signals),
            [_card(signals)],
            [
                _table(
                    signals,
                    "AUC by mediator mass and invisible fraction",
                    "Against jets of ttbar events. Green: above pT, red: below.",
                    "auc",
                ),
                _table(
                    signals,
                    "AUC at equal pT",
                    "Each signal jet against ttbar jets within 5 % of its pT. In brackets: fewer "
                    "than twenty have partners. Green: above pT itself, which is not exactly at "
                    "0.5 because the window has a width.",
                    "auc_at_equal",
                ),
                _table(
                    signals,
                    "1 / background efficiency at 20 % signal efficiency",
                    "In brackets: fewer than ten background jets are left.",
                    "rejection",
                ),
            ],
            [
                Plan(
                    f"mediators-{slug}",
                    "AUC of every score; m_Phi in GeV and r_inv below.",
                    (10.0, 4.4),
                    partial(curves.draw_mediators, signals=signals),
                )
            ],
        ),
        Section(
            f"training-{slug}",
            f"The training ({training.name})",
            [words.trained(training), "No signal takes part in choosing an epoch."],
            (),
            [_discrepancy_table(entry)],
            [
                Plan(
                    f"history-{slug}",
                    "Every epoch of the normalisation; dashed: the epoch that was kept.",
                    (12.0, 2.6),
                    partial(curves.draw_history, training=training),
                )
            ],
        ),
    ]


def _paragraphs(signals: Mapping[str, Mapping[str, Any]]) -> list[str]:
    up = [n for n, e in signals.items() if e["gain"]["low"] > 0]
    down = [n for n, e in signals.items() if e["gain"]["high"] < 0]
    behind = [n for n, e in signals.items() if e["scores"]["pt"]["auc"] > e["scores"]["nae"]["auc"]]
    beyond = [n for n, e in signals.items() if _beyond_pt(e["scores"])]
    tau3 = [n for n, e in signals.items() if _at_equal(e, "tau3") > _at_equal(e, "nae")]

    def these(names: Sequence[str]) -> str:
        if len(names) in (0, len(signals)):
            return f"all {len(signals)} mediators" if names else "none"
        return "; ".join(jet_label(name) for name in names)

    return [
        "Mediators are named by their mass and the invisible fraction r_inv. The normalisation "
        f"gains significantly over its own autoencoder for {these(up)} and loses for "
        f"{these(down)}.",
        f"Jets of heavy mediators are hard: pT alone has a higher AUC than the NAE for "
        f"{these(behind)}. At equal pT the NAE separates better than pT for {these(beyond)}, and "
        f"tau3 by itself better than the NAE for {these(tau3)}.",
    ]


def _at_equal(entry: Mapping[str, Any], score: str) -> float:
    """AUC at equal pT, 0.5 where too few jets have partners."""
    value = entry["scores"][score]["auc_at_equal"]
    return 0.5 if value is None else float(value)


def _beyond_pt(scores: Mapping[str, Any]) -> bool:
    own, rival = scores["nae"], scores["pt"]
    if own["auc_at_equal"] is None or rival["auc_at_equal"] is None:
        return False
    error = own["auc_at_equal_error"] or 0.0
    return bool(own["auc_at_equal"] - rival["auc_at_equal"] > 2 * error)


def _card(signals: Mapping[str, Mapping[str, Any]]) -> Card:
    def mean(score: str) -> float:
        return float(np.mean([entry["scores"][score]["auc"] for entry in signals.values()]))

    return Card(
        "mean over mediators",
        f"{mean('nae'):.3f}",
        "AUC of the NAE",
        {
            "its own autoencoder": f"{mean('ae'):.3f}",
            "pT alone": f"{mean('pt'):.3f}",
            "jet mass alone": f"{mean('mass'):.3f}",
        },
    )


def _table(signals: Mapping[str, Mapping[str, Any]], title: str, about: str, metric: str) -> Table:
    rows = []
    for name in ("nae", "ae", *BASELINES):
        cells = []
        for entry in signals.values():
            own, rival = entry["scores"][name], entry["scores"]["pt"]
            compared = name in NETWORKS
            if metric == "auc":
                cells.append(auc_cell(own, rival=rival["auc"] if compared else None))
            elif metric == "rejection":
                cells.append(rejection_cell(own))
            else:
                cells.append(equal_cell(own, rival["auc_at_equal"] if compared else None))
        kind = "network" if name in NETWORKS else "baseline"
        label = LABELS[name] if kind == "network" else f"{LABELS[name]}, high"
        rows.append(Row(label, NETWORKS.get(name, ""), kind, cells))
    return Table(title, about, [jet_label(name) for name in signals], rows)


def _discrepancy_table(entry: Mapping[str, Any]) -> Table:
    rows = [
        Row("ttbar jets and samples", NETWORKS[name], "network", [discrepancy_cell(found)])
        for name, found in entry["discrepancy"].items()
    ]
    return Table(
        "Maximum mean discrepancy",
        "Squared, unbiased, with a Gaussian kernel of the median distance, between test jets and "
        "samples of the model, in the mapped variables. In brackets: what 95 % of random exchanges "
        "of their labels stay below.",
        ("variables",),
        rows,
    )
