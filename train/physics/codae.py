"""The physics page of the CoDAE: all its scores on events, beside the paper's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from trigforge.train.artifacts import atomic_path, versions, write_json
from trigforge.train.errors import InputError
from trigforge.train.events import EventDataset, load_data, load_shipped
from trigforge.train.physics.drawings import Chapter, draw_chapter
from trigforge.train.physics.markdown import markdown
from trigforge.train.physics.measurement import (
    BASELINES,
    NETWORK_SCORES,
    measure,
    quality,
    score,
    selected,
)
from trigforge.train.physics.networks import Network, known_networks, load_networks
from trigforge.train.physics.options import PhysicsOptions
from trigforge.train.physics.page import page
from trigforge.train.physics.paper import PUBLISHED_EVENTS_SHA256, QUALITY, SCORES, SIGNALS, SOURCE

CACHE = Path("build/physics/scores")


def run_codae(options: PhysicsOptions) -> Path:
    """The page of CoDAEs on the shipped events and, where given, on others.

    Without names: the last of every released and imported CoDAE.
    """
    networks = load_networks(options.networks or known_networks())
    chapters = _score_all(networks, _datasets(options), options)
    folder = options.output
    result = {"schema": 1, "model": options.model, **_result(networks, chapters)}
    write_json(folder / "physics.json", result)
    with atomic_path(folder / "physics.md") as path:
        path.write_text(markdown(result), encoding="utf-8")
    drawings = {
        chapter.slug: draw_chapter(chapter, numbers, folder / "figures")
        for chapter, numbers in zip(chapters, result["datasets"], strict=True)
    }
    with atomic_path(folder / "index.html") as path:
        path.write_text(page(result, drawings), encoding="utf-8")
    return folder / "index.html"


def _datasets(options: PhysicsOptions) -> list[tuple[str, str, EventDataset]]:
    found = [("shipped", "Our events (the shipped sample)", load_shipped())]
    if options.data is not None:
        data = load_data(options.data)
        if not data.signals:
            raise InputError(f"{options.data}: no signal sample in it; the page compares signals")
        theirs = data.sha256 == PUBLISHED_EVENTS_SHA256
        title = "The published events" if theirs else f"Events of {options.data.name}"
        found.append(("published" if theirs else "given", title, data))
    return found


def _score_all(
    networks: Sequence[Network],
    datasets: Sequence[tuple[str, str, EventDataset]],
    options: PhysicsOptions,
) -> list[Chapter]:
    chosen = [(*entry, selected(entry[2], options.events)) for entry in datasets]
    total = len(networks) * sum(len(s) for *_, samples in chosen for s in samples.values())
    chapters = []
    with tqdm(total=total, unit="event", disable=not options.progress, desc="scores") as bar:
        for slug, title, dataset, samples in chosen:
            scored = []
            for network in networks:
                bar.set_postfix_str(f"{network.label} on {slug}")
                scored.append(score(network, dataset, samples, CACHE, bar.update))
            chapters.append(Chapter(slug, title, dataset, samples, scored))
    return chapters


def _result(networks: Sequence[Network], chapters: Sequence[Chapter]) -> dict[str, Any]:
    return {
        "networks": [
            {"label": n.label, "name": n.name, "about": n.about, "weights_sha256": n.weights_sha256}
            for n in networks
        ],
        "paper": {
            "source": SOURCE,
            "signals": list(SIGNALS),
            "scores": {
                key: {"tables": row.tables, "auc_percent": row.auc, "fpr40_percent": row.fpr40}
                for key, row in SCORES.items()
            },
            "quality": {key: {"mean": m, "std": s} for key, (m, s) in QUALITY.items()},
        },
        "datasets": [_dataset(chapter) for chapter in chapters],
        "versions": versions("torch", "numpy", "matplotlib"),
    }


def _dataset(chapter: Chapter) -> dict[str, Any]:
    return {
        "slug": chapter.slug,
        "title": chapter.title,
        "sha256": chapter.dataset.sha256,
        "preselection": chapter.dataset.preselection,
        "events": {name: len(events) for name, events in chapter.samples.items()},
        "baselines": measure(chapter.scored[0], BASELINES),
        "networks": [
            {
                "label": scored.network.label,
                "quality": quality(scored),
                "latents": [{"index": i, "sign": s} for i, s in scored.latents],
                "mask_sum_correlation": scored.mask_sum_correlation,
                "scores": measure(scored, NETWORK_SCORES),
            }
            for scored in chapter.scored
        ],
    }
