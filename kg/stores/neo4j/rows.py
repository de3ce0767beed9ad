"""How rows of `kg.schema` lie in Neo4j: the one place that knows both.

A row is a node that is labelled by its class and has a property for each field, but for two kinds: a fact is a
relationship `FACT` between two entities, with its predicate as a property; a journal entry is a node `JournalEntry`.
Several values of a field are a list; a span in one is a text, "chunk start end"; what is only read back whole
(mentions, triples, findings) is JSON; what is empty is left out. What a row says of others is drawn as relationships
too, so that people can follow it, and is read from properties alone:

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
from kg.stores.rows import TABLES, Child, plain, sql_type

_NOTHING = None
"""What stands for "" and for a list without values: no property at all, which takes no room."""
FACT_ENDS = ("subject_id", "object_id")
"""Fields of a fact that its ends say, and no property."""


@dataclass(frozen=True, slots=True)
class Link:
    """Relationships that a row draws between its own node and others.

    Attributes:
        type: Of the relationship.
        label: Of the other nodes.
        outward: Whether they lead from the row's node to the others.
        ids: Of the others, for a row.
    """

    type: str
    label: str
    outward: bool
    ids: Callable[[Any], Iterable[str]]

    def arrow(self, variable: str = "l") -> str:
        """The relationship as Cypher writes it between the row's node, on the left, and another."""
        inner = f"[{variable}:{self.type}]"
        return f"-{inner}->" if self.outward else f"<-{inner}-"


LINKS: dict[type[Any], tuple[Link, ...]] = {
    Chunk: (Link("PART_OF", "Document", True, lambda row: (row.document_id,)),),
    Entity: (Link("MENTIONS", "Chunk", False, lambda row: dict.fromkeys(each.chunk_id for each in row.evidence)),),
    Community: (
        Link("IN_COMMUNITY", "Entity", False, lambda row: row.entity_ids),
        Link("PART_OF", "Community", True, lambda row: (row.parent_id,) if row.parent_id else ()),
    ),
    Report: (Link("ABOUT", "Community", True, lambda row: (row.community_id,)),),
    Description: (Link("ABOUT", "Entity", True, lambda row: (row.entity_id,)),),
}
"""What a row draws beside its properties; `NEXT` follows from all chunks of a document (see
`kg.stores.neo4j.write`)."""


class Shape:
    """One kind of row as properties.

    Args:
        kind: The dataclass.

    Attributes:
        label: Of the nodes; of facts, the type of the relationships.
        properties: Names of the properties, "id" first.
        types: Of the properties, in the same order, in SQL's words; with "[]" behind them, of lists.
        links: What it draws.
    """

    def __init__(self, kind: type[Any]) -> None:
        self.kind = kind
        self.label = "FACT" if kind is Fact else kind.__name__
        self.links = LINKS.get(kind, ())
        self._table = TABLES[kind]
        own = [name for name in self._table.scalars if not (kind is Fact and name in FACT_ENDS)]
        getters = {name: _scalar(name, name in self._table.json) for name in own}
        getters |= {name: _list(name, child) for name, child in self._table.children.items()}
        self.properties = tuple(getters)
        of_fields = {part.name: sql_type(part) for part in fields(kind)}
        self.types = (*(of_fields[name] for name in own), *("TEXT[]" for _ in self._table.children))
        self._getters = tuple(getters.values())

    def dump(self, row: Row) -> list[Any]:
        """The values of `properties`."""
        return [get(row) for get in self._getters]

    def load(self, values: Sequence[Any], ends: Sequence[str] = ()) -> Row:
        """Values of `properties`, and the ids of a fact's two ends, to a row."""
        table, found = self._table, dict(zip(self.properties, values, strict=True))
        children = {
            name: tuple(child.load(_parts(child, text)) for text in found[name] or ())
            for name, child in table.children.items()
        }
        found |= dict(zip(FACT_ENDS, ends, strict=False))
        return table.load(["" if (value := found[name]) is _NOTHING else value for name in table.scalars], children)


def _scalar(name: str, is_json: bool) -> Callable[[Any], Any]:
    get = attrgetter(name)
    if is_json:
        return lambda row: json.dumps(plain(get(row)), ensure_ascii=False)
    return lambda row: _NOTHING if (value := get(row)) == "" else value


def _list(name: str, child: Child) -> Callable[[Any], Any]:
    get, dump = attrgetter(name), child.dump
    return lambda row: [" ".join(map(str, dump(value))) for value in get(row)] or _NOTHING


def _parts(child: Child, text: str) -> tuple[Any, ...]:
    """What `dump` of a child gave, out of its text; only the first part may hold a space."""
    parts = text.rsplit(" ", len(child.columns) - 1) if len(child.columns) > 1 else [text]
    types = child.columns.values()
    return tuple(int(part) if type_ == "INTEGER" else part for part, type_ in zip(parts, types, strict=True))


SHAPES: dict[type[Any], Shape] = {kind: Shape(kind) for kind in TABLES}
