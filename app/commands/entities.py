"""`graft entities`: which names mean one entity, why, and how to correct it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from app.options import (
    OrderedGroup,
    context_tokens_option,
    json_option,
    limit_option,
    model_option,
    progress_option,
    spending_options,
    workspace_option,
)
from app.output import count, print_json, print_table, warn
from models.errors import ConfigError

if TYPE_CHECKING:
    from app.curating import EntityView
    from app.opening import Spending
    from kg.changes.curate import AppliedRuling, ResolutionHistory
    from kg.schema import Entity
    from models.runtime.progress import Progress


@click.group(cls=OrderedGroup)
def entities() -> None:
    """List, merge and split entities, and undo such decisions.

    An entity is what one or several names in the documents stand for. Your decisions are kept when the knowledge base
    is updated or built again, and need no chat model.

    \b
    Examples:
      graft entities ls tidal --workspace kb
      graft entities merge "Veldrane Tidal" "Veldrane Tidal Power" --workspace kb
      graft entities undo --workspace kb
    """


@entities.command("ls")
@click.argument("query", default="")
@workspace_option
@limit_option("Maximum number of entities to list.", 50)
@json_option
def list_entities(query: str, workspace: str | None, limit: int, as_json: bool) -> None:
    """List entities by name, the most frequent first.

    With QUERY, only entities with that text in one of their names are listed.

    \b
    Examples:
      graft entities ls --workspace kb
      graft entities ls lorne --workspace kb
    """
    from app.curating import find_entities

    matches = find_entities(query, workspace)
    listed = matches[:limit]
    if as_json:
        documents = [asdict(entity) for entity in listed]
        print_json({"query": query, "total": len(matches), "entities": documents})
        return
    _print_entities(listed)
    if len(matches) > limit:
        warn(f"{limit:,} of {len(matches):,} entities are shown; --limit N shows more.")


@entities.command()
@click.argument("name")
@workspace_option
@click.option("--describe", is_flag=True, help="Have a chat model describe each entity in two sentences.")
@model_option("Chat model that writes the description.")
@context_tokens_option("Maximum number of tokens of facts and sentences that a description is written from.", 800)
@spending_options(retry="always")
@json_option
def show(
    name: str,
    workspace: str | None,
    describe: bool,
    model: str,
    context_tokens: int,
    spending: Spending,
    as_json: bool,
) -> None:
    """Show the entities of a name with their facts.

    Prints the other names of each entity and why they were merged, its facts, and the sentences that state them. NAME
    may be written in upper or lower case. With --describe, a chat model writes a description of each entity, which is
    kept until the entity's facts change.

    \b
    Examples:
      graft entities show "Ada Lorne" --workspace kb
      graft entities show "Ada Lorne" --workspace kb --describe
    """
    from app.curating import show_entity

    views = show_entity(name, workspace, model if describe else None, context_tokens, spending)
    if as_json:
        print_json({"name": name, "entities": [_view_json(view) for view in views]})
        return
    for view in views:
        _print_view(view)


@entities.command()
@click.argument("name")
@click.argument("other")
@workspace_option
@json_option
@progress_option
def merge(name: str, other: str, workspace: str | None, as_json: bool, progress: Progress) -> None:
    """Decide that two names mean one entity.

    The entities of NAME and OTHER become one, and communities are computed again. Giving the same name twice decides
    that it never means two entities.

    \b
    Examples:
      graft entities merge "Veldrane Tidal" "Veldrane Tidal Power" --workspace kb
    """
    from app.curating import merge_entities

    _print_ruling(merge_entities(name, other, workspace, progress), as_json)


@entities.command()
@click.argument("name")
@click.argument("other", required=False)
@click.option(
    "--source",
    metavar="FILE",
    help="Document in which NAME means another entity than elsewhere, as `graft entities show` prints it.",
)
@workspace_option
@json_option
@progress_option
def split(
    name: str, other: str | None, source: str | None, workspace: str | None, as_json: bool, progress: Progress
) -> None:
    """Decide that two names mean two entities.

    With OTHER, NAME and OTHER become two entities. With --source instead, NAME becomes an entity of its own in that
    document.

    \b
    Examples:
      graft entities split "Ada Lorne" "A. Lorne" --workspace kb
      graft entities split "Ada Lorne" --source 08-glass.md --workspace kb
    """
    from app.curating import split_entities

    if (other is None) == (source is None):
        raise ConfigError("Expected either OTHER, a second name, or --source FILE: graft entities split NAME OTHER.")
    _print_ruling(split_entities(name, other, source, workspace, progress), as_json)


@entities.command()
@workspace_option
@json_option
@progress_option
def undo(workspace: str | None, as_json: bool, progress: Progress) -> None:
    """Undo the latest decision.

    Run it again to undo the decision before that one.

    \b
    Examples:
      graft entities undo --workspace kb
    """
    from app.curating import undo_ruling

    _print_ruling(undo_ruling(workspace, progress), as_json)


@entities.command()
@click.argument("name", required=False)
@workspace_option
@json_option
def history(name: str | None, workspace: str | None, as_json: bool) -> None:
    """Show all merges with their reasons, and all decisions.

    Merges are those of the resolver; decisions are yours, in order. With NAME, only what concerns that name is shown.

    \b
    Examples:
      graft entities history "Ada Lorne" --workspace kb
    """
    from app.curating import entity_history

    resolution = entity_history(name, workspace)
    if as_json:
        rulings = [{**asdict(ruling), "stands": ruling.id in resolution.standing} for ruling in resolution.rulings]
        merges = [{**asdict(explained.merge), "entity": explained.entity} for explained in resolution.merges]
        print_json({"name": name, "merges": merges, "rulings": rulings})
    else:
        _print_history(resolution)


def _print_history(history: ResolutionHistory) -> None:
    merges = [
        [explained.entity, explained.merge.name, explained.merge.other, explained.merge.reason]
        for explained in history.merges
    ]
    if merges:
        print_table(["entity", "name", "merged with", "reason"], merges)
    else:
        click.echo("No names were merged.")
    decisions = []
    for ruling in history.rulings:
        if ruling.action != "undo":
            status = "in force" if ruling.id in history.standing else "undone"
            target = ruling.source or ruling.other
            decisions.append([str(ruling.position), ruling.action, ruling.name, target, status])
    if decisions:
        print_table(["decision", "action", "name", "other name, or document", "status"], decisions, right={0})


def _print_entities(listed: Iterable[Entity]) -> None:
    rows = [[entity.name, entity.type, f"{len(entity.evidence):,}", ", ".join(entity.aliases)] for entity in listed]
    print_table(["name", "type", "mentions", "other names"], rows, right={2})


def _print_ruling(applied: AppliedRuling, as_json: bool) -> None:
    if as_json:
        documents = [asdict(entity) for entity in applied.entities]
        print_json({"ruling": asdict(applied.ruling), "entities": documents})
        return
    ruling = applied.ruling
    names = f"{ruling.name} in {ruling.source}" if ruling.source else f"{ruling.name}, {ruling.other}"
    entities_now = count(len(applied.entities), "entity", "entities")
    click.echo(f"Decision recorded: {ruling.action} {names}. These names now mean {entities_now}:")
    _print_entities(applied.entities)


def _view_json(view: EntityView) -> dict[str, Any]:
    dossier = view.dossier
    facts = []
    for stated in dossier.facts:
        sentences = [{"source": sentence.source, "text": sentence.text} for sentence in stated.sentences]
        ends = {"subject": stated.subject, "object": stated.object}
        facts.append({**asdict(stated.fact), **ends, "sentences": sentences})
    return {
        **asdict(dossier.entity),
        "description": view.description,
        "sources": dossier.sources,
        "facts": facts,
        "merges": [asdict(merged) for merged in dossier.merges],
    }


def _print_view(view: EntityView) -> None:
    dossier = view.dossier
    click.echo(f"{dossier.entity.name} ({dossier.entity.type}), in {', '.join(dossier.sources)}")
    if dossier.entity.aliases:
        click.echo(f"  Other names: {', '.join(dossier.entity.aliases)}")
    for merged in dossier.merges:
        click.echo(f"  Merged: {merged.name} = {merged.other} ({merged.reason})")
    if view.description:
        click.echo(f"  {view.description}")
    for stated in dossier.facts:
        click.echo(f"  {stated.subject} — {stated.fact.predicate} — {stated.object}")
        for sentence in stated.sentences:
            click.echo(f"      {sentence.source}: {' '.join(sentence.text.split())}")
