"""Affine forms: an edge as a sum over earlier edges, so that what they share can cancel.

An interval forgets where numbers come from: it gives x - x the range of a difference of strangers.
A form keeps it. Its sources are edges of the graph, each free within its own range; its factors are
integers. The range of a form is exact as long as its sources are independent, and never too small.

H, W pixels; C channels of the edge; I channels of a source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from trigforge.hls.graph import Edge

Ints = NDArray[np.int64]

# Beyond these a form is given up, which only makes the range as wide as the interval's.
MOST_SOURCES = 8
MOST_FACTORS = 1 << 22
LARGEST = 2.0**62


@dataclass(frozen=True, eq=False)
class Form:
    """value = 2^-fraction (constant[c] + sum over sources of factor times integer).

    Attributes:
        fraction: grid; may be finer than the edge's own.
        constant: (C,).
        own: source -> (C,) factors of the same pixel and channel of a source of the same shape.
        window: source -> (kh, kw, I, C) factors of the pixels around, at stride one; (kh, kw) odd
            or even, the pixel itself at ``centre``; zero outside the image.
        centre: source -> (row, column) within its window.
    """

    fraction: int
    constant: Ints
    own: Mapping[Edge, Ints] = field(default_factory=dict)
    window: Mapping[Edge, Ints] = field(default_factory=dict)
    centre: Mapping[Edge, tuple[int, int]] = field(default_factory=dict)

    @property
    def sources(self) -> set[Edge]:
        """Edges that the form is made of."""
        return {*self.own, *self.window}

    def finer(self, fraction: int) -> Form:
        """The same values on a grid at least as fine."""
        return self if fraction <= self.fraction else self._times(1 << (fraction - self.fraction))

    def _times(self, up: int) -> Form:
        shift = up.bit_length() - 1
        check(self.reach * up)
        return Form(
            self.fraction + shift,
            self.constant * up,
            {source: factor * up for source, factor in self.own.items()},
            {source: taps * up for source, taps in self.window.items()},
            self.centre,
        )

    def scaled(self, factor: Ints, factor_fraction: int) -> Form:
        """Values times factor[c] 2^-factor_fraction."""
        check(self.reach * float(np.abs(factor.astype(float)).max()))
        return Form(
            self.fraction + factor_fraction,
            self.constant * factor,
            {source: own * factor for source, own in self.own.items()},
            {source: taps * factor for source, taps in self.window.items()},
            self.centre,
        )

    def offset(self, constant: Ints, fraction: int) -> Form:
        """Values plus constant[c] 2^-fraction."""
        form = self.finer(fraction)
        up = form.fraction - fraction
        check(form.reach + float(np.abs(constant.astype(float)).max()) * 2.0**up)
        total = form.constant + (constant << up)
        return Form(form.fraction, total, form.own, form.window, form.centre)

    def plus(self, other: Form) -> Form | None:
        """The sum; ``None`` where the two look at a source through windows of different size."""
        a, b = self.finer(other.fraction), other.finer(self.fraction)
        check(a.reach + b.reach)
        own, window = dict(a.own), dict(a.window)
        for source, factor in b.own.items():
            own[source] = own[source] + factor if source in own else factor
        for source, taps in b.window.items():
            if source not in window:
                window[source] = taps
            elif window[source].shape == taps.shape and a.centre[source] == b.centre[source]:
                window[source] = window[source] + taps
            else:
                return None
        centre = {**b.centre, **a.centre}
        return Form(a.fraction, a.constant + b.constant, own, window, centre)

    def minus(self, other: Form) -> Form | None:
        """The difference."""
        return self.plus(other.scaled(np.full(len(other.constant), -1), 0))

    def given(self, source: Edge, value: Ints) -> Form:
        """The form where a source of its own has the value (C,)."""
        own = {key: factor for key, factor in self.own.items() if key is not source}
        constant = self.constant + self.own[source] * value
        return Form(self.fraction, constant, own, self.window, self.centre)

    def same_as(self, other: Form) -> bool:
        """Whether two forms are one function of the same sources."""
        if self.window or other.window or self.sources != other.sources:
            return False
        a, b = self.finer(other.fraction), other.finer(self.fraction)
        return np.array_equal(a.constant, b.constant) and all(
            np.array_equal(a.own[source], b.own[source]) for source in a.own
        )

    def taps(self, source: Edge) -> tuple[Ints, int, int]:
        """All factors of a source seen through a window, (kh, kw, I, C), and the centre."""
        row, column = self.centre[source]
        taps = self.window[source]
        if source in self.own:
            taps = taps.copy()
            channels = np.arange(taps.shape[-1])
            taps[row, column, channels, channels] += self.own[source]
        return taps, row, column

    def interval(self) -> tuple[Ints, Ints]:
        """(C,) smallest and largest integer on the form's grid."""
        lo, hi = self.constant.copy(), self.constant.copy()
        for source in self.sources:
            if source not in self.window:
                ends = np.stack([self.own[source] * source.lo, self.own[source] * source.hi])
                lo, hi = lo + ends.min(0), hi + ends.max(0)
                continue
            taps, row, column = self.taps(source)
            height, width = source.shape[:2] if len(source.shape) == 3 else (1, 1)
            rows = places(height, taps.shape[0], row, taps.shape[0] - 1 - row, 1)
            columns = places(width, taps.shape[1], column, taps.shape[1] - 1 - column, 1)
            low, high = windows(taps, source.lo, source.hi, rows, columns)
            lo, hi = lo + low, hi + high
        return lo, hi

    def sums(self, height: int, width: int, channels: bool) -> tuple[Ints, Ints] | None:
        """Smallest and largest sum over an image's pixels, (C,), or over its channels too, (1,).

        A pixel of a source adds to the sum once for each window that it lies in. ``None`` where
        there are too many factors to look at.

        Raises:
            OverflowError: a sum could leave 62 bits.
        """
        pixels = height * width
        check(self.reach * pixels * (len(self.constant) if channels else 1))
        lo, hi = self.constant * pixels, self.constant * pixels
        if channels:
            lo, hi = lo.sum(keepdims=True), hi.sum(keepdims=True)
        for source in self.sources:
            if source not in self.window:
                ends = np.stack([self.own[source] * source.lo, self.own[source] * source.hi])
                low, high = ends.min(0) * pixels, ends.max(0) * pixels
                lo = lo + (low.sum() if channels else low)
                hi = hi + (high.sum() if channels else high)
                continue
            taps, row, column = self.taps(source)
            if channels:
                taps = taps.sum(-1, keepdims=True)
            if pixels * taps.shape[2] * taps.shape[3] > MOST_FACTORS:
                return None
            rows = _reach(height, taps.shape[0], row)
            columns = _reach(width, taps.shape[1], column)
            factors = np.einsum("hk,wm,kmic->hwic", rows, columns, taps, optimize=True)
            ends = np.stack([factors * source.lo[:, None], factors * source.hi[:, None]])
            lo, hi = lo + ends.min(0).sum((0, 1, 2)), hi + ends.max(0).sum((0, 1, 2))
        return lo, hi

    @property
    def reach(self) -> float:
        """An upper bound of the integers on the form's grid."""
        total = float(np.abs(self.constant.astype(float)).max())
        for source, factor in self.own.items():
            total += float(np.abs(factor.astype(float)).max()) * source.magnitude
        for source, taps in self.window.items():
            total += float(np.abs(taps.astype(float)).sum((0, 1, 2)).max()) * source.magnitude
        return total


def windows(taps: Ints, lo: Ints, hi: Ints, rows: Ints, columns: Ints) -> tuple[Ints, Ints]:
    """Smallest and largest sum of each output channel over all positions of a window.

    Args:
        taps: (kh, kw, I, C).
        lo: (I,) smallest integer of each input channel; ``hi`` the largest.
        rows: (positions, kh) whether a row of the window lies on the image there; what does not is
            padding and adds nothing. ``columns`` the same, (positions, kw).
    """
    ends = np.stack([taps * lo[:, None], taps * hi[:, None]])
    low, high = ends.min(0).sum(2), ends.max(0).sum(2)
    return (
        (columns @ (rows @ low.swapaxes(0, 1)).swapaxes(0, 1)).min((0, 1)),
        (columns @ (rows @ high.swapaxes(0, 1)).swapaxes(0, 1)).max((0, 1)),
    )


@cache
def places(size: int, kernel: int, before: int, after: int, stride: int) -> Ints:
    """The different ways in which a window lies on an image: rows of :func:`inside`."""
    distinct = dict.fromkeys(map(tuple, inside(size, kernel, before, after, stride).tolist()))
    return np.array(list(distinct), np.int64)


def inside(size: int, kernel: int, before: int, after: int, stride: int) -> Ints:
    """(positions, kernel): whether an entry of a window lies on the image, not in its padding."""
    starts = np.arange(0, size + before + after - kernel + 1, stride)[:, None] - before
    positions = starts + np.arange(kernel)
    return ((positions >= 0) & (positions < size)).astype(np.int64)


def _reach(size: int, kernel: int, centre: int) -> Ints:
    """(size, kernel): whether a pixel lies under this entry of some window on the image."""
    return inside(size, kernel, kernel - 1 - centre, centre, 1)[:, ::-1]


def atom(edge: Edge) -> Form:
    """An edge as itself."""
    channels = edge.shape[-1]
    ones = np.ones(channels, np.int64)
    return Form(edge.fraction, np.zeros(channels, np.int64), {edge: ones})


def of(edge: Edge) -> Form:
    """What is known of an edge: its form, or itself."""
    return edge.form or atom(edge)


def views(edge: Edge) -> list[Form]:
    """An edge as itself and, where it has one, as its form."""
    return [atom(edge), *([edge.form] if edge.form else [])]


def check(reach: float) -> None:
    """Raise ``OverflowError`` when integers of this size could leave 62 bits."""
    if reach >= LARGEST:
        raise OverflowError("a form beyond 62 bits")


def attempt(build: Callable[[], Form | None]) -> Form | None:
    """A form, unless it has grown too large to be worth it."""
    try:
        form = build()
    except OverflowError:
        return None
    return form if form is None or len(form.sources) <= MOST_SOURCES else None


def meet(a: tuple[Ints, Ints], b: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """What two proofs leave of a range."""
    return np.maximum(a[0], b[0]), np.minimum(a[1], b[1])


def on_grid(ends: tuple[Ints, Ints], fraction: int, edge_fraction: int) -> tuple[Ints, Ints]:
    """Ends on the grid 2^-fraction as integers of an edge on the grid 2^-edge_fraction."""
    shift = fraction - edge_fraction
    lo, hi = ends
    if shift < 0:
        return lo << -shift, hi << -shift
    return -(-lo >> shift), hi >> shift
