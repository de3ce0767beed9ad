"""`graft delete`: documents out of a knowledge base."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.commands.index import print_summary, report_failures
from app.options import json_option, progress_option, workspace_option
from app.output import list_names, print_json

if TYPE_CHECKING:
    from app.removal import ErasedTraces
    from models.runtime.progress import Progress


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@workspace_option
@click.option(
    "--erase",
    is_flag=True,
    help="Also delete recorded calls, reports and descriptions that hold their text, and mark adapters trained on it.",
)
@click.option("--runs", is_flag=True, help="With --erase: also delete the runs that quote the documents.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed; change nothing.")
@json_option
@progress_option
def delete(
    sources: tuple[str, ...],
    workspace: str | None,
    erase: bool,
    runs: bool,
    dry_run: bool,
    as_json: bool,
    progress: Progress,
) -> int:
    """Remove documents, or erase every trace of them.

    Each SOURCE is the name of a document as `graft search` shows it, or a pattern in which "*" stands for any
    characters, "/" included. Entities and communities are computed again from the remaining documents, without a chat
    model. Recorded model calls stay, so that adding a document back costs nothing.

    With --erase, no text of the documents stays in the workspace, and no name that only they contain: recorded calls,
    reports and descriptions that hold them are deleted, and the store file is rewritten. Adapters trained on them are
    marked and refused from then on. Runs that quote them are listed, and deleted with --runs.

    \b
    Examples:
      graft delete 2031/may.md --workspace kb
      graft delete "2031/*" --workspace kb --dry-run
      graft delete letters.csv#7 --workspace kb --erase --runs
    """
    from app import api

    if runs and not erase:
        raise click.UsageError("--runs needs --erase: runs are deleted only where every trace is erased.")
    if dry_run:
        removal = api.plan_delete(sources, workspace, erase=erase)
    else:
        removal = api.delete(sources, workspace, erase=erase, runs=runs, progress=progress)
    if as_json:
        values = asdict(removal)
        print_json({**(values.pop("summary") or {}), **values})
        return 3 if removal.summary and removal.summary.failed else 0
    if removal.summary:
        print_summary("Knowledge base after the deletion", removal.summary)
    click.echo(f"Documents {'to remove' if dry_run else 'removed'}: {list_names(removal.sources)}")
    if removal.erased:
        _print_traces(removal.erased, dry_run, runs)
    return report_failures(removal.summary) if removal.summary else 0


def _print_traces(traces: ErasedTraces, dry_run: bool, with_runs: bool) -> None:
    deleted = "to delete" if dry_run else "deleted"
    click.echo(f"Recorded model calls {deleted}: {traces.calls:,}")
    click.echo(f"Reports and descriptions {deleted}: {traces.notes:,}")
    click.echo(f"Decisions about names {deleted}: {traces.rulings:,}")
    click.echo(
        f"Adapters trained on the documents, {'to mark' if dry_run else 'marked'} as unusable: "
        f"{list_names(traces.adapters)}"
    )
    click.echo(f"Runs that quote the documents, {deleted if with_runs else 'kept'}: {list_names(traces.runs)}")
    click.echo(f"Other files that quote the documents, kept: {list_names(traces.files)}")
