"""The events of a recipe: shipped, loaded or generated, cut to its limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from trigforge.hls.recipe import Recipe
from trigforge.hls.stages.architectures import architecture_of
from trigforge.train.artifacts import sha256_json, sha256_sources
from trigforge.train.config import check_image
from trigforge.train.errors import InputError
from trigforge.train.events import EventDataset, Events, load_data, load_dataset_file, load_shipped

# events per generated chunk where a preset asks for few of them
SMALL_CHUNK = 100


def load_event_dataset(recipe: Recipe, path: Path | None) -> EventDataset:
    """What a recipe is trained and judged on.

    Args:
        path: of a folder or a file; the shipped sample when None.

    Raises:
        InputError: missing or damaged files, a signal that the data lack, wrong image size.
    """
    data = recipe.data
    if path is None:
        loaded = load_shipped()
    elif data.dataset == "generated":
        loaded = load_dataset_file(path, "generated")
    else:
        loaded = load_data(path)
    loaded = architecture_of(recipe.network).events(loaded, recipe.network)
    height, width = loaded.test.masks.shape[1:]
    check_image(recipe.network, height, width, loaded.source)
    for signal in data.signals:
        if signal not in loaded.signals:
            raise InputError(
                f"{path or 'shipped sample'}: no events of {signal}, which data.signals names; "
                f"it has {', '.join(loaded.signals)}"
            )
    return replace(
        loaded,
        train=_head(loaded.train, data.limit_train),
        validation=_head(loaded.validation, data.limit_validation),
        test=_head(loaded.test, data.limit_test),
        signals={s: _head(loaded.signals[s], data.limit_signal) for s in data.signals},
    )


def generated_events(recipe: Recipe, build: Path, workers: int) -> Path:
    """The file of events that a recipe asks for, generated now unless it is there.

    Args:
        build: holds the file and the chunks of an interrupted generation.

    Raises:
        InputError: a background that is not generated on the way.
    """
    from trigforge.train.generation.generate import SHIPPED_COUNTS, SHIPPED_SEED, generate_dataset

    data = recipe.data
    if f"{data.background}/train" not in SHIPPED_COUNTS:
        raise InputError(
            f"data.background is {data.background!r}, which is not generated on the way; leave "
            "--data and the preset out, or name a file of events generated with detail"
        )
    counts = {
        f"{data.background}/{split}": limit or SHIPPED_COUNTS[f"{data.background}/{split}"]
        for split, limit in (
            ("train", data.limit_train),
            ("validation", data.limit_validation),
            ("test", data.limit_test),
        )
    }
    counts |= {s: data.limit_signal or SHIPPED_COUNTS[s] for s in data.signals}
    chunk_events = SMALL_CHUNK if data.limit_train else None
    folder = build / "events"
    key = sha256_json([counts, SHIPPED_SEED, chunk_events, sha256_sources("train")])
    path = folder / f"{key[:16]}.npz"
    if not path.is_file():
        chunks = folder / "chunks"
        generate_dataset(counts, SHIPPED_SEED, workers, chunks, path, chunk_events=chunk_events)
    return path


def _head(events: Events, limit: int) -> Events:
    return events.head(limit) if limit else events
