"""The door for queries: what reads passes, what writes, loads, calls or hides is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from uuid import uuid4

import pytest

from kg.stores.neo4j.guard import refuse
from kg.stores.neo4j.query import run_query
from kg.stores.neo4j.server import Neo4jServer, ServerAddress
from kg.stores.neo4j.store import Neo4jStore
from models.errors import GraftError, InputError
from tests.kg.world import world

READS = (
    "MATCH (e:Entity) RETURN e.name",
    "match (e:Entity {workspace: $workspace}) where e.name starts with 'Ada' return e.name as name order by name",
    "MATCH (a:Entity)-[f:FACT]->(b:Entity) WHERE f.workspace = $workspace RETURN a.name, f.predicate, b.name",
    "MATCH p = shortestPath((a {name: 'Ada Lorne'})-[:FACT*..4]-(b {name: \"Oune\"})) RETURN [n IN nodes(p) | n.name]",
    "OPTIONAL MATCH (c:Chunk)-[:MENTIONS]->(e:Entity|Community) WITH e, count(c) AS n RETURN e.name, n ORDER BY n DESC",
    "CALL db.index.fulltext.queryNodes('graft_names', 'Ness') YIELD node, score RETURN node.name, score",
    "UNWIND [1, 2.5, 1e3] AS x RETURN x, CASE WHEN x > 2 THEN 'DELETE' ELSE \"// it's\" END AS y",
    "MATCH (e:Entity) WHERE EXISTS { (e)-[:FACT]->() } RETURN collect(DISTINCT e.type) AS types, e.set",
    "RETURN {type: 'x', order: 1} AS map UNION ALL RETURN {type: 'y', order: 2} AS map",
)
ATTACKS = (
    "CREATE (n:Entity {name: 'x'}) RETURN n",
    "MATCH (n) DETACH DELETE n",
    "MATCH (n) DELETE n RETURN 1",
    "MATCH (n) SET n.name = 'x' RETURN n",
    "MATCH (n) REMOVE n.name RETURN n",
    "MERGE (n:Entity {id: 'x'}) RETURN n",
    "INSERT (n:Entity) RETURN n",
    "MATCH (n) FOREACH (x IN [1] | CREATE (:Entity)) RETURN n",
    "MATCH (n) FOREACH(x IN [1] | DELETE n) RETURN n",
    "LOAD CSV FROM 'file:///etc/passwd' AS row RETURN row",
    "LOAD CSV WITH HEADERS FROM 'http://127.0.0.1/' AS row RETURN row",
    "MATCH (n) CALL { WITH n DELETE n } RETURN 1",
    "MATCH (n) CALL (n) { DETACH DELETE n } RETURN 1",
    "MATCH (n) CALL (n) { SET n.x = 1 } IN TRANSACTIONS OF 1 ROWS RETURN 1",
    "CALL dbms.listConfig() YIELD name, value RETURN name, value",
    "CALL db.labels() YIELD label RETURN label",
    "CALL apoc.load.json('http://127.0.0.1/') YIELD value RETURN value",
    "CALL apoc.cypher.doIt('CREATE (n)', {}) YIELD value RETURN value",
    "RETURN apoc.cypher.runFirstColumnSingle('MATCH (n) RETURN n', {})",
    "RETURN apoc.text.base64Encode('x')",
    "CALL dbms.security.createUser('x', 'y', false) RETURN 1",
    "CALL dbms.setConfigValue('x', 'y') RETURN 1",
    "CALL db.index.fulltext.queryNodes('graft_names', 'x') YIELD node DELETE node RETURN 1",
    "CALL db.index.fulltext.drop('graft_names') RETURN 1",
    "CALL db . index . fulltext . drop('graft_names') RETURN 1",
    "CREATE INDEX x FOR (n:Entity) ON (n.name)",
    "DROP CONSTRAINT graft_entity",
    "SHOW USERS YIELD user RETURN user",
    "SHOW TRANSACTIONS YIELD * RETURN *",
    "TERMINATE TRANSACTIONS 'neo4j-transaction-1'",
    "ALTER CURRENT USER SET PASSWORD FROM 'a' TO 'b'",
    "USE system MATCH (n) RETURN n",
    "PROFILE MATCH (n) RETURN n",
    "EXPLAIN MATCH (n) DELETE n RETURN n",
    "MATCH (n) /* RETURN n */ DELETE n RETURN 1",
    "MATCH (n) // x\nDELETE n RETURN 1",
    "MATCH (n) RETURN n; MATCH (m) DELETE m",
    "MATCH (n) \\u0044ELETE n RETURN 1",
    "RETURN '\\u0027 AS x MATCH (n) DELETE n RETURN \\u0027'",
    "MATCH (n:`Entity`) DELETE n RETURN 1",
    "MATCH (n) DELETE`n` RETURN 1",
    "MATCH (n)\u00a0DELETE n RETURN 1",
    "MATCH (n) \uff24ELETE n RETURN 1",
    "MATCH (n) DELE\u200bTE n RETURN 1",
    "MATCH (n) WITH n, 1.DELETE n RETURN 1",
    "MATCH (n) RETURN n 'unended",
    "CYPHER 25 MATCH (n) DELETE n RETURN 1",
    "MATCH (n) WITH n CALL\n{\nWITH n SET n.x = 1 } RETURN 1",
    "MATCH (n) RETURN file('/etc/passwd')",
    "START n=node(*) DELETE n RETURN 1",
    "",
    "MATCH (n) FINISH",
)  # fmt: skip


@pytest.mark.parametrize("query", READS)
def test_what_reads_passes(query: str) -> None:
    assert refuse(query) is None


@pytest.mark.parametrize("query", ATTACKS)
def test_what_does_more_is_refused(query: str) -> None:
    assert refuse(query)


@pytest.fixture
def store(neo4j_address: ServerAddress) -> Iterator[Neo4jStore]:
    with closing(Neo4jStore(neo4j_address, f"test-{uuid4().hex}")) as opened:
        opened.put(world())
        yield opened
        opened.clear()


@pytest.mark.neo4j
@pytest.mark.parametrize("query", READS)
def test_what_passes_is_cypher(server: Neo4jServer, store: Neo4jStore, query: str) -> None:
    assert run_query(server, query, store.workspace).columns


@pytest.mark.neo4j
def test_rows_are_plain_and_capped(server: Neo4jServer, store: Neo4jStore) -> None:
    query = "MATCH (a:Entity {workspace: $workspace}) RETURN a.name AS name ORDER BY name"
    found = run_query(server, query, store.workspace, limit=2)
    assert (found.columns, found.rows, found.cut) == (("name",), (("Ada Lorne",), ("Oune",)), True)
    query = "MATCH p = (a:Entity {workspace: $workspace, name: 'Ada Lorne'})-[f:FACT]->(b) RETURN a, f, p"
    ((node, fact, path),) = run_query(server, query, store.workspace).rows
    assert (node["labels"], fact["predicate"], len(path)) == (["Entity"], "keeps the light of", 3)


@pytest.mark.neo4j
def test_a_query_that_takes_too_long_or_is_no_cypher_says_so(server: Neo4jServer) -> None:
    long = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b WITH a, b WHERE a * b = -1 RETURN count(b)"
    with pytest.raises(InputError, match=r"took more than 0\.5 s"):
        run_query(server, long, timeout_s=0.5)
    with pytest.raises(InputError, match="database refuses the query"):
        run_query(server, "MATCH (n RETURN n")


@pytest.mark.neo4j
@pytest.mark.parametrize("query", [query for query in ATTACKS if "Entity" in query or "(n)" in query])
def test_the_server_lets_nothing_be_written_either(server: Neo4jServer, store: Neo4jStore, query: str) -> None:
    """Past the guard, as if it had a hole: READ access mode holds on its own."""
    digest = store.digest()
    with suppress(GraftError):
        server.query(query, {"workspace": ""}, 10, 5)
    with closing(Neo4jStore(server.address, store.workspace)) as again:
        assert again.digest() == digest
