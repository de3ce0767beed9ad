"""What every store must do. A new store joins by one line in `OPENERS`."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from kg.schema import KINDS, Chunk, Document, Entity, Evidence, Extraction, Fact, Row
from kg.stores.digest import digest_rows
from kg.stores.neo4j.server import ServerAddress
from kg.stores.neo4j.store import Neo4jStore
from kg.stores.protocol import GraphStore, JournalEntry
from kg.stores.sqlite.store import SqliteStore
from tests.kg.world import world

Opener = Callable[[], GraphStore]


@contextmanager
def sqlite(folder: Path, request: pytest.FixtureRequest) -> Iterator[Opener]:
    yield lambda: SqliteStore(folder / "graph.sqlite")


@contextmanager
def neo4j(folder: Path, request: pytest.FixtureRequest) -> Iterator[Opener]:
    address: ServerAddress = request.getfixturevalue("neo4j_address")
    workspace = f"test-{uuid4().hex}"
    yield lambda: Neo4jStore(address, workspace)
    with closing(Neo4jStore(address, workspace)) as store:
        store.clear()


OPENERS = {"sqlite": sqlite, "neo4j": neo4j}


@pytest.fixture(params=["sqlite", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens the same place again at every call."""
    with OPENERS[request.param](tmp_path, request) as opens:
        yield opens


@pytest.fixture
def store(opener: Opener) -> Iterator[GraphStore]:
    with closing(opener()) as opened:
        yield opened


def rows_of(store: GraphStore, kind: type[Row]) -> list[Row]:
    return list(store.read(kind))


def documents(count: int) -> list[Document]:
    return [Document(f"d:{number:05}", f"{number}.txt", "T", f"Text {number}") for number in range(count)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_rows_come_back_as_they_went_in(store: GraphStore, kind: type[Row]) -> None:
    store.put(world())
    expected = sorted((row for row in world() if type(row) is kind), key=lambda row: row.id)
    assert expected
    assert rows_of(store, kind) == expected


def test_rows_outlive_the_store(opener: Callable[[], GraphStore]) -> None:
    first = opener()
    first.put(world())
    first.mark([JournalEntry("load", "a.md", "k", "done")])
    digest = first.digest()
    first.close()
    second = opener()
    assert second.digest() == digest
    assert [entry.item for entry in second.journal()] == ["a.md"]
    second.close()


def test_putting_twice_changes_nothing(store: GraphStore) -> None:
    store.put(world())
    before = store.digest()
    store.put(reversed(world()))
    store.put([*world(), *world()])
    assert store.digest() == before
    assert len(rows_of(store, Fact)) == 3


def test_a_row_of_the_same_id_is_replaced_with_all_it_holds(store: GraphStore) -> None:
    store.put(world())
    (ness,) = store.read(Entity, ["e:ness"])
    shorter = replace(ness, aliases=(), evidence=ness.evidence[:1])
    store.put([shorter])
    assert list(store.read(Entity, ["e:ness"])) == [shorter]


def test_the_last_of_two_rows_of_one_id_stands(store: GraphStore) -> None:
    one, two = Document("d:1", "a", "A", "first"), Document("d:1", "a", "A", "second")
    store.put([one, two])
    assert rows_of(store, Document) == [two]


def test_values_of_a_row_keep_their_order(store: GraphStore) -> None:
    evidence = tuple(Evidence(f"c:{number}", number, number + 1) for number in (9, 2, 30, 1))
    entity = Entity("e:1", "N", "t", ("z", "a", "m"), evidence)
    store.put([entity])
    assert rows_of(store, Entity) == [entity]


def test_any_text_comes_back(store: GraphStore) -> None:
    texts = [
        "",
        "\n \t",
        "a'b\"c`d\\e",
        "NUL\x00inside",
        "한국어 中文 日本語",
        "😀\u200d",
        "%s {x} $1 ?",
        "x" * 3_000_000,
    ]
    rows = [Document(f"d:{number}", text[:50], text[:50], text) for number, text in enumerate(texts)]
    store.put(rows)
    assert rows_of(store, Document) == rows


def test_an_extraction_without_content_comes_back(store: GraphStore) -> None:
    store.put([Extraction("x:1", "c:1", (), ())])
    assert rows_of(store, Extraction) == [Extraction("x:1", "c:1", (), ())]


def test_thousands_of_ids_come_back_in_the_order_given(store: GraphStore) -> None:
    rows = documents(2600)
    store.put(rows)
    wanted = [row.id for row in rows]
    random.Random(1).shuffle(wanted)
    wanted[7:7] = ["d:unknown"]
    wanted.append(wanted[0])
    assert [row.id for row in store.read(Document, wanted)] == [row_id for row_id in wanted if row_id != "d:unknown"]
    assert list(store.read(Document, [])) == []
    assert rows_of(store, Document) == rows


def test_replace_leaves_only_the_new_rows_of_that_kind(store: GraphStore) -> None:
    store.put(world())
    (ada,) = store.read(Entity, ["e:ada"])
    store.replace(Entity, [ada])
    assert rows_of(store, Entity) == [ada]
    assert len(rows_of(store, Fact)) == 3
    store.replace(Entity, [])
    assert rows_of(store, Entity) == []


def test_replace_may_read_what_it_replaces(store: GraphStore) -> None:
    store.put(documents(1200))
    store.replace(Document, (replace(row, title="New") for row in store.read(Document)))
    assert [row.title for row in store.read(Document)] == ["New"] * 1200


def test_writing_while_reading_is_allowed(store: GraphStore) -> None:
    store.put(documents(1200))
    for row in store.read(Document):
        store.put([Chunk(f"c:{row.id}", row.id, 0, 0, 4, "Text", 1)])
    assert len(rows_of(store, Chunk)) == 1200


def test_a_transaction_is_all_or_nothing(store: GraphStore) -> None:
    store.put(documents(3))
    before = store.digest()
    with pytest.raises(RuntimeError, match="stop"), store.transaction():
        store.put(world())
        store.replace(Document, [])
        store.mark([JournalEntry("load", "a", "k", "done")])
        assert rows_of(store, Document) == []
        raise RuntimeError("stop")
    assert store.digest() == before
    assert list(store.journal()) == []


def test_a_nested_transaction_falls_with_the_outer_one(store: GraphStore) -> None:
    with pytest.raises(RuntimeError, match="stop"), store.transaction():
        with store.transaction():
            store.put(documents(2))
        store.put(documents(3))
        raise RuntimeError("stop")
    assert rows_of(store, Document) == []
    with store.transaction(), store.transaction():
        store.put(documents(2))
    assert len(rows_of(store, Document)) == 2


def test_rows_that_fail_half_way_leave_nothing(store: GraphStore) -> None:
    def rows() -> Iterator[Row]:
        yield from documents(1200)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        store.put(rows())
    assert rows_of(store, Document) == []


def test_the_newest_entry_of_an_item_stands_and_the_journal_is_sorted(store: GraphStore) -> None:
    failed = JournalEntry("extract", "c:1", "k1", "failed", "no answer", 10, 2, 0.5)
    done = JournalEntry("extract", "c:1", "k2", "done", "", 20, 4, 1.25)
    other, chunked = JournalEntry("extract", "c:0", "k", "skipped", "empty"), JournalEntry("chunk", "d:1", "k", "done")
    store.mark([failed])
    store.mark([done, other, chunked])
    assert list(store.journal()) == [chunked, other, done]
    assert list(store.journal("extract")) == [other, done]
    assert list(store.journal("load")) == []


def test_a_long_journal_comes_back_complete(store: GraphStore) -> None:
    store.mark(JournalEntry(stage, f"{item:04}", "k", "done") for stage in ("b", "a") for item in range(1001))
    found = [(entry.stage, entry.item) for entry in store.journal()]
    assert found == [(stage, f"{item:04}") for stage in ("a", "b") for item in range(1001)]
    assert len(list(store.journal("b"))) == 1001


def test_the_digest_tells_content_and_nothing_else(store: GraphStore) -> None:
    empty = store.digest()
    store.put(reversed(world()))
    full = store.digest()
    assert full != empty
    assert full == digest_rows(store) == "1b2a5358b49cec8fc9cdcb965021241f"  # the same in any store, forever
    store.mark([JournalEntry("load", "a", "k", "done")])
    assert store.digest() == full
    store.put([replace(next(store.read(Fact)), valid_to="2032")])
    changed = store.digest()
    assert changed != full
    store.replace(Fact, [])
    assert store.digest() not in (changed, full)
    store.put(world())
    assert store.digest() == full


def test_the_digest_inside_a_transaction_sees_its_writes(store: GraphStore) -> None:
    empty = store.digest()
    with pytest.raises(RuntimeError, match="stop"), store.transaction():
        store.put(world())
        assert store.digest() != empty
        raise RuntimeError("stop")
    assert store.digest() == empty


def test_a_cleared_store_is_empty_and_goes_on(store: GraphStore) -> None:
    empty = store.digest()
    store.put(world())
    store.mark([JournalEntry("load", "a", "k", "done")])
    store.clear()
    assert store.digest() == empty
    assert list(store.journal()) == []
    assert not any(rows_of(store, kind) for kind in KINDS)
    store.put(world())
    assert len(rows_of(store, Fact)) == 3


def test_threads_write_and_read_without_losing_rows(store: GraphStore) -> None:
    errors: list[Exception] = []

    def work(thread: int) -> None:
        try:
            for number in range(20):
                with store.transaction():
                    store.put([Document(f"d:{thread}:{number}", "a", "A", "t")])
                    store.mark([JournalEntry("load", f"{thread}:{number}", "k", "done")])
                assert len(list(store.read(Document, [f"d:{thread}:{number}"]))) == 1
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(rows_of(store, Document)) == len(list(store.journal())) == 120
