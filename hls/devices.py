"""What the FPGAs of trigger boards and accelerator cards contain.

``source`` says how far a line has been checked:

- "report": every count stands in a report of the vendor's tools for that part; a test reads it
  there again;
- "die of": the same die, or whole dies of it, as a part whose counts were checked; dies of one
  family are alike, so the counts follow by division;
- "seen": the counts named there were seen in published reports of that part, the others come from
  the product tables;
- "table": from the vendor's product selection tables (DS890 UltraScale and UltraScale+, DS891
  Zynq UltraScale+, DS180 7 series) and not confirmed by any report.

Block RAM is counted in halves of 18 Kb.
"""

from __future__ import annotations

from dataclasses import dataclass

from trigforge.train.errors import unknown_name


@dataclass(frozen=True)
class Device:
    """Resources of one FPGA; ``slr`` is the number of dies, which routing crosses with pain."""

    name: str
    lut: int
    ff: int
    dsp: int
    bram_18k: int
    uram: int
    slr: int
    source: str

    @property
    def checked(self) -> bool:
        """Whether every count stands in a report; then a report that differs is damaged."""
        return self.source.startswith("report")

    def available(self, quantity: str) -> int | None:
        """Count of a resource by its quantity name; absent for cycles and clocks."""
        counts = {
            "lut": self.lut,
            "ff": self.ff,
            "dsp": self.dsp,
            "bram_18k": self.bram_18k,
            "uram": self.uram,
        }
        return counts.get(quantity)


_TABLE = "table"

# name: LUT, FF, DSP, BRAM_18K, URAM, dies, source
DEVICES: dict[str, Device] = {
    device.name: device
    for device in (
        Device("xcu250", 1728000, 3456000, 12288, 5376, 1280, 4, "report (Vivado 2020.1)"),
        Device("xcu200", 1182240, 2364480, 6840, 4320, 960, 3, "die of xcvu9p"),
        Device("xcu50", 871680, 1743360, 5952, 2688, 640, 2, "report (Vivado 2022.2)"),
        Device("xcu280", 1303680, 2607360, 9024, 4032, 960, 3, "seen: LUT, FF"),
        Device("xcu55c", 1303680, 2607360, 9024, 4032, 960, 3, "die of xcu280"),
        Device("xcvu9p", 1182240, 2364480, 6840, 4320, 960, 3, "report (Vivado 2024.1)"),
        Device("xcvu13p", 1728000, 3456000, 12288, 5376, 1280, 4, "report (Vivado 2019.1)"),
        Device("xcvu7p", 788160, 1576320, 4560, 2880, 640, 2, "die of xcvu9p, two of three"),
        Device("xcvu5p", 600577, 1201154, 3474, 2048, 470, 2, _TABLE),
        Device("xcvu3p", 394080, 788160, 2280, 1440, 320, 1, "die of xcvu9p, one of three"),
        Device("xcvu35p", 871680, 1743360, 5952, 2688, 640, 2, "die of xcu50"),
        Device("xcvu37p", 1303680, 2607360, 9024, 4032, 960, 3, "die of xcu280"),
        Device("xcku115", 663360, 1326720, 5520, 4320, 0, 2, _TABLE),
        Device("xcku15p", 522720, 1045440, 1968, 1968, 128, 1, "die of xczu19eg"),
        Device("xczu19eg", 522720, 1045440, 1968, 1968, 128, 1, "seen: LUT, FF"),
        Device("xczu9eg", 274080, 548160, 2520, 1824, 0, 1, "seen: LUT, FF, DSP, BRAM_18K"),
        Device("xczu7ev", 230400, 460800, 1728, 624, 96, 1, "seen: all"),
        Device("xc7vx690t", 433200, 866400, 3600, 2940, 0, 1, "seen: LUT"),
        Device("xc7z020", 53200, 106400, 220, 280, 0, 1, "report (Vivado 2020.1)"),
    )
}


def find_device(part: str) -> Device | None:
    """The device of a part as the vendor names it, absent when the table lacks it.

    Examples: ``xcu250-figd2104-2L-e``, ``xcvu13pfhga2104-3``, ``7z020clg400-1`` (Vivado leaves out
    the first letters of 7-series parts).
    """
    name = part.lower()
    if not name.startswith("xc"):
        name = f"xc{name}"
    matches = [n for n in DEVICES if name.startswith(n) and not name[len(n) :][:1].isdigit()]
    return DEVICES[max(matches, key=len)] if matches else None


def device(part: str) -> Device:
    """Like :func:`find_device`, for a part that must be known.

    Raises:
        InputError: a part of no device in the table.
    """
    found = find_device(part)
    if found is None:
        raise unknown_name("FPGA part", part, DEVICES, "hls.part")
    return found
