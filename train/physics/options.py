"""What a physics page is asked to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trigforge.train.errors import InputError

DEFAULT_EVENTS = 4000
SMALLEST = 50


@dataclass(frozen=True)
class PhysicsOptions:
    """What to show.

    Attributes:
        networks: released names or paths of weights; empty: the released ones of the model.
        data: further events (a folder or a file) beside the shipped ones; for models of jets a jet
            sample in place of the shipped one.
        events: background events or jets of each sample. Signal events get a tenth, at least 100;
            signal jets as many.
        folder: where the page goes; ``build/physics/<model>`` by default.
    """

    model: str
    networks: tuple[str, ...] = ()
    data: Path | None = None
    events: int = DEFAULT_EVENTS
    folder: Path | None = None
    progress: bool = True

    @property
    def output(self) -> Path:
        """The folder of the page."""
        return self.folder or Path("build/physics") / self.model

    def check(self) -> None:
        """Refuse too few events.

        Raises:
            InputError: fewer than 50.
        """
        if self.events < SMALLEST:
            raise InputError(f"--events is {self.events}, expected at least {SMALLEST}")
