"""What HTML pages share: safe templates, one look for light, dark and print, names of samples."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

LOOK = Path(__file__).resolve().parent
"""Holds ``look.css.jinja``, which every page includes."""
WRITTEN = {
    "qcd_low": "QCD",
    "aachen": "Aachen",
    "heidelberg": "Heidelberg",
    "top": "top",
    "ttbar": "ttbar",
}


def templates(folder: Path) -> Environment:
    """Templates of a folder and the common look: everything is escaped, nothing may be missing."""
    environment = Environment(
        loader=FileSystemLoader([folder, LOOK]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["sample"] = sample_label
    return environment


def sample_label(name: str) -> str:
    """``suep_125`` or ``svj_2000_30`` as people write it."""
    match name.split("_"):
        case ["svj", mass] if mass.isdigit():
            return f"SVJ {int(mass) / 1000:.1f} TeV"
        case ["svj", mass, share] if mass.isdigit() and share.isdigit():
            return f"SVJ {int(mass) / 1000:.0f} TeV, r_inv {int(share) / 100:g}"
        case ["suep", mass] if mass.isdigit():
            return f"SUEP {mass} GeV"
    return WRITTEN.get(name, name.upper())
