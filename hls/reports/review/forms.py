"""A review for the terminal, for a pull request (Markdown) and for a machine (JUnit)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import quoteattr

from trigforge.hls.reports.review.leaves import Leaf
from trigforge.hls.reports.review.moves import Move

# model -> what moved, absent for a first report
Reviews = Mapping[str, Sequence[Move] | None]
FIRST = "first report, nothing is committed to compare with"


def as_lines(reviews: Reviews) -> list[str]:
    """One line per model and per move."""
    lines = []
    for model, moves in reviews.items():
        lines.append(f"{model}: {_summary(moves)}")
        if not moves:
            continue
        width = max(len(move.metric) for move in moves)
        for move in moves:
            lines.append(
                f"  {move.status:10}  {move.metric:{width}}  {word(move.old)} -> {word(move.new)}"
                f"{_how_far(move)}"
            )
    return lines


def as_markdown(reviews: Reviews) -> str:
    """A summary for a pull request."""
    lines = ["# Review of the reports", ""]
    for model, moves in reviews.items():
        lines += [f"## {model}", "", _summary(moves), ""]
        if moves:
            lines += [
                "| | metric | committed | fresh | change | allowed |",
                "|---|---|---|---|---|---|",
            ]
            lines += [
                f"| {m.status} | `{_cell(m.metric)}` | {_cell(m.old)} | {_cell(m.new)} | "
                f"{_cell(m.change)} | {_cell(m.allowed)} |"
                for m in moves
            ]
            lines.append("")
    return "\n".join(lines)


def as_junit(reviews: Reviews) -> str:
    """One suite per model, one case per number that moved, one for all others."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<testsuites>"]
    for model, found in reviews.items():
        moves = found or ()
        failures = sum(move.status == "regression" for move in moves)
        lines.append(
            f"<testsuite name={quoteattr(model)} tests={quoteattr(str(len(moves) + 1))} "
            f"failures={quoteattr(str(failures))}>"
        )
        lines.append(f'<testcase classname={quoteattr(model)} name="all others"/>')
        for move in moves:
            case = f"<testcase classname={quoteattr(model)} name={quoteattr(move.metric)}"
            if move.status != "regression":
                lines.append(f"{case}/>")
                continue
            text = f"{word(move.old)} -> {word(move.new)}{_how_far(move)}"
            lines.append(f"{case}><failure message={quoteattr(text)}/></testcase>")
        lines.append("</testsuite>")
    return "\n".join([*lines, "</testsuites>", ""])


def word(value: Leaf) -> str:
    """A value in a table."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def _cell(value: Leaf) -> str:
    """A value in a Markdown table, which bars and line ends would break."""
    return word(value).replace("|", "\\|").replace("\n", " ")


def _how_far(move: Move) -> str:
    if move.change is None:
        return ""
    limit = "exact" if not move.allowed else f"{move.allowed:.2g} allowed"
    return f"  ({move.change:+.6g}, {limit})"


def _summary(moves: Sequence[Move] | None) -> str:
    if moves is None:
        return FIRST
    if not moves:
        return "nothing moved"
    counts = {
        status: sum(move.status == status for move in moves)
        for status in ("regression", "allowed", "noted")
    }
    names = {
        "regression": "moved that may not",
        "allowed": "moved within their error",
        "noted": "noted",
    }
    return ", ".join(f"{counts[s]} {names[s]}" for s in counts if counts[s])
