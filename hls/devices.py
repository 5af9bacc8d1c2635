"""What the FPGAs of trigger boards and accelerator cards contain.

Counts marked "report" stand in the vendor tool's own utilisation or C-synthesis reports for that
part; the others are from the product selection tables (DS890 UltraScale and UltraScale+, DS180
7 series, DS962 and DS965 Alveo cards). Block RAM is counted in halves of 18 Kb.
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


# name: LUT, FF, DSP, BRAM_18K, URAM, dies, source
DEVICES: dict[str, Device] = {
    device.name: device
    for device in (
        Device("xcu250", 1728000, 3456000, 12288, 5376, 1280, 4, "report (Vivado 2020.1)"),
        Device("xcu200", 1182240, 2364480, 6840, 4320, 960, 3, "DS962"),
        Device("xcu50", 871680, 1743360, 5952, 2688, 640, 2, "report (Vivado 2022.2)"),
        Device("xcu280", 1303680, 2607360, 9024, 4032, 960, 3, "DS963"),
        Device("xcu55c", 1303680, 2607360, 9024, 4032, 960, 3, "DS978"),
        Device("xcvu9p", 1182240, 2364480, 6840, 4320, 960, 3, "report (Vitis HLS 2024.1)"),
        Device("xcvu13p", 1728000, 3456000, 12288, 5376, 1280, 4, "report (Vivado 2019.1)"),
        Device("xcvu7p", 788160, 1576320, 4560, 2880, 640, 2, "DS890"),
        Device("xcvu5p", 600577, 1201154, 3474, 2048, 470, 2, "DS890"),
        Device("xcvu3p", 394080, 788160, 2280, 1440, 320, 1, "DS890"),
        Device("xcvu35p", 871680, 1743360, 5952, 2688, 640, 2, "DS890"),
        Device("xcvu37p", 1303680, 2607360, 9024, 4032, 960, 3, "DS890"),
        Device("xcku115", 663360, 1326720, 5520, 4320, 0, 2, "DS890"),
        Device("xcku15p", 522720, 1045440, 1968, 1968, 128, 1, "DS890"),
        Device("xczu9eg", 274080, 548160, 2520, 1824, 0, 1, "DS891"),
        Device("xczu7ev", 230400, 460800, 1728, 624, 96, 1, "DS891"),
        Device("xc7vx690t", 433200, 866400, 3600, 2940, 0, 1, "DS180"),
        Device("xc7z020", 53200, 106400, 220, 280, 0, 1, "report (Vivado HLS 2020.1)"),
    )
}


def device(part: str) -> Device:
    """The device of a part as the vendor names it: ``xcu250-figd2104-2L-e``, ``xcvu13pfhga2104-3``.

    Raises:
        InputError: a part of no device in the table.
    """
    name = part.lower()
    matches = [n for n in DEVICES if name.startswith(n) and not name[len(n) :][:1].isdigit()]
    if not matches:
        raise unknown_name("FPGA part", part, DEVICES, "hls.part")
    return DEVICES[max(matches, key=len)]
