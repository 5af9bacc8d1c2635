"""Operations of a traced block with their delays, and the pipeline stage of each.

Stages are filled as soon as possible up to the clock period, then the period is shrunk as far as
the number of stages allows, which balances them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np

from trigforge.hls.graph import Ints
from trigforge.hls.rtl import delays
from trigforge.hls.rtl.delays import Cost
from trigforge.hls.rtl.variables import Variable, bits

# da4ml's opcodes (da4ml 0.6.0, ``types.CombLogic.__call__``); a negative one negates its operand
INPUT, ADD, SUB, RELU, SLICE, OFFSET, CONSTANT, SELECT, PRODUCT, TABLE = range(-1, 9)


@dataclass(frozen=True)
class Signal:
    """Value of an operation: an integer of ``width`` bits that counts in steps of 2^-fraction."""

    lo: int
    hi: int
    fraction: int

    @property
    def signed(self) -> bool:
        """Two's complement."""
        return self.lo < 0

    @property
    def width(self) -> int:
        """Bits, the sign included."""
        return max(bits(self.lo, self.hi) + self.signed, 1)


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        code: a constant of this module, without its sign.
        operands: positions of earlier operations; of a selection the one whose sign decides first.
        negated: the (last) operand is negated first.
        data: shift of the last operand in bits of value (ADD, SUB, SELECT), the constant in steps
            (OFFSET, CONSTANT), the input's position (INPUT) or the table (TABLE).
    """

    code: int
    operands: tuple[int, ...]
    negated: bool
    data: int
    signal: Signal


@dataclass(frozen=True)
class Output:
    """An output is an operation's value times 2^shift, possibly negated."""

    operation: int
    shift: int
    negated: bool


@dataclass(frozen=True)
class Netlist:
    """A block's logic.

    Attributes:
        tables: entries for all values of the operand, from its lowest on.
        logic: what da4ml's interpreter runs.
    """

    operations: tuple[Operation, ...]
    outputs: tuple[Output, ...]
    tables: tuple[tuple[int, ...], ...]
    logic: Any

    def run(self, x: Ints) -> Ints:
        """(N, outputs) integers from (N, inputs) integers, by da4ml's interpreter."""
        values = self.logic.predict(np.ascontiguousarray(x, np.float64), 1)
        return np.asarray(values).astype(np.int64)


@dataclass(frozen=True)
class Schedule:
    """Pipeline stages of a block.

    Attributes:
        stage: of every operation.
        delays_ps: longest path of every stage, registers left out; ``levels`` its LUT and carry
            levels.
    """

    stage: tuple[int, ...]
    delays_ps: tuple[int, ...]
    levels: tuple[int, ...]

    @property
    def stages(self) -> int:
        """How many clock cycles the block takes."""
        return len(self.delays_ps)


def netlist(inputs: Sequence[Variable], outputs: Sequence[Variable]) -> Netlist:
    """What leads from some variables to others."""
    from da4ml.trace import comb_trace

    logic = comb_trace(list(inputs), list(outputs))
    signals = [_signal(op.qint) for op in logic.ops]
    operations = [_operation(op, signal) for op, signal in zip(logic.ops, signals, strict=True)]
    tables = [tuple(_entries(table)) for table in logic.lookup_tables or ()]
    ends = zip(logic.out_idxs, logic.out_shifts, logic.out_negs, strict=True)
    return Netlist(
        tuple(operations),
        tuple(Output(int(i), int(shift), bool(negated)) for i, shift, negated in ends),
        tuple(tables),
        logic,
    )


def _signal(interval: Any) -> Signal:
    lo, hi, step = interval
    if lo == hi == 0:
        return Signal(0, 0, 0)
    return Signal(round(lo / step), round(hi / step), -round(log2(step)))


def _operation(op: Any, signal: Signal) -> Operation:
    code, data = int(op.opcode), int(op.data)
    if code == INPUT:
        return Operation(INPUT, (), False, int(op.id0), signal)
    negated, code = code < 0, abs(code)
    operands = tuple(int(i) for i in (op.id0, op.id1) if i >= 0)
    if code == SELECT:
        operands = (data & 0xFFFFFFFF, *operands)
        data = data >> 32
        data = data - (1 << 32) if data >= 1 << 31 else data
    if code > TABLE:
        raise NotImplementedError(f"da4ml operation {code}")
    return Operation(code, operands, negated, data, signal)


def _entries(table: Any) -> list[int]:
    """A table's integers; da4ml keeps them as unsigned or signed 32-bit words."""
    step = table.spec.out_qint.step
    return [round(float(value) / step) for value in table.float_table]


def cost(net: Netlist, operation: Operation) -> Cost:
    """What an operation adds to a path."""
    operands = [net.operations[i].signal for i in operation.operands]
    width = operation.signal.width
    if operation.code in (INPUT, CONSTANT):
        return delays.FREE
    if operation.code in (ADD, SUB, OFFSET):
        return delays.adder(width)
    if operation.code == PRODUCT:
        return delays.product(operands[0].width, operands[1].width)
    if operation.code == TABLE:
        return delays.table(operands[0].width)
    if operation.negated:
        return delays.adder(max(width, operands[-1].width))
    return delays.FREE if operation.code == SLICE else delays.luts(1)


def widest_delay(net: Netlist) -> int:
    """Delay of the slowest single operation, ps."""
    return max((cost(net, operation).delay_ps for operation in net.operations), default=0)


def schedule(net: Netlist, limit_ps: int) -> Schedule:
    """Stages of at most ``limit_ps`` each, as few as possible, then as even as possible."""
    costs = [cost(net, operation) for operation in net.operations]
    best = _filled(net, costs, limit_ps)
    low, high = max((c.delay_ps for c in costs), default=0), limit_ps
    while high - low > 1:
        middle = (low + high) // 2
        found = _filled(net, costs, middle)
        if found.stages > best.stages:
            low = middle
        else:
            best, high = found, middle
    return best


def _filled(net: Netlist, costs: Sequence[Cost], limit_ps: int) -> Schedule:
    """Every operation as early as possible."""
    stage: list[int] = []
    arrival: list[int] = []
    level: list[int] = []
    for operation, own in zip(net.operations, costs, strict=True):
        before = [i for i in operation.operands if net.operations[i].code != CONSTANT]
        at = max((stage[i] for i in before), default=0)
        same = [i for i in before if stage[i] == at]
        start = max((arrival[i] for i in same), default=0)
        levels = max((level[i] for i in same), default=0)
        if start + own.delay_ps > limit_ps:
            at, start, levels = at + 1, 0, 0
        stage.append(at)
        arrival.append(start + own.delay_ps)
        level.append(levels + own.levels)
    count = 1 + max((stage[output.operation] for output in net.outputs), default=0)
    longest, deepest = [0] * count, [0] * count
    for at, delay, levels in zip(stage, arrival, level, strict=True):
        longest[at] = max(longest[at], delay)
        deepest[at] = max(deepest[at], levels)
    return Schedule(tuple(stage), tuple(longest), tuple(deepest))
