"""How fast facts come into Neo4j: our loader with one writer and two and once more, beside three other ways.

The others are a loop of one query a row, the writer of neo4j-graphrag on a part, and `neo4j-admin database import` of
our own CSV export, which is the ceiling and needs a server that is stopped. Takes the server that NEO4J_URI and its
like name, in workspaces that it removes, and leaves the import out; or else starts one of its own in a throw-away
folder, with `--heap` and `--pages`. A load that isn't timed warms the server up. Prints one table, or one JSON
document; `added` counts nodes and relationships, `peak MiB` is of this process so far.

    python -m pip install --no-deps --target peers neo4j-graphrag json-repair tenacity
    PYTHONPATH=peers python -m benchmarks.neo4j_load --facts 1000000 --entities 200000
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from benchmarks.neo4j_peers import GraphragWriter, csv_of, import_words, loop
from kg.schema import Chunk, Document, Entity, Evidence, Fact, Row
from kg.stores.neo4j import store as neo4j_store
from kg.stores.neo4j.server import Address, Server
from kg.stores.neo4j.store import Neo4jStore
from tests.neo4j_server import OwnServer, missing, own_server

_COUNT = "MATCH ()-[f:FACT {workspace: $w}]->() RETURN count(f)"
_TOTALS = "RETURN COUNT { () } + COUNT { ()-->() }"
_VERBS = ("founded", "leads", "borders", "sold", "visited", "works for", "part of", "known as")


@dataclass(frozen=True, slots=True)
class Timing:
    """One way of loading: how many facts in how many seconds."""

    name: str
    facts: int
    seconds: float
    added: int
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
    uniform, bits = chance.random, chance.getrandbits
    for _ in range(facts):
        one, two = int(entities * uniform() ** 2), int(entities * uniform() ** 2)
        place = (Evidence(f"c:{one // 9:032x}", 10, 80),)
        yield Fact(f"f:{bits(128):032x}", f"e:{one:032x}", _VERBS[bits(3)], f"e:{two:032x}", place)


def passages(entities: int) -> Iterator[Row]:
    """What `rows` refer to; the import tool makes no places for what is missing, as our loader does."""
    yield Document("d:0", "0.md", "", "")
    for number in range(-(-entities // 9)):
        yield Chunk(f"c:{number:032x}", "d:0", number, 0, 1, "x", 1)


def timed(name: str, facts: int, server: Server, work: Callable[[], None]) -> Timing:
    """Run some work, and see what it adds to the database."""
    before, began = server.read(_TOTALS)[0][0], time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    added = server.read(_TOTALS)[0][0] - before
    return Timing(name, facts, seconds, added, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def ours(server: Server, entities: int, facts: int) -> Iterator[Timing]:
    """Our loader; entities count in the seconds, not in the facts."""
    for writers, times in ((2, ("ours, 2 writers", "ours, once more")), (1, ("ours, 1 writer",))):
        neo4j_store.WRITERS = writers
        with closing(Neo4jStore(server.address, f"bench-{writers}")) as store:
            for number, name in enumerate(times):
                timing = timed(name, facts, server, partial(load, store, entities, facts))
                (held,) = server.read(_COUNT, w=store.workspace)[0]
                assert held == facts, f"{held} facts for {facts}"
                assert not (number and timing.added), f"once more added {timing.added}"
                yield timing


def load(store: Neo4jStore, entities: int, facts: int) -> None:
    """Our loader."""
    store.load(rows(entities, facts))


def peers(server: Server, entities: int, facts: int, part: int) -> Iterator[Timing]:
    """The other ways on a running server, each on a part."""
    try:
        yield timed("one query a row", part, server, lambda: loop(server, rows(part, part)))
    finally:
        server.write([("MATCH (n:Naive) DETACH DELETE n", {})], "")
    part *= 10
    try:
        writer = GraphragWriter(server.address, rows(part * entities // facts, part))
    except ImportError as error:
        say(f"neo4j-graphrag is left out: {error}")
        return
    with closing(writer):
        name = "neo4j-graphrag"
        if writer.needs_apoc:
            say("neo4j-graphrag: relationships need APOC, which the server lacks; its call is replaced by MERGE")
            name += ", no APOC"
        try:
            yield timed(name, part, server, writer)
            yield timed("  once more", part, server, writer)
        finally:
            server.write([("MATCH (n:__KGBuilder__) DETACH DELETE n", {})], "")


def imported(own: OwnServer, entities: int, facts: int) -> Iterator[Timing]:
    """The export of an embedded store with the same rows, read by the import tool into a new database."""
    with tempfile.TemporaryDirectory(prefix="graft-bench-") as folder:
        fill_s, export_s = csv_of(chain(passages(entities), rows(entities, facts)), Path(folder))
        say(f"CSV: {fill_s:.1f} s for an embedded store, {export_s:.1f} s for its export (not in the table)")
        own("stop")
        began = time.perf_counter()
        own("admin", *import_words(Path(folder, "csv")))
        seconds = time.perf_counter() - began
    own("start")
    with closing(Server(own.address)) as server:
        (held,) = server.read(_COUNT, w="graft")[0]
        assert held == facts, f"{held} facts for {facts}"
        yield Timing("neo4j-admin import", facts, seconds, server.read(_TOTALS)[0][0], 0)


def measure(asked: argparse.Namespace) -> Iterator[Timing]:
    """All ways to load, one after the other."""
    with ExitStack() as stack:
        own = None
        if os.environ.get("NEO4J_URI"):
            address = Address.of_environment()
            say("neo4j-admin import is left out: it needs a server that may be stopped, and NEO4J_URI names one")
            clear(address)
            stack.callback(clear, address)
        else:
            own = stack.enter_context(own_server(NEO4J_HEAP=asked.heap, NEO4J_PAGECACHE=asked.pages))
            address = own.address
        with closing(Server(address)) as server:
            with closing(Neo4jStore(address, "bench-warm-up")) as store:
                store.load(rows(asked.warm_up // 5, asked.warm_up))
            yield from ours(server, asked.entities, asked.facts)
            yield from peers(server, asked.entities, asked.facts, asked.part)
        if own is not None:
            yield from imported(own, asked.entities, asked.facts)


def clear(address: Address) -> None:
    """Remove what a run leaves on somebody's server; one of our own is thrown away."""
    for name in ("warm-up", "1", "2"):
        with closing(Neo4jStore(address, f"bench-{name}")) as store:
            store.clear()


def say(line: str) -> None:
    """Tell on standard error."""
    sys.stderr.write(f"{line}\n")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--entities", type=int, default=200_000)
    parser.add_argument(
        "--part", type=int, default=1_000, help="facts of the loop; neo4j-graphrag takes ten times that"
    )
    parser.add_argument("--warm-up", type=int, default=200_000, help="facts of a load before that isn't timed")
    parser.add_argument("--heap", default="4g", help="of our own server")
    parser.add_argument("--pages", default="2g", help="page cache of our own server")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    if not os.environ.get("NEO4J_URI") and (reason := missing()):
        parser.error(reason)
    found = []
    for timing in measure(asked):
        found.append(timing)
        say(f"{timing.name}: {timing.rate:,.0f} facts/s")
    if asked.json:
        sys.stdout.write(json.dumps([asdict(each) | {"rate": each.rate} for each in found]) + "\n")
        return 0
    best = found[0].rate
    names = ("facts", "seconds", "facts/s", "ratio", "added", "peak MiB")
    sys.stdout.write(f"{'':24}" + "".join(f"{name:>12}" for name in names) + "\n")
    for each in found:
        sys.stdout.write(
            f"{each.name:24}{each.facts:>12,}{each.seconds:>12.1f}{each.rate:>12,.0f}{each.rate / best:>12.3f}"
            f"{each.added:>12,}{each.peak_mib or '':>12}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
