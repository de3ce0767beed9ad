"""How fast facts come into Neo4j: our loader with one writer and two, a loop of one query a row, and a second run.

Takes a server from NEO4J_URI and its like, in workspaces of its own that it removes. Prints one table, or one JSON
document; `peak MiB` is of this process.

    python -m benchmarks.neo4j_load --facts 1000000 --entities 200000
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial

from kg import neo4j_store
from kg.neo4j_server import Address, Server
from kg.neo4j_store import Neo4jStore
from kg.schema import Entity, Evidence, Fact, Row

_NAIVE = (
    "MERGE (s:Naive {id: $subject}) MERGE (o:Naive {id: $object}) "
    "MERGE (s)-[f:NAIVE {id: $id}]->(o) SET f.predicate = $predicate"
)
_COUNT = "MATCH ()-[f:FACT {workspace: $w}]->() RETURN count(f)"
_VERBS = ("founded", "leads", "borders", "sold", "visited", "works for", "part of", "known as")


@dataclass(frozen=True, slots=True)
class Timing:
    """One way of loading: how many facts in how many seconds."""

    name: str
    facts: int
    seconds: float
    peak_mib: int

    @property
    def rate(self) -> float:
        """Facts a second."""
        return self.facts / self.seconds


def rows(entities: int, facts: int) -> Iterator[Row]:
    """Entities and facts between them; a few entities have many facts, as in any corpus."""
    chance = random.Random(0)
    for number in range(entities):
        yield Entity(f"e:{number:032x}", f"Name {number}", "person", (), (Evidence(f"c:{number // 9:032x}", 0, 9),))
    for _ in range(facts):
        one, two = (int(entities * chance.random() ** 2) for _ in range(2))
        place = (Evidence(f"c:{one // 9:032x}", 10, 80),)
        yield Fact(f"f:{chance.getrandbits(128):032x}", f"e:{one:032x}", chance.choice(_VERBS), f"e:{two:032x}", place)


def timed(name: str, facts: int, work: Callable[[], None]) -> Timing:
    """Run some work."""
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    return Timing(name, facts, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def measure(entities: int, facts: int, part: int) -> Iterator[Timing]:
    """The ways to load, one after the other."""
    address = Address.of_environment()
    with closing(Server(address)) as server:
        for writers in (2, 1):
            neo4j_store.WRITERS = writers
            with closing(Neo4jStore(address, f"bench-{writers}")) as store:
                store.clear()
                yield load(store, f"ours, {writers} writers", entities, facts)
                if writers == 1:
                    yield load(store, "ours, once more", entities, facts)
                (held,) = server.read(_COUNT, w=store.workspace)[0]
                assert held == facts, f"{held} facts for {facts}"
                store.clear()
        try:
            yield timed("one query a row", part, partial(naive, server, part))
        finally:
            server.write([("MATCH (n:Naive) DETACH DELETE n", {})], "")


def load(store: Neo4jStore, name: str, entities: int, facts: int) -> Timing:
    """Our loader; entities count in the seconds, not in the facts."""
    return timed(name, facts, lambda: store.load(rows(entities, facts)))


def naive(server: Server, part: int) -> None:
    """What a loop over facts does that sends each alone."""
    for fact in (row for row in rows(part, part) if isinstance(row, Fact)):
        values = {"id": fact.id, "subject": fact.subject_id, "object": fact.object_id, "predicate": fact.predicate}
        server.write([(_NAIVE, values)], "")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--entities", type=int, default=200_000)
    parser.add_argument("--part", type=int, default=1_000, help="facts of the loop of one query a row")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    found = []
    for timing in measure(asked.entities, asked.facts, asked.part):
        found.append(timing)
        sys.stderr.write(f"{timing.name}: {timing.rate:,.0f} facts/s\n")
    if asked.json:
        sys.stdout.write(json.dumps([asdict(each) | {"rate": each.rate} for each in found]) + "\n")
        return 0
    best = found[0].rate
    sys.stdout.write(f"{'':24}{'facts':>12}{'seconds':>10}{'facts/s':>10}{'ratio':>8}{'peak MiB':>10}\n")
    for each in found:
        sys.stdout.write(
            f"{each.name:24}{each.facts:>12,}{each.seconds:>10.1f}{each.rate:>10,.0f}{each.rate / best:>8.3f}"
            f"{each.peak_mib:>10,}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
