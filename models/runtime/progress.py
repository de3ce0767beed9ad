"""Progress reports: the one way a stage says what runs and how far it is, whoever draws it.

Stages take a `Progress` and open steps on it; the command line draws them with rich, tests and
notebooks pass `SILENT`. Nothing here prints.

    with progress.step("extract", total=40, unit="chunks") as step:
        step.advance()
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Step(Protocol):
    """One running stage."""

    def advance(self, amount: float = 1) -> None:
        """Say that `amount` more units are done."""

    def note(self, text: str) -> None:
        """Show a short remark beside the bar (a loss, a file name)."""


class Progress(Protocol):
    """Opens the steps of a run; a caller that wants nothing drawn passes `SILENT`."""

    def step(
        self, label: str, total: float | None, unit: str = "items", done: float = 0
    ) -> AbstractContextManager[Step]:
        """Open a step of `total` units (None if unknown), `done` of them already finished."""


class _SilentStep:
    def advance(self, amount: float = 1) -> None:
        """Draw nothing."""

    def note(self, text: str) -> None:
        """Draw nothing."""


class _SilentProgress:
    @contextmanager
    def step(self, label: str, total: float | None, unit: str = "items", done: float = 0) -> Iterator[Step]:
        yield _SilentStep()


SILENT: Progress = _SilentProgress()
