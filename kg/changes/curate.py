"""Ruling on names in a workspace: merge, split, undo, and what has happened so far.

A ruling is a row of the store, kept over rebuilds, updates and deletes. Making one resolves and clusters again what is
read already, without a chat model (a judge's answers come from its records).

    with Workspace.open(Path("kb")) as workspace:
        models = BuildModels(None, open_encoder(workspace.config.encoder), RuleSentences())
        merge(workspace, models, "Veldrane Tidal", "Veldrane Tidal Power")
        undo(workspace, models)
"""

from __future__ import annotations

from dataclasses import dataclass

from kg.build import BuildModels, resolve_again
from kg.language.text import normalise_name
from kg.rulings import MERGE, SPLIT, UNDO, ruling, standing
from kg.schema import Entity, Merge, Ruling
from kg.stores.protocol import GraphStore
from kg.views.dossier import dossier, named
from kg.workspace import Workspace
from models.errors import InputError


@dataclass(frozen=True, slots=True)
class Ruled:
    """A ruling, and the entities that its names mean now."""

    ruling: Ruling
    entities: tuple[Entity, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """A merge with the name of its entity."""

    entity: str
    merge: Merge


@dataclass(frozen=True, slots=True)
class History:
    """What made the names into things.

    Attributes:
        merges: Joins of names with their reasons, by entity.
        rulings: In order, undone ones too.
        standing: Ids of those that are not undone.
    """

    merges: tuple[Explained, ...]
    rulings: tuple[Ruling, ...]
    standing: frozenset[str]


def merge(workspace: Workspace, models: BuildModels, name: str, other: str) -> Ruled:
    """Rule that two names mean one thing; a name with itself: that it never means two.

    Raises:
        InputError: No entity has one of the names.
        StoreError: Another process writes.
    """
    for each in (name, other):
        named(workspace.store, each)
    return _rule(workspace, models, MERGE, normalise_name(name), normalise_name(other))


def split(workspace: Workspace, models: BuildModels, name: str, other: str) -> Ruled:
    """Rule that two names mean two things. Raises as `merge`, and if the names are spellings of one."""
    one, two = normalise_name(name), normalise_name(other)
    if one == two:
        raise InputError(
            f"{name!r} and {other!r} are one name to GRAFT: to say that some of its uses mean another thing, "
            "split it by the document they stand in: graft entities split NAME --source FILE."
        )
    for each in (name, other):
        named(workspace.store, each)
    return _rule(workspace, models, SPLIT, one, two)


def split_source(workspace: Workspace, models: BuildModels, name: str, source: str) -> Ruled:
    """Rule that the uses of a name in one document mean another thing. Raises as `merge`, and for another source."""
    sources = sorted({each for entity in named(workspace.store, name) for each in _sources(workspace.store, entity)})
    if source not in sources:
        raise InputError(f"Expected a document that uses {name!r}, one of {', '.join(sources)}; got {source!r}.")
    key = normalise_name(name)
    return _rule(workspace, models, SPLIT, key, key, source)


def undo(workspace: Workspace, models: BuildModels) -> Ruled:
    """Take back the newest ruling that stands.

    Raises:
        InputError: None stands.
        StoreError: Another process writes.
    """
    with workspace.writing():
        rows = standing(workspace.store.read(Ruling))
        if not rows:
            raise InputError("Expected a ruling to undo, but none stands: graft entities history shows them all.")
        last = rows[-1]
        return _write(workspace, models, UNDO, last.name, last.other, last.source)


def history(store: GraphStore, name: str | None = None) -> History:
    """Merges and rulings of the whole store, or of a name and the entities that bear it.

    Raises:
        InputError: No entity has that name.
    """
    entities = list(store.read(Entity)) if name is None else named(store, name)
    names = {row.id: row.name for row in entities}
    merges = [Explained(names[row.entity_id], row) for row in store.read(Merge) if row.entity_id in names]
    rulings = sorted(store.read(Ruling), key=lambda row: row.position)
    keys = {normalise_name(each) for row in entities for each in (row.name, *row.aliases)}
    about = [row for row in rulings if name is None or {row.name, row.other} & keys]
    merges.sort(key=lambda each: (each.entity, each.merge.name, each.merge.other))
    return History(tuple(merges), tuple(about), frozenset(row.id for row in standing(rulings)))


def _rule(workspace: Workspace, models: BuildModels, action: str, name: str, other: str, source: str = "") -> Ruled:
    with workspace.writing():
        return _write(workspace, models, action, name, other, source)


def _write(workspace: Workspace, models: BuildModels, action: str, name: str, other: str, source: str) -> Ruled:
    store = workspace.store
    position = max((row.position for row in store.read(Ruling)), default=-1) + 1
    row = ruling(position, action, name, other, source)
    store.put([row])
    resolve_again(workspace, models)
    found = {entity.id: entity for each in (row.name, row.other) for entity in named(store, each)}
    return Ruled(row, tuple(found.values()))


def _sources(store: GraphStore, entity: Entity) -> tuple[str, ...]:
    return dossier(store, entity).sources
