"""`graft index`: documents to a knowledge base."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import budget_options, dry_run_option, json_option, print_json, print_table, quiet_option, retry_option

if TYPE_CHECKING:
    from kg.summary import IndexSummary


@click.command(short_help="Build the graph and the passage index of a folder of documents.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--workspace", "-w", envvar="GRAFT_WORKSPACE", required=True, metavar="DIR", help="Where to build it.")
@click.option(
    "--extractor", metavar="NAME", help='What reads facts: a chat model, "nlp", "import" or "none"  [qwen-1.5b]'
)
@click.option("--facts", type=click.Path(path_type=Path), help="Facts to import: JSON lines, TSV, an OpenIE cache.")
@click.option("--encoder", metavar="NAME", help="Encoder of passages and names  [minilm]")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML file of index settings.")
@retry_option
@budget_options
@dry_run_option
@json_option
@quiet_option
def index(
    folder: Path,
    workspace: str,
    extractor: str | None,
    facts: Path | None,
    encoder: str | None,
    config_file: Path | None,
    retry_failed: bool,
    max_calls: int | None,
    max_usd: float | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Read FOLDER (txt, md, html, JSONL, CSV, pdf), extract a graph, find its communities, embed.

    Run it again after a stop: finished passages are not paid for twice.

    \b
    graft index articles/ --workspace kb
    graft index articles/ --workspace kb --extractor nlp       a parser reads the facts, no model calls
    graft index articles/ --workspace kb --extractor none      passages only
    graft index articles/ --workspace kb --dry-run             calls, tokens and time, nothing spent
    """
    from app.api import index_config, index_with, plan_index
    from app.opening import Spending
    from app.progress import open_progress

    config = index_config(Path(workspace), config_file, extractor=extractor, encoder=encoder)
    if dry_run:
        print_plan(plan_index(config, folder, Path(workspace)), as_json)
        return 0
    spending = Spending(max_calls, max_usd, retry_failed, open_progress(quiet))
    summary = index_with(config, folder, Path(workspace), spending, facts)
    if as_json:
        print_json({"workspace": workspace, **asdict(summary)})
    else:
        print_summary("index", summary, workspace)
    return print_failures(summary)


def print_plan(plan: dict[str, Any], as_json: bool) -> None:
    """Print an estimate."""
    if as_json:
        print_json(plan)
    else:
        print_table(["estimate", ""], [[key, f"{value:,.0f}"] for key, value in plan.items()], right={1})


def print_summary(what: str, summary: IndexSummary, workspace: str = "") -> None:
    """Print what a knowledge base holds, and what this run cost."""
    counts = asdict(summary)
    shown = ("documents", "chunks", "entities", "facts", "communities", "failed", "skipped", "dropped")
    print_table([what, workspace], [[name, f"{counts[name]:,}"] for name in shown], right={1})
    click.echo(
        f"this run: {summary.spent.tokens_in:,} tokens in, {summary.spent.tokens_out:,} out, "
        f"{summary.spent.seconds:.1f} s; digest {summary.digest}"
    )


def print_failures(summary: IndexSummary) -> int:
    """Name what failed on stderr; the exit code that follows from it."""
    for failure in summary.failures[:10]:
        click.echo(f"graft: failed in {failure.stage}: {failure.item}: {failure.reason}", err=True)
    return 3 if summary.failed else 0
