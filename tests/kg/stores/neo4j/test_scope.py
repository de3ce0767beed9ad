"""Queries of one workspace: whatever a query matches, it stays in its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from kg.schema import Entity
from kg.stores.neo4j.scope import scope
from kg.stores.neo4j.server import ServerAddress
from kg.stores.neo4j.store import Neo4jStore
from models.errors import InputError
from tests.kg.world import world

OWN = "{workspace: $workspace}"
WRITTEN = {
    "MATCH (a:Entity)-[f:FACT]->(b) RETURN b.name": f"MATCH (a:Entity {OWN})-[f:FACT]->(b {OWN}) RETURN b.name",
    "MATCH () RETURN count(*)": f"MATCH ( {OWN}) RETURN count(*)",
    "MATCH (n {name: 'x'}) RETURN n": "MATCH (n {workspace: $workspace, name: 'x'}) RETURN n",
    f"MATCH (n {OWN}) RETURN n": f"MATCH (n {OWN}) RETURN n",
    "MATCH (n {}) RETURN n": f"MATCH (n {OWN}) RETURN n",
    "MATCH p = shortestPath((a)-[*..3]-(b)) RETURN p": f"MATCH p = shortestPath((a {OWN})-[*..3]-(b {OWN})) RETURN p",
    "MATCH (n:Entity|Chunk WHERE n.x = 1), (m) RETURN (n.x)-(m.x), count(n)": (
        f"MATCH (n:Entity|Chunk {OWN} WHERE n.x = 1), (m {OWN}) RETURN (n.x)-(m.x), count(n)"
    ),
    "MATCH (n) WHERE NOT (n)--(:Chunk) RETURN n": f"MATCH (n {OWN}) WHERE NOT (n {OWN})--(:Chunk {OWN}) RETURN n",
    "RETURN size([(x)<--(y) | y.name])": f"RETURN size([(x {OWN})<--(y {OWN}) | y.name])",
    "RETURN COUNT { (n:Entity) } AS n": f"RETURN COUNT {{ (n:Entity {OWN}) }} AS n",
    "MATCH (n) RETURN EXISTS { MATCH (m) RETURN m } AS e": (
        f"MATCH (n {OWN}) RETURN EXISTS {{ MATCH (m {OWN}) RETURN m }} AS e"
    ),
    "MATCH (a) WITH a ORDER BY a.x, a.y MATCH (b), (a) RETURN b": (
        f"MATCH (a {OWN}) WITH a ORDER BY a.x, a.y MATCH (b {OWN}), (a {OWN}) RETURN b"
    ),
}
NAMES_OF_PATHS = ("match", "where", "return", "with", "unwind", "order", "skip", "limit", "union")
REFUSED = (
    *(f"MATCH {name} = (a:Entity), (c) RETURN c.workspace" for name in NAMES_OF_PATHS),
    *(f"MATCH (a:Entity), {name.upper()}=(b:Entity), (c) RETURN c.workspace" for name in NAMES_OF_PATHS),
    *(f"RETURN COUNT {{ (a:Entity), {name} = (b:Entity), (c) }} AS n" for name in NAMES_OF_PATHS),
    "MATCH (c {workspace: $workspace + '-other'}) RETURN c.workspace",
    "MATCH (c {name: 'x', workspace: $workspace || '-other'}) RETURN c.workspace",
    "MATCH (c {Workspace: $workspace}) RETURN c.workspace",
    "MATCH (c {workspace: $Workspace}) RETURN c.workspace",
    "MATCH (n {workspace: 'other'}) RETURN n",
    "MATCH (n {name: {workspace: 'other'}}) RETURN n",
    "WITH 'other' AS workspace MATCH (n) RETURN n",
    "CALL db.index.fulltext.queryNodes('graft_names', 'Ness') YIELD node RETURN node.name",
    "MATCH (n:(Entity|Chunk)) RETURN n",
    "MATCH ((a)-[]->(b)){1,3} RETURN a",
    "MATCH (a)-[f]-(n:(Entity)) RETURN n",
    "MATCH (n) DETACH DELETE n",
    "MATCH ANY SHORTEST (a)-[:FACT]-+(b) RETURN a",
)
LOOKS = (
    "MATCH (a:Entity) WHERE EXISTS { OPTIONAL MATCH (x:Chunk) RETURN x } RETURN a.workspace",
    "MATCH (a:Entity) RETURN COLLECT { WITH a MATCH (x:Entity) RETURN x.workspace }",
    "MATCH (a:Entity) RETURN a {.workspace, .name}.workspace;",
    "MATCH (start:Entity)-[f:FACT]->(target:Entity) RETURN start.workspace, target.workspace",
    "MATCH (n) RETURN n.workspace",
    "MATCH (n:Entity) RETURN n.workspace",
    "MATCH ()-[f]->() RETURN f.workspace",
    "MATCH (a)-[*1..2]-(b) RETURN b.workspace LIMIT 50",
    "MATCH p = shortestPath((a:Entity)-[*..4]-(b:Entity)) WHERE a <> b UNWIND nodes(p) AS n RETURN n.workspace",
    "MATCH (a:Entity) RETURN [(x:Entity)-[:FACT]-(y) | y.workspace]",
    "MATCH (a:Entity) RETURN COLLECT { MATCH (x:Entity) RETURN x.workspace }",
    "MATCH (n WHERE n.name <> '') RETURN n.workspace",
    "MATCH (n {name: {workspace: $workspace}}) RETURN n.workspace",
    "OPTIONAL MATCH (n:Chunk)-->(m) RETURN m.workspace",
    "MATCH (n:Entity) RETURN n.workspace AS w UNION MATCH (m:Document) RETURN m.workspace AS w",
    "UNWIND [1] AS i MATCH (n), (m:Entity), q = (o)-->(r) RETURN m.workspace, r.workspace LIMIT 50",
)


@pytest.mark.parametrize("query", WRITTEN)
def test_every_node_is_bound(query: str) -> None:
    assert scope(query) == WRITTEN[query]
    assert scope(scope(query)) == scope(query)


@pytest.mark.parametrize("query", REFUSED)
def test_what_cannot_be_bound_is_refused(query: str) -> None:
    with pytest.raises(InputError):
        scope(query)


@pytest.fixture(scope="module")
def stores(neo4j_address: ServerAddress) -> Iterator[tuple[Neo4jStore, Neo4jStore]]:
    """Two workspaces that hold the same."""
    with (
        closing(Neo4jStore(neo4j_address, f"scope-{uuid4()}")) as one,
        closing(Neo4jStore(neo4j_address, f"scope-{uuid4()}")) as other,
    ):
        try:
            one.put(world())
            other.put(world())
            yield one, other
        finally:
            one.clear()
            other.clear()


@pytest.mark.neo4j
@pytest.mark.parametrize("query", LOOKS)
def test_a_query_sees_its_own_workspace_only(stores: tuple[Neo4jStore, Neo4jStore], query: str) -> None:
    one, _ = stores
    try:
        answer = one.query(query, 1000, 20)
    except InputError:
        assert "name: {" in query  # no value that a property can have
        return
    seen = {value for row in answer.rows for cell in row for value in (cell if isinstance(cell, list) else [cell])}
    assert seen - {None} <= {one.workspace}


@pytest.mark.neo4j
def test_a_query_counts_its_own_workspace(stores: tuple[Neo4jStore, Neo4jStore]) -> None:
    one, _ = stores
    entities = sum(1 for _ in one.read(Entity))
    assert one.query("MATCH (n:Entity) RETURN count(n)", 5, 20).rows == ((entities,),)


TOO_MUCH = (
    "MATCH p = shortestPath((a:Entity)-[*]-(b:Entity)) RETURN p",
    "MATCH (a:Entity) RETURN substring(a.name, -1)",
    "UNWIND range(1, 50000000) AS x RETURN collect(x)",
    f"RETURN {'[' * 60}{']' * 60}",
    f"RETURN {' AND '.join(['true'] * 3000)}",
    "RETURN '\ud800'",
)


@pytest.mark.neo4j
@pytest.mark.parametrize("query", TOO_MUCH, ids=range(len(TOO_MUCH)))
def test_what_a_server_cannot_do_is_the_querys_fault(stores: tuple[Neo4jStore, Neo4jStore], query: str) -> None:
    with pytest.raises(InputError):
        stores[0].query(query, 10, 20)


@pytest.mark.neo4j
def test_patterns_are_counted(stores: tuple[Neo4jStore, Neo4jStore]) -> None:
    one, _ = stores
    patterns = one.patterns(1000)
    facts = one.query("MATCH ()-[f:FACT]->() RETURN count(f)", 1, 20).rows[0][0]
    assert sum(each.facts for each in patterns) == facts
    assert [each.facts for each in patterns] == sorted((each.facts for each in patterns), reverse=True)
    assert one.patterns(1) == patterns[:1]
