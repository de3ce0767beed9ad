"""Options that several subcommands share, and how a result is printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from retrieval.index.subset import Limits

SCHEMA_VERSION = 1

F = TypeVar("F", bound=Callable[..., Any])

workspace_option: Callable[[F], F] = click.option(
    "--workspace",
    "-w",
    envvar="GRAFT_WORKSPACE",
    metavar="DIR",
    help="Folder of the knowledge base; without it the only one found here or under ./workspaces.",
)
json_option: Callable[[F], F] = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
quiet_option: Callable[[F], F] = click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
dry_run_option: Callable[[F], F] = click.option(
    "--dry-run", is_flag=True, help="Say what it would cost in calls, tokens, money and time; spend nothing."
)
retry_option: Callable[[F], F] = click.option("--retry-failed", is_flag=True, help="Try again what failed before.")


def budget_options(function: F) -> F:
    """Add `--max-calls` and `--max-usd`."""
    function = click.option(
        "--max-calls", type=click.IntRange(min=0), metavar="N", help="Stop cleanly after N model calls."
    )(function)
    return click.option(
        "--max-usd", type=click.FloatRange(min=0), metavar="USD", help="Stop cleanly when this much is spent."
    )(function)


def limit_options(function: F) -> F:
    """Options that limit a search by time and by type, read into the one argument `limits`."""

    @wraps(function)
    def limited(*args: Any, after: str, before: str, types: tuple[str, ...], **given: Any) -> Any:
        return function(*args, limits=_read_limits(after, before, types), **given)

    wrapped = click.option(
        "--type", "types", multiple=True, metavar="TYPE", help="Only what speaks of entities of this type; repeatable."
    )(cast(F, limited))
    wrapped = click.option("--before", default="", metavar="DATE", help="Only documents up to this date.")(wrapped)
    return click.option("--after", default="", metavar="DATE", help="Only documents from this date on.")(wrapped)


def _read_limits(after: str, before: str, types: tuple[str, ...]) -> Limits:
    """The limits that options name.

    Raises:
        ConfigError: A date cannot be read.
    """
    from pydantic import ValidationError

    from models.errors import ConfigError, describe
    from retrieval.index.subset import Limits

    try:
        return Limits(after=after, before=before, types=types)
    except ValidationError as error:
        raise ConfigError(describe(error, "the limits")) from error


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON document, `schema_version` first."""
    click.echo(json.dumps({"schema_version": SCHEMA_VERSION, **document}, indent=2, ensure_ascii=False))


def print_table(headers: list[str], rows: list[list[str]], right: set[int] | None = None, title: str = "") -> None:
    """Print a table to stdout; columns in `right` are aligned right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for position, header in enumerate(headers):
        table.add_column(header, justify="right" if position in (right or set()) else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=120)
    console.print(table)


def refuse_options(context: click.Context) -> None:
    """Refuse options of a command that stand before its subcommand, which would not be told of them.

    Raises:
        click.UsageError: There is one.
    """
    for option in context.command.params:
        if context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"{option.opts[0]} stands before {context.invoked_subcommand}: write it behind "
                f"`{context.command_path} {context.invoked_subcommand}`.",
                context,
            )


def read_setting(given: str) -> tuple[str, Any]:
    """Name and value of "index.store=neo4j"; the value is YAML.

    Raises:
        click.UsageError: It is no such pair.
    """
    import yaml

    name, sign, value = given.partition("=")
    try:
        if sign and name.strip():
            return name.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        pass
    raise click.UsageError(f"--set takes NAME=VALUE, with a value in YAML, such as index.store=neo4j; got {given!r}.")
