"""How a command prints its result: one JSON document, or tables and sentences, on stdout; failures on stderr."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from models.redaction import redact

if TYPE_CHECKING:
    from kg.summary import FailedItem, ItemNote

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
    """Print a remark on stderr, in one line that begins as errors do, without secrets."""
    click.echo(f"graft: {' '.join(redact(remark).split())}", err=True)


class RemarkHandler(logging.Handler):
    """Prints what is logged as remarks, such as a parameter that a model's server refused."""

    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())


def print_logged_remarks() -> None:
    """Print what the project logs as remarks from now on, once each."""
    logger = logging.getLogger("graft")
    if not any(isinstance(handler, RemarkHandler) for handler in logger.handlers):
        logger.addHandler(RemarkHandler())


def print_failures(failures: Sequence[FailedItem]) -> None:
    """Name on stderr the items that failed, with the stage and the reason of each."""
    for failure in failures[:_MAX_NAMED]:
        place = f" of {failure.source}" if failure.source else ""
        warn(f"{failure.item}{place} failed in the stage {failure.stage}: {failure.reason}")
    if len(failures) > _MAX_NAMED:
        warn(f"{len(failures) - _MAX_NAMED:,} more items failed; --json lists all of them.")


def print_notes(notes: Sequence[ItemNote], verb: str) -> None:
    """Name on stderr the items that were skipped, or that there is something to know about.

    Args:
        notes: The items; those that are hidden by their names are only counted.
        verb: What happened to them: "skipped". A reason that begins with its item needs no other words.
    """
    from kg.documents.load import HIDDEN

    for note in notes:
        if not note.item:  # about all of them
            warn(note.reason)
    # A hidden file is left out as everybody expects; its name would only hide the others'.
    shown = [note for note in notes if note.item and note.reason != HIDDEN]
    for note in shown[:_MAX_NAMED]:
        warn(note.reason if note.item in note.reason else f"{note.item} was {verb}: {note.reason}")
    if len(shown) > _MAX_NAMED:
        warn(f"{len(shown) - _MAX_NAMED:,} more items were {verb}; --json lists all of them.")


def print_item_remarks(items: Mapping[str, Sequence[Mapping[str, str]]]) -> None:
    """Name on stderr what a record of a run says of the items of its corpus: skips and notices."""
    from kg.summary import ItemNote

    print_notes([ItemNote(**note) for note in items.get("skips", ())], "skipped")
    print_notes([ItemNote(**note) for note in items.get("notices", ())], "read with a remark")


def list_names(names: Iterable[str]) -> str:
    """Names separated by commas, the first few in full and the rest counted; "none" if there are none.

    Example:
        >>> list_names(["a", "b"]), list_names([])
        ('a, b', 'none')
    """
    listed = list(names)
    more = f" and {len(listed) - _MAX_NAMED:,} more" if len(listed) > _MAX_NAMED else ""
    return f"{', '.join(listed[:_MAX_NAMED]) or 'none'}{more}"


def tokens(number: int, estimated: bool) -> str:
    """A number of tokens, marked where it is an estimate.

    Example:
        >>> tokens(1200, False), tokens(1200, True)
        ('1,200', '≈1,200')
    """
    return f"{'≈' if estimated else ''}{number:,}"


def count(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun.

    Example:
        >>> count(1, "entity", "entities"), count(2_000, "fact")
        ('1 entity', '2,000 facts')
    """
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
