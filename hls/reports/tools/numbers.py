"""Cells of reports to numbers: strictly, with the file and the place in every error."""

from __future__ import annotations

import re
from decimal import Decimal

from trigforge.train.errors import InputError

# what tools write where they could not tell
UNDETERMINED = {"", "-", "?", "undef", "n/a", "na", "inf", "unspecified"}

_UNITS_NS = {"ps": 1e-3, "ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9, "sec": 1e9}


def undetermined(text: str) -> bool:
    """Whether the tool could not tell."""
    return text.strip().lower() in UNDETERMINED


def whole(text: str, place: str) -> int:
    """A whole number; anything else is an error."""
    text = text.strip()
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise InputError(f"{place} is {text[:80]!r}, expected a whole number")
    return int(text)


def whole_or_none(text: str, place: str) -> int | None:
    """A whole number, or absent where the tool could not tell."""
    return None if undetermined(text) else whole(text, place)


def real(text: str, place: str) -> float:
    """A finite decimal number with an optional sign."""
    text = text.strip()
    if not re.fullmatch(r"[-+]?[0-9]{1,12}(\.[0-9]{1,9})?(e[-+]?[0-9]{1,2})?", text, re.I):
        raise InputError(f"{place} is {text[:80]!r}, expected a number")
    return float(text)


def real_or_none(text: str, place: str) -> float | None:
    """A number, or absent where the tool could not tell."""
    return None if undetermined(text) else real(text, place)


def tiles_as_18k(text: str, place: str) -> int:
    """Block RAM tiles of 36 Kb, possibly half ones, as a count of 18 Kb blocks."""
    text = text.strip()
    if not re.fullmatch(r"[0-9]{1,9}(\.[05]0?)?", text):
        raise InputError(f"{place} is {text[:80]!r}, expected tiles in steps of one half")
    return int(2 * Decimal(text))


def time_ns(text: str, place: str) -> tuple[float, float]:
    """A time with its unit (``5.220 us``) in ns, and half a unit of its last digit in ns."""
    found = re.fullmatch(r"([0-9]{1,12})(?:\.([0-9]{1,9}))?(?:e\+?([0-9]{1,2}))? ?([a-z]+)", text)
    if found is None or found[4] not in _UNITS_NS:
        raise InputError(f"{place} is {text[:80]!r}, expected a time with its unit")
    digits, decimals, power, unit = found.groups()
    scale = _UNITS_NS[unit] * 10.0 ** int(power or 0)
    value = float(f"{digits}.{decimals or 0}") * scale
    return value, 0.5 * scale * 10.0 ** -len(decimals or "")


def check_absolute(
    cycles: int, absolute: str, periods_ns: tuple[float | None, float | None], place: str
) -> None:
    """A latency in cycles against the same one as a time.

    HLS tools multiply by the target or, where it is longer, by the estimated clock.
    """
    known = [p for p in periods_ns if p is not None]
    if undetermined(absolute) or not known:
        return
    value, half_digit = time_ns(absolute.strip(), place)
    low = cycles * min(known) * 0.999 - half_digit
    high = cycles * max(known) * 1.001 + half_digit
    # times are also cut, not rounded: one more half digit
    if not low - half_digit <= value <= high + half_digit:
        raise InputError(
            f"{place}: {cycles} cycles cannot take {absolute.strip()}; the file is damaged"
        )


def check_percent(used: float, available: int, text: str, place: str) -> None:
    """A printed utilisation against the counts beside it; two digits or a whole percentage.

    Raises:
        InputError: they contradict each other.
    """
    text = text.strip().strip("()").rstrip("%")
    if undetermined(text):
        return
    if available == 0:
        if used and text.lstrip("~<") in {"0", "0.00"}:
            raise InputError(f"{place}: {used} used of none is not {text} %")
        return
    percent = 100 * used / available
    if text.startswith(("~", "<")):
        fits = percent < 1
    elif "." in text:
        fits = abs(percent - real(text, place)) < 0.0101
    else:
        fits = 0 <= percent - whole(text, place) < 1
    if not fits:
        raise InputError(
            f"{place}: {used:g} of {available} is {percent:.2f} %, the file says {text} %; "
            "it is damaged"
        )
