"""Changes of rows as Cypher: a few idempotent statements for each kind, each over a list of rows.

A row may refer to others that are not there yet: their nodes are then made with the label `Placeholder` and no
properties but workspace and id, and get the others when their row comes. A row that goes leaves a placeholder as long
as others refer to it. Rows are sorted, facts by their pair of nodes, so that writers who work side by side take their
locks in one order and never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from kg.schema import Chunk, Document, Fact, Row
from kg.stores.neo4j.rows import SHAPES, RowShape
from kg.stores.protocol import JournalEntry

Statement = tuple[str, dict[str, Any]]
"""Cypher and its parameters, without `$w`, the workspace, which every statement takes."""

SWEEP: Statement = ("MATCH (n:Placeholder {workspace: $w}) WHERE NOT EXISTS { (n)--() } DELETE n", {})
"""Deletes placeholders that no row refers to any more."""


def put(kind: type[Any], rows: Sequence[Row], new: bool = False) -> Iterator[Statement]:
    """Make nodes or facts, or replace those of the same id; chunks must be chained once all are there (`chain`).

    Args:
        kind: Class of the rows.
        rows: Rows with different ids.
        new: Whether facts are taken to be new, so that existing ones need not be looked for; if one exists, the
            database refuses all of them (`kg.stores.neo4j.server.AlreadyExistsError`).
    """
    shape = SHAPES[kind]
    if kind is Fact:
        yield from _put_facts(shape, [row for row in rows if isinstance(row, Fact)], new)
        return
    ordered = sorted(rows, key=lambda row: row.id)
    values = ", ".join(f"n.{name} = r[{column}]" for column, name in enumerate(shape.properties) if column)
    unlink = " ".join(
        f"FOREACH (l IN [(n){relationship.arrow()}(:{relationship.label}) | l] | DELETE l)"
        for relationship in shape.relationships
    )
    # Setting a property to null removes it, so that what the row no longer has goes.
    yield (
        f"UNWIND $rows AS r MERGE (n:{shape.label} {{workspace: $w, id: r[0]}}) SET {values} REMOVE n:Placeholder "
        f"{unlink}",
        {"rows": [shape.dump(row) for row in ordered]},
    )
    for relationship in shape.relationships:
        pairs = [(row.id, other) for row in ordered for other in relationship.ids(row)]
        others, index_of = _indexed(other for _, other in pairs)
        yield (
            f"{_collect(relationship.label)} UNWIND $pairs AS p MATCH (n:{shape.label} {{workspace: $w, id: p[0]}}) "
            f"WITH n, ends[p[1]] AS o CREATE (n){relationship.arrow('')}(o)",
            {"ids": others, "pairs": [[row_id, index_of[other]] for row_id, other in pairs]},
        )


def _put_facts(shape: RowShape, rows: Sequence[Fact], new: bool) -> Iterator[Statement]:
    ordered = sorted(rows, key=lambda row: (row.subject_id, row.object_id, row.id))
    if not new:
        yield from delete(Fact, [row.id for row in ordered])
    ids, index_of = _indexed(end for row in ordered for end in (row.subject_id, row.object_id))
    values = ", ".join(f"{name}: r[{column}]" for column, name in enumerate(shape.properties, start=2))
    yield (
        f"{_collect('Entity')} UNWIND $rows AS r WITH r, ends[r[0]] AS s, ends[r[1]] AS o "
        f"CREATE (s)-[:FACT {{workspace: $w, {values}}}]->(o)",
        {
            "ids": ids,
            "rows": [[index_of[row.subject_id], index_of[row.object_id], *shape.dump(row)] for row in ordered],
        },
    )


def _collect(label: str) -> str:
    """Cypher for `ends`, the nodes of `$ids` in that order, so that each is looked up once however often it is used."""
    return (
        f"UNWIND range(0, size($ids) - 1) AS i MERGE (n:{label} {{workspace: $w, id: $ids[i]}}) "
        "ON CREATE SET n:Placeholder WITH n, i ORDER BY i WITH collect(n) AS ends"
    )


def _indexed(ids: Iterable[str]) -> tuple[list[str], dict[str, int]]:
    """Ids, sorted and each once, and the index of each."""
    ordered = sorted(set(ids))
    return ordered, {row_id: index for index, row_id in enumerate(ordered)}


def delete(kind: type[Any], ids: Iterable[str]) -> Iterator[Statement]:
    """Remove nodes or facts; nodes that others refer to become placeholders (see `SWEEP`)."""
    shape, gone = SHAPES[kind], sorted(ids)
    if kind is Fact:
        yield "UNWIND $ids AS id MATCH ()-[f:FACT {workspace: $w, id: id}]->() DELETE f", {"ids": gone}
        return
    if kind is Chunk:
        yield (
            "UNWIND $ids AS id MATCH (n:Chunk {workspace: $w, id: id})-[l:NEXT]-() DELETE l",
            {"ids": gone},
        )
    for relationship in shape.relationships:
        yield _unlink(shape, relationship.arrow(), relationship.label, gone)
    yield (
        f"UNWIND $ids AS id MATCH (n:{shape.label} {{workspace: $w, id: id}}) "
        "SET n = {workspace: $w, id: id} SET n:Placeholder",
        {"ids": gone},
    )


def _unlink(shape: RowShape, arrow: str, other: str, ids: Sequence[str]) -> Statement:
    node = f"(n:{shape.label} {{workspace: $w, id: id}})"
    return f"UNWIND $ids AS id MATCH {node}{arrow}(:{other}) DELETE l", {"ids": list(ids)}


def chain(document_ids: Iterable[str]) -> Iterator[Statement]:
    """Draw `NEXT` from each chunk of some documents to the chunk behind it."""
    ids = {"ids": sorted(document_ids)}
    chunks = f"UNWIND $ids AS id MATCH (:{Document.__name__} {{workspace: $w, id: id}})<-[:PART_OF]-(c:Chunk)"
    yield f"{chunks}-[l:NEXT]->() DELETE l", ids
    yield (
        f"{chunks} WITH id, c ORDER BY id, c.position WITH id, collect(c) AS row "
        "UNWIND range(0, size(row) - 2) AS i WITH row[i] AS one, row[i + 1] AS two CREATE (one)-[:NEXT]->(two)",
        ids,
    )


def mark(entries: Iterable[JournalEntry]) -> Statement:
    """Write journal entries."""
    rows = [asdict(entry) for entry in sorted(entries, key=lambda entry: (entry.stage, entry.item))]
    return "UNWIND $rows AS r MERGE (n:JournalEntry {workspace: $w, stage: r.stage, item: r.item}) SET n += r", {
        "rows": rows
    }


def unmark(entries: Iterable[tuple[str, str]]) -> Statement:
    """Remove the journal entries of stages and items."""
    rows = [list(entry) for entry in sorted(entries)]
    return "UNWIND $rows AS r MATCH (n:JournalEntry {workspace: $w, stage: r[0], item: r[1]}) DELETE n", {"rows": rows}
