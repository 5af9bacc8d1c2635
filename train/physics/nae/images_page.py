"""The physics page of the NAE of jet images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from tqdm import tqdm

from trigforge.train.artifacts import versions
from trigforge.train.errors import InputError
from trigforge.train.jets.sample import SHIPPED, JetSample, load_jets, load_shipped_jets
from trigforge.train.physics.document import Document, Section, write_document
from trigforge.train.physics.figures import Plan
from trigforge.train.physics.nae import curves, dark, images, paper, words
from trigforge.train.physics.nae.discrepancy import discrepancy
from trigforge.train.physics.nae.names import DIRECTIONS
from trigforge.train.physics.nae.networks import Training, latest, load_image_trainings
from trigforge.train.physics.nae.samples import (
    draw_samples,
    fresh_sampler,
    latent_paths,
    longer_sampler,
)
from trigforge.train.physics.nae.tagging import SIGNALS, Tagging, latents, numbers, tag
from trigforge.train.physics.options import PhysicsOptions

RELEASED = ("nae", "nae_reverse")
DARK_RELEASED = tuple(f"nae_dark_{power}" for power in ("050", "030", "020", "010", "001"))
DRAWN = 256
"""Samples of each model."""
COMPARED = 256
SEED = 5

Drawn = dict[str, dict[str, Tensor]]


def run_nae(options: PhysicsOptions) -> Path:
    """Tagging in both directions, dark jets, landscape, samples, discrepancies, trainings.

    Raises:
        InputError: no weights, other weights, or jets that cannot be read.
        StorageError: an output cannot be written.
    """
    trainings = load_image_trainings(options.networks or _released())
    _check(trainings)
    sample = load_jets(options.data) if options.data else load_shipped_jets("top_tagging")
    taggings: list[Tagging] = []
    drawn: Drawn = {}
    run_on: dict[str, Tensor] = {}
    paths: dict[str, dict[str, np.ndarray[Any, Any]]] = {}
    entries: list[dict[str, Any]] = []
    dark_sample, absent = _dark_sample(sample)
    with tqdm(total=len(trainings), disable=not options.progress, desc="networks") as bar:
        for training in trainings:
            bar.set_postfix_str(training.name)
            if training.background in SIGNALS:
                taggings.append(tag(training, sample, options.events))
                drawn[training.name], paths[training.name] = {}, {}
                shape = tuple(taggings[-1].background.images.shape[1:])
                chains = fresh_sampler(training.sampler, training.buffer_age, spherical=True)
                assert chains.latent is not None  # noqa: S101 as it is for a sphere
                for name, network in training.networks.items():
                    samples = draw_samples(network, chains, shape, DRAWN)
                    drawn[training.name][name] = samples
                    if name == "nae":
                        run_on[training.name] = draw_samples(
                            network, longer_sampler(chains), shape, DRAWN
                        )
                    paths[training.name][name] = latent_paths(network, chains.latent, images.PATHS)
            elif dark_sample:
                entries.append(dark.measure(training, dark_sample, options.events))
            bar.update()
    entries.sort(key=lambda entry: -entry["power"])
    result: dict[str, Any] = {
        "schema": 1,
        "model": options.model,
        "sample": {"selection": sample.selection, "sha256": sample.sha256},
        "networks": [_network(training) for training in trainings],
        "paper": {"source": paper.SOURCE, "tagging": words.quoted(paper.TAGGING)},
        "tagging": [numbers(tagging) for tagging in taggings],
        "dark": entries,
        "discrepancy": [
            {
                "weights": t.training.name,
                "networks": _discrepancies(t, drawn[t.training.name], run_on[t.training.name]),
            }
            for t in taggings
        ],
        "versions": versions("torch", "numpy", "matplotlib"),
    }
    sections = [
        _tagging(taggings, result["tagging"]),
        _dark(entries, trainings, absent),
        _landscape(taggings, paths),
        _images(taggings, drawn, result["discrepancy"]),
        _trainings(trainings),
    ]
    document = Document(
        "NAE: physics",
        "The normalised autoencoder of jet images",
        [
            f"After {paper.SOURCE}, ours beside the paper's. An autoencoder learns one kind of "
            "jets (phase one, here \u201cits own AE\u201d); the normalisation (phase two) raises "
            "the energy, that is the reconstruction error, wherever the model itself would put "
            "jets.",
            f"Test jets: {sample.selection}",
        ],
        sections,
        [
            "Errors are one standard deviation, of AUC by bootstrap; intervals are 95 %, paired "
            "bootstrap. All numbers: physics.json and physics.md beside this page; figures as PNG "
            "and SVG in figures/.",
            f"jets: {sample.sha256[:16]}",
            *(f"{training.name}: {training.weights_sha256[:16]}" for training in trainings),
        ],
    )
    return write_document(document, result, options.output)


def _released() -> list[str]:
    names = latest(*RELEASED)
    if not names:
        raise InputError(
            "no released weights of nae or nae_reverse; name weights of your own training with "
            "--network path"
        )
    return [*names, *latest(*DARK_RELEASED)]


def _check(trainings: Sequence[Training]) -> None:
    for training in trainings:
        if training.background not in (*SIGNALS, dark.BACKGROUND):
            raise InputError(
                f"{training.name}: trained on {training.background!r} jets, expected one of "
                f"{', '.join((*SIGNALS, dark.BACKGROUND))}"
            )
    if all(training.background == dark.BACKGROUND for training in trainings):
        raise InputError("no training on QCD or top jets among the networks; name one of either")


def _dark_sample(sample: JetSample) -> tuple[JetSample | None, str]:
    """A sample with dark jets, or why there is none."""
    if {dark.BACKGROUND, *dark.SIGNALS} <= set(sample.labels):
        return sample, ""
    if "dark" in SHIPPED and SHIPPED["dark"].is_file():
        return load_shipped_jets("dark"), ""
    return None, (
        "There is no sample of dark jets: none is shipped, and the sample of this page has none."
    )


def _network(training: Training) -> dict[str, Any]:
    return {
        "name": training.name,
        "background": training.background,
        "about": training.about,
        "weights_sha256": training.weights_sha256,
    }


def _discrepancies(tagging: Tagging, drawn: dict[str, Tensor], run_on: Tensor) -> dict[str, Any]:
    """Squared MMD of test jets and samples of each network, in both spaces.

    Args:
        run_on: samples of the NAE from longer chains.
    """
    jets = tagging.background.images[:COMPARED]
    found: dict[str, Any] = {}
    networks = tagging.training.networks
    sets = {name: (network, drawn[name]) for name, network in networks.items()}
    for name, (network, samples) in {**sets, "longer": (networks["nae"], run_on)}.items():
        pairs = {
            "input": [x.flatten(1).double().numpy() for x in (jets, samples)],
            "latent": [latents(network, x) for x in (jets, samples)],
        }
        found[name] = {
            space: vars(discrepancy(first, second, np.random.default_rng(SEED)))
            for space, (first, second) in pairs.items()
        }
    return found


def _tagging(taggings: Sequence[Tagging], found: Sequence[dict[str, Any]]) -> Section:
    width = 4.6 * len(taggings)
    return Section(
        "tagging",
        "Top and QCD jets",
        [words.verdict(entry) for entry in found],
        [words.card(entry) for entry in found],
        [words.tagging_table(entry) for entry in found],
        [
            Plan(
                "roc",
                "ROC curves. Circles: what the paper quotes at 20 % signal efficiency on its own "
                "jets. In the shaded strip fewer than ten background jets are left.",
                (max(width, 6.0), 4.6),
                partial(curves.draw_roc, taggings=taggings),
            ),
            Plan(
                "energies",
                "Energies of test jets before and after the normalisation (the paper's figure 3).",
                (9.0, 3.0 * len(taggings)),
                partial(curves.draw_energies, taggings=taggings),
            ),
        ],
    )


def _dark(entries: Sequence[dict[str, Any]], trainings: Sequence[Training], absent: str) -> Section:
    trained = [t for t in trainings if t.background == dark.BACKGROUND]
    said = words.dark_paragraphs(entries, bool(trained), absent)
    if not entries:
        return Section("dark", "Dark jets", said)
    return Section(
        "dark",
        "Dark jets",
        said,
        (),
        words.dark_tables(entries),
        [
            Plan(
                "dark",
                "AUC of dark jets over the power n of the pixels; open circles: the paper's, whose "
                "bars are the spread of five trainings.",
                (9.0, 4.0),
                partial(curves.draw_dark, entries=entries),
            )
        ],
    )


def _landscape(taggings: Sequence[Tagging], paths: dict[str, dict[str, Any]]) -> Section:
    return Section(
        "landscape",
        "The latent landscape",
        [
            "Latents lie on a sphere. Every point of it is decoded, and the colour is the energy "
            "of what comes out. A good model has low energy where its jets are and high energy "
            "elsewhere."
        ],
        plans=[
            Plan(
                "landscape",
                "Equirectangular projection (the paper's figure 2): white the jets of the "
                "training's class, orange the others, pink lines chains from random places, "
                "dots their ends.",
                (10.0, 2.5 * len(taggings)),
                partial(images.draw_landscape, taggings=taggings, paths=paths),
            )
        ],
    )


def _images(taggings: Sequence[Tagging], drawn: Drawn, found: Sequence[dict[str, Any]]) -> Section:
    return Section(
        "images",
        "Jets, reconstructions, samples",
        words.discrepancy_paragraphs(found),
        (),
        [words.discrepancy_table(taggings, found)],
        [
            Plan(
                "averages",
                "Averages over the test jets, what the networks make of them, and samples of both "
                f"models ({DRAWN} each). Colour: square root of the share of pT, one scale "
                "per row.",
                (11.0, 1.9 * len(taggings)),
                partial(images.draw_averages, taggings=taggings, drawn=drawn),
            ),
            *(
                Plan(
                    f"reconstructions-{tagging.direction}",
                    f"{DIRECTIONS[tagging.direction]}: single jets ordered by the energy of "
                    "the NAE, and both reconstructions with their energies.",
                    (10.0, 4.8),
                    partial(images.draw_reconstructions, tagging=tagging),
                )
                for tagging in taggings
            ),
            Plan(
                "samples",
                "Single jets and single samples of both models, in no order.",
                (9.0, 4.1 * len(taggings)),
                partial(images.draw_samples, taggings=taggings, drawn=drawn),
            ),
        ],
    )


def _trainings(trainings: Sequence[Training]) -> Section:
    return Section(
        "trainings",
        "Trainings",
        [*(words.trained(training) for training in trainings), words.PAPER_TRAINING],
        plans=[
            Plan(
                f"history-{training.name}",
                f"{training.name}: every epoch of the normalisation; dashed: the one kept.",
                (12.0, 2.6),
                partial(curves.draw_history, training=training),
            )
            for training in trainings
        ],
    )
