"""Progress for a person to read: a live bar on a terminal, a plain line every few seconds elsewhere.

Both say what runs, how far it is and how much time is left. Everything goes to stderr.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from models.runtime.progress import SILENT, Progress, Step

if TYPE_CHECKING:
    from rich.progress import Progress as RichBar
    from rich.progress import TaskID

LINE_EVERY_S = 10.0
"""Time between two lines of one stage, in seconds; short enough to see that a slow stage is alive."""


def open_progress(quiet: bool = False) -> Progress:
    """The progress that suits where stderr goes: none if `quiet`, bars on a terminal, lines elsewhere."""
    if quiet:
        return SILENT
    return BarProgress() if sys.stderr.isatty() else LineProgress()


def clock(seconds: float) -> str:
    """Seconds as m:ss, or as h:mm:ss from one hour on.

    Example:
        >>> clock(75), clock(3661)
        ('1:15', '1:01:01')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class LineStep:
    """One stage as lines: "[2:10] extract facts 12/40 chunks, 1:05 left"."""

    def __init__(self, label: str, total: float | None, unit: str, done: float, began: float) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done, self.first = done, done
        self.began, self.started = began, time.monotonic()
        self.written = 0.0
        self.remark = ""
        self._stop = threading.Event()
        self._lock = threading.Lock()
        # A stage may be silent for long (a model loads, one call is slow); a thread of its own shows it is alive.
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self._ticker.start()
        self.write()

    def _tick(self) -> None:
        while not self._stop.wait(LINE_EVERY_S):
            self.write()

    def advance(self, amount: float = 1) -> None:
        """Count `amount` more units as done."""
        with self._lock:
            self.done += amount

    def note(self, text: str) -> None:
        """Show a remark on the next line."""
        self.remark = text

    def write(self, ending: str = "") -> None:
        """Print how far the stage is, and how it ended."""
        now = time.monotonic()
        spent = now - self.started
        fresh = self.done - self.first  # units of an earlier run took no time now, so they say nothing about speed
        parts = [f"[{clock(now - self.began)}] {self.label}"]
        if self.total is not None:
            parts.append(f"{self.done:,.0f}/{self.total:,.0f} {self.unit}")
        elif self.done:
            parts.append(f"{self.done:,.0f} {self.unit}")
        if ending:
            parts.append(f"{ending} {clock(spent)}")
        elif self.total is not None and fresh > 0:
            parts.append(f"{clock(spent / fresh * max(self.total - self.done, 0))} left")
        if self.remark:
            parts.append(self.remark)
        print(" · ".join(parts), file=sys.stderr, flush=True)  # noqa: T201

    def end(self, ending: str) -> None:
        """Stop the ticker and print the last line."""
        self._stop.set()
        self._ticker.join()
        self.write(ending)


class LineProgress:
    """Plain lines, for logs and pipes."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    @contextmanager
    def _step(self, label: str, total: float | None, unit: str, done: float) -> Iterator[Step]:
        step = LineStep(label, total, unit, done, self.began)
        try:
            yield step
        except BaseException:
            step.end("stopped after")
            raise
        step.end("done in")

    def step(
        self, label: str, total: float | None, unit: str = "items", done: float = 0
    ) -> AbstractContextManager[Step]:
        """Open a step; see `models.runtime.progress.Progress`."""
        return self._step(label, total, unit, done)


class BarStep:
    """One stage as a live bar."""

    def __init__(self, bar: RichBar, task: TaskID) -> None:
        self.bar, self.task = bar, task

    def advance(self, amount: float = 1) -> None:
        """Count `amount` more units as done."""
        self.bar.advance(self.task, amount)

    def note(self, text: str) -> None:
        """Show a remark beside the bar."""
        self.bar.update(self.task, remark=text)


class BarProgress:
    """Live bars on a terminal; finished stages stay on screen with their time."""

    @contextmanager
    def _step(self, label: str, total: float | None, unit: str, done: float) -> Iterator[Step]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description:<24}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[remark]}"),
        )
        with RichProgress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(label, total=total, completed=int(done), unit=unit, remark="")
            yield BarStep(bar, task)

    def step(
        self, label: str, total: float | None, unit: str = "items", done: float = 0
    ) -> AbstractContextManager[Step]:
        """Open a step; see `models.runtime.progress.Progress`."""
        return self._step(label, total, unit, done)
