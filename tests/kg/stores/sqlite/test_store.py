"""What only an SQLite file can do wrong: damage, other versions, two processes, a full disk, a kill."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from kg.schema import Document, Fact
from kg.stores.protocol import JournalEntry
from kg.stores.registry import STORES, open_store
from kg.stores.sqlite.store import SqliteStore
from models.calls.record_store import Call, CallCost, Records
from models.errors import ConfigError, StoreError
from models.protocols import Usage
from tests.kg.world import world


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "graph.sqlite"


@pytest.fixture
def full(path: Path) -> Iterator[SqliteStore]:
    """A store with the small world in it."""
    store = SqliteStore(path)
    store.put(world())
    yield store
    store.close()


def big(number: int) -> Document:
    return Document(f"d:big{number}", "a", "A", "x" * 50_000)


def test_people_can_query_the_tables(full: SqliteStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        names = database.execute(
            "SELECT s.name, f.predicate, o.name FROM facts f JOIN entities s ON s.id = f.subject_id "
            "JOIN entities o ON o.id = f.object_id JOIN fact_evidence e ON e.owner_id = f.id "
            "JOIN chunks c ON c.id = e.chunk_id JOIN documents d ON d.id = c.document_id WHERE d.source = 'b/ü.txt' "
            "ORDER BY f.id"
        ).fetchall()
        alias = database.execute("SELECT owner_id FROM entity_aliases WHERE alias = 'Ness'").fetchall()
    assert names == [("Ada Lorne", "keeps the light of", "Sable Ness"), ("Sable Ness", "looks over", "Oune")]
    assert alias == [("e:ness",)]


def test_making_a_store_leaves_one_file(path: Path) -> None:
    SqliteStore(path).close()
    assert [entry.name for entry in path.parent.iterdir()] == ["graph.sqlite"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"hello", "is not a store"),
        (b"\x01\x02tide" * 2000, "is not a store"),
        (b"SQLite format 3\0" + b"\x55" * 5000, "is not a store"),
    ],
)
def test_a_file_that_is_no_database_is_refused_and_kept(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=message):
        SqliteStore(path)
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_refused_and_kept(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(StoreError, match="another program"):
        SqliteStore(path)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


def test_a_newer_version_is_refused(full: SqliteStore, path: Path) -> None:
    full.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"newer GRAFT \(schema 99, this one reads 2\)\. Upgrade"):
        SqliteStore(path)


def test_a_missing_table_is_damage(full: SqliteStore, path: Path) -> None:
    full.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE fact_evidence")
    with pytest.raises(StoreError, match=r"damaged \(no table fact_evidence\)"):
        SqliteStore(path)


def test_a_file_cut_short_is_damage(full: SqliteStore, path: Path) -> None:
    full.put(big(number) for number in range(20))
    full.close()
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)
    with pytest.raises(StoreError, match="damaged"):
        store = SqliteStore(path)
        list(store.read(Document))


@pytest.mark.parametrize("place", ["missing/graph.sqlite", "."])
def test_a_place_that_cannot_hold_a_store_is_named(tmp_path: Path, place: str) -> None:
    with pytest.raises(StoreError, match=str(tmp_path)):
        SqliteStore(tmp_path / place)


@pytest.mark.parametrize("records_first", [True, False])
def test_records_of_model_calls_live_in_the_same_file(path: Path, records_first: bool) -> None:
    call, spent = Call("k", "chat", "m", "{}"), CallCost(Usage(1, 1), 0.5, 0.0)
    if records_first:
        with closing(Records(path)) as records:
            records.add(call, "[]", spent)
    with closing(SqliteStore(path)) as store, closing(Records(path)) as records:
        store.put(world())
        records.add(call, "[]", spent)
        digest = store.digest()
    with closing(SqliteStore(path)) as store, closing(Records(path)) as records:
        assert store.digest() == digest
        assert records.find("k") == "[]"


def test_half_a_surrogate_pair_is_refused_in_words(full: SqliteStore) -> None:
    with pytest.raises(StoreError, match="half a surrogate pair"):
        full.put([Document("d:1", "a", "A", "\ud800")])


def test_a_closed_store_says_so(path: Path) -> None:
    store = SqliteStore(path)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.put(world())


def test_an_inner_transaction_that_fails_undoes_only_itself(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        with store.transaction():
            store.put([big(1)])
            with pytest.raises(RuntimeError, match="stop"), store.transaction():
                store.put([big(2)])
                raise RuntimeError("stop")
            store.put([big(3)])
        assert [row.id for row in store.read(Document)] == ["d:big1", "d:big3"]


def test_a_full_disk_is_said_and_what_was_committed_stays(full: SqliteStore) -> None:
    before = full.digest()
    pages = full._connection.execute("PRAGMA page_count").fetchone()[0]
    full._connection.execute(f"PRAGMA max_page_count = {pages + 10}")
    with pytest.raises(StoreError, match="the disk is full"):
        full.put(big(number) for number in range(50))
    assert full.digest() == before
    with pytest.raises(StoreError, match="undone"), full.transaction():
        full.put([Document("d:1", "a", "A", "t")])
        with pytest.raises(StoreError, match="the disk is full"):
            full.put(big(number) for number in range(50))
    full._connection.execute("PRAGMA max_page_count = 1000000")
    assert full.digest() == before
    full.put(big(number) for number in range(50))
    assert sum(1 for _ in full.read(Document)) == 52
    assert full._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _hold(path: Path, held: Event, release: Event) -> None:
    store = SqliteStore(path)
    with store.transaction():
        store.put([big(1)])
        held.set()
        release.wait(30)
    store.close()


def test_a_second_writer_waits_then_says_who_is_in_the_way(path: Path) -> None:
    SqliteStore(path).close()
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(path, held, release))
    other.start()
    try:
        assert held.wait(60)
        hasty = SqliteStore(path, timeout_s=0.2)
        with pytest.raises(StoreError, match=r"another process is still writing to it after 0\.2 s"):
            hasty.put([big(2)])
        assert list(hasty.read(Document)) == []  # readers are not kept waiting
        assert hasty.digest() == hasty.digest()
        hasty.close()
        patient = SqliteStore(path, timeout_s=30)
        threading.Timer(0.3, release.set).start()
        patient.put([big(2)])
        assert [row.id for row in patient.read(Document)] == ["d:big1", "d:big2"]
        patient.close()
    finally:
        release.set()
        other.join(30)
    assert other.exitcode == 0


def _bytes(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_what_is_erased_is_in_no_file_of_the_store(path: Path, full: SqliteStore) -> None:
    entry = JournalEntry("load", "hidden.md", "", "failed", "Quarx hid it")
    full.mark([entry, JournalEntry("load", "a.md", "k", "done")])
    full.put([Document("d:q", "hidden.md", "Quarx", "Zebulon Quarx. " * 900)])
    digest = full.digest()
    full.replace(Document, [row for row in full.read(Document) if row.id != "d:q"])
    assert b"Quarx" in _bytes(path)
    full.erase([entry])
    assert b"Quarx" not in _bytes(path)
    assert b"hidden.md" not in _bytes(path)
    assert full.digest() != digest
    assert [each.item for each in full.journal()] == ["a.md"]


def test_a_reader_of_an_older_state_stops_an_erasure_which_then_goes_on(path: Path) -> None:
    store = SqliteStore(path, timeout_s=0.1)
    entry = JournalEntry("load", "hidden.md", "", "skipped", "gone")
    store.put(world())
    store.mark([entry])
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM documents").fetchall()
        store.replace(Document, [])
        with pytest.raises(StoreError, match="another process reads an older state"):
            store.erase([entry])
        assert list(store.journal()) == [entry]
        reader.execute("COMMIT")
        store.erase([entry])
    assert list(store.journal()) == []
    store.close()


_WRITER = """
import sys
from pathlib import Path
from kg.schema import Document
from kg.stores.sqlite.store import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
for number in range(100_000):
    with store.transaction():
        store.put([Document(f"d:{number:06}", "a", "A", "x" * 2000)])
        store.mark([JournalEntry("load", f"d:{number:06}", "k", "done")])
    print(number, flush=True)
"""


def test_a_killed_process_loses_no_committed_entry(path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    told = -1
    for line in writer.stdout:
        told = int(line)
        if told >= 40:
            break
    writer.send_signal(signal.SIGKILL)
    told = max([told, *(int(line) for line in writer.stdout.read().split("\n")[:-1])])
    writer.stdout.close()
    writer.wait()
    with closing(SqliteStore(path)) as store:
        documents = [row.id for row in store.read(Document)]
        assert documents == [entry.item for entry in store.journal()]
        assert documents[: told + 1] == [f"d:{number:06}" for number in range(told + 1)]
        assert len(documents) <= told + 2


def test_two_processes_may_make_the_store_at_once(path: Path) -> None:
    imports = "from pathlib import Path; from kg.stores.sqlite.store import SqliteStore"
    code = f"{imports}; SqliteStore(Path({str(path)!r})).close()"
    makers = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [maker.wait() for maker in makers] == [0, 0, 0]
    SqliteStore(path).close()
    assert [entry.name for entry in path.parent.iterdir()] == ["graph.sqlite"]


def test_the_digest_is_kept_until_another_process_writes(full: SqliteStore, path: Path) -> None:
    before = full.digest()
    assert full._connection.execute("SELECT value FROM meta").fetchall() == [(before,)]
    with closing(SqliteStore(path)) as other:
        other.replace(Fact, [])
        after = other.digest()
    assert full.digest() == after != before


def test_stores_are_opened_by_name(path: Path) -> None:
    assert "sqlite" in STORES
    open_store("sqlite", path).close()
    store = open_store("kg.stores.sqlite.store:SqliteStore", path)
    assert isinstance(store, SqliteStore)
    store.close()
    with pytest.raises(ConfigError, match="Expected one of: sqlite"):
        open_store("postgres", path)
