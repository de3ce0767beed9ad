"""SIGKILL of the Neo4j server while a knowledge base is copied into it, again and again, and what it holds in the end.

A server of our own in a throw-away folder is killed so many seconds after it is up, and started again at once. The copy
is one call that goes on by itself. In the end every row must be there once, nothing else, and the store must have the
digest of the embedded one that it was copied from. Prints what happened; exits with 1 where anything is missing, too
many or different, or where the server was not killed at all.

    python -m tests.kg.neo4j_kill --facts 200000 --every 10
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from kg.schema import KINDS, Chunk, Document, Entity, Evidence, Fact, Row
from kg.stores.neo4j.server import Neo4jServer
from kg.stores.neo4j.store import Neo4jStore
from kg.stores.protocol import JournalEntry
from kg.stores.sqlite.store import SqliteStore
from kg.stores.transfer import RowDifference, copy, differences
from tests.neo4j_server import OwnServer, missing, own_server

_WORKSPACE = "kb"
_CHUNK_FACTS = 20
"""Facts that are read in one passage."""
_IN_DATABASE = (
    "RETURN COUNT { (n WHERE n.workspace = $w AND NOT n:Workspace AND NOT n:JournalEntry) } "
    "+ COUNT { ()-[f:FACT {workspace: $w}]->() }"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One load under kills.

    Attributes:
        kills: Of the server while it ran.
        expected: Rows to be loaded.
        held: Rows in the database, counted there, so that one that is there twice counts twice.
        different: Kinds of rows that are not alike in both stores.
        same_digest: Whether both stores have one digest.
        same_journal: Whether both have the same journal.
        seconds: From the first row to the last, restarts of the server included.
    """

    kills: int
    expected: int
    held: int
    different: tuple[str, ...]
    same_digest: bool
    same_journal: bool
    seconds: float

    @property
    def good(self) -> bool:
        """Whether it was killed, and everything is there once."""
        same = self.same_digest and self.same_journal and not self.different
        return self.kills > 0 and self.held == self.expected and same


def rows(facts: int) -> Iterator[Row]:
    """Facts between a fifth as many entities, with the passages and documents that they stand in."""
    entities, chunks = max(2, facts // 5), max(1, facts // _CHUNK_FACTS)
    for number in range(chunks):
        text = f"Passage {number} says so."
        if number % 10 == 0:
            yield Document(f"d:{number // 10:06}", f"{number // 10}.md", f"Title {number // 10}", text)
        yield Chunk(f"c:{number:06}", f"d:{number // 10:06}", number % 10, 0, len(text), text, 5)
    for number in range(entities):
        place = Evidence(f"c:{number % chunks:06}", 0, 7)
        yield Entity(f"e:{number:06}", f"Name {number}", "person", (f"N. {number}",), (place,))
    for number in range(facts):
        one, two = number % (entities - 1), number * 7 % entities
        place = Evidence(f"c:{number // _CHUNK_FACTS % chunks:06}", 0, 7)
        yield Fact(f"f:{number:08}", f"e:{one:06}", "knows", f"e:{two:06}", (place,))


def run(server: OwnServer, folder: Path, facts: int, every_s: float, most: int | None = None) -> Outcome:
    """Load under kills.

    Args:
        server: Running and empty.
        folder: For the embedded store.
        facts: How many.
        every_s: Between the server's being up and its next kill.
        most: Kills, where a busy machine would get nothing written between two.
    """
    with closing(SqliteStore(folder / "graph.sqlite")) as here:
        here.load(rows(facts))
        here.mark([JournalEntry("resolve", "all", "k", "done")])
        expected = sum(1 for kind in KINDS for _ in here.read(kind))

        with closing(Neo4jStore(server.address, _WORKSPACE)) as store:  # its first contact is not tried again
            began = time.perf_counter()
            with ThreadPoolExecutor(1) as pool:
                running = pool.submit(copy, here, store)
                kills = _kill_while(running, server, every_s, most)
                running.result()
            seconds = time.perf_counter() - began
        with closing(Neo4jStore(server.address, _WORKSPACE)) as store, closing(Neo4jServer(server.address)) as asked:
            return Outcome(
                kills,
                expected,
                int(asked.read(_IN_DATABASE, w=_WORKSPACE)[0][0]),
                tuple(row.kind for row in differences(here, store) if not row.same),
                store.digest() == here.digest(),
                list(store.journal()) == list(here.journal()),
                seconds,
            )


def _kill_while(running: Future[list[RowDifference]], server: OwnServer, every_s: float, most: int | None) -> int:
    kills = 0
    while kills != most and not wait([running], timeout=every_s).done:
        server("kill")
        server("start")
        kills += 1
        sys.stderr.write(f"kill {kills}\n")
    return kills


def table(outcome: Outcome) -> str:
    """What happened, in lines."""
    lines = {
        "kills": f"{outcome.kills}",
        "rows expected": f"{outcome.expected:,}",
        "rows held": f"{outcome.held:,}",
        "kinds that differ": ", ".join(outcome.different) or "none",
        "digest": "equal" if outcome.same_digest else "different",
        "journal": "equal" if outcome.same_journal else "different",
        "seconds": f"{outcome.seconds:.0f}",
    }
    return "\n".join(f"{name:20}{value:>12}" for name, value in lines.items())


def main() -> int:
    """Load and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--facts", type=int, default=200_000)
    parser.add_argument("--every", type=float, default=10, help="seconds from the server's being up to its next kill")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON document")
    asked = parser.parse_args()
    if reason := missing():
        parser.error(reason)
    logging.getLogger("neo4j").addHandler(logging.NullHandler())  # the driver tells of every broken connection
    with tempfile.TemporaryDirectory() as folder, own_server() as server:
        outcome = run(server, Path(folder), asked.facts, asked.every)
    sys.stdout.write((json.dumps(asdict(outcome)) if asked.json else table(outcome)) + "\n")
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
