"""How a command prints its result: one JSON document, or tables and sentences, on stdout; failures on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from kg.summary import FailedItem

SCHEMA_VERSION = 1
"""Version of the JSON documents; rises when a field is removed or changes its meaning."""
_MAX_NAMED = 10
"""Number of failures or names that are printed before the rest is only counted."""
_PIPE_WIDTH = 120


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON document, `schema_version` first."""
    click.echo(json.dumps({"schema_version": SCHEMA_VERSION, **document}, indent=2, ensure_ascii=False))


def print_table(headers: list[str], rows: list[list[str]], right: set[int] | None = None, title: str = "") -> None:
    """Print a table to stdout.

    Args:
        headers: One heading a column.
        rows: Cells as text, one list a row.
        right: Indices of the columns that are aligned right, as numbers are.
        title: Printed above the table; "" for none.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column, header in enumerate(headers):
        table.add_column(header, justify="right" if column in (right or set()) else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=_PIPE_WIDTH)  # rich would assume 80 columns
    if title:
        console.print(title, style="bold")  # as the table's own title it would be wrapped to the width of the table
    console.print(table)


def warn(remark: str) -> None:
    """Print a remark on stderr, in one line that begins as errors do."""
    click.echo(f"graft: {' '.join(remark.split())}", err=True)


def print_failures(failures: Sequence[FailedItem]) -> None:
    """Name on stderr the items that failed, with the stage and the reason of each."""
    for failure in failures[:_MAX_NAMED]:
        warn(f"{failure.item} failed in the stage {failure.stage}: {failure.reason}")
    if len(failures) > _MAX_NAMED:
        warn(f"{len(failures) - _MAX_NAMED:,} more items failed; --json lists all of them.")


def list_names(names: Iterable[str]) -> str:
    """Names separated by commas, the first few in full and the rest counted; "none" if there are none.

    Example:
        >>> list_names(["a", "b"]), list_names([])
        ('a, b', 'none')
    """
    listed = list(names)
    more = f" and {len(listed) - _MAX_NAMED:,} more" if len(listed) > _MAX_NAMED else ""
    return f"{', '.join(listed[:_MAX_NAMED]) or 'none'}{more}"


def count(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun.

    Example:
        >>> count(1, "entity", "entities"), count(2_000, "fact")
        ('1 entity', '2,000 facts')
    """
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
