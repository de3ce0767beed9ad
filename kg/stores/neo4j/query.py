"""Runs a query of a person or a model: read-only, under a limit of time and of rows.

`kg.stores.neo4j.guard` decides whether it is run at all; the server then runs it in READ access mode, in which it
refuses to write, under a time limit that the server keeps itself. `$workspace` is the name of the workspace.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

from kg.stores.capabilities import QueryResult
from kg.stores.neo4j.guard import reading
from kg.stores.neo4j.server import Neo4jServer

LIMIT, TIMEOUT_S = 100, 10.0
_MAX_CHARACTERS = 400
"""Maximum number of characters of a text in a result; a chunk's text would flood a table or a prompt."""


def run_query(
    server: Neo4jServer, query: str, workspace: str = "", limit: int = LIMIT, timeout_s: float = TIMEOUT_S
) -> QueryResult:
    """Run one query.

    Args:
        server: Open connection.
        query: Cypher that reads.
        workspace: Value of `$workspace`.
        limit: Maximum number of rows.
        timeout_s: Maximum time on the server in seconds, > 0.
    Raises:
        InputError: The query does more than read, or is no Cypher, or takes too long.
        ServerError: The server cannot be reached.
    """
    # One row more than the limit tells whether there are more.
    columns, rows = server.query(reading(query), {"workspace": workspace}, limit + 1, timeout_s)
    shown = tuple(tuple(map(_plain, row)) for row in rows[:limit])
    return QueryResult(tuple(columns), shown, len(rows) > limit)


def _plain(value: Any) -> Any:
    """Turn a value of the driver into a JSON value."""
    from neo4j.graph import Node, Path, Relationship

    if isinstance(value, Node):
        return {"labels": sorted(value.labels), **_plain_map(value)}
    if isinstance(value, Relationship):
        return {"type": value.type, **_plain_map(value)}
    if isinstance(value, Path):
        steps = zip(value.nodes, value.relationships, strict=False)  # a path has one node more than relationships
        return [_plain(part) for part in (*chain.from_iterable(steps), value.end_node)]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return _plain_map(value)
    if isinstance(value, str):
        return value if len(value) <= _MAX_CHARACTERS else f"{value[: _MAX_CHARACTERS - 1]}…"
    return value if isinstance(value, int | float | bool | None) else str(value)


def _plain_map(value: Any) -> dict[str, Any]:
    """A mapping without the vectors that `kg.stores.neo4j.search` keeps on a node."""
    return {name: _plain(item) for name, item in sorted(value.items()) if not name.startswith("vector_")}
