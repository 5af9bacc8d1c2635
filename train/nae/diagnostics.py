"""What a training shows while it runs: pictures, and event files for TensorBoard, in one folder.

Event files need the extra ``tensorboard``. Without it one sentence says so and pictures are all.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from tqdm import tqdm

from trigforge.train.artifacts import storage_error
from trigforge.train.fit import best_epoch
from trigforge.train.nae.pictures import never_rejecting, save_history, save_samples

SHOWN = 16
"""Samples in a picture of an event file."""
ROW = 8

History = Sequence[Mapping[str, float]]


class Watcher(Protocol):
    """Is told about every epoch of a phase."""

    def __call__(self, phase: str, history: History, samples: Tensor | None) -> None:
        """Look at the epochs so far, the last one just ended.

        Args:
            samples: (N, ...) latest samples of the model; None in a phase without chains.
        """
        ...


class Diagnostics:
    """Writes ``events.out.*``, ``history.png`` and ``samples.png`` after every epoch.

    Event files have every number of the history as ``<phase>/<name>``, and samples as pictures;
    acceptances only once a step has been rejected, since without an acceptance step none is. An
    epoch that is redone after an interruption is written twice, with the same numbers.

    Args:
        jets: (N, ...) jets to be shown above samples; pictures of them are made of images only.
        selection: name of the number whose largest value chooses the epoch of the second phase.
    """

    def __init__(self, folder: Path, jets: Tensor, selection: str) -> None:
        self.folder, self._jets, self._selection = folder, jets, selection
        self._writer = event_writer(folder)

    def __call__(self, phase: str, history: History, samples: Tensor | None) -> None:
        """Write what the last epoch gave.

        Raises:
            StorageError: a file cannot be written.
        """
        last = history[-1]
        if samples is not None:
            chosen = best_epoch([dict(epoch) for epoch in history], self._selection)
            save_history(self.folder / "history.png", history, chosen)
            if samples.ndim == 4:
                save_samples(self.folder / "samples.png", self._jets, samples)
        if self._writer is None:
            return
        try:
            step = int(last["epoch"]) + 1
            left_out = {"epoch", *never_rejecting(history)}
            for name, value in last.items():
                if name not in left_out:
                    self._writer.add_scalar(f"{phase}/{name}", value, step)
            if samples is not None and samples.ndim == 4:
                self._writer.add_image(f"{phase}/samples", contact_sheet(samples), step)
            self._writer.flush()
        except OSError as error:
            raise storage_error(self.folder, error) from None


def event_writer(folder: Path) -> Any:
    """A TensorBoard writer, or None and a sentence where TensorBoard is not installed.

    Raises:
        StorageError: the folder cannot be written.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        tqdm.write(
            f"{folder}: no event files, since TensorBoard is not installed; "
            "pip install 'trigforge[tensorboard]' for them",
            file=sys.stderr,
        )
        return None
    try:
        return SummaryWriter(folder)
    except OSError as error:
        raise storage_error(folder, error) from None


def contact_sheet(samples: Tensor) -> Tensor:
    """The first samples (N, 1, H, W) side by side, (1, rows H, 8 W) from 0 to 1, bright is much."""
    images = samples[:SHOWN].detach().cpu().float().clamp_min(0).sqrt()
    missing = -len(images) % ROW
    images = torch.cat([images, images.new_zeros(missing, *images.shape[1:])])
    rows = [torch.cat(list(row), dim=2) for row in torch.split(images, ROW)]
    sheet = torch.cat(rows, dim=1)
    return sheet / sheet.max().clamp_min(torch.finfo(sheet.dtype).tiny)
