"""Every error that trigforge raises on purpose.

A message is one sentence for the person at the keyboard: which file, which field, what came, what
was expected and what to do next. The command line prints it and leaves with ``exit_code``; a
traceback is always a bug of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class TrigforgeError(Exception):
    """Base class; ``exit_code`` is what the command line returns."""

    exit_code = 2


class InputError(TrigforgeError):
    """What the user gave cannot be used: a name, a recipe key, a data file, a weight file."""


class ToolError(TrigforgeError):
    """An outside program is missing or failed: compiler, vendor tool."""


class UnsupportedError(TrigforgeError):
    """A network cannot be made exact; the message names the node, the reason and the way out."""


class StorageError(TrigforgeError):
    """Writing failed (disk full, no permission); nothing half-written is left behind."""


class TrainingError(TrigforgeError):
    """A training went wrong in a way that more steps cannot mend (a loss that is not finite)."""


class CollapseError(TrainingError):
    """Samples of a model under training have stopped being samples; earlier epochs stay good."""


def unknown_name(what: str, name: str, known: Iterable[str], where: str = "") -> InputError:
    """An :class:`InputError` for a name that is not in a list, with the nearest one suggested."""
    options = sorted(known)
    near = get_close_matches(name, options, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    place = f"{where}: " if where else ""
    return InputError(f"{place}unknown {what} {name!r}, known are {', '.join(options)}{hint}")
