"""`graft update`: new and changed documents into a knowledge base."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.commands.index import FACTS_HELP, print_estimate, print_summary, report_failures
from app.options import dry_run_option, encoding_option, json_option, spending_options, workspace_option
from app.output import print_json

if TYPE_CHECKING:
    from app.opening import Spending


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@workspace_option
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    metavar="DIR",
    show_default="the folder that was indexed",
    help="Folder that the names of sources are relative to.",
)
@click.option("--facts", type=click.Path(path_type=Path), metavar="FILE", help=FACTS_HELP)
@encoding_option
@spending_options()
@dry_run_option
@json_option
def update(
    paths: tuple[Path, ...],
    workspace: str | None,
    root: Path | None,
    facts: Path | None,
    encoding: str | None,
    spending: Spending,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Add new and changed documents to a knowledge base.

    Reads the files and folders at each PATH; documents from all other sources stay as they are. A document that no
    longer exists stays as well: `graft delete` removes it. A file that can no longer be read counts as failed, and its
    old documents are removed.

    The name of a source is its path below the folder that was indexed. That folder is found by comparing PATH with the
    names already known; --root names it where it cannot be found. An --encoding must be the one that the knowledge base
    was built with, so that an update reads as a rebuild would.

    \b
    Examples:
      graft update articles/2031-05.md --workspace kb
      graft update articles/2031 --workspace kb --dry-run     an estimate; nothing is spent
      graft update /mnt/new --root /mnt --workspace kb        sources named "new/…"
    """
    from app.api import plan_update
    from app.api import update as update_documents

    if dry_run:
        print_estimate(plan_update(paths, workspace, root, encoding), as_json)
        return 0
    changes = update_documents(paths, workspace, root=root, facts=facts, encoding=encoding, spending=spending)
    if as_json:
        values = asdict(changes)
        print_json({**values.pop("summary"), **values})
    else:
        print_summary("Knowledge base after the update", changes.summary)
        click.echo(
            f"Sources: {len(changes.added):,} added, {len(changes.changed):,} changed, {changes.unchanged:,} unchanged."
        )
    return report_failures(changes.summary)
