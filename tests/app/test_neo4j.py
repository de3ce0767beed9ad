"""`graft neo4j` against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kg.stores.neo4j.server import ServerAddress
from kg.stores.neo4j.store import NAME, Neo4jStore
from tests.app.command import graft
from tests.app.scripted import PLAINLY, QUERIER

pytestmark = pytest.mark.neo4j


@pytest.fixture
def database(neo4j_address: ServerAddress, articles: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerAddress]:
    """A knowledge base, and the environment of a user with a database; what a test pushes there is removed."""
    assert graft("index", articles, "-w", "kb", *PLAINLY, "-q").code == 0
    monkeypatch.setenv("NEO4J_URI", neo4j_address.uri)
    monkeypatch.setenv("NEO4J_USERNAME", neo4j_address.username)
    monkeypatch.setenv("NEO4J_PASSWORD", neo4j_address.password)
    yield neo4j_address
    for file in Path().glob(f"*/{NAME}"):
        with closing(Neo4jStore(neo4j_address, file.read_text().strip())) as store:
            store.clear()


def test_a_workspace_goes_to_the_database_and_comes_back(database: ServerAddress) -> None:
    pushed = graft("neo4j", "push", "-w", "kb", "--json", "-q").json
    name = Path("kb", NAME).read_text().strip()
    assert (pushed["name"], pushed["same"]) == (name, True)
    assert {row["kind"]: row["missing"] for row in pushed["rows"]}["Document"] > 0
    again = graft("neo4j", "push", "-w", "kb", "--json", "-q").json
    assert sum(row["missing"] + row["changed"] + row["surplus"] for row in again["rows"]) == 0
    listed = graft("neo4j", "ls", "--json").json["workspaces"]
    assert [row["facts"] > 0 for row in listed if row["name"] == name] == [True]
    assert graft("neo4j", "pull", "kb2", "--name", name, "-q").code == 0
    exported = [graft("export", f"{kb}.jsonl", "-w", kb, "--format", "jsonl", "--json").json for kb in ("kb", "kb2")]
    assert exported[0]["digest"] == exported[1]["digest"]
    assert Path("kb.jsonl").read_bytes() == Path("kb2.jsonl").read_bytes()
    assert "The two are the same." in graft("neo4j", "diff", "-w", "kb").out
    with closing(Neo4jStore(database, name)) as store, store.transaction():
        from kg.schema import Fact

        store.remove(Fact, [next(store.read(Fact)).id])
    different = graft("neo4j", "diff", "-w", "kb")
    assert (different.code, "The two DIFFER." in different.out) == (1, True)
    assert f"Removed {name} from the database" in graft("neo4j", "rm", name).out
    assert name not in graft("neo4j", "ls").out
    assert name in graft("neo4j", "rm", name).error(2)
    assert name in graft("neo4j", "pull", "kb3", "--name", name).error(2)


def test_a_database_that_is_down_or_refuses_is_exit_code_4(
    database: ServerAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO4J_PASSWORD", "wrong-password")
    assert "NEO4J_PASSWORD" in graft("neo4j", "push", "-w", "kb", "-q").error(4)
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:9")
    assert "docker compose up" in graft("neo4j", "ls").error(4)
    monkeypatch.delenv("NEO4J_PASSWORD")
    assert "NEO4J_PASSWORD is not set" in graft("neo4j", "diff", "-w", "kb").error(2)


def test_a_query_is_answered_or_refused(database: ServerAddress) -> None:
    assert graft("neo4j", "push", "-w", "kb", "-q").code == 0
    name = Path("kb", NAME).read_text().strip()
    reads = "MATCH (a:Entity {workspace: $workspace}) RETURN a.name AS name, a.aliases ORDER BY name"
    found = graft("neo4j", "query", reads, "--name", name, "-n", "2", "--json").json
    assert (found["columns"], len(found["rows"]), found["cut"]) == (["name", "a.aliases"], 2, True)
    assert "2 rows" in graft("neo4j", "query", reads, "--name", name, "-n", "2").err
    assert "DETACH" in graft("neo4j", "query", "MATCH (n) DETACH DELETE n").error(2)
    assert "refuses the query" in graft("neo4j", "query", "MATCH (n RETURN n").error(2)


def test_a_model_queries_the_graph_and_its_query_is_shown_with_the_answer(
    database: ServerAddress, articles: Path
) -> None:
    config = Path("neo.yaml")
    config.write_text(Path(PLAINLY[1]).read_text() + "store: neo4j\nsearch: store\n")
    assert graft("index", articles, "-w", "neo", "--config", config, "-q").code == 0
    asked = ("Who founded Marrow & Finch?", "-w", "neo", "--retriever", "cypher", "--model", QUERIER, "-q")
    found = graft("search", *asked, "--json").json
    assert "Marrow & Finch" in found["query"]["text"] and not found["query"]["problem"]
    assert found["facts"] and found["rows"] and found["passages"]
    assert f"Cypher query: {found['query']['text']}" in graft("search", *asked).out
    shown = graft("ask", *asked)
    assert shown.code == 0 and f"Cypher query: {found['query']['text']}" in shown.out
    answer = graft("ask", *asked, "--json").json
    assert answer["context"]["query"]["text"] == found["query"]["text"]
    assert "store: neo4j" in graft(
        "search", "Who?", "-w", "kb", "--retriever", "cypher", "--model", QUERIER, "-q"
    ).error(2)
    assert "MATCH" not in graft("search", "Who founded Marrow & Finch?", "-w", "neo", "-q").out


def test_the_doctor_looks_at_the_database(database: ServerAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    def seen() -> tuple[bool, str]:
        (check,) = [one for one in graft("doctor", "--json").json["checks"] if one["name"] == "neo4j server"]
        return check["ok"], check["seen"]

    assert seen() == (True, f"version {seen()[1].split()[1]} at {database.uri}")
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:9")
    assert not seen()[0]
    monkeypatch.delenv("NEO4J_PASSWORD")
    assert seen()[0]
