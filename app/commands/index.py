"""`graft index`: documents to a knowledge base."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import config_option, dry_run_option, json_option, spending_options
from app.output import print_failures, print_json, print_table

if TYPE_CHECKING:
    from app.opening import Spending
    from kg.summary import IndexSummary

FACTS_HELP = 'File of facts for the extractor "import": JSON lines, TSV or an OpenIE cache.'


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--workspace",
    "-w",
    envvar="GRAFT_WORKSPACE",
    show_envvar=True,
    required=True,
    metavar="DIR",
    help="Folder of the knowledge base; created if it does not exist.",
)
@click.option(
    "--extractor",
    metavar="NAME",
    show_default="qwen-1.5b",
    help='What extracts facts from passages: the name of a chat model, "nlp" for a parser, "import" for a file of '
    'facts, or "none" for a knowledge base of passages only.',
)
@click.option("--facts", type=click.Path(path_type=Path), metavar="FILE", help=FACTS_HELP)
@click.option("--encoder", metavar="NAME", show_default="minilm", help="Embedding model of passages, names and facts.")
@config_option("index settings")
@spending_options()
@dry_run_option
@json_option
def index(
    folder: Path,
    workspace: str,
    extractor: str | None,
    facts: Path | None,
    encoder: str | None,
    config_file: Path | None,
    spending: Spending,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Build a knowledge base from a folder of documents.

    Splits the documents in FOLDER (txt, md, html, JSONL, CSV, pdf) into passages, extracts a graph of entities and
    facts, finds its communities and embeds everything for retrieval. An existing knowledge base is brought up to date
    and keeps its own settings. If the command is stopped, run it again: finished passages are not paid for twice.

    \b
    Examples:
      graft index articles/ --workspace kb
      graft index articles/ --workspace kb --extractor nlp       facts from a parser, without model calls
      graft index articles/ --workspace kb --extractor none      passages only
      graft index articles/ --workspace kb --dry-run             an estimate; nothing is spent
    """
    from app.api import index_config, index_with, plan_index

    config = index_config(Path(workspace), config_file, extractor=extractor, encoder=encoder)
    if dry_run:
        print_estimate(plan_index(config, folder, Path(workspace)), as_json)
        return 0
    summary = index_with(config, folder, Path(workspace), spending, facts)
    if as_json:
        print_json({"workspace": workspace, **asdict(summary)})
    else:
        print_summary(f"Knowledge base {workspace}", summary)
    return report_failures(summary)


def print_estimate(estimate: dict[str, Any], as_json: bool) -> None:
    """Print what a command would cost.

    Args:
        estimate: Counts, seconds and US dollars by name.
        as_json: As JSON instead of a table.
    """
    if as_json:
        print_json(estimate)
        return
    labels = {"calls": "model calls", "tokens_in": "tokens in", "tokens_out": "tokens out", "usd": "cost in US dollars"}
    rows = [
        [labels.get(name, name), f"{value:,.2f}" if name == "usd" else f"{value:,.0f}"]
        for name, value in estimate.items()
    ]
    print_table(["estimate; nothing was spent", ""], rows, right={1})


def print_summary(title: str, summary: IndexSummary) -> None:
    """Print what a knowledge base holds, and what this command cost."""
    rows = [
        ["documents", f"{summary.documents:,}"],
        ["passages", f"{summary.chunks:,}"],
        ["entities", f"{summary.entities:,}"],
        ["facts", f"{summary.facts:,}"],
        ["communities, all levels", f"{summary.communities:,}"],
        ["items failed", f"{summary.failed:,}"],
        ["items skipped (empty or too long)", f"{summary.skipped:,}"],
        ["names and facts dropped (not in the text)", f"{summary.dropped:,}"],
    ]
    print_table(["content", "count"], rows, right={1}, title=title)
    spent = summary.spent
    click.echo(
        f"Building the graph took {spent.seconds:.1f} s, {spent.tokens_in:,} tokens in and {spent.tokens_out:,} out. "
        f"Digest of the graph: {summary.digest}"
    )


def report_failures(summary: IndexSummary) -> int:
    """Name what failed on stderr, and return the exit code that follows from it."""
    print_failures(summary.failures)
    return 3 if summary.failed else 0
