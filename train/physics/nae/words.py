"""Sentences, cards and tables of the page of jet images, made from its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from trigforge.train.physics.cells import Cell, Row
from trigforge.train.physics.document import Card, Table
from trigforge.train.physics.nae import dark, paper
from trigforge.train.physics.nae.names import (
    DIRECTIONS,
    LABELS,
    LATENT,
    NETWORKS,
    baseline_label,
    jet_label,
)
from trigforge.train.physics.nae.networks import Training
from trigforge.train.physics.nae.samples import LONGER
from trigforge.train.physics.nae.separation import auc_cell, equal_cell, rejection_cell
from trigforge.train.physics.nae.tagging import PROTOTYPES, TOP_ABOVE, Tagging

COLUMNS = ("AUC", "1 / background efficiency at 20 %", "AUC at equal mass")
PAPER_TRAINING = f"The paper: {paper.TRAINING}."


def quoted(table: Mapping[str, Mapping[str, paper.Quoted]]) -> dict[str, Any]:
    """The paper's numbers as plain data."""
    return {key: {name: asdict(q) for name, q in row.items()} for key, row in table.items()}


def interval(gain: Mapping[str, float]) -> str:
    """``+0.050 (95 %: +0.041 to +0.058)``."""
    return f"{gain['value']:+.3f} (95 %: {gain['low']:+.3f} to {gain['high']:+.3f})"


def verdict(entry: Mapping[str, Any]) -> str:
    """What one direction reached, and what beats it without a network."""
    scores, direction = entry["scores"], entry["direction"]
    own, target = scores["nae"], paper.TARGETS[direction]
    gain = entry["gain"]
    if own["auc"] + 2 * own["auc_error"] < target:
        reached = f"below the paper's {target}"
    elif own["auc"] - 2 * own["auc_error"] > target:
        reached = f"above the paper's {target}"
    else:
        reached = f"the paper's {target} within two errors"
    if gain["low"] > 0:
        change = "gains"
    elif gain["high"] < 0:
        change = "loses"
    else:
        change = "changes, but not significantly,"
    better = [n for n in TOP_ABOVE if scores[n]["auc"] > own["auc"]]
    rivals = (
        "No baseline separates as well."
        if not better
        else "Better without a network: "
        + ", ".join(f"{LABELS[n]} ({scores[n]['auc']:.3f})" for n in better)
        + "."
    )
    return (
        f"{DIRECTIONS[direction]}: trained on {jet_label(entry['background'])} jets, the NAE tags "
        f"{jet_label(entry['signal'])} jets with an AUC of {own['auc']:.3f} ± "
        f"{own['auc_error']:.3f}, {reached}, and {change} by {interval(gain)} against its "
        f"own autoencoder. {rivals}{_beyond_mass(scores)}{_encoder_alone(scores)}"
    )


def _beyond_mass(scores: Mapping[str, Any]) -> str:
    own, mass = scores["nae"]["auc_at_equal"], scores["mass"]["auc_at_equal"]
    if own is None or mass is None:
        return ""
    error = scores["nae"]["auc_at_equal_error"] or 0.0
    knows = "knows more than the mass" if own - mass > 2 * error else "adds nothing to the mass"
    return (
        f" Among jets of equal mass its AUC is {own:.3f} ± {error:.3f} (the mass itself: "
        f"{mass:.3f}, its own autoencoder: {scores['ae']['auc_at_equal']:.3f}): it {knows}."
    )


def _encoder_alone(scores: Mapping[str, Any]) -> str:
    if "latent_nae" not in scores:
        return ""
    own = scores["latent_nae"]
    return (
        f" The encoder alone, with {PROTOTYPES} prototypes of its background, reaches "
        f"{own['auc']:.3f} ± {own['auc_error']:.3f}."
    )


def card(entry: Mapping[str, Any]) -> Card:
    """The number to be seen first."""
    direction, scores = entry["direction"], entry["scores"]
    theirs = paper.TAGGING[direction]
    return Card(
        f"{DIRECTIONS[direction]} ({entry['weights']})",
        f"{scores['nae']['auc']:.3f}",
        f"AUC of the NAE; the paper's {theirs['nae'].auc}",
        {
            "its own autoencoder": f"{scores['ae']['auc']:.3f}",
            "the paper's autoencoder": f"{theirs['ae'].auc}",
            "gain": f"{entry['gain']['value']:+.3f}",
            "jet mass alone": f"{scores['mass']['auc']:.3f}",
        },
    )


def tagging_table(entry: Mapping[str, Any]) -> Table:
    """All scores of one direction, the paper's rows between ours."""
    direction, scores = entry["direction"], entry["scores"]
    mass = scores["mass"]
    best = max(("nae", "ae"), key=lambda name: scores[name]["auc"])
    rows = []
    for name in ("nae", "ae"):
        own, theirs = scores[name], paper.TAGGING[direction][name]
        beats = name == best and own["auc"] > mass["auc"]
        rows.append(
            Row(
                LABELS[name],
                NETWORKS[name],
                "network",
                [
                    auc_cell(own, rival=mass["auc"], best=beats),
                    rejection_cell(own),
                    equal_cell(own, mass["auc_at_equal"]),
                ],
            )
        )
        cells = [Cell(f"{theirs.auc:g}"), Cell(f"{theirs.rejection:g}"), Cell("–")]
        rows.append(Row(LABELS[name], f"paper's {NETWORKS[name].split()[-1]}", "paper", cells))
    for name in LATENT:
        if name in scores:
            cells = [
                auc_cell(scores[name], rival=mass["auc"]),
                rejection_cell(scores[name]),
                equal_cell(scores[name], mass["auc_at_equal"]),
            ]
            rows.append(Row(LABELS[name], LATENT[name], "network", cells))
    turn = 1 if direction == "direct" else -1
    for name, sign in TOP_ABOVE.items():
        cells = [auc_cell(scores[name]), rejection_cell(scores[name]), equal_cell(scores[name])]
        rows.append(Row(baseline_label(name, turn * sign), "", "baseline", cells))
    signal = jet_label(entry["signal"])
    return Table(
        f"{DIRECTIONS[direction]}: {scores['nae']['signal_jets']:,} {signal} jets against "
        f"{scores['nae']['background_jets']:,} {jet_label(entry['background'])} jets",
        f"Paper: {paper.TAGGING_PLACE}, on its own jets. Baselines have the sign that makes "
        f"{signal} jets anomalous; with the other sign their AUC is one minus this. In brackets: "
        "fewer than ten background jets are left, or fewer than twenty compared. Equal mass: each "
        "signal jet against background jets within 5 %, so that even the mass is not exactly at "
        "0.5. Green: above the mass, red: below.",
        COLUMNS,
        rows,
    )


def dark_paragraphs(entries: Sequence[Mapping[str, Any]], trained: bool, absent: str) -> list[str]:
    """What the section shows, or why it is empty."""
    if not entries:
        said = [absent] if absent else []
        if not trained:
            said.append("No weights of a training on QCD jets of 150 to 300 GeV are released.")
        return said
    missing = sorted({*paper.DARK["aachen"]} - {entry["power"] for entry in entries}, reverse=True)
    said = [
        "QCD jets of 150 to 300 GeV, pixels to the power n, against Aachen jets (mostly invisible "
        "dark showers) and Heidelberg jets (two dark decays to quarks). For each signal the QCD "
        "jets are thinned to its pT spectrum, so that pT alone tells nothing."
    ]
    if missing:
        said.append(f"Without weights: n = {', '.join(f'{power:g}' for power in missing)}.")
    for signal in dark.SIGNALS:
        best = max(entries, key=lambda e: e["signals"][signal]["scores"]["nae"]["auc"])
        scores = best["signals"][signal]["scores"]
        changes = [e["signals"][signal]["gain"] for e in entries]
        gains = sum(change["low"] > 0 for change in changes)
        losses = sum(change["high"] < 0 for change in changes)
        found = [e["signals"][signal]["discrepancy"]["input"] for e in entries]
        alike = sum(one["value"] <= one["level"] for one in found)
        rival = max(dark.BASELINES[signal], key=lambda name: scores[name]["auc"])
        beaten = "more" if scores[rival]["auc"] > scores["nae"]["auc"] else "less"
        said.append(
            f"{jet_label(signal)}: the best NAE has n = {best['power']:g} and an AUC of "
            f"{scores['nae']['auc']:.3f} ± {scores['nae']['auc_error']:.3f}; the best baseline, "
            f"{LABELS[rival]}, finds {beaten} ({scores[rival]['auc']:.3f}). The normalisation "
            f"gains significantly at {gains} of {len(entries)} powers and loses at {losses}. By "
            f"their discrepancy images cannot be told from those of QCD jets at {alike}."
        )
    return said


def dark_tables(entries: Sequence[dict[str, Any]]) -> list[Table]:
    """A table per signal, and the discrepancies."""
    about = (
        f"AUC and, to its right, the inverse background efficiency at 20 % signal efficiency. "
        f"Paper: {paper.DARK_PLACE}, mean and standard deviation of five trainings on its own "
        "jets. Green: above the jet mass, red: below."
    )
    powers = [f"n = {entry['power']:g}" for entry in entries]
    columns = [text for power in powers for text in (power, "1 / eff.")]
    tables = [
        Table(f"{jet_label(signal)} jets", about, columns, dark.rows(entries, signal))
        for signal in dark.SIGNALS
    ]
    tables.append(
        Table(
            "How different dark jets are from QCD jets",
            f"Squared maximum mean discrepancy of {dark.COMPARED} jets each, and in brackets what "
            "95 % of random exchanges of their labels stay below (the paper's figure 8 draws it).",
            powers,
            dark.discrepancy_rows(entries),
        )
    )
    return tables


def discrepancy_paragraphs(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Whether samples look like jets, in words."""
    said = [
        "Samples start at random places on the sphere of latents, run a chain there, are decoded "
        "and run a chain in the space of images. Latent chains have the temperature of the "
        "training and are as long as the training's with its buffer, whose content takes no part."
    ]
    for entry in found:
        before, after, on = (entry["networks"][name] for name in ("ae", "nae", "longer"))
        changes = [
            f"in {place} from {before[space]['value']:.3f} to {after[space]['value']:.3f}"
            for space, place in (("input", "images"), ("latent", "latents"))
        ]
        apart = [s for s in ("input", "latent") if after[s]["value"] > after[s]["level"]]
        end = (
            "samples of the NAE and jets are still told apart"
            if apart
            else "samples of the NAE and jets are no longer told apart"
        )
        said.append(f"{entry['weights']}: the discrepancy goes {' and '.join(changes)}; {end}.")
        runs = any(
            on[space]["value"] - after[space]["value"] > after[space]["level"]
            for space in ("input", "latent")
        )
        said.append(
            f"Chains {LONGER} times as long give {on['input']['value']:.3f} and "
            f"{on['latent']['value']:.3f}: "
            + (
                "they run on, further from the jets; what the training normalised is the density "
                "that chains of its own length reach."
                if runs
                else "they come no further from the jets."
            )
        )
    return said


def discrepancy_table(taggings: Sequence[Tagging], found: Sequence[Mapping[str, Any]]) -> Table:
    """Squared MMD of jets and samples, per training and network."""
    rows = [
        Row(
            f"{jet_label(tagging.background.label)} jets and samples",
            {**NETWORKS, "longer": f"NAE, chains {LONGER} times as long"}[name],
            "network",
            [
                dark.discrepancy_cell(entry["networks"][name][space])
                for space in ("input", "latent")
            ],
        )
        for tagging, entry in zip(taggings, found, strict=True)
        for name in ("ae", "nae", "longer")
    ]
    return Table(
        "Maximum mean discrepancy",
        "Squared, unbiased, with a Gaussian kernel of the median distance, between test jets of "
        "the training's class and samples of the model. In brackets: what 95 % of random exchanges "
        "of their labels stay below.",
        ("images", "latents"),
        rows,
    )


def trained(training: Training) -> str:
    """One line about a training."""
    return f"{training.name}, on {jet_label(training.background)} jets: " + "; ".join(
        training.about or ["its manifest says nothing about how long"]
    )
