"""How rows of `kg.schema` lie in Neo4j: the one place that knows both.

A row is a node that is labelled by its class and has a property for each field, but for two kinds: a fact is a
relationship `FACT` between two entities, with its predicate as a property; a journal entry is a node `JournalEntry`.
Several values of a field are a list; several spans are three lists of one length; what is only read back whole
(mentions, triples, findings) is JSON. What a row says of others is drawn as relationships too, so that people can
follow it, and is read from properties alone:

    (Chunk)-[:PART_OF]->(Document)    (Chunk)-[:NEXT]->(Chunk)    (Chunk)-[:MENTIONS]->(Entity)
    (Entity)-[:FACT]->(Entity)        (Entity)-[:IN_COMMUNITY]->(Community)-[:PART_OF]->(Community)
    (Report)-[:ABOUT]->(Community)    (Description)-[:ABOUT]->(Entity)

Names are only ever values, never labels or types, so that none of them can change a statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kg.rows import TABLES, Child, Table
from kg.schema import Chunk, Community, Description, Entity, Fact, Report, Row

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
"""What a row draws beside its properties; `NEXT` follows from all chunks of a document (see `kg.neo4j_write`)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of row as properties.

    Attributes:
        kind: The dataclass.
        properties: Names of the properties, in the order of `dump`, "id" first.
        links: What it draws.
    """

    kind: type[Any]
    properties: tuple[str, ...] = field(init=False)
    links: tuple[Link, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = [name for name in self._table.scalars if not (self.kind is Fact and name in FACT_ENDS)]
        names += [name for field_, child in self._table.children.items() for name in _lists(field_, child)]
        object.__setattr__(self, "properties", tuple(names))
        object.__setattr__(self, "links", LINKS.get(self.kind, ()))

    @property
    def label(self) -> str:
        """Of the nodes; of facts, the type of the relationships."""
        return "FACT" if self.kind is Fact else self.kind.__name__

    @property
    def _table(self) -> Table:
        return TABLES[self.kind]

    def dump(self, row: Row) -> dict[str, Any]:
        """A row as properties."""
        table = self._table
        found = dict(zip(table.scalars, table.dump(row), strict=True))
        if self.kind is Fact:
            found = {name: value for name, value in found.items() if name not in FACT_ENDS}
        for name, child in table.children.items():
            values = [child.dump(value) for value in getattr(row, name)]
            found |= {each: [value[place] for value in values] for place, each in enumerate(_lists(name, child))}
        return found

    def load(self, values: Sequence[Any], ends: Sequence[str] = ()) -> Row:
        """Values of `properties`, and the ids of a fact's two ends, to a row."""
        table, found = self._table, dict(zip(self.properties, values, strict=True))
        children: dict[str, tuple[Any, ...]] = {}
        for name, child in table.children.items():
            columns = [found[each] or () for each in _lists(name, child)]  # an import leaves out a list without values
            children[name] = tuple(child.load(value) for value in zip(*columns, strict=True))
        found |= dict(zip(FACT_ENDS, ends, strict=False))
        return table.load([found[name] for name in table.scalars], children)


def _lists(name: str, child: Child) -> list[str]:
    """The properties of a field of several values: its own name, or one for each part of a value."""
    columns = list(child.columns)
    return [name] if len(columns) == 1 else [f"{name}_{column}" for column in columns]


SHAPES: dict[type[Any], Shape] = {kind: Shape(kind) for kind in TABLES}
