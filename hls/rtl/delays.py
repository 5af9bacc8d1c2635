"""How long an operation takes on UltraScale+: adder levels and carry length per pipeline stage.

Calibrated on one placed and routed combinational path of a level-1 autoencoder of this very kind
(44-32-16-3, xcvu9p, speed grade -2, Vivado 2024.1): 53 levels in 18.972 ns, of which 33 run
through the routing fabric at 0.404 ns each, 30 are LUTs, 17 enter a carry chain and 6 continue
one. A test recomputes the constants from that report. It is a model: the clock stays `assumed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

# ps; means over the path
NET = 404
LUT = 104
CARRY = 103
CHAIN = 61
# from a LUT into the carry chain of its slice, or from one carry block to the next
LOCAL = 20
# Clock to output, setup and clock uncertainty (DS923, -2 speed grade, rounded up): no register
# lies on the calibrating path.
REGISTER = 200

CARRY_BITS = 8
LUT_INPUTS = 6


@dataclass(frozen=True)
class Cost:
    """What an operation puts on a path."""

    delay_ps: int = 0
    levels: int = 0


FREE = Cost()


def luts(levels: int) -> Cost:
    """LUTs behind each other, each reached through the fabric."""
    return Cost(levels * (NET + LUT), levels)


def adder(bits: int) -> Cost:
    """A carry-propagate adder: a LUT per bit, then the chain."""
    blocks = max(ceil(bits / CARRY_BITS), 1)
    chain = CARRY + LOCAL + (blocks - 1) * (CHAIN + LOCAL)
    return Cost(NET + LUT + chain, 1 + blocks)


def product(left: int, right: int) -> Cost:
    """A multiplier out of LUTs: a tree of adders over the bits of the shorter factor."""
    one = adder(left + right)
    depth = max(ceil(log2(max(min(left, right), 2))), 1)
    return Cost(depth * one.delay_ps, depth * one.levels)


def table(bits: int) -> Cost:
    """A lookup: one LUT up to six bits, wide multiplexers behind it beyond."""
    return luts(1 + ceil(max(bits - LUT_INPUTS, 0) / 2))
