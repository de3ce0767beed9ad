"""A query from outside, answered: read only, in little time, with few rows.

`kg.stores.neo4j.guard` decides whether it is run at all; the server is asked in READ access mode, in which it refuses
to write, under a time limit that it keeps itself. `$workspace` is the name of the workspace that is meant.
"""

from __future__ import annotations

from typing import Any

from kg.stores.capabilities import Answer
from kg.stores.neo4j.guard import reading
from kg.stores.neo4j.server import Server

LIMIT, TIMEOUT_S = 100, 10.0
_LONGEST = 400
"""Characters shown of a text in a node."""


def ask(server: Server, query: str, workspace: str = "", limit: int = LIMIT, timeout_s: float = TIMEOUT_S) -> Answer:
    """Run one query.

    Args:
        server: Open.
        query: Cypher that reads.
        workspace: Value of `$workspace`.
        limit: Most rows.
        timeout_s: Most seconds on the server, > 0.
    Raises:
        InputError: The query does more than read, or is no Cypher, or takes too long.
        ServerError: The server cannot be reached.
    """
    columns, rows = server.look(reading(query), {"workspace": workspace}, limit + 1, timeout_s)
    shown = tuple(tuple(map(_plain, row)) for row in rows[:limit])
    return Answer(tuple(columns), shown, len(rows) > limit)


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    from neo4j.graph import Node, Path, Relationship

    if isinstance(value, Node):
        return {"labels": sorted(value.labels), **_plain_map(value)}
    if isinstance(value, Relationship):
        return {"type": value.type, **_plain_map(value)}
    if isinstance(value, Path):
        return [_plain(each) for pair in zip(value.nodes, value.relationships, strict=False) for each in pair] + [
            _plain(value.end_node)
        ]
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return _plain_map(value)
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"
    return value if isinstance(value, int | float | bool | None) else str(value)


def _plain_map(value: Any) -> dict[str, Any]:
    """A mapping without the vectors that `kg.stores.neo4j.search` keeps with a node."""
    return {name: _plain(each) for name, each in sorted(value.items()) if not name.startswith("vector_")}
