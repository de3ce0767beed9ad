"""The tables of the documentation, written from what `benchmarks/results` holds, so that no figure is typed by hand.

    python -m benchmarks.tables            # writes docs/results.md and the tables within README.md and docs/**/*.md
    python -m benchmarks.tables --check    # exit code 1 if one of them is stale
    python -m benchmarks.tables demo       # one table on standard output

A page holds a table between two comments, and what lies between them is replaced:

    <!-- table: demo -->
    <!-- /table -->

Of several runs with the same figure in the same setting the latest one counts. Below each table are the runs that its
figures are from: command, date, commit, machine. What a table looks like is a `Table` in `benchmarks.layout`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.layout import FIGURE, HEADLINES, TABLES, Table
from benchmarks.pages import renew, stale_pages
from benchmarks.results import RESULTS, ROOT, Figure, Machine, RecordedRun, read_runs
from models.errors import ConfigError, InputError, unknown_name

PAGE = ROOT / "docs" / "results.md"
_BLOCK = re.compile(r"(<!-- table: (?P<name>[a-z0-9_]+) -->\n).*?(<!-- /table -->)", re.DOTALL)
_OPENING = """\
# Results

This page is written by `python -m benchmarks.tables` from the runs that `benchmarks/results/` records: one JSON line
per run, with its figures, command, date, commit and machine. Intervals are 95 %. Below each table are the runs that its
figures are from. Those that were measured before there was such a record are marked "carried over": the commit is then
the one that introduced the figures into the README.
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure and the run that it is from."""

    figure: Figure
    run: RecordedRun


Sources = Literal["runs", "commands", "none"]


def render(name: str, results: Path = RESULTS, sources: Sources = "runs") -> str:
    """One table in Markdown, without a heading.

    Args:
        name: A name of `benchmarks.layout.TABLES` or `HEADLINES`.
        results: Folder of the recorded runs.
        sources: What follows the table: the runs that its figures are from, only their commands, or nothing.
    Returns:
        Lines that end with a line end.
    Raises:
        ConfigError: There is no such table.
        InputError: No recorded run has a figure for it, or a line of the records has another form.
    """
    tables = {**TABLES, **HEADLINES}
    if name not in tables:
        raise ConfigError(unknown_name("table", name, tables))
    table = tables[name]
    cells = list(_cells(table, read_runs(results)))
    if not cells:
        raise InputError(f"No recorded run in {results} has a figure for the table {name!r}.")
    lines = list(_grid(table, cells))
    if sources == "runs":
        lines += ["", *_source_lines(cells)]
    elif sources == "commands":
        commands = dict.fromkeys(cell.run.command for cell in cells)
        lines += ["", *(f"`{command}`" for command in commands)]
    return "\n".join(lines) + "\n"


def render_page(results: Path = RESULTS) -> str:
    """The page of all tables."""
    parts = [_OPENING]
    for name, table in TABLES.items():
        note = f"{table.note}\n\n" if table.note else ""
        parts.append(f"## {table.title}\n\n{note}{render(name, results)}")
    return "\n".join(parts)


def fill(text: str, results: Path = RESULTS, sources: Sources = "runs") -> str:
    """A page with the tables between its comments renewed; arguments as those of `render`.

    Raises:
        ConfigError: A comment names no table.
    """
    return _BLOCK.sub(lambda block: f"{block[1]}\n{render(block['name'], results, sources)}\n{block[3]}", text)


def pages(root: Path = ROOT, results: Path = RESULTS) -> Iterator[tuple[Path, str]]:
    """Every file that holds tables, with the text that it should have."""
    yield root / PAGE.relative_to(ROOT), render_page(results)
    for file in (root / "README.md", *sorted((root / "docs").rglob("*.md"))):
        if file != root / PAGE.relative_to(ROOT) and file.exists():
            text = file.read_text(encoding="utf-8")
            if _BLOCK.search(text):
                # The README has little room: date, commit and machine of its figures are on the page of results.
                yield file, fill(text, results, "commands" if file.name == "README.md" else "runs")


def stale(root: Path = ROOT, results: Path = RESULTS) -> list[Path]:
    """The files whose tables are not what the recorded runs say."""
    return [file for file, _ in stale_pages(pages(root, results))]


def _cells(table: Table, runs: Iterable[RecordedRun]) -> Iterator[Cell]:
    """The latest figure of each setting that belongs to a table, in the order in which settings were first recorded."""
    latest: dict[tuple[str, tuple[tuple[str, str], ...]], Cell] = {}
    for run in runs:
        if run.benchmark != table.benchmark:
            continue
        for figure in run.figures:
            key = figure.name, tuple(sorted(figure.setting.items()))
            # Of equal dates the later line counts.
            if table.takes(figure) and (key not in latest or latest[key].run.date <= run.date):
                latest[key] = Cell(figure, run)
    cells = list(latest.values())
    if FIGURE in table.rows:
        cells.sort(key=lambda cell: table.figures.index(cell.figure.name))
    yield from cells


def _grid(table: Table, cells: Sequence[Cell]) -> Iterator[str]:
    """The rows of a table; a value that was never measured leaves its cell empty."""
    order = {name: position for position, name in enumerate(table.shown)}
    columns = dict.fromkeys(_label(cell, table.column) for cell in cells)
    if table.shown:
        columns = dict.fromkeys(sorted(columns, key=lambda name: order[name]))
    grid: dict[tuple[str, ...], dict[str, Figure]] = {}
    for cell in cells:
        row = tuple(_label(cell, label) for label in table.rows)
        grid.setdefault(row, {})[_label(cell, table.column)] = cell.figure
    yield _row([*(table.heading(label) for label in table.rows), *(table.heading(name) for name in columns)])
    yield _row(["---"] * len(table.rows) + ["--:"] * len(columns))
    before: tuple[str, ...] = ("",) * len(table.rows)
    for row in _grouped_rows(list(grid)):
        names = [_with_commas(table.heading(label)) for label in row]
        # A label that the row above has too is left out, from the left.
        for position in range(len(row) - 1):
            if row[: position + 1] == before[: position + 1]:
                names[position] = ""
        yield _row([*names, *_values(table, [grid[row].get(name) for name in columns])])
        before = row


def _grouped_rows(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Rows so ordered that those of one set stay together, whenever they were recorded."""
    first_seen: dict[tuple[str, ...], int] = {}
    for position, row in enumerate(rows):
        for length in range(1, len(row) + 1):
            first_seen.setdefault(row[:length], position)

    def positions(row: tuple[str, ...]) -> list[int]:
        return [first_seen[row[:length]] for length in range(1, len(row) + 1)]

    return sorted(rows, key=positions)


def _values(table: Table, figures: Sequence[Figure | None]) -> list[str]:
    best = max((figure.value for figure in figures if figure), default=0.0)
    texts = []
    for figure in figures:
        text = value_text(figure) if figure else ""
        texts.append(f"**{text}**" if table.bold_best and figure and figure.value == best else text)
    return texts


def _row(texts: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def _with_commas(label: str) -> str:
    """A label, with commas between thousands if it is a number."""
    return f"{int(label):,}" if label.isdecimal() else label


def _label(cell: Cell, label: str) -> str:
    return cell.figure.name if label == FIGURE else cell.figure.setting[label]


def value_text(figure: Figure) -> str:
    """A value as tables have it: shares with three places, others with the places that their size deserves.

    Example:
        >>> value_text(Figure(name="recall@5", value=0.848, unit="share", low=0.8, high=0.9))
        '.848 (.800–.900)'
        >>> value_text(Figure(name="p", value=0.001, unit="below")), value_text(Figure(name="n", value=1528))
        ('< .001', '1,528')
    """
    text = number_text(figure.value, figure.unit)
    if figure.low is not None and figure.high is not None:
        text += f" ({number_text(figure.low, figure.unit)}–{number_text(figure.high, figure.unit)})"
    return text


def number_text(value: float, unit: str) -> str:
    """A number by its unit, without the unit, which the heading of its column has.

    Example:
        >>> [number_text(value, "ms") for value in (0.0421, 4.13, 42.04, 3725.2)]
        ['0.042', '4.1', '42.0', '3,725']
        >>> number_text(0.0000056, "p"), number_text(0.0534, "p")
        ('< .001', '.053')
    """
    if unit == "p" and value < 0.001:
        return "< .001"
    if unit == "below":
        return f"< {number_text(value, 'share')}"
    if unit in ("share", "p"):
        text = f"{value:.3f}"
        return text.replace("0.", ".", 1) if abs(value) < 1 else text
    if unit in ("mean", "tokens a token"):
        return f"{value:.2f}"
    if value == int(value):
        return f"{int(value):,}"
    if abs(value) < 1:
        return f"{value:.2g}"
    return f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def _source_lines(cells: Sequence[Cell]) -> Iterator[str]:
    """A line for each date, commit and machine, with the commands that ran there."""
    commands: dict[str, dict[str, None]] = {}
    for cell in sorted(cells, key=lambda cell: cell.run.date):
        run = cell.run
        commit, plus, _ = run.commit.partition("+")
        carried = ", carried over" if run.carried_over else ""
        source = f"{run.date:%Y-%m-%d}, commit `{commit[:7]}`{' with changes' if plus else ''}"
        commands.setdefault(f"{source}, {machine_text(run.machine)}{carried}", {})[run.command] = None
    for source, listed in commands.items():
        yield f"- {source}: {', '.join(f'`{command}`' for command in listed)}"


def machine_text(machine: Machine) -> str:
    """A machine in words.

    Example:
        >>> machine_text(Machine(processor="AMD EPYC", cores=2, memory_gib=16))
        '2 cores of AMD EPYC, 16 GiB, no GPU'
    """
    memory = f", {machine.memory_gib:.0f} GiB" if machine.memory_gib else ""
    python = f", Python {machine.python}" if machine.python else ""
    return f"{machine.cores} cores of {machine.processor}{memory}, {machine.gpu or 'no GPU'}{python}"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pages, check them, or print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", help=f"one table on standard output: {', '.join(TABLES)}")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a page is stale")
    arguments = parser.parse_args(argv)
    try:
        if arguments.name:
            sys.stdout.write(render(arguments.name))
            return 0
        return renew(pages(), arguments.check, "python -m benchmarks.tables")
    except (ConfigError, InputError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
