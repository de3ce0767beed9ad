"""The store in Neo4j beyond what every store must do: its graph, its neighbours, its faults."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from kg.build import BuildModels, build
from kg.config import IndexConfig
from kg.language.sentences import RuleSentences
from kg.schema import Chunk, Community, Document, Entity, Evidence, Fact
from kg.stores.neo4j import schema as neo4j_schema
from kg.stores.neo4j import server as neo4j_server
from kg.stores.neo4j import store as neo4j_store
from kg.stores.neo4j.export import write_cypher
from kg.stores.neo4j.rows import SHAPES
from kg.stores.neo4j.server import Neo4jServer, ServerAddress
from kg.stores.neo4j.store import NAME, Neo4jStore
from kg.stores.protocol import JournalEntry
from kg.stores.sqlite.store import SqliteStore
from kg.stores.transfer import copy, differences
from kg.views.export import export
from kg.workspace import Workspace
from models.errors import ConfigError, InputError, ServerError, StoreError
from tests.kg import neo4j_kill
from tests.kg.scripted import PLAIN, LetterEncoder, ScriptedChat, write_sources
from tests.kg.world import world
from tests.neo4j_server import missing, own_server

pytestmark = pytest.mark.neo4j
DONE = JournalEntry("resolve", "all", "k", "done")


@pytest.fixture
def store(neo4j_address: ServerAddress) -> Iterator[Neo4jStore]:
    with closing(Neo4jStore(neo4j_address, f"test-{uuid4().hex}")) as opened:
        yield opened
        opened.clear()


def arrows(server: Neo4jServer, store: Neo4jStore) -> dict[str, int]:
    """How many relationships of each kind the workspace has."""
    rows = server.read(
        "MATCH (a {workspace: $w})-[r]->(b {workspace: $w}) RETURN labels(a)[0] + ' ' + type(r) + ' ' + labels(b)[0], "
        "count(r)",
        w=store.workspace,
    )
    return dict(rows)  # type: ignore[arg-type]


def placeholders(server: Neo4jServer, store: Neo4jStore) -> int:
    return int(server.read("MATCH (n:Placeholder {workspace: $w}) RETURN count(n)", w=store.workspace)[0][0])


def test_what_rows_say_of_one_another_can_be_followed(store: Neo4jStore, server: Neo4jServer) -> None:
    store.put(reversed(world()))
    (chunk, other) = store.read(Chunk)
    longer = replace(chunk, id="c:next", position=chunk.position + 1)
    store.put([longer])
    found = arrows(server, store)
    assert found["Chunk PART_OF Document"] == 3
    assert found["Chunk NEXT Chunk"] == 1
    assert found["Entity FACT Entity"] == 3
    assert found["Chunk MENTIONS Entity"] == 4
    assert found["Entity IN_COMMUNITY Community"] == sum(len(row.entity_ids) for row in store.read(Community))
    assert placeholders(server, store) == 0
    store.replace(Chunk, [chunk, other])
    assert "Chunk NEXT Chunk" not in arrows(server, store)


def test_a_row_that_others_need_leaves_a_place_and_takes_it_again(store: Neo4jStore, server: Neo4jServer) -> None:
    store.put(world())
    before, digest = arrows(server, store), store.digest()
    entities = list(store.read(Entity))
    store.replace(Entity, [])
    assert list(store.read(Entity)) == []
    assert len(list(store.read(Fact))) == 3
    assert placeholders(server, store) == 3
    store.put(entities)
    assert (arrows(server, store), store.digest(), placeholders(server, store)) == (before, digest, 0)
    store.clear()
    assert placeholders(server, store) == 0


def test_a_fact_of_the_same_id_moves_to_its_new_ends(store: Neo4jStore, server: Neo4jServer) -> None:
    store.put(world())
    fact = next(store.read(Fact))
    moved = replace(fact, object_id=fact.subject_id, evidence=(), phrases=("a", "b"))
    store.put([moved])
    assert list(store.read(Fact, [fact.id])) == [moved]
    assert arrows(server, store)["Entity FACT Entity"] == 3


def test_two_workspaces_share_a_database_and_nothing_else(store: Neo4jStore, neo4j_address: ServerAddress) -> None:
    store.put(world())
    store.mark([DONE])
    digest = store.digest()
    with closing(Neo4jStore(neo4j_address, f"{store.workspace}-2")) as second:
        second.put([*world(), Document("d:2", "b.md", "B", "More")])
        second.clear()
        assert list(second.journal()) == list(second.read(Document)) == []
    with closing(Neo4jStore(neo4j_address, store.workspace)) as again:
        assert (again.digest(), list(again.journal())) == (digest, [DONE])


LABELS = {shape.label for shape in SHAPES.values()} | {"JournalEntry", "Workspace", "Placeholder", "GraftSchema"}
HOSTILE = (
    "`", "``", '"', "'", "\\", "\\u0060", "\\u0027}) DETACH DELETE n //", "$$", "$w", "{id}", "%s", "\n", "\r\n\t",
    "\x00",
    "') DETACH DELETE n //", "`]-() MATCH (m) DETACH DELETE m //", "/*", "*/", "//", ";", "MATCH (n) DETACH DELETE n",
    "\u202eright to left\u202c", "\u2066\u2069", "\u200f", "e\u0301", "\ufeff", "😀", "𝔸", "한국어", "‘’“”", "|", ":",
    "CALL db.labels()", "LOAD CSV FROM 'file:///etc/passwd' AS x", "null", "NaN", "", " ", "a" * 40_000,
)  # fmt: skip


def hostile(count: int) -> list[Document | Entity | Fact]:
    """Titles, names and predicates of hostile texts, each another one."""
    rows: list[Document | Entity | Fact] = []
    for number in range(count):
        text = f"{HOSTILE[number % len(HOSTILE)]}{number // len(HOSTILE) or ''}"
        rows.append(Document(f"d:{number}", f"{text}.md", text, text))
        rows.append(Entity(f"e:{number}", text, text, (text, "x"), (Evidence("c:1", 0, 1),)))
        rows.append(
            Fact(f"f:{number}", f"e:{number}", text, f"e:{(number + 1) % count}", (), text, text, phrases=(text,))
        )
    return rows


def round_trip(store: Neo4jStore, server: Neo4jServer, count: int) -> None:
    rows = hostile(count)
    store.load(rows)
    for kind in (Document, Entity, Fact):
        assert list(store.read(kind)) == sorted((row for row in rows if type(row) is kind), key=lambda row: row.id)
    assert arrows(server, store) == {"Entity FACT Entity": count, "Chunk MENTIONS Entity": count}
    assert {label for (label,) in server.read("CALL db.labels() YIELD label RETURN label")} <= LABELS
    assert server.read("MATCH (n:Document {workspace: $w}) RETURN count(n)", w=store.workspace) == [[count]]


def test_names_are_values_whatever_they_are(store: Neo4jStore, server: Neo4jServer) -> None:
    round_trip(store, server, len(HOSTILE))


@pytest.mark.slow
def test_twenty_thousand_hostile_names(store: Neo4jStore, server: Neo4jServer) -> None:
    round_trip(store, server, 20_000)


def test_many_rows_are_written_in_parts_and_marked_last(
    store: Neo4jStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(neo4j_store, "MAX_ROWS", 5)
    monkeypatch.setattr(neo4j_store, "_BATCH", 2)
    store.mark([DONE])
    with closing(SqliteStore(tmp_path / "graph.sqlite")) as expected:
        expected.put(world())
        rows, writes = world(), 0
        write = store._server.write

        def fails(*arguments: object) -> None:
            nonlocal writes
            writes += 1
            if writes == 4:
                raise StoreError("stop")
            write(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(store._server, "write", fails)
        with pytest.raises(StoreError, match="stop"), store.transaction():
            store.put(rows)
            store.mark([DONE])
        assert list(store.journal()) == []  # the stage is to be done again
        monkeypatch.setattr(store._server, "write", write)
        with store.transaction():
            store.put(rows)
            store.mark([DONE])
        assert (store.digest(), list(store.journal())) == (expected.digest(), [DONE])


def test_a_commit_of_unknown_outcome_is_looked_up(store: Neo4jStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks after the server has committed, then before it has."""
    from neo4j import Session
    from neo4j.exceptions import IncompleteCommit

    execute, lost = Session.execute_write, 0

    def loses(session: Session, *arguments: object) -> object:
        nonlocal lost
        lost += 1
        if lost == 1:
            execute(session, *arguments)  # type: ignore[arg-type]
        if lost in (1, 3):
            raise IncompleteCommit("lost")
        return execute(session, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Session, "execute_write", loses)
    store.put([Document("d:1", "a", "A", "one")])
    assert lost == 1
    store.put([Document("d:2", "b", "B", "two")])
    store.put([Document("d:3", "c", "C", "three")])
    assert lost == 4
    assert [row.id for row in store.read(Document)] == ["d:1", "d:2", "d:3"]


def test_the_pipeline_makes_the_same_in_both_stores(
    neo4j_address: ServerAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("URI", neo4j_address.uri), ("PASSWORD", neo4j_address.password)):
        monkeypatch.setenv(f"NEO4J_{name}", value)
    sources = write_sources(tmp_path / "docs")
    digests = set()
    for store in ("sqlite", "neo4j"):
        config = IndexConfig(store=store, extract=PLAIN)
        with Workspace.create(tmp_path / store, config) as workspace:
            summary = build(workspace, sources, BuildModels(ScriptedChat(), LetterEncoder(), RuleSentences()))
            again = build(workspace, sources, BuildModels(ScriptedChat(), LetterEncoder(), RuleSentences()))
            digests |= {summary.digest, again.digest, workspace.store.digest()}
            if store == "neo4j":
                name = (workspace.path / NAME).read_text().strip()
                workspace.is_new = True
                workspace.discard()
                with closing(Neo4jStore(neo4j_address, name)) as gone:
                    assert gone.stored_config() is None
    assert len(digests) == 1


def test_rows_that_are_loaded_twice_or_stand_there_are_written_once(store: Neo4jStore, server: Neo4jServer) -> None:
    facts = [row for row in world() if isinstance(row, Fact)]
    store.load([*world(), *facts])
    digest, before = store.digest(), arrows(server, store)
    changed = [replace(fact, valid_to="2099") for fact in facts[:1]]
    store.load([*facts[1:], *changed])
    assert list(store.read(Fact, [facts[0].id])) == changed
    store.load(world())
    assert (store.digest(), arrows(server, store)) == (digest, before)


def test_a_copy_takes_over_what_differs_and_drops_the_rest(store: Neo4jStore, tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "graph.sqlite")) as here:
        here.put(world())
        here.mark([DONE])
        assert not all(row.same for row in differences(here, store))
        copy(here, store)
        store.put([Document("d:more", "m.md", "M", "More"), replace(next(here.read(Fact)), valid_to="2099")])
        store.mark([JournalEntry("load", "m.md", "k", "done")])
        found = {row.kind: row for row in copy(here, store)}
        assert (found["Document"].surplus, found["Fact"].changed, found["Entity"].missing) == (1, 1, 0)
        assert all(row.same for row in differences(here, store))
        assert (store.digest(), list(store.journal())) == (here.digest(), [DONE])


def test_a_script_of_cypher_gives_the_database_what_the_store_would(
    store: Neo4jStore, server: Neo4jServer, tmp_path: Path
) -> None:
    with closing(SqliteStore(tmp_path / "graph.sqlite")) as here:
        here.put([*world(), *hostile(len(HOSTILE))])
        here.mark([DONE])
        write_cypher(here, tmp_path / "kb.cypher", store.workspace)
        statements = (tmp_path / "kb.cypher").read_text(encoding="utf-8").split(";\n")
        assert statements.pop() == ""
        for _ in range(2):
            for statement in statements:
                with server._session() as session:
                    session.run(statement).consume()
            assert all(row.same for row in differences(here, store))
        assert (store.digest(), list(store.journal())) == (here.digest(), [DONE])
        store.put(world())
        assert placeholders(server, store) == 1  # the chunk that the hostile names say they stand in


@pytest.mark.slow
def test_csv_is_what_the_import_tool_of_neo4j_reads(tmp_path: Path) -> None:
    with own_server() as server, closing(SqliteStore(tmp_path / "graph.sqlite")) as here:
        names = [row for row in hostile(len(HOSTILE)) if "" not in getattr(row, "phrases", getattr(row, "aliases", ()))]
        here.put(
            [*world(), *names, Entity(f"e:{HOSTILE.index('')}", "", "", (), ()), Chunk("c:1", "d:1", 0, 0, 1, "x", 1)]
        )
        here.mark([DONE, JournalEntry("load", 'a\n"b"', "k", "failed", "why", 1, 2, 0.5)])
        export(here, tmp_path / "csv", "csv")
        with pytest.raises(InputError, match="Expected a new folder for csv"):
            export(here, tmp_path / "csv", "csv")
        words = (tmp_path / "csv" / "import.txt").read_text().replace("\\\n", " ").split()
        server("stop")
        parts = [re.sub(r"=([^=]*\.csv)$", rf"={tmp_path}/csv/\1", word) for word in words[1:]]
        server("admin", *parts)
        server("start")
        with closing(Neo4jStore(server.address, "graft")) as store:
            assert [row for row in differences(here, store) if not row.same] == []
            assert (store.digest(), list(store.journal())) == (here.digest(), list(here.journal()))


def refused(address: ServerAddress) -> str:
    with pytest.raises(ServerError) as error:
        Neo4jServer(address, retry_s=0)
    assert error.value.exit_code == 4
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def test_a_wrong_password_a_wrong_database_and_a_server_that_is_down_are_named(neo4j_address: ServerAddress) -> None:
    assert "NEO4J_PASSWORD" in refused(replace(neo4j_address, password="wrong-password"))
    assert "NEO4J_DATABASE" in refused(replace(neo4j_address, database="nowhere"))
    assert "NEO4J_URI" in refused(replace(neo4j_address, uri="bolt://127.0.0.1:9"))
    with pytest.raises(ConfigError, match="NEO4J_URI is 'http://x'"):
        Neo4jServer(replace(neo4j_address, uri="http://x"))


def test_a_server_that_is_too_old_and_a_database_of_a_newer_graft_are_refused(
    neo4j_address: ServerAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neo4j_server, "OLDEST_SERVER", (99, 0))
    assert "99.0 or newer" in refused(neo4j_address)
    monkeypatch.undo()
    monkeypatch.setattr(neo4j_server, "VERSION", neo4j_schema.VERSION - 1)
    with pytest.raises(StoreError, match="Upgrade GRAFT"):
        Neo4jServer(neo4j_address)


def test_a_configuration_without_a_password_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEO4J_PASSWORD", raising=False)
    with pytest.raises(ConfigError, match="NEO4J_PASSWORD is not set"):
        ServerAddress.of_environment()


@pytest.mark.slow
def test_a_database_that_can_only_be_read_is_named() -> None:
    with own_server() as server:
        with closing(Neo4jStore(server.address, "kb")) as store:
            store.put(world())
            digest = store.digest()
        server("stop")
        server.configure("server.databases.default_to_read_only=true")
        server("start")
        with closing(Neo4jStore(server.address, "kb", retry_s=0)) as store:
            assert store.digest() == digest
            with pytest.raises(ServerError, match="can only be read"):
                store.put([Document("d:1", "a", "A", "t")])


@pytest.mark.slow
def test_a_server_that_is_killed_again_and_again_holds_every_row_once(tmp_path: Path) -> None:
    """Killed outright and started again while it is loaded, it has in the end what was to be loaded."""
    with own_server() as server:
        outcome = neo4j_kill.run(server, tmp_path, facts=60_000, every_s=4, most=4)
    assert outcome.good, outcome
    assert outcome.kills >= 2


@pytest.mark.slow
def test_the_benchmark_of_loading_asserts_what_it_loads() -> None:
    """Every way to load ends with the facts that were given, and a second run adds nothing."""
    if reason := missing():
        pytest.skip(reason)
    command = [sys.executable, "-m", "benchmarks.neo4j_load", "--json", "--facts", "2000", "--entities", "400"]
    done = subprocess.run(
        [*command, "--no-record", "--part", "40", "--warm-up", "0", "--heap", "1g", "--pages", "256m"],
        cwd=Path(__file__).parents[2],
        env={name: value for name, value in os.environ.items() if name != "NEO4J_URI"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {row["name"]: row for row in json.loads(done.stdout)}
    assert found["ours, once more"]["added"] == 0
    nodes = 1 + 400 + 45  # the workspace, entities, and places for the passages that they stand in
    assert {found[f"ours, {each}"]["added"] for each in ("2 writers", "1 writer")} == {nodes + 400 + 2000}
    assert found["neo4j-admin import"]["facts"] == 2000
