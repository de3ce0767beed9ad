"""`graft index`: documents to a knowledge base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import config_option, dry_run_option, encoding_option, json_option, spending_options
from app.output import print_failures, print_item_remarks, print_json, print_notes, print_table, tokens

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
@encoding_option
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
    encoding: str | None,
    config_file: Path | None,
    spending: Spending,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Build a knowledge base from a folder of documents.

    Splits the documents in FOLDER (text, Markdown, HTML, PDF, Word, PowerPoint, Excel, OpenDocument, EPUB, mails,
    notebooks, subtitles, JSON, CSV, XML and others) into passages, extracts a graph of entities and facts, finds its
    communities and embeds everything for retrieval. An existing knowledge base is brought up to date and keeps its own
    settings. If the command is stopped, run it again: finished passages are not paid for twice.

    Every file of FOLDER is read, or named with the reason: files of other formats, hidden files and linked folders are
    skipped (a linked file is read), and a table or PDF with unusable rows or pages counts as failed, but what can be
    read of it is in the knowledge base.

    \b
    Examples:
      graft index articles/ --workspace kb
      graft index articles/ --workspace kb --extractor nlp       facts from a parser, without model calls
      graft index articles/ --workspace kb --extractor none      passages only
      graft index articles/ --workspace kb --dry-run             an estimate; nothing is spent
    """
    from app.api import index_config, index_with, plan_index

    config = index_config(Path(workspace), config_file, extractor=extractor, encoder=encoder, encoding=encoding)
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
    """Print what a command would cost, and on stderr which files could not be read.

    Args:
        estimate: Counts, seconds and US dollars by name; counts, failures, skips and notices of files.
        as_json: As JSON instead of a table.
    """
    from kg.summary import FailedItem

    if as_json:
        print_json(estimate)
    else:
        labels = {"calls": "model calls", "tokens_in": "tokens in", "tokens_out": "tokens out"}
        rows = []
        for name, value in estimate.items():
            if not isinstance(value, int | float):
                continue
            shown = f"{value:,.2f}" if name == "usd" else f"{value:,.0f}"
            rows.append([labels.get(name, "cost in US dollars" if name == "usd" else name), shown])
        print_table(["estimate; nothing was spent", ""], rows, right={1})
        click.echo(_counted(estimate["counts"]))
    print_failures([FailedItem(**failure) for failure in estimate["failures"]])
    print_item_remarks(estimate)


def print_summary(title: str, summary: IndexSummary) -> None:
    """Print what a knowledge base holds, and what this command cost."""
    rows = [
        ["documents", f"{summary.documents:,}"],
        ["passages", f"{summary.chunks:,}"],
        ["entities", f"{summary.entities:,}"],
        ["facts", f"{summary.facts:,}"],
        ["communities, all levels", f"{summary.communities:,}"],
        ["items failed", f"{summary.failed:,}"],
        ["items skipped", f"{summary.skipped:,}"],
        ["names and facts dropped (not in the text)", f"{summary.dropped:,}"],
    ]
    print_table(["content", "count"], rows, right={1}, title=title)
    if "files" in summary.counts and summary.counts["files"].total:
        click.echo(_counted({kind: asdict(numbers) for kind, numbers in summary.counts.items()}))
    spent = summary.spent
    click.echo(
        f"Building the graph took {spent.seconds:.1f} s, "
        f"{tokens(spent.tokens_in, spent.estimated)} tokens in and {tokens(spent.tokens_out, spent.estimated)} out"
        f"{' (estimates: the server states no numbers)' if spent.estimated else ''}. "
        f"Digest of the graph: {summary.digest}"
    )


def _counted(counts: Mapping[str, Mapping[str, int]]) -> str:
    """How the items of every kind ended, in a sentence a kind; of passages only if some are left out.

    Example:
        >>> _counted({"files": {"total": 3, "done": 2, "failed": 0, "skipped": 1}})
        'Files: 3 = 2 done + 0 failed + 1 skipped.'
    """
    sentences = []
    for kind, numbers in counts.items():
        if kind not in ("documents", "passages") or numbers["done"] < numbers["total"]:
            ended = " + ".join(f"{numbers[way]:,} {way}" for way in ("done", "failed", "skipped"))
            sentences.append(f"{kind.capitalize()}: {numbers['total']:,} = {ended}.")
    return " ".join(sentences)


def report_failures(summary: IndexSummary) -> int:
    """Name on stderr what failed, was skipped or needs a remark, and return the exit code that follows from it."""
    print_failures(summary.failures)
    print_notes(summary.skips, "skipped")
    print_notes(summary.notices, "read with a remark")
    return 3 if summary.failed else 0
