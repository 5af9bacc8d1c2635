"""Samples of jets by label and split: what training and physics ask for jets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trigforge.train.errors import InputError, unknown_name
from trigforge.train.events import SampleInfo
from trigforge.train.jets.images import Preprocessing, jet_images
from trigforge.train.jets.jets import Float32, Jets

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_SAMPLES = Path(__file__).resolve().parent.parent / "samples"
SHIPPED: dict[str, Path] = {
    "top_tagging": _SAMPLES / "jets_top_v1.npz",
    "semivisible": _SAMPLES / "jets_svj_v1.npz",
    "dark": _SAMPLES / "jets_dark_v2.npz",
}


@dataclass(frozen=True)
class JetSample:
    """Jets of one selection.

    Attributes:
        parts: jets per ``<label>/<split>``, such as ``qcd/train``; splits are separate random
            streams, and no label needs all of them.
        info: how each part was made.
        selection: one line for reports.
        sha256: of the file.
    """

    parts: Mapping[str, Jets]
    info: Mapping[str, SampleInfo]
    source: Literal["shipped", "generated", "file"]
    sha256: str
    selection: str

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that have jets, in the order of the file."""
        return tuple(dict.fromkeys(name.rpartition("/")[0] for name in self.parts))

    def splits(self, label: str) -> tuple[Split, ...]:
        """Splits of one label."""
        return tuple(split for split in SPLITS if f"{label}/{split}" in self.parts)

    def part(self, split: Split, label: str) -> Jets:
        """The jets of a label and split.

        Raises:
            InputError: the sample has no such part.
        """
        name = f"{label}/{split}"
        if name not in self.parts:
            raise unknown_name("jets", name, self.parts, "jet sample")
        return self.parts[name]

    def images(
        self, split: Split, label: str, preprocessing: Preprocessing | None = None
    ) -> Float32:
        """(N, 1, 40, 40) preprocessed images (rows phi, columns eta), each with the sum one.

        Raises:
            InputError: no such part, or it was stored without constituents.
        """
        constituents = self.part(split, label).constituents
        if constituents is None:
            raise InputError(
                f"jet sample: {label}/{split} has no constituents, which images need; "
                "take another sample or generate this one"
            )
        return jet_images(constituents, preprocessing)

    def variables(self, split: Split, label: str) -> Float32:
        """(N, 8) substructure variables in the order of ``trigforge.train.jets.jets.VARIABLES``.

        Raises:
            InputError: no such part, or it was stored without them.
        """
        variables = self.part(split, label).variables
        if variables is None:
            raise InputError(
                f"jet sample: {label}/{split} has no substructure variables; "
                "take another sample or generate this one with variables"
            )
        return variables


def load_shipped_jets(name: str) -> JetSample:
    """A sample that comes with the package: ``top_tagging``, ``semivisible`` or ``dark``.

    Raises:
        InputError: no such sample.
    """
    from trigforge.train.jets.jet_file import read_jets

    if name not in SHIPPED:
        raise unknown_name("shipped jet sample", name, SHIPPED)
    return read_jets(SHIPPED[name], "shipped")


def load_jets(path: Path) -> JetSample:
    """A sample written by :func:`trigforge.train.jets.jet_file.save_jets`.

    Raises:
        InputError: missing, damaged, or not of this format.
    """
    from trigforge.train.jets.jet_file import read_jets

    return read_jets(path, "file")
