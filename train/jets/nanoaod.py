"""Jets of radius 0.8 in NanoAOD files, with the two of the eight variables that such files hold.

NanoAOD keeps no constituents, so that images cannot be made from it; ``FatJet_tau2`` and ``tau3``,
mass and pT can stand beside those of generated jets.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trigforge.train.errors import InputError, ToolError
from trigforge.train.jets.jets import Float32, Jets

TREE = "Events"
BRANCHES = ("pt", "eta", "mass", "tau2", "tau3")


@dataclass(frozen=True)
class FatJets:
    """N jets without constituents, and (N,) tau2 and tau3."""

    jets: Jets
    tau2: Float32
    tau3: Float32


def read_fat_jets(path: Path, pt_min_gev: float, eta_max: float) -> FatJets:
    """Jets of all events with pT above and |eta| below the limits.

    Raises:
        InputError: missing, not ROOT, or without the branches ``FatJet_*`` that are read.
        ToolError: uproot is not installed.
    """
    columns = _columns(path)
    for name, values in columns.items():
        if not np.isfinite(values).all():
            raise InputError(f"{path}: FatJet_{name} has values that are not finite; copy it again")
    kept = (columns["pt"] > pt_min_gev) & (np.abs(columns["eta"]) < eta_max)
    pt, eta, mass, tau2, tau3 = (columns[name][kept] for name in BRANCHES)
    return FatJets(Jets(pt, eta, mass), tau2, tau3)


def _columns(path: Path) -> dict[str, Float32]:
    try:
        import awkward as ak
        import uproot
    except ImportError:
        raise ToolError(
            f"{path}: reading NanoAOD needs uproot: pip install 'trigforge[nanoaod]'"
        ) from None
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with uproot.open(path) as file:
            tree: Any = file[TREE]
            return {
                name: np.asarray(ak.to_numpy(ak.flatten(tree[f"FatJet_{name}"].array()))).astype(
                    np.float32
                )
                for name in BRANCHES
            }
    except KeyError as error:
        raise InputError(
            f"{path}: no {error} inside, expected a NanoAOD file with FatJet branches"
        ) from None
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: damaged or not a ROOT file ({error}); copy it again") from None
