"""What the papers quote: arXiv:2206.14225 for jet images. The CMS note has its numbers in pictures.

Rejection is the inverse background efficiency at 20 % signal efficiency.
"""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "arXiv:2206.14225"
TAGGING_PLACE = "table in figure 4"
DARK_PLACE = "table in figure 9"
TRAINING = (
    "15,000 iterations of 2,048 jets, then 40,000 iterations of 128 (its table 1), on 100,000 jets"
)
CMS_SOURCE = "CMS, EPS-HEP 2023"


@dataclass(frozen=True)
class Quoted:
    """AUC and rejection, with the standard deviation over five trainings where it is given."""

    auc: float
    rejection: float
    auc_spread: float | None = None
    rejection_spread: float | None = None


TAGGING: dict[str, dict[str, Quoted]] = {
    "direct": {"ae": Quoted(0.875, 68), "nae": Quoted(0.91, 80)},
    "reverse": {"ae": Quoted(0.579, 12), "nae": Quoted(0.89, 350)},
}
"""Direction -> network -> numbers."""

TARGETS = {"direct": 0.91, "reverse": 0.89}

DARK: dict[str, dict[float, Quoted]] = {
    "heidelberg": {
        0.5: Quoted(0.795, 62, 0.005, 3),
        0.3: Quoted(0.796, 42, 0.005, 5),
        0.2: Quoted(0.789, 42, 0.008, 4),
        0.1: Quoted(0.78, 28, 0.01, 4),
        0.01: Quoted(0.790, 30, 0.005, 1),
    },
    "aachen": {
        0.5: Quoted(0.68, 15, 0.01, 1),
        0.3: Quoted(0.746, 38, 0.005, 3),
        0.2: Quoted(0.75, 33, 0.01, 7),
        0.1: Quoted(0.767, 41, 0.005, 2),
        0.01: Quoted(0.755, 41, 0.005, 1),
    },
}
"""Signal -> power n of the pixels -> numbers of its NAE."""
