"""The eight substructure variables of one jet in plain loops: the oracles of the fast code.

A jet is a list of massless constituents (pT, eta, phi). Clustering is done by searching all pairs
again and again and adding four-vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

Point = tuple[float, float, float]
Vector = npt.NDArray[np.float64]  # (E, px, py, pz)


@dataclass(frozen=True)
class Tree:
    """A merged four-vector and the two it came from; none for a constituent."""

    vector: Vector
    branches: tuple[Tree, ...] = ()


def plain_axes(jet: Sequence[Point]) -> tuple[float, float]:
    """Major and minor axis from the eigenvalues of NumPy's weighted covariance."""
    if len(jet) == 1:
        return 0.0, 0.0
    pt, eta, phi = np.array(jet).T
    covariance = np.cov([eta, phi], aweights=pt**2, ddof=0)
    low, high = np.linalg.eigvalsh(covariance)
    return math.sqrt(high), math.sqrt(max(low, 0.0))


def plain_efp1(jet: Sequence[Point]) -> float:
    """Sum over ordered pairs of z_i z_j r_ij."""
    total = sum(pt for pt, _, _ in jet)
    return sum(a[0] * b[0] * distance(a, b) for a in jet for b in jet) / total**2


def plain_c2(jet: Sequence[Point], beta: float) -> float:
    """e3 / e2^2 over pairs and triples; 0 where all constituents have one direction."""
    total = sum(pt for pt, _, _ in jet)
    e2 = sum(a[0] * b[0] * distance(a, b) ** beta for a, b in combinations(jet, 2)) / total**2
    e3 = sum(
        a[0] * b[0] * c[0] * (distance(a, b) * distance(a, c) * distance(b, c)) ** beta
        for a, b, c in combinations(jet, 3)
    )
    return e3 / total**3 / e2**2 if e2 > 0 else 0.0


def plain_dispersion(jet: Sequence[Point]) -> float:
    """sqrt(sum pT^2) / sum pT."""
    return math.sqrt(sum(pt**2 for pt, _, _ in jet)) / sum(pt for pt, _, _ in jet)


def plain_softdrop_mass(jet: Sequence[Point], z_cut: float) -> float:
    """Mass after soft drop with beta = 0: a Cambridge/Aachen tree, softer branches dropped."""
    tree = clustered([vector(point) for point in jet], 1, separation)[0]
    while tree.branches:
        soft, hard = sorted(tree.branches, key=lambda branch: pt_of(branch.vector))
        if pt_of(soft.vector) / (pt_of(soft.vector) + pt_of(hard.vector)) > z_cut:
            break
        tree = hard
    energy, px, py, pz = tree.vector
    return math.sqrt(max(energy**2 - px**2 - py**2 - pz**2, 0.0))


def plain_tau(jet: Sequence[Point], n: int, radius: float, steps: int = 200) -> float:
    """N-subjettiness about exclusive-kT axes that then go to the geometric medians of their own.

    Each step gives every constituent to its nearest axis and moves the axis by one step of
    Weiszfeld's algorithm towards the point of smallest sum of pT x distance.
    """
    if len(jet) <= n:
        return 0.0

    def kt(a: Vector, b: Vector) -> float:
        return min(pt_of(a), pt_of(b)) * separation(a, b)

    trees = clustered([vector(point) for point in jet], n, kt)
    axes = [(rapidity(t.vector), math.atan2(t.vector[2], t.vector[1])) for t in trees]
    best = math.inf
    for _ in range(steps):
        groups: list[list[Point]] = [[] for _ in axes]
        value = 0.0
        for point in jet:
            distances = [distance(point, (0.0, *axis)) for axis in axes]
            nearest = int(np.argmin(distances))
            groups[nearest].append(point)
            value += point[0] * distances[nearest]
        best = min(best, value)
        for k, group in enumerate(groups):
            weights = [p / max(distance((p, e, f), (0.0, *axes[k])), 1e-9) for p, e, f in group]
            if weights:
                eta = sum(w * point[1] for w, point in zip(weights, group, strict=True))
                phi = sum(w * point[2] for w, point in zip(weights, group, strict=True))
                axes[k] = (eta / sum(weights), phi / sum(weights))
    return best / (radius * sum(pt for pt, _, _ in jet))


def distance(a: Point, b: Point) -> float:
    """Distance in (eta, phi); jets lie away from the seam in phi."""
    return math.hypot(a[1] - b[1], a[2] - b[2])


def vector(point: Point) -> Vector:
    """Massless four-vector."""
    pt, eta, phi = point
    return pt * np.array([math.cosh(eta), math.cos(phi), math.sin(phi), math.sinh(eta)])


def pt_of(vector: Vector) -> float:
    """Transverse momentum."""
    return math.hypot(vector[1], vector[2])


def rapidity(vector: Vector) -> float:
    """Rapidity, which for massless vectors is the pseudorapidity."""
    return 0.5 * math.log((vector[0] + vector[3]) / (vector[0] - vector[3]))


def separation(a: Vector, b: Vector) -> float:
    """Distance in rapidity and azimuth."""
    turn = abs(math.atan2(a[2], a[1]) - math.atan2(b[2], b[1]))
    return math.hypot(rapidity(a) - rapidity(b), min(turn, 2 * math.pi - turn))


def clustered(
    vectors: Sequence[Vector], n: int, measure: Callable[[Vector, Vector], float]
) -> list[Tree]:
    """The nearest two merged again and again until n are left."""
    trees = [Tree(vector) for vector in vectors]
    while len(trees) > n:
        first, second = min(
            combinations(range(len(trees)), 2),
            key=lambda pair: measure(trees[pair[0]].vector, trees[pair[1]].vector),
        )
        b, a = trees.pop(second), trees.pop(first)
        trees.append(Tree(a.vector + b.vector, (a, b)))
    return trees
