"""Other ways to load facts into Neo4j, beside which `benchmarks.neo4j_load` times ours.

`load_one_by_one` sends each fact alone. `GraphragWriter` is the writer of the package neo4j-graphrag, which is no
dependency: its pins (numpy 2, an older fsspec) contradict ours, so that it is imported from a folder of its own
(`benchmarks.neo4j_load` says how). Its relationships need APOC, which a plain server has not; that one call is replaced
by the `MERGE` that it stands for. `export_csv` writes the files that `neo4j-admin database import full` reads.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from kg.schema import Entity, Fact, Row
from kg.stores.neo4j.export import write_csv
from kg.stores.neo4j.server import Neo4jServer, ServerAddress
from kg.stores.sqlite.store import SqliteStore

_NAIVE = (
    "MERGE (s:Naive {id: $subject}) MERGE (o:Naive {id: $object}) "
    "MERGE (s)-[f:NAIVE {id: $id}]->(o) SET f.predicate = $predicate"
)
_APOC = "CALL apoc.merge.relationship(start, row.type, {}, row.properties, end, row.properties) YIELD rel "
_PLAIN = "MERGE (start)-[rel:$(row.type)]->(end) ON CREATE SET rel += row.properties "


def load_one_by_one(server: Neo4jServer, rows: Iterable[Row]) -> None:
    """Load facts by a loop that sends each alone."""
    for fact in rows:
        if isinstance(fact, Fact):
            values = {"id": fact.id, "subject": fact.subject_id, "object": fact.object_id, "predicate": fact.predicate}
            server.write([(_NAIVE, values)], "")


class GraphragWriter:
    """The writer of neo4j-graphrag over some rows, with its own defaults.

    Args:
        address: Address of the server.
        rows: Entities and facts; they are put into the package's own form here, before the load is timed.
    Raises:
        ImportError: The package is not installed.
    """

    def __init__(self, address: ServerAddress, rows: Iterable[Row]) -> None:
        from neo4j import GraphDatabase
        from neo4j_graphrag.components import kg_writer  # type: ignore[import-not-found, unused-ignore]
        from neo4j_graphrag.components.types import (  # type: ignore[import-not-found, unused-ignore]
            Neo4jGraph,
            Neo4jNode,
            Neo4jRelationship,
        )

        nodes, links = [], []
        for row in rows:
            if isinstance(row, Entity):
                values: dict[str, Any] = {"name": row.name, "type": row.type, "evidence": _spans(row)}
                nodes.append(Neo4jNode(id=row.id, label="Thing", properties=values))
            elif isinstance(row, Fact):
                links.append(
                    Neo4jRelationship(
                        start_node_id=row.subject_id,
                        end_node_id=row.object_id,
                        type=row.predicate,
                        properties={"id": row.id, "kind": row.kind, "evidence": _spans(row)},
                    )
                )
        self._graph = Neo4jGraph(nodes=nodes, relationships=links)
        self._driver = GraphDatabase.driver(
            address.uri, auth=(address.username, address.password), notifications_min_severity="OFF"
        )
        self._writer = kg_writer.Neo4jWriter(self._driver, neo4j_database=address.database)
        self.needs_apoc = not self._has_apoc()
        if self.needs_apoc:
            query = kg_writer.upsert_relationship_query(self._writer.is_version_5_23_or_above)
            assert _APOC in query, f"Expected APOC's call in the query of neo4j-graphrag, got {query!r}."
            kg_writer.upsert_relationship_query = lambda **_: query.replace(_APOC, _PLAIN)

    def __call__(self) -> None:
        """Write."""
        done = asyncio.run(self._writer.run(self._graph))
        assert done.status == "SUCCESS", done.metadata

    def close(self) -> None:
        """Let go of the server."""
        self._driver.close()

    def _has_apoc(self) -> bool:
        query = "SHOW PROCEDURES YIELD name WHERE name = 'apoc.merge.relationship' RETURN count(*)"
        return bool(self._driver.execute_query(query).records[0][0])


def _spans(row: Entity | Fact) -> list[str]:
    return [f"{span.chunk_id} {span.start} {span.end}" for span in row.evidence]


def export_csv(rows: Iterable[Row], folder: Path) -> tuple[float, float]:
    """Fill an embedded store with rows and export it; returns the seconds of each."""
    began = time.perf_counter()
    with closing(SqliteStore(folder / "graph.sqlite")) as store:
        store.load(rows)
        filled = time.perf_counter()
        write_csv(store, folder / "csv")
        return filled - began, time.perf_counter() - filled


def import_arguments(folder: Path) -> list[str]:
    """The arguments with which `neo4j-admin` imports the files of an export, by their full paths."""
    words = (folder / "import.txt").read_text(encoding="utf-8").replace("\\\n", " ").split()
    return [re.sub(r"=([^=]*\.csv)$", rf"={folder}/\1", word) for word in words[1:]]
