"""`Neo4jStore`: rows and journal in a Neo4j database, for teams that keep the graph there.

Several knowledge bases share a database: everything bears the name of its workspace as a property. Changes of a
transaction are held back here until its end, so that they may be undone, and reads inside see them; then they become
one transaction of the database. Above `MAX_ROWS` changes they become several, in an order that makes a build which is
cut off in between do its stage again (see `_flush`). All writes are idempotent (`kg.stores.neo4j.write`).

    store = Neo4jStore(ServerAddress.of_environment(), "notes-1f2e3d4c")
"""

from __future__ import annotations

import secrets
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, cast

from kg.schema import KINDS, Chunk, Fact, Row
from kg.stores.capabilities import FactPattern, QueryResult
from kg.stores.digest import digest_rows
from kg.stores.neo4j import search as neo4j_search
from kg.stores.neo4j import write as cypher
from kg.stores.neo4j.query import run_query
from kg.stores.neo4j.rows import SHAPES
from kg.stores.neo4j.scope import scope
from kg.stores.neo4j.server import RETRY_S, AlreadyExistsError, Neo4jServer, ServerAddress
from kg.stores.neo4j.write import Statement
from kg.stores.protocol import JournalEntry, R
from models.files.atomic import replace_text
from models.protocols import Vectors
from models.runtime.batches import batches

NAME = "graph.neo4j"
"""File in a workspace's folder that holds the workspace's name in the database."""
MAX_ROWS = 20_000
"""Maximum number of rows and entries of one transaction of the database; more may not fit a server's memory."""
_PAGE = 2_000
_BATCH = 2_000
WRITERS = 2
"""Number of transactions of the database at once while many rows are loaded."""
_ENTRY = tuple(JournalEntry.__dataclass_fields__)
_GONE = None
"""Value of a change that removes."""
_UNCHANGED = object()
"""Stands in the undo log for a key that had no change before."""

ChangeKey = tuple[Any, str, str]
"""Key of a change: a kind of rows, an id and "", or `JournalEntry`, stage and item."""


class Neo4jStore:
    """Rows and journal of one workspace in a Neo4j database.

    Args:
        address: Address of the server.
        workspace: Name of the workspace in the database.
        config: Settings of the workspace as YAML, stored in the database with the first write.
        retry_s: Seconds that a fault of the server is given to pass.
    Raises:
        ServerError: The server cannot be reached, or refuses.
    """

    def __init__(self, address: ServerAddress, workspace: str, config: str = "", retry_s: float = RETRY_S) -> None:
        self.workspace = workspace
        self.config = config
        self._server = Neo4jServer(address, retry_s)
        self._lock = threading.RLock()
        self._changes: dict[ChangeKey, Any] = {}
        self._undo_log: list[tuple[ChangeKey, Any]] = []  # what each change replaced, oldest first
        self._depth = 0

    @classmethod
    def beside(cls, path: Path) -> Neo4jStore:
        """The store of a workspace's folder, whose name in the database lies in a file of the folder.

        Args:
            path: Path that an embedded store would have in that folder.
        """
        file = path.with_name(NAME)
        if not file.exists():
            replace_text(file, f"{path.parent.resolve().name}-{secrets.token_hex(4)}\n")
        config = path.with_name("graft.yaml")
        text = config.read_text(encoding="utf-8") if config.exists() else ""
        return cls(ServerAddress.of_environment(), file.read_text(encoding="utf-8").strip(), text)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything written inside together, or nothing; may be nested.

        An inner transaction that fails undoes its own writes; the outer one decides about the rest.
        """
        with self._lock:
            # The database has no savepoints, and a model call inside must not hold its locks: so changes wait here, and
            # an inner transaction is undone by replaying what its changes replaced, the newest first.
            mark, self._depth = len(self._undo_log), self._depth + 1
            try:
                yield
                if self._depth == 1:
                    self._flush()
            except BaseException:
                for key, value in reversed(self._undo_log[mark:]):
                    if value is _UNCHANGED:
                        del self._changes[key]
                    else:
                        self._changes[key] = value
                del self._undo_log[mark:]
                raise
            finally:
                self._depth -= 1
                if not self._depth:
                    self._changes.clear()
                    self._undo_log.clear()

    def put(self, rows: Iterable[Row]) -> None:
        """Insert rows, or replace those of the same id."""
        with self.transaction():
            for row in rows:
                self._change((type(row), row.id, ""), row)

    def load(self, rows: Iterable[Row]) -> None:
        """`put` many rows, in transactions of two thousand, several at once; inside `transaction()`, plain `put`."""
        if self._depth:
            self.put(rows)
            return
        documents: set[str] = set()
        facts_exist = threading.Event()
        self._write([])  # forgets the digest
        with ThreadPoolExecutor(WRITERS) as pool:
            running: set[Future[None]] = set()
            for batch in batches(rows, _BATCH):
                documents |= {row.document_id for row in batch if isinstance(row, Chunk)}
                running.add(pool.submit(self._load, {(type(row), row.id): row for row in batch}, facts_exist))
                if len(running) > WRITERS:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
            for future in running:
                future.result()
        # Chunks of one document may have come in several batches, so their chain is drawn at the end.
        for ids in batches(sorted(documents), _BATCH):
            self._server.write(cypher.chain(ids), self.workspace)
        self._write([cypher.SWEEP])

    def _load(self, batch: dict[Any, Row], facts_exist: threading.Event) -> None:
        """Write some rows; facts as new ones, which is faster, until the database has one of them."""
        parts = _by_kind(batch.values())
        if not facts_exist.is_set():
            try:
                self._server.write(chain.from_iterable(cypher.put(*part, new=True) for part in parts), self.workspace)
                return
            except AlreadyExistsError:
                facts_exist.set()
        self._server.write(chain.from_iterable(cypher.put(*part) for part in parts), self.workspace)

    def remove(self, kind: type[R], ids: Iterable[str]) -> None:
        """Remove the rows of a kind with these ids, as far as they are there."""
        with self.transaction():
            for row_id in ids:
                self._change((kind, row_id, ""), _GONE)

    def replace(self, kind: type[R], rows: Iterable[R]) -> None:
        """Make `rows` the only rows of `kind`; those that are there already are not written again."""
        wanted = {row.id: row for row in rows}
        with self.transaction():
            for row in list(self.read(kind)):
                new = wanted.get(row.id, _GONE)
                if new == row:
                    del wanted[row.id]
                elif new is _GONE:
                    self._change((kind, row.id, ""), _GONE)
            self.put(wanted.values())

    def read(self, kind: type[R], ids: Sequence[str] | None = None) -> Iterator[R]:
        """Rows of a kind sorted by id, or those of `ids` in that order (unknown ids are left out).

        Rows come in pages: writing while reading is allowed.
        """
        if ids is None:
            yield from self._read_all(kind)
            return
        for batch in batches(ids, _PAGE):
            with self._lock:
                by_id = {row.id: row for row in self._rows(kind, "{n}.id IN $ids", ids=batch)}
                by_id |= {key[1]: row for key, row in self._changed(kind)}
            rows = (by_id.get(row_id) for row_id in batch)
            yield from (cast(R, row) for row in rows if row is not None)

    def _read_all(self, kind: type[R]) -> Iterator[R]:
        """All rows by id, page by page: what the database has, overlaid with the open transaction's changes."""
        last, more = "", True
        while more:
            with self._lock:
                page = self._rows(kind, "{n}.id > $last", " ORDER BY {n}.id LIMIT $limit", last=last, limit=_PAGE)
                more = len(page) == _PAGE
                end = page[-1].id if more else None
                by_id = {row.id: row for row in page}
                for (_, row_id, _), row in self._changed(kind):
                    if row_id > last and (end is None or row_id <= end):
                        by_id[row_id] = row
            yield from (cast(R, by_id[row_id]) for row_id in sorted(by_id) if by_id[row_id] is not _GONE)
            last = end or ""

    def mark(self, entries: Iterable[JournalEntry]) -> None:
        """Write journal entries; the newest one of a stage and item stands."""
        with self.transaction():
            for entry in entries:
                self._change((JournalEntry, entry.stage, entry.item), entry)

    def unmark(self, entries: Iterable[JournalEntry]) -> None:
        """Remove the journal entries of the same stage and item."""
        with self.transaction():
            for entry in entries:
                self._change((JournalEntry, entry.stage, entry.item), _GONE)

    def journal(self, stage: str | None = None) -> Iterator[JournalEntry]:
        """Journal entries, sorted by stage and item."""
        with self._lock:
            of_stage = "" if stage is None else ", stage: $stage"
            rows = self._server.read(
                f"MATCH (n:JournalEntry {{workspace: $w{of_stage}}}) RETURN {_list('n', _ENTRY)}",
                w=self.workspace,
                stage=stage,
            )
            stored = [JournalEntry(*values) for (values,) in rows]
            entries = {(entry.stage, entry.item): entry for entry in stored}
            for (_, changed_stage, item), entry in self._changed(JournalEntry):
                if stage in (None, changed_stage):
                    entries[changed_stage, item] = entry
        yield from (entries[key] for key in sorted(entries) if entries[key] is not _GONE)

    def digest(self) -> str:
        """Digest of all rows, equal for equal content in any store; kept until the next write."""
        with self._lock:
            if self._depth:
                return digest_rows(self)
            kept = self._server.read("MATCH (w:Workspace {id: $w}) RETURN w.digest, w.commit", w=self.workspace)
            if kept and kept[0][0]:
                return str(kept[0][0])
            digest = digest_rows(self)
            if kept:  # unless somebody has written since
                keep = "MATCH (v:Workspace {id: $w, commit: $commit}) SET v.digest = $digest"
                self._server.write([(keep, {"digest": digest, "commit": kept[0][1]})], self.workspace)
            return digest

    def query(self, text: str, limit: int, timeout_s: float) -> QueryResult:
        """Run one query that reads, over this workspace alone; raises as `kg.stores.neo4j.query.run_query`."""
        return run_query(self._server, scope(text), self.workspace, limit, timeout_s)

    def patterns(self, limit: int) -> list[FactPattern]:
        """The patterns of types and predicate that have most facts, in falling order."""
        rows = self._server.read(
            "MATCH (s:Entity)-[f:FACT {workspace: $w}]->(o:Entity) "
            "WITH coalesce(s.type, '') AS subject, f.predicate AS predicate, coalesce(o.type, '') AS object, "
            "count(f) AS facts "
            "RETURN subject, predicate, object, facts ORDER BY facts DESC, predicate, subject, object LIMIT $limit",
            w=self.workspace,
            limit=limit,
        )
        return [FactPattern(*row) for row in rows]

    def keep_vectors(
        self, kind: type[Any], encoder: str, content: str, ids: Sequence[str], keys: Sequence[str], vectors: Vectors
    ) -> None:
        """Keep vectors beside the rows, as `SearchingStore` says."""
        neo4j_search.keep_vectors(self._server, self.workspace, kind, encoder, content, ids, keys, vectors)

    def nearest(self, kind: type[Any], encoder: str, vector: Vectors, limit: int) -> list[tuple[str, float]]:
        """Ids of the rows nearest to a unit vector, with their cosines."""
        return neo4j_search.nearest(self._server, self.workspace, kind, encoder, vector, limit)

    def matching(self, kind: type[Any], words: Sequence[str], limit: int) -> list[tuple[str, float]]:
        """Ids of the rows that hold most of some words, with scores."""
        return neo4j_search.matching(self._server, self.workspace, kind, words, limit)

    def stored_config(self) -> str | None:
        """Settings of the workspace as YAML, or None where the database does not have the workspace."""
        rows = self._server.read("MATCH (v:Workspace {id: $w}) RETURN v.config", w=self.workspace)
        return str(rows[0][0] or "") if rows else None

    def clear(self) -> None:
        """Remove everything of this workspace from the database."""
        with self._lock:
            neo4j_search.drop(self._server, self.workspace)
            labels = [shape.label for kind, shape in SHAPES.items() if kind is not Fact]
            for label in (*labels, "JournalEntry", "Workspace"):
                where = "id: $w" if label == "Workspace" else "workspace: $w"
                count = f"MATCH (n:{label} {{{where}}}) RETURN count(n)"
                # In parts, since one transaction over all of a large graph would exceed the server's memory.
                while self._server.read(count, w=self.workspace)[0][0]:
                    some = f"MATCH (n:{label} {{{where}}}) WITH n LIMIT {_BATCH} DETACH DELETE n"
                    self._server.write([(some, {})], self.workspace)

    def close(self) -> None:
        """Close the connection; closing twice is allowed."""
        self._server.close()

    def _change(self, key: ChangeKey, value: Any) -> None:
        self._undo_log.append((key, self._changes.get(key, _UNCHANGED)))
        self._changes[key] = value

    def _changed(self, kind: Any) -> list[tuple[ChangeKey, Any]]:
        """What the open transaction has changed of a kind."""
        return [(key, value) for key, value in self._changes.items() if key[0] is kind]

    def _rows(self, kind: type[Any], where: str, behind: str = "", **parameters: Any) -> list[Row]:
        """Rows of a kind in the database, under a condition; `{n}` in it and in `behind` stands for the row's node."""
        shape = SHAPES[kind]
        node = "f" if kind is Fact else "n"
        pattern = "(s:Entity)-[f:FACT]->(o:Entity)" if kind is Fact else f"(n:{shape.label})"
        ends = ", [s.id, o.id]" if kind is Fact else ""
        is_row = "" if kind is Fact else " AND NOT n:Placeholder"
        query = (
            f"MATCH {pattern} WHERE {node}.workspace = $w AND {where.format(n=node)}{is_row} "
            f"RETURN {_list(node, shape.properties)}{ends}{behind.format(n=node)}"
        )
        return [shape.load(*row) for row in self._server.read(query, w=self.workspace, **parameters)]

    def _flush(self) -> None:
        """Write the changes into the database: in one transaction, or in several if there are too many.

        In several, the journal entries of the changes are removed first and written last: wherever that is cut off, no
        entry says of rows that they are there when they are not, and the stage is done again.
        """
        if not self._changes:
            return
        put: dict[Any, list[Any]] = defaultdict(list)
        gone: dict[Any, list[str]] = defaultdict(list)
        marked: list[JournalEntry] = []
        unmarked: list[tuple[str, str]] = []
        for (kind, name, item), value in self._changes.items():
            if kind is JournalEntry and value is _GONE:
                unmarked.append((name, item))
            elif kind is JournalEntry:
                marked.append(value)
            elif value is _GONE:
                gone[kind].append(name)
            else:
                put[kind].append(value)
        documents = {row.document_id for row in (*put[Chunk], *self._stored_chunks(gone[Chunk]))}
        # Removals come first: a fact that is replaced must be gone before it is created again.
        rows: list[Iterable[Statement]] = [
            *(cypher.delete(kind, batch) for kind in KINDS for batch in batches(gone[kind], _BATCH)),
            *(cypher.put(kind, batch) for kind in KINDS for batch in batches(put[kind], _BATCH)),
            *(cypher.chain(batch) for batch in batches(sorted(documents), _BATCH)),
            [cypher.SWEEP],
        ]
        marks = [cypher.mark(batch) for batch in batches(marked, _BATCH)]
        unmarks = [cypher.unmark(batch) for batch in batches(unmarked, _BATCH)]
        if len(self._changes) <= MAX_ROWS:
            self._write(chain.from_iterable([*rows, unmarks, marks]))
            return
        stages = [(entry.stage, entry.item) for entry in marked]
        self._write([*unmarks, *(cypher.unmark(batch) for batch in batches(stages, _BATCH))])
        for part in rows:
            self._server.write(part, self.workspace)
        self._write(marks)

    def _write(self, statements: Iterable[Statement]) -> None:
        """Run statements in one transaction that locks the workspace's node, so that writers wait for one another."""
        # The token tells after a lost connection whether this very transaction was committed.
        token = secrets.token_hex(16)

        def is_committed() -> bool:
            rows = self._server.read("MATCH (v:Workspace {id: $w}) RETURN v.commit", w=self.workspace)
            return bool(rows) and rows[0][0] == token

        opening = (
            "MERGE (v:Workspace {id: $w}) ON CREATE SET v.config = $config SET v.commit = $token REMOVE v.digest",
            {"token": token, "config": self.config},
        )
        self._server.write([opening, *statements], self.workspace, is_committed)

    def _stored_chunks(self, ids: Sequence[str]) -> Iterator[Chunk]:
        for batch in batches(ids, _PAGE):
            yield from cast(list[Chunk], self._rows(Chunk, "{n}.id IN $ids", ids=batch))


def _by_kind(rows: Iterable[Row]) -> list[tuple[type[Row], list[Row]]]:
    """Rows grouped by kind, in the order of `KINDS`."""
    kinds: dict[type[Row], list[Row]] = defaultdict(list)
    for row in rows:
        kinds[type(row)].append(row)
    return [(kind, kinds[kind]) for kind in KINDS if kind in kinds]


def _list(node: str, names: Sequence[str]) -> str:
    """Cypher for a list of properties of a node."""
    return f"[{', '.join(f'{node}.{name}' for name in names)}]"
