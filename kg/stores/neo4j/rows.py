"""The form of rows of `kg.schema` in Neo4j; no other file knows both.

A row is a node that is labelled by its class and has a property for each field, with two exceptions: a fact is a
relationship `FACT` between two entities, with its predicate as a property; a journal entry is a node `JournalEntry`.
Several values of a field are a list, and a span in it is a text "chunk start end". What is only read back with its row
(mentions, triples, findings) is JSON. What is empty is left out. References to other rows are drawn as relationships
too, so that people can follow them, but are read from properties alone:

    (Chunk)-[:PART_OF]->(Document)    (Chunk)-[:NEXT]->(Chunk)    (Chunk)-[:MENTIONS]->(Entity)
    (Entity)-[:FACT]->(Entity)        (Entity)-[:IN_COMMUNITY]->(Community)-[:PART_OF]->(Community)
    (Report)-[:ABOUT]->(Community)    (Description)-[:ABOUT]->(Entity)

Names are only ever values, never labels or types, so that none of them can change a statement.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from kg.schema import Chunk, Community, Description, Entity, Fact, Report, Row
from kg.stores.rows import TABLES, ChildTable, plain, sql_type

_NOTHING = None
"""Stands for "" and for a list without values: there is no property then, which takes no room."""
FACT_ENDS = ("subject_id", "object_id")
"""Fields of a fact that are given by the ends of its relationship, and by no property."""


@dataclass(frozen=True, slots=True)
class RowRelationship:
    """Relationships that a row draws between its own node and others.

    Attributes:
        type: Type of the relationships.
        label: Label of the other nodes.
        outward: Whether they lead from the row's node to the others.
        ids: Gives the ids of the other nodes for a row.
    """

    type: str
    label: str
    outward: bool
    ids: Callable[[Any], Iterable[str]]

    def arrow(self, variable: str = "l") -> str:
        """The relationship as Cypher writes it between the row's node, on the left, and another."""
        inner = f"[{variable}:{self.type}]"
        return f"-{inner}->" if self.outward else f"<-{inner}-"


RELATIONSHIPS: dict[type[Any], tuple[RowRelationship, ...]] = {
    Chunk: (RowRelationship("PART_OF", "Document", True, lambda row: (row.document_id,)),),
    Entity: (RowRelationship("MENTIONS", "Chunk", False, lambda row: _chunk_ids(row)),),
    Community: (
        RowRelationship("IN_COMMUNITY", "Entity", False, lambda row: row.entity_ids),
        RowRelationship("PART_OF", "Community", True, lambda row: (row.parent_id,) if row.parent_id else ()),
    ),
    Report: (RowRelationship("ABOUT", "Community", True, lambda row: (row.community_id,)),),
    Description: (RowRelationship("ABOUT", "Entity", True, lambda row: (row.entity_id,)),),
}
"""Relationships that each kind of row draws beside its properties. `NEXT` is none of them: it follows from all chunks
of a document (see `kg.stores.neo4j.write`)."""


def _chunk_ids(entity: Entity) -> Iterable[str]:
    """Ids of the chunks that name an entity, each once."""
    return dict.fromkeys(span.chunk_id for span in entity.evidence)


class RowShape:
    """The properties and relationships of one kind of row.

    Args:
        kind: The dataclass.

    Attributes:
        kind: The dataclass.
        label: Label of the nodes; for facts, the type of the relationships.
        properties: Names of the properties, "id" first.
        types: SQL types of the properties in the same order, with "[]" at the end for lists.
        relationships: What it draws.
    """

    def __init__(self, kind: type[Any]) -> None:
        self.kind = kind
        self.label = "FACT" if kind is Fact else kind.__name__
        self.relationships = RELATIONSHIPS.get(kind, ())
        self._table = TABLES[kind]
        scalars = [name for name in self._table.scalars if not (kind is Fact and name in FACT_ENDS)]
        getters = {name: _scalar(name, name in self._table.json) for name in scalars}
        getters |= {name: _list(name, child) for name, child in self._table.children.items()}
        self.properties = tuple(getters)
        type_of = {part.name: sql_type(part) for part in fields(kind)}
        self.types = (*(type_of[name] for name in scalars), *("TEXT[]" for _ in self._table.children))
        self._getters = tuple(getters.values())

    def dump(self, row: Row) -> list[Any]:
        """The values of `properties`."""
        return [get(row) for get in self._getters]

    def load(self, values: Sequence[Any], ends: Sequence[str] = ()) -> Row:
        """Turn the values of `properties`, and the ids of a fact's two ends, into a row."""
        table, value_of = self._table, dict(zip(self.properties, values, strict=True))
        children = {name: _load_list(child, value_of[name]) for name, child in table.children.items()}
        value_of |= dict(zip(FACT_ENDS, ends, strict=False))
        scalars = [value_of[name] for name in table.scalars]
        return table.load(["" if value is _NOTHING else value for value in scalars], children)


def _scalar(name: str, is_json: bool) -> Callable[[Any], Any]:
    get = attrgetter(name)
    if is_json:
        return lambda row: json.dumps(plain(get(row)), ensure_ascii=False)
    return lambda row: _NOTHING if (value := get(row)) == "" else value


def _list(name: str, child: ChildTable) -> Callable[[Any], Any]:
    get, dump = attrgetter(name), child.dump
    return lambda row: [" ".join(map(str, dump(value))) for value in get(row)] or _NOTHING


def _load_list(child: ChildTable, texts: Sequence[str] | None) -> tuple[Any, ...]:
    return tuple(child.load(_parts(child, text)) for text in texts or ())


def _parts(child: ChildTable, text: str) -> tuple[Any, ...]:
    """The values that `dump` of a child gave, from their text; only the first one may hold a space."""
    parts = text.rsplit(" ", len(child.columns) - 1) if len(child.columns) > 1 else [text]
    types = child.columns.values()
    return tuple(int(part) if type_ == "INTEGER" else part for part, type_ in zip(parts, types, strict=True))


SHAPES: dict[type[Any], RowShape] = {kind: RowShape(kind) for kind in TABLES}
