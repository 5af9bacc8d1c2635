"""Vivado's ``report_route_status``: whether every net found its way."""

from __future__ import annotations

import re

from trigforge.hls.reports.tools.record import Record
from trigforge.train.errors import InputError

_ROWS = {
    "nets": "logical nets",
    "nets_without_routing": "nets not needing routing",
    "nets_routable": "routable nets",
    "nets_routed": "fully routed nets",
    "nets_with_errors": "nets with routing errors",
}


def read_route_status(text: str, name: str) -> Record:
    """Read a route status.

    Raises:
        InputError: incomplete, contradictory or damaged.
    """
    if text.count("Design Route Status") != 1:
        raise InputError(f"{name}: two route statuses in one file? Split them")
    counts: dict[str, int] = {}
    for line in text.split("\n"):
        found = re.fullmatch(r" *# of ([a-z ]+?)\.* *: *(\d{1,12}) :", line.rstrip())
        for fact, label in _ROWS.items():
            if found is None or found[1] != label:
                continue
            if counts.setdefault(fact, int(found[2])) != int(found[2]):
                raise InputError(f"{name}: {label} occurs twice with different counts")
    missing = [label for fact, label in _ROWS.items() if fact not in counts]
    if missing == [_ROWS["nets_routed"]] and counts["nets_routable"] == counts["nets_with_errors"]:
        counts["nets_routed"] = 0  # the tool leaves out counts of zero
        missing = []
    if missing:
        raise InputError(f"{name}: no line '# of {missing[0]}'; cut short?")
    if counts["nets_without_routing"] + counts["nets_routable"] != counts["nets"]:
        raise InputError(f"{name}: the nets do not add up to {counts['nets']}; damaged")
    unrouted = counts["nets_routable"] - counts["nets_routed"] - counts["nets_with_errors"]
    if unrouted < 0:
        raise InputError(
            f"{name}: {counts['nets_routed']} routed nets and {counts['nets_with_errors']} with "
            f"errors are more than {counts['nets_routable']}; damaged"
        )
    counts["nets_unrouted"] = unrouted
    return Record(
        kind="route-status", tool="vivado", version="unknown", source_file=name, facts=counts
    )
