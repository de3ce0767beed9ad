"""The graph taken away: readable by others, complete, and never half written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import networkx as nx
import pytest

from kg.schema import Description, Entity
from kg.stores.protocol import GraphStore
from kg.stores.sqlite.store import SqliteStore
from kg.views.export import EXPORTS, export
from models.errors import ConfigError, StoreError
from tests.kg.world import world


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "graph.sqlite")
    opened.put(world())
    yield opened
    opened.close()


def test_csv_says_what_each_column_holds_whatever_the_first_row_has(store: SqliteStore, tmp_path: Path) -> None:
    assert next(store.read(Entity)).aliases == ()
    export(store, tmp_path / "csv", "csv")
    lines = (tmp_path / "csv" / "nodes-Entity.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == (
        '"id:ID(Entity)","workspace","name:string","type:string","aliases:string[]","evidence:string[]"'
    )
    facts = (tmp_path / "csv" / "relationships-FACT.csv").read_text(encoding="utf-8").splitlines()
    assert '"phrases:string[]"' in facts[0]


def test_graphml_is_read_back_by_networkx(store: SqliteStore, tmp_path: Path) -> None:
    path = tmp_path / "out" / "graph.graphml"
    export(store, path, "graphml")
    graph = nx.read_graphml(path)
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (3, 3)
    assert graph.nodes["e:ness"] == {
        "name": "Sable Ness",
        "type": "place",
        "aliases": "Ness | The Ness",
        "description": "",
        "mentions": 2,
        "community_0": "m:0",
        "community_1": "m:1",
    }
    assert "community_1" not in graph.nodes["e:oune"]
    assert graph.edges["e:ness", "e:oune", "f:3"] == {
        "predicate": "looks over",
        "kind": "relation",
        "status": "",
        "valid_from": "",
        "valid_to": "2031-12",
        "sentence": "Sable Ness lies on the Oune.\nAda Lorne keeps the light of Sable Ness.",
        "source": "a.md\nb/ü.txt",
    }
    assert [entry.name for entry in path.parent.iterdir()] == ["graph.graphml"]


def test_graphml_survives_what_xml_forbids(store: SqliteStore, tmp_path: Path) -> None:
    (ada,) = store.read(Entity, ["e:ada"])
    store.put([replace(ada, name="A\x00d\x1ba\uffff <&> \"'", aliases=("\x08",))])
    store.put([Description("n:0", ada.id, "", "한강\t😀")])
    export(store, tmp_path / "g.graphml", "graphml")
    node = nx.read_graphml(tmp_path / "g.graphml").nodes["e:ada"]
    assert node["name"] == "A\ufffdd\ufffda\ufffd <&> \"'"
    assert node["description"] == "한강\t😀"


def test_the_graph_of_an_empty_store_is_empty(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "empty.sqlite")
    export(store, tmp_path / "g.graphml", "graphml")
    assert nx.read_graphml(tmp_path / "g.graphml").number_of_nodes() == 0
    store.close()


def test_jsonl_holds_every_row(store: SqliteStore, tmp_path: Path) -> None:
    export(store, tmp_path / "rows.jsonl", "jsonl")
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {(row["row"], row["id"]) for row in rows} == {(type(row).__name__, row.id) for row in world()}
    (fact,) = (row for row in rows if row["id"] == "f:2")
    assert fact["predicate"] == "lies on"
    assert list(fact["evidence"][0]) == ["chunk_id", "start", "end"]


def test_a_failed_export_leaves_the_old_file(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("old")

    def half(_: GraphStore, part: Path) -> None:
        part.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(EXPORTS, "jsonl", half)
    with pytest.raises(StoreError, match=r"Cannot write .*No space left.*free some space"):
        export(store, path, "jsonl")
    assert path.read_text() == "old"
    assert sorted(entry.name for entry in tmp_path.iterdir() if "sqlite" not in entry.name) == ["rows.jsonl"]


def test_an_unknown_format_is_named(store: SqliteStore, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Unknown export format 'parquet'\. Expected one of: graphml, jsonl"):
        export(store, tmp_path / "x", "parquet")


def test_export_does_not_change_the_store(store: SqliteStore, tmp_path: Path) -> None:
    before = store.digest()
    for name in EXPORTS:
        export(store, tmp_path / name, name)
    assert store.digest() == before
