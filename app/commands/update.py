"""`graft update`: new and changed documents into a knowledge base."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from app.commands.index import print_failures, print_plan, print_summary
from app.options import (
    budget_options,
    dry_run_option,
    json_option,
    print_json,
    quiet_option,
    retry_option,
    workspace_option,
)


@click.command(short_help="Read new and changed documents; all others stay.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@workspace_option
@click.option("--root", type=click.Path(path_type=Path), help="Folder that names of sources are relative to.")
@click.option("--facts", type=click.Path(path_type=Path), help="Facts to import, where that is the extractor.")
@retry_option
@budget_options
@dry_run_option
@json_option
@quiet_option
def update(
    paths: tuple[Path, ...],
    workspace: str | None,
    root: Path | None,
    facts: Path | None,
    retry_failed: bool,
    max_calls: int | None,
    max_usd: float | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Read the files and folders at each PATH into a knowledge base. Documents of all other sources stay.

    A source is named by its path below the folder that was indexed. That folder is found by itself, as the one at or
    above PATH that holds the known sources under their names; --root names another. Where none is found, a file has its
    bare name, and the files of a folder have their paths below it.

    A file that is no longer there stays in the knowledge base: `graft delete` removes it. One that can no longer be
    read is recorded as failed, and its old documents go, as after `graft index`.

    \b
    graft update articles/2031-05.md --workspace kb
    graft update articles/2031 --workspace kb --dry-run     calls, tokens and time, nothing spent
    graft update /mnt/new --root /mnt --workspace kb        sources named "new/…"
    """
    from app.api import plan_update
    from app.api import update as change
    from app.opening import Spending
    from app.progress import open_progress

    if dry_run:
        print_plan(plan_update(paths, workspace, root), as_json)
        return 0
    spending = Spending(max_calls, max_usd, retry_failed, open_progress(quiet))
    changes = change(paths, workspace, root=root, facts=facts, spending=spending)
    if as_json:
        values = asdict(changes)
        print_json({**values.pop("summary"), **values})
    else:
        print_summary("update", changes.summary)
        click.echo(f"added {len(changes.added)}, changed {len(changes.changed)}, unchanged {changes.unchanged}")
    return print_failures(changes.summary)
