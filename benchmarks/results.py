"""The record of what was measured: a benchmark appends one JSON line a run to `benchmarks/results/<benchmark>.jsonl`.

A line says which figures a run gave, and all that is needed to judge or repeat them:

    benchmark     name of the file
    command       as a user would type it, from the repository's root
    date          when the run ended, UTC
    commit        of the code that ran, with "+changes" if the tree held more than that commit
    machine       processor, cores, memory_gib, gpu (null: none), python
    figures       a list of {name, setting, value, unit, low, high}: `setting` is a mapping of labels ("retriever",
                  "set"), `low` and `high` the ends of a 95 % interval or null
    carried_over  true where figures were measured before there was such a record: the commit is then the one that
                  introduced them into the README, and of the machine only what was written down is known

Files are committed, so that `benchmarks.tables` can write the tables of the documentation from them. `--no-record` of
each benchmark leaves the files as they are, `--results DIR` writes elsewhere. Knows nothing of any benchmark.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from eval.statistics.stats import Interval
from models.files.jsonl import read_lines

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
_GENERATED = ("benchmarks/results", "docs/results.md")
"""A run changes these itself: they do not make the tree that ran another one."""
_COMMAND_TIMEOUT_S = 10


class Machine(BaseModel):
    """Where a benchmark ran; None is what is not known of a machine that was written down in words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    processor: str
    cores: int = Field(ge=1)
    memory_gib: float | None = Field(default=None, gt=0)
    gpu: str | None = None
    python: str | None = None


class Figure(BaseModel):
    """One measured value.

    Attributes:
        name: What was measured, as the benchmark calls it: "recall@5".
        setting: Labels that set it apart from other figures of that name: {"set": "popqa", "retriever": "graph"}.
        value: The value.
        unit: "share" (of 1), "ms", "facts/s", "" for a bare number; `benchmarks.tables` writes values by their units.
        low: Lower end of its 95 % interval, None where there is none.
        high: Upper end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    setting: dict[str, str] = {}
    value: float = Field(allow_inf_nan=False)
    unit: str = ""
    low: float | None = Field(default=None, allow_inf_nan=False)
    high: float | None = Field(default=None, allow_inf_nan=False)


class RecordedRun(BaseModel):
    """One line: a run of a benchmark with its figures; the module's docstring describes the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    benchmark: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    command: str = Field(min_length=1)
    date: AwareDatetime
    commit: str = Field(min_length=1)
    machine: Machine
    figures: tuple[Figure, ...] = Field(min_length=1)
    carried_over: bool = False


def figures_of(
    values: Mapping[str, float | Interval | None], units: Mapping[str, str], **setting: object
) -> list[Figure]:
    """Figures of one setting, from a mapping of their names.

    Args:
        values: Values by name, plain or with an interval; None is left out, so is what has no unit in `units`.
        units: Unit by name.
        setting: Labels; each value is written as text.
    Example:
        >>> figures_of({"p50_ms": 2.5, "l1": None}, {"p50_ms": "ms", "l1": ""}, way="push")[0].setting
        {'way': 'push'}
    """
    labels = {name: str(value) for name, value in setting.items()}
    figures = []
    for name, unit in units.items():
        value = values.get(name)
        if isinstance(value, Interval):
            figures.append(
                Figure(name=name, setting=labels, value=value.mean, unit=unit, low=value.low, high=value.high)
            )
        elif value is not None:
            figures.append(Figure(name=name, setting=labels, value=value, unit=unit))
    return figures


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a benchmark's parser the two options of recording."""
    parser.add_argument("--no-record", action="store_true", help="do not record the figures of this run")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="DIR", help="where to record them  [benchmarks/results]"
    )


def record_run(
    arguments: argparse.Namespace, benchmark: str, figures: Iterable[Figure], argv: Sequence[str] | None = None
) -> None:
    """Record what a benchmark measured, unless it was told not to, and say where on standard error.

    Args:
        arguments: Parsed by a parser with `add_options`.
        benchmark: Name of the module in `benchmarks`.
        figures: Its figures; a run without any is not recorded.
        argv: Arguments without the program's name; None takes those of this process.
    """
    measured = tuple(figures)
    if arguments.no_record or not measured:
        return
    words = ["python", "-m", f"benchmarks.{benchmark}", *(sys.argv[1:] if argv is None else argv)]
    file = append(arguments.results, run_now(benchmark, shlex.join(words), measured))
    sys.stderr.write(f"{len(measured)} figures recorded in {file}\n")


def run_now(benchmark: str, command: str, figures: Iterable[Figure]) -> RecordedRun:
    """A run that just ended, on this machine and commit."""
    return RecordedRun(
        benchmark=benchmark,
        command=command,
        date=datetime.now(UTC).replace(microsecond=0),
        commit=commit(),
        machine=machine(),
        figures=tuple(figures),
    )


def append(folder: Path, run: RecordedRun) -> Path:
    """Add a line to the file of a run's benchmark; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{run.benchmark}.jsonl"
    with file.open("a", encoding="utf-8", newline="\n") as lines:
        # One write a line: two benchmarks that end at once do not mix their lines.
        lines.write(run.model_dump_json() + "\n")
    return file


def read_runs(folder: Path = RESULTS) -> list[RecordedRun]:
    """All recorded runs of a folder, by file name, in the order of their lines.

    Raises:
        InputError: A line has another form; the message names file and line.
    """
    runs: list[RecordedRun] = []
    for file in sorted(folder.glob("*.jsonl")):
        runs += (run for _, run in read_lines(file, RecordedRun, "recorded runs of a benchmark"))
    return runs


def commit() -> str:
    """The commit of this tree, with "+changes" if it holds uncommitted ones; "unknown" outside of a repository."""
    head = _output("git", "-C", str(ROOT), "rev-parse", "HEAD")
    if not head:
        return "unknown"
    excluded = [f":(exclude){path}" for path in _GENERATED]
    changes = _output("git", "-C", str(ROOT), "status", "--porcelain", "--", ".", *excluded)
    return f"{head}+changes" if changes else head


def machine() -> Machine:
    """This machine, as the kernel and the driver of its GPU describe it."""
    gpus = _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").splitlines()
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),  # those that this process may use, as in a container
        memory_gib=round(pages * page / 2**30, 1),
        gpu=", ".join(gpus) or None,
        python=platform.python_version(),
    )


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    named = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return named[1].strip() if named else platform.processor() or platform.machine()


def _output(*words: str) -> str:
    """What a command prints, without white space around it; "" where it is missing or fails."""
    if shutil.which(words[0]) is None:
        return ""
    done: Any = subprocess.run(words, capture_output=True, text=True, check=False, timeout=_COMMAND_TIMEOUT_S)
    return str(done.stdout).strip() if done.returncode == 0 else ""
