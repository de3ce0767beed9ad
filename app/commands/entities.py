"""`graft entities`: look at what names were made into, and rule on it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from app.options import budget_options, json_option, print_json, print_table, quiet_option, workspace_option
from models.errors import ConfigError

if TYPE_CHECKING:
    from app.curating import Shown
    from kg.changes.curate import Ruled


@click.group(short_help="Look at entities; merge, split and undo.")
def entities() -> None:
    """See which names are one thing and why, and rule on it.

    Rulings are kept over rebuilds and updates, and cost no call of a chat model.

    \b
    graft entities ls tidal --workspace kb
    graft entities merge "Veldrane Tidal" "Veldrane Tidal Power" --workspace kb
    graft entities undo --workspace kb
    """


@entities.command("ls")
@click.argument("query", default="")
@workspace_option
@click.option("--limit", "-n", default=50, show_default=True, type=click.IntRange(min=1), help="Most entities.")
@json_option
def list_entities(query: str, workspace: str | None, limit: int, as_json: bool) -> None:
    """List entities whose name or alias holds QUERY, those named most often first.

    \b
    graft entities ls lorne --workspace kb
    """
    from app.curating import find_entities

    found = find_entities(query, workspace)
    shown = found[:limit]
    if as_json:
        print_json({"query": query, "total": len(found), "entities": [asdict(row) for row in shown]})
        return
    rows = [[row.name, row.type, str(len(row.evidence)), ", ".join(row.aliases)] for row in shown]
    print_table(["name", "type", "uses", "also written"], rows, right={2})
    if len(found) > limit:
        click.echo(f"{limit} of {len(found)}; --limit shows more.", err=True)


@entities.command()
@click.argument("name")
@workspace_option
@click.option("--describe", is_flag=True, help="Have a chat model say in two sentences what it is.")
@click.option("--model", default="qwen-1.5b", show_default=True, metavar="NAME", help="Chat model that describes.")
@click.option(
    "--context-tokens", default=800, show_default=True, type=click.IntRange(min=64), help="Most tokens it reads."
)
@budget_options
@json_option
@quiet_option
def show(
    name: str,
    workspace: str | None,
    describe: bool,
    model: str,
    context_tokens: int,
    max_calls: int | None,
    max_usd: float | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show every entity called NAME: its other names, its facts and the sentences that state them.

    \b
    graft entities show "Ada Lorne" --workspace kb
    graft entities show "Ada Lorne" --workspace kb --describe
    """
    from app.curating import show_entity
    from app.opening import Spending
    from app.progress import open_progress

    spending = Spending(max_calls, max_usd, retry_failed=True, progress=open_progress(quiet))
    found = show_entity(name, workspace, model if describe else None, context_tokens, spending)
    if as_json:
        print_json({"name": name, "entities": [_shown_json(each) for each in found]})
        return
    for each in found:
        _print_shown(each)


@entities.command()
@click.argument("name")
@click.argument("other")
@workspace_option
@json_option
@quiet_option
def merge(name: str, other: str, workspace: str | None, as_json: bool, quiet: bool) -> None:
    """Rule that NAME and OTHER are one thing; NAME twice: that it never means two things.

    \b
    graft entities merge "Veldrane Tidal" "Veldrane Tidal Power" --workspace kb
    """
    from app.curating import merge_entities
    from app.progress import open_progress

    _print_ruled(merge_entities(name, other, workspace, open_progress(quiet)), as_json)


@entities.command()
@click.argument("name")
@click.argument("other", required=False)
@click.option("--source", metavar="FILE", help="The document in which NAME means another thing, as `show` names it.")
@workspace_option
@json_option
@quiet_option
def split(name: str, other: str | None, source: str | None, workspace: str | None, as_json: bool, quiet: bool) -> None:
    """Rule that NAME and OTHER are two things, or that NAME means another thing in one document.

    \b
    graft entities split "Ada Lorne" "A. Lorne" --workspace kb
    graft entities split "Ada Lorne" --source 08-glass.md --workspace kb
    """
    from app.curating import split_entities
    from app.progress import open_progress

    if (other is None) == (source is None):
        raise ConfigError("Expected either OTHER, a second name, or --source FILE: graft entities split NAME OTHER.")
    _print_ruled(split_entities(name, other, source, workspace, open_progress(quiet)), as_json)


@entities.command()
@workspace_option
@json_option
@quiet_option
def undo(workspace: str | None, as_json: bool, quiet: bool) -> None:
    """Take back the newest ruling that stands; again, the one before it.

    \b
    graft entities undo --workspace kb
    """
    from app.curating import undo_ruling
    from app.progress import open_progress

    _print_ruled(undo_ruling(workspace, open_progress(quiet)), as_json)


@entities.command()
@click.argument("name", required=False)
@workspace_option
@json_option
def history(name: str | None, workspace: str | None, as_json: bool) -> None:
    """Show which names were merged and why, and the rulings in order; with NAME only those about it.

    \b
    graft entities history "Ada Lorne" --workspace kb
    """
    from app.curating import entity_history

    found = entity_history(name, workspace)
    if as_json:
        rulings = [{**asdict(row), "stands": row.id in found.standing} for row in found.rulings]
        merges = [{**asdict(row.merge), "entity": row.entity} for row in found.merges]
        print_json({"name": name, "merges": merges, "rulings": rulings})
        return
    rows = [[row.entity, row.merge.name, row.merge.other, row.merge.reason] for row in found.merges]
    print_table(["entity", "name", "other", "why one thing"], rows)
    ruled = [
        [str(row.position), row.action, row.name, row.source or row.other, "" if row.id in found.standing else "undone"]
        for row in found.rulings
        if row.action != "undo"
    ]
    if ruled:
        print_table(["ruling", "", "name", "other or document", ""], ruled)


def _print_ruled(ruled: Ruled, as_json: bool) -> None:
    if as_json:
        print_json({"ruling": asdict(ruled.ruling), "entities": [asdict(row) for row in ruled.entities]})
        return
    row = ruled.ruling
    what = f"{row.name} in {row.source}" if row.source else f"{row.name}, {row.other}"
    click.echo(f"ruled: {row.action} {what}; the names mean {len(ruled.entities)} of the entities now:")
    rows = [[each.name, each.type, str(len(each.evidence)), ", ".join(each.aliases)] for each in ruled.entities]
    print_table(["name", "type", "uses", "also written"], rows, right={2})


def _shown_json(shown: Shown) -> dict[str, Any]:
    known = shown.dossier
    facts = [
        {
            **asdict(told.fact),
            "subject": told.subject,
            "object": told.object,
            "sentences": [{"source": sentence.source, "text": sentence.text} for sentence in told.sentences],
        }
        for told in known.facts
    ]
    return {
        **asdict(known.entity),
        "description": shown.description,
        "sources": known.sources,
        "facts": facts,
        "merges": [asdict(row) for row in known.merges],
    }


def _print_shown(shown: Shown) -> None:
    known = shown.dossier
    click.echo(f"{known.entity.name} ({known.entity.type}), in {', '.join(known.sources)}")
    if known.entity.aliases:
        click.echo(f"  also written: {', '.join(known.entity.aliases)}")
    for row in known.merges:
        click.echo(f"  {row.name} = {row.other}: {row.reason}")
    if shown.description:
        click.echo(f"  {shown.description}")
    for told in known.facts:
        click.echo(f"  {told.subject} — {told.fact.predicate} — {told.object}")
        for sentence in told.sentences:
            click.echo(f"      {sentence.source}: {' '.join(sentence.text.split())}")
