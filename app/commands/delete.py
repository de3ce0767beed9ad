"""`graft delete`: documents out of a knowledge base."""

from __future__ import annotations

from dataclasses import asdict

import click

from app.commands.index import print_failures, print_summary
from app.options import json_option, print_json, quiet_option, workspace_option

_SHOWN = 10


@click.command(short_help="Remove documents, or erase every trace of them.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@workspace_option
@click.option("--erase", is_flag=True, help="Leave no byte of them, and flag the adapters trained on them.")
@click.option("--runs", is_flag=True, help="With --erase: remove the runs that quote them, too.")
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
@json_option
@quiet_option
def delete(
    sources: tuple[str, ...],
    workspace: str | None,
    erase: bool,
    runs: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Remove the documents of each SOURCE: a name as `graft search` shows it, or a pattern ("*" matches "/" too).

    What was read from them goes, and entities and communities are made of the rest; no chat model is asked. Recorded
    calls stay, so that a document that comes back costs nothing.

    With --erase, no byte of their text stays in the workspace, and no name that only they gave: recorded calls that
    hold them go, reports and descriptions that may draw on them, and what earlier versions of them left; the store is
    written anew. Adapters trained on them are flagged, and refused from then on. Runs that quote them are named.

    \b
    graft delete 2031/may.md --workspace kb
    graft delete "2031/*" --workspace kb --dry-run
    graft delete letters.csv#7 --workspace kb --erase --runs
    """
    from app import api
    from app.progress import open_progress

    if runs and not erase:
        raise click.UsageError("--runs goes with --erase.")
    if dry_run:
        done = api.plan_delete(sources, workspace, erase=erase)
    else:
        done = api.delete(sources, workspace, erase=erase, runs=runs, progress=open_progress(quiet))
    if as_json:
        values = asdict(done)
        print_json({**(values.pop("summary") or {}), **values})
        return 3 if done.summary and done.summary.failed else 0
    if done.summary:
        print_summary("delete", done.summary)
    click.echo(_some("would remove" if dry_run else "removed", done.sources))
    if erased := done.erased:
        click.echo(f"recorded calls {erased.calls}, notes {erased.notes}, rulings {erased.rulings}")
        click.echo(_some("adapters trained on it, refused from now on", erased.adapters))
        click.echo(_some("runs that quote it" + (", removed" if runs and not dry_run else ", left"), erased.runs))
        click.echo(_some("other files that quote it, left", erased.files))
    return print_failures(done.summary) if done.summary else 0


def _some(what: str, names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{what}: {', '.join(names[:_SHOWN]) or 'none'}{more}"
