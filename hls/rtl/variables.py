"""Integer arithmetic on symbolic variables of da4ml, with the corner cases it leaves to its caller.

A variable stands for an integer of an edge: the binary point is the edge's business. Floors,
clips, selections and tables are written so that they cost few LUTs and are exact for every value
within the variable's range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.graph import Ints
from trigforge.train.errors import ToolError, UnsupportedError

Variable = Any
Variables = NDArray[Any]

# one LUT per bit and no carry length in the solver's latencies: they count adder levels
ADDER_SIZE, CARRY_SIZE = 1, -1
HARDWARE = (ADDER_SIZE, CARRY_SIZE, -1)

# da4ml keeps entries of tables in 32 bits
LARGEST_ENTRY = 2**31 - 1

# inputs of tables that replace arithmetic: four LUTs per output bit at most
SMALL_TABLE_BITS = 8


def symbol() -> Any:
    """da4ml's class of variables.

    Raises:
        ToolError: da4ml is not installed.
    """
    try:
        from da4ml.trace import FixedVariable
    except ImportError as error:
        raise ToolError(
            f"{error}: RTL needs the packages of the extra 'rtl'; run pip install 'trigforge[rtl]'"
        ) from error
    return FixedVariable


def constant(value: int) -> Variable:
    """A variable of one value."""
    return symbol().from_const(float(value), HARDWARE)


def fresh(lo: int, hi: int) -> Variable:
    """An input that takes every integer of [lo, hi]."""
    if lo == hi:
        return constant(lo)
    return symbol()(float(lo), float(hi), 1.0, 0.0, HARDWARE)


def ends(x: Variable) -> tuple[int, int]:
    """Smallest and largest integer."""
    return int(x.low), int(x.high)


def bits(lo: int, hi: int) -> int:
    """Bits in front of the binary point, without the sign, that hold [lo, hi]."""
    return max(max(hi, 0).bit_length(), (-lo - 1).bit_length() if lo < 0 else 0)


def floor(x: Variable, drop: int) -> Variable:
    """floor(x / 2^drop) * 2^drop; free, bits are left out."""
    if drop <= 0:
        return x
    lo, hi = ends(x)
    if lo >> drop == hi >> drop:
        return constant((lo >> drop) << drop)
    # the sign alone may remain, which a format narrower than the step could not hold
    return x.quantize(int(lo < 0), max(bits(lo, hi), drop), -drop)


def bit(x: Variable, place: int) -> Variable:
    """The bit of weight 2^place, as 0 or 1."""
    lo, hi = ends(x)
    if lo >> place == hi >> place:
        return constant((lo >> place) & 1)
    return shift(x.quantize(0, place + 1, -place), -place)


def shift(x: Variable, places: int) -> Variable:
    """x * 2^places; free, and for negative places x must be a multiple."""
    return x * 2.0**places


def bounded(x: Variable, lo: int, hi: int) -> Variable:
    """x without the bits that the proven range [lo, hi] does not need."""
    if lo == hi:
        return constant(lo)
    low, high = ends(x)
    needs, has = bits(lo, hi), bits(low, high)
    if needs >= has and (low >= 0 or lo < 0):
        return x
    _, _, fraction = x.kif
    return x.quantize(int(lo < 0), needs, fraction)


def select(negative: Variable, below: Variable, above: Variable) -> Variable:
    """``below`` where a variable is negative, ``above`` elsewhere."""
    lo, hi = ends(negative)
    if lo >= 0:
        return above
    if hi < 0:
        return below
    return negative.msb_mux(below, above)


def at_most(x: Variable, limit: int) -> Variable:
    """min(x, limit); only the bits from the limit upwards are compared where it is 2^k - 1."""
    lo, hi = ends(x)
    if hi <= limit:
        return x
    if lo >= limit:
        return constant(limit)
    power = (limit + 1).bit_length() - 1
    exact = limit >= 0 and limit + 1 == 1 << power
    beyond = floor(x, power) - (1 << power) if exact else x - (limit + 1)
    return bounded(select(beyond, x, constant(limit)), lo, limit)


def at_least(x: Variable, limit: int) -> Variable:
    """max(x, limit); only the bits from the limit upwards are compared where it is -2^k or 0."""
    lo, hi = ends(x)
    if lo >= limit:
        return x
    if hi <= limit:
        return constant(limit)
    if limit == 0:
        return x.relu()
    power = (-limit).bit_length() - 1
    exact = limit < 0 and -limit == 1 << power
    below = floor(x, power) + (1 << power) if exact else x - limit
    return bounded(select(below, constant(limit), x), limit, hi)


def clip(x: Variable, lo: int, hi: int) -> Variable:
    """x within [lo, hi]."""
    return at_most(at_least(x, lo), hi)


def larger(a: Variable, b: Variable) -> Variable:
    """max(a, b)."""
    (a_lo, a_hi), (b_lo, b_hi) = ends(a), ends(b)
    if a_lo >= b_hi:
        return a
    if b_lo >= a_hi:
        return b
    return bounded(select(a - b, b, a), max(a_lo, b_lo), max(a_hi, b_hi))


def looked_up(x: Variable, entries: Callable[[Ints], Ints]) -> Variable:
    """entries(x) by table; ``entries`` takes all integers that x can be."""
    lo, hi = ends(x)
    step = int(x.step) if lo != hi else 1
    values = entries(np.arange(lo, hi + 1, step, dtype=np.int64))
    if values.min() == values.max():
        return constant(int(values[0]))
    if max(-values.min(), values.max()) > LARGEST_ENTRY:
        raise UnsupportedError("a table with entries of more than 31 bits has no RTL; use fewer")
    return x.lookup(values.astype(np.float64))


def square(x: Variable) -> Variable:
    """x^2: by table where that is small, else by a multiplier out of LUTs."""
    lo, hi = ends(x)
    largest = max(lo * lo, hi * hi)
    if hi - lo < 1 << SMALL_TABLE_BITS and largest <= LARGEST_ENTRY:
        return looked_up(x, lambda values: values**2)
    return bounded(x * x, 0, largest)


def tree(
    operation: Callable[[Variable, Variable], Variable], terms: Iterable[Variable]
) -> Variable:
    """All terms combined, neighbours first, in as few levels as possible."""
    level = list(terms)
    while len(level) > 1:
        paired = [operation(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def total(terms: Sequence[Variable]) -> Variable:
    """The sum, narrow terms first."""
    fixed = sum(int(term.low) for term in terms if term.low == term.high)
    free = [term for term in terms if term.low != term.high]
    if not free:
        return constant(fixed)
    summed = tree(lambda a, b: a + b, sorted(free, key=lambda term: float(term.high - term.low)))
    return summed + fixed
