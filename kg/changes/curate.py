"""Rulings on names in a workspace: merge, split, undo, and the history of all of them.

A ruling is a row of the store, kept over rebuilds, updates and deletes. Making one repeats resolution and communities
from the stored extractions, without an extractor (a judge's replies come from its records).

    with Workspace.open(Path("kb")) as workspace:
        models = BuildModels(None, open_encoder(workspace.config.encoder), RuleSentences())
        merge(workspace, models, "Veldrane Tidal", "Veldrane Tidal Power")
        undo(workspace, models)
"""

from __future__ import annotations

from dataclasses import dataclass

from kg.build import BuildModels, resolve_again
from kg.language.text import normalise_name
from kg.rulings import MERGE, SPLIT, UNDO, ruling, standing_rulings
from kg.schema import Entity, Merge, Ruling
from kg.stores.protocol import GraphStore
from kg.views.dossier import dossier, named
from kg.workspace import Workspace
from models.errors import InputError


@dataclass(frozen=True, slots=True)
class AppliedRuling:
    """A ruling that was made.

    Attributes:
        ruling: The ruling.
        entities: The entities that its names mean now.
    """

    ruling: Ruling
    entities: tuple[Entity, ...]


@dataclass(frozen=True, slots=True)
class ExplainedMerge:
    """A merge, with the name of its entity.

    Attributes:
        entity: Name of the entity.
        merge: Two of its names, and why they are one.
    """

    entity: str
    merge: Merge


@dataclass(frozen=True, slots=True)
class ResolutionHistory:
    """How names became entities.

    Attributes:
        merges: Merges of names with their reasons, by entity.
        rulings: All rulings in order, even the undone ones.
        standing: Ids of the rulings that are not undone.
    """

    merges: tuple[ExplainedMerge, ...]
    rulings: tuple[Ruling, ...]
    standing: frozenset[str]


def merge(workspace: Workspace, models: BuildModels, name: str, other: str) -> AppliedRuling:
    """Rule that two names mean one thing; a name with itself, that it never means two things.

    Raises:
        InputError: No entity has one of the names.
        StoreError: Another process writes.
    """
    for spelling in (name, other):
        named(workspace.store, spelling)
    return _rule(workspace, models, MERGE, normalise_name(name), normalise_name(other))


def split(workspace: Workspace, models: BuildModels, name: str, other: str) -> AppliedRuling:
    """Rule that two names mean two things. Raises as `merge`, and if the names are spellings of one."""
    one, two = normalise_name(name), normalise_name(other)
    if one == two:
        raise InputError(
            f"Expected two names, but {name!r} and {other!r} count as one. If its uses in a document mean another "
            "thing, split it by that document: graft entities split NAME --source FILE."
        )
    for spelling in (name, other):
        named(workspace.store, spelling)
    return _rule(workspace, models, SPLIT, one, two)


def split_source(workspace: Workspace, models: BuildModels, name: str, source: str) -> AppliedRuling:
    """Rule that the uses of a name in one document mean another thing. Raises as `merge`, and for another source."""
    store = workspace.store
    sources = sorted({user for entity in named(store, name) for user in dossier(store, entity).sources})
    if source not in sources:
        raise InputError(f"Expected a document that uses {name!r}, one of {', '.join(sources)}; got {source!r}.")
    key = normalise_name(name)
    return _rule(workspace, models, SPLIT, key, key, source)


def undo(workspace: Workspace, models: BuildModels) -> AppliedRuling:
    """Take back the newest ruling that stands.

    Raises:
        InputError: None stands.
        StoreError: Another process writes.
    """
    with workspace.writing():
        rulings = standing_rulings(workspace.store.read(Ruling))
        if not rulings:
            raise InputError("Expected a ruling to undo, but none stands. `graft entities history` shows them all.")
        last = rulings[-1]
        return _write(workspace, models, UNDO, last.name, last.other, last.source)


def history(store: GraphStore, name: str | None = None) -> ResolutionHistory:
    """Merges and rulings of all entities, or of a name and the entities that bear it.

    Raises:
        InputError: No entity has that name.
    """
    entities = list(store.read(Entity)) if name is None else named(store, name)
    name_of = {entity.id: entity.name for entity in entities}
    merges = [
        ExplainedMerge(name_of[merged.entity_id], merged) for merged in store.read(Merge) if merged.entity_id in name_of
    ]
    merges.sort(key=lambda explained: (explained.entity, explained.merge.name, explained.merge.other))
    rulings = sorted(store.read(Ruling), key=lambda decision: decision.position)
    names = {normalise_name(spelling) for entity in entities for spelling in (entity.name, *entity.aliases)}
    about = [decision for decision in rulings if name is None or {decision.name, decision.other} & names]
    standing = frozenset(decision.id for decision in standing_rulings(rulings))
    return ResolutionHistory(tuple(merges), tuple(about), standing)


def _rule(
    workspace: Workspace, models: BuildModels, action: str, name: str, other: str, source: str = ""
) -> AppliedRuling:
    with workspace.writing():
        return _write(workspace, models, action, name, other, source)


def _write(workspace: Workspace, models: BuildModels, action: str, name: str, other: str, source: str) -> AppliedRuling:
    """Store a ruling and apply it, under the write lock."""
    # Rulings are never changed or removed, so that the history tells all of them; undoing is a ruling too.
    store = workspace.store
    position = max((earlier.position for earlier in store.read(Ruling)), default=-1) + 1
    decision = ruling(position, action, name, other, source)
    store.put([decision])
    resolve_again(workspace, models)
    entities = {entity.id: entity for spelling in (decision.name, decision.other) for entity in named(store, spelling)}
    return AppliedRuling(decision, tuple(entities.values()))
