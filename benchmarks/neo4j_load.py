"""How fast facts are loaded into Neo4j: by our loader with two writers, a second time, with one, and in other ways.

The others are a loop of one query a row, the writer of neo4j-graphrag on a part, and `neo4j-admin database import` of
our own CSV export, which is the ceiling and needs a server that is stopped. Where NEO4J_URI names a server, that one is
used, in workspaces that are removed, and the import is left out; otherwise one is started in a temporary folder, with
`--heap` and `--pages`. A load that is not timed warms the server up. Prints one table, or one JSON document; `added`
counts nodes and relationships, `peak MiB` is of this process so far.

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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from benchmarks.neo4j_peers import GraphragWriter, export_csv, import_arguments, load_one_by_one
from benchmarks.results import Figure, add_options, figures_of, record_run
from kg.schema import Chunk, Document, Entity, Evidence, Fact, Row
from kg.stores.neo4j import store as neo4j_store
from kg.stores.neo4j.server import Neo4jServer, ServerAddress
from kg.stores.neo4j.store import Neo4jStore
from tests.neo4j_server import OwnServer, missing, own_server

_COUNT = "MATCH ()-[f:FACT {workspace: $w}]->() RETURN count(f)"
_UNITS = {"facts_per_s": "facts/s", "seconds": "s", "added": "count", "peak_mib": "MiB"}
_TOTALS = "RETURN COUNT { () } + COUNT { ()-->() }"
_VERBS = ("founded", "leads", "borders", "sold", "visited", "works for", "part of", "known as")


@dataclass(frozen=True, slots=True)
class LoadTiming:
    """One way of loading.

    Attributes:
        name: The way.
        facts: Number of facts.
        seconds: Time on the clock, that of the entities included.
        added: Nodes and relationships that the database has more.
        peak_mib: Peak of this process' memory so far; 0 where another process loads.
    """

    name: str
    facts: int
    seconds: float
    added: int
    peak_mib: int

    @property
    def rate(self) -> float:
        """Facts a second."""
        return self.facts / self.seconds


def make_rows(entities: int, facts: int) -> Iterator[Row]:
    """Entities and facts between them; a few entities have many facts, as in any corpus."""
    chance = random.Random(0)
    for number in range(entities):
        # Nine entities share a passage, as in a short text.
        yield Entity(f"e:{number:032x}", f"Name {number}", "person", (), (Evidence(f"c:{number // 9:032x}", 0, 9),))
    uniform, bits = chance.random, chance.getrandbits
    for _ in range(facts):
        one, two = int(entities * uniform() ** 2), int(entities * uniform() ** 2)
        span = (Evidence(f"c:{one // 9:032x}", 10, 80),)
        yield Fact(f"f:{bits(128):032x}", f"e:{one:032x}", _VERBS[bits(3)], f"e:{two:032x}", span)


def make_passages(entities: int) -> Iterator[Row]:
    """The passages that `make_rows` refers to; unlike our loader, the import tool has no placeholders for them."""
    yield Document("d:0", "0.md", "", "")
    for number in range(-(-entities // 9)):
        yield Chunk(f"c:{number:032x}", "d:0", number, 0, 1, "x", 1)


def time_load(name: str, facts: int, server: Neo4jServer, work: Callable[[], None]) -> LoadTiming:
    """Time some work, and count what it adds to the database."""
    before, began = server.read(_TOTALS)[0][0], time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    added = server.read(_TOTALS)[0][0] - before
    return LoadTiming(name, facts, seconds, added, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def time_ours(server: Neo4jServer, entities: int, facts: int) -> Iterator[LoadTiming]:
    """Our loader; entities count in the seconds, not in the facts."""
    for writers, times in ((2, ("ours, 2 writers", "ours, once more")), (1, ("ours, 1 writer",))):
        neo4j_store.WRITERS = writers
        with closing(Neo4jStore(server.address, f"bench-{writers}")) as store:
            for number, name in enumerate(times):
                timing = time_load(name, facts, server, partial(load, store, entities, facts))
                (held,) = server.read(_COUNT, w=store.workspace)[0]
                assert held == facts, f"Expected {facts} facts in the database, found {held}."
                assert not (number and timing.added), f"The second load added {timing.added}; expected 0."
                yield timing


def load(store: Neo4jStore, entities: int, facts: int) -> None:
    """Load by our loader."""
    store.load(make_rows(entities, facts))


def time_peers(server: Neo4jServer, entities: int, facts: int, part: int) -> Iterator[LoadTiming]:
    """The other ways on a running server, each on a part."""
    try:
        yield time_load("one query a row", part, server, lambda: load_one_by_one(server, make_rows(part, part)))
    finally:
        server.write([("MATCH (n:Naive) DETACH DELETE n", {})], "")
    part *= 10
    try:
        writer = GraphragWriter(server.address, make_rows(part * entities // facts, part))
    except ImportError as error:
        say(f"neo4j-graphrag is left out: {error}.")
        return
    with closing(writer):
        name = "neo4j-graphrag"
        if writer.needs_apoc:
            say("neo4j-graphrag: relationships need APOC, which the server lacks; its call is replaced by MERGE.")
            name += ", no APOC"
        try:
            yield time_load(name, part, server, writer)
            yield time_load(f"{name}, once more", part, server, writer)
        finally:
            server.write([("MATCH (n:__KGBuilder__) DETACH DELETE n", {})], "")


def time_import(own: OwnServer, entities: int, facts: int) -> Iterator[LoadTiming]:
    """The export of an embedded store with the same rows, read by the import tool into a new database."""
    with tempfile.TemporaryDirectory(prefix="graft-bench-") as folder:
        fill_s, export_s = export_csv(chain(make_passages(entities), make_rows(entities, facts)), Path(folder))
        say(f"CSV: {fill_s:.1f} s for an embedded store, {export_s:.1f} s for its export (not in the table).")
        own("stop")
        began = time.perf_counter()
        own("admin", *import_arguments(Path(folder, "csv")))
        seconds = time.perf_counter() - began
    own("start")
    with closing(Neo4jServer(own.address)) as server:
        (held,) = server.read(_COUNT, w="graft")[0]
        assert held == facts, f"Expected {facts} facts in the database, found {held}."
        yield LoadTiming("neo4j-admin import", facts, seconds, server.read(_TOTALS)[0][0], 0)


def time_all(arguments: argparse.Namespace) -> Iterator[LoadTiming]:
    """All ways to load, one after the other."""
    with ExitStack() as stack:
        own = None
        if os.environ.get("NEO4J_URI"):
            address = ServerAddress.of_environment()
            say("neo4j-admin import is left out: it needs a server that may be stopped, but NEO4J_URI names one.")
            clear(address)
            stack.callback(clear, address)
        else:
            own = stack.enter_context(own_server(NEO4J_HEAP=arguments.heap, NEO4J_PAGECACHE=arguments.pages))
            address = own.address
        with closing(Neo4jServer(address)) as server:
            with closing(Neo4jStore(address, "bench-warm-up")) as store:
                store.load(make_rows(arguments.warm_up // 5, arguments.warm_up))
            yield from time_ours(server, arguments.entities, arguments.facts)
            yield from time_peers(server, arguments.entities, arguments.facts, arguments.part)
        if own is not None:
            yield from time_import(own, arguments.entities, arguments.facts)


def clear(address: ServerAddress) -> None:
    """Remove what a run leaves on a server that stays."""
    for name in ("warm-up", "1", "2"):
        with closing(Neo4jStore(address, f"bench-{name}")) as store:
            store.clear()


def say(line: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(f"{line}\n")


def figures(timings: Sequence[LoadTiming]) -> list[Figure]:
    """The figures of a run, by way and number of facts."""
    recorded: list[Figure] = []
    for timing in timings:
        values = {**asdict(timing), "facts_per_s": timing.rate, "peak_mib": timing.peak_mib or None}
        recorded += figures_of(values, _UNITS, way=timing.name, facts=timing.facts)
    return recorded


def main() -> int:
    """Time, print and record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--entities", type=int, default=200_000)
    parser.add_argument(
        "--part", type=int, default=1_000, help="facts of the loop; neo4j-graphrag takes ten times that"
    )
    parser.add_argument("--warm-up", type=int, default=200_000, help="facts of a load before that is not timed")
    parser.add_argument("--heap", default="4g", help="of the server that is started")
    parser.add_argument("--pages", default="2g", help="page cache of the server that is started")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    add_options(parser)
    arguments = parser.parse_args()
    if not os.environ.get("NEO4J_URI") and (reason := missing()):
        parser.error(reason)
    timings = []
    for timing in time_all(arguments):
        timings.append(timing)
        say(f"{timing.name}: {timing.rate:,.0f} facts/s")
    record_run(arguments, "neo4j_load", figures(timings))
    if arguments.json:
        rows = [asdict(timing) | {"rate": timing.rate} for timing in timings]
        sys.stdout.write(json.dumps(rows) + "\n")
        return 0
    first = timings[0].rate
    names = ("facts", "seconds", "facts/s", "ratio", "added", "peak MiB")
    sys.stdout.write(f"{'':36}" + "".join(f"{name:>12}" for name in names) + "\n")
    for timing in timings:
        sys.stdout.write(
            f"{timing.name:36}{timing.facts:>12,}{timing.seconds:>12.1f}{timing.rate:>12,.0f}"
            f"{timing.rate / first:>12.3f}{timing.added:>12,}{timing.peak_mib or '':>12}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
