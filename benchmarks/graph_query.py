"""Milliseconds of a whole query without a model: candidates, seeds, walk, merging and the reading of what was found.

    python -m benchmarks.graph_query --passages 100000
    python -m benchmarks.graph_query --retriever ppr        # first joins names of near vectors: 200,000 take minutes

The knowledge base is made up: passages of words drawn by Zipf's law, four facts a passage between entities of which few
have many. Its vectors are drawn by chance from a text's checksum, so no encoder's time is measured, in the steps of
chains neither; what that takes is printed by `graft eval retrieval` on real text. `graph` is timed with chains and
without. With 100,000 passages the graph has about 1.2 million edges.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.memory import memory_mib
from benchmarks.results import Figure, add_options, figures_of, record_run
from kg.schema import Chunk, Document, Entity, Evidence, Fact, Row, make_id
from kg.stores.sqlite.store import SqliteStore
from models.files.digest import digest
from models.protocols import Vectors
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import open_retriever

_WORDS = 50_000
_FACTS = 4
_LIMIT = 10
ALONE = "graph alone"
"""The retriever `graph` without chains."""
_UNITS = {"ms_median": "ms", "ms_p95": "ms", "passages": "mean", "facts": "mean"}
_WARM_UP = 5


class ChecksumEncoder:
    """Unit vectors drawn by chance, the same for the same text."""

    name = "checksum"
    dimension = 384
    digest = digest("checksum", 384)

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        """As `models.protocols.Encoder`."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row] = np.random.default_rng(zlib.crc32(text.encode())).standard_normal(self.dimension, np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def for_hops(self, own: Path | None) -> ChecksumEncoder:
        """As `models.protocols.HopEncoder`."""
        return self


@dataclass(frozen=True, slots=True)
class QueryTiming:
    """Milliseconds a query of one retriever.

    Attributes:
        retriever: Its name, or `ALONE`.
        ms_median: Median.
        ms_p95: 95th percentile.
        passages: Mean number of passages that it found.
        facts: Mean number of facts.
    """

    retriever: str
    ms_median: float
    ms_p95: float
    passages: float
    facts: float


def make_rows(passages: int, draw: np.random.Generator) -> Iterator[Row]:
    """Documents of one chunk each, entities, two for a passage, and facts between them."""
    words = (draw.zipf(1.3, (passages, 60)) - 1) % _WORDS
    documents, chunks = [], []
    for number, drawn in enumerate(words.tolist()):
        text = " ".join(map("w{}".format, drawn))
        document = Document(make_id("d", number), f"{number}.md", f"t{number}", text)
        documents.append(document)
        chunks.append(Chunk(make_id("c", document.id), document.id, 0, 0, len(text), text, 60))
    yield from documents
    yield from chunks
    entities = 2 * passages
    ids = [make_id("e", number) for number in range(entities)]
    # The cube of an even draw: the first entities are in many facts, the last in hardly any.
    ends = ((draw.random((passages * _FACTS, 2)) ** 3) * entities).astype(int)
    mentions: list[set[Evidence]] = [set() for _ in range(entities)]
    facts = []
    for number, (subject, object_) in enumerate(ends.tolist()):
        chunk = chunks[number // _FACTS]
        span = Evidence(chunk.id, 0, len(chunk.text))
        mentions[subject].add(span)
        mentions[object_].add(span)
        facts.append(Fact(make_id("f", number), ids[subject], f"r{number % 40}", ids[object_], (span,)))
    for number, spans in enumerate(mentions):
        yield Entity(ids[number], f"w{number % _WORDS} n{number}", "", (), tuple(sorted(spans)))
    yield from facts


def time_retriever(index: GraphIndex, name: str, questions: Sequence[str]) -> QueryTiming:
    """Time one retriever; "graph alone" is `graph` without chains."""
    settings = {"hops": {"adapter": "none"}} if name == ALONE else {}
    retriever = open_retriever("graph" if name == ALONE else name, index, index.encoder, settings)
    for question in questions[:_WARM_UP]:
        retriever.retrieve(question, _LIMIT)
    milliseconds, evidence = [], []
    for question in questions[_WARM_UP:]:
        began = time.perf_counter()
        evidence.append(retriever.retrieve(question, _LIMIT))
        milliseconds.append(1000 * (time.perf_counter() - began))
    return QueryTiming(
        name,
        float(np.median(milliseconds)),
        float(np.percentile(milliseconds, 95)),
        float(np.mean([len(retrieved.passages) for retrieved in evidence])),
        float(np.mean([len(retrieved.facts) for retrieved in evidence])),
    )


def open_index(arguments: argparse.Namespace, home: Path, stack: ExitStack) -> tuple[GraphIndex, float]:
    """The index of a made-up knowledge base, and the seconds that it took to open when it was there."""
    home.mkdir(parents=True, exist_ok=True)
    is_new = not (home / "graph.sqlite").exists()
    store = stack.enter_context(closing(SqliteStore(home / "graph.sqlite")))
    if is_new:
        made = list(make_rows(arguments.passages, np.random.default_rng(0)))
        with store.transaction():
            for kind in (Document, Chunk, Entity, Fact):
                store.replace(kind, [row for row in made if type(row) is kind])
    GraphIndex.open(store, home / "index", ChecksumEncoder())  # the first time builds it
    began = time.perf_counter()
    index = GraphIndex.open(store, home / "index", ChecksumEncoder())
    return index, time.perf_counter() - began


def figures(passages: int, index_values: dict[str, float], timings: Sequence[QueryTiming]) -> list[Figure]:
    """The figures of a run: of the graph, and by retriever."""
    recorded = figures_of(index_values, {"edges": "count", "open_s": "s", "peak_mib": "MiB"}, passages=passages)
    for timing in timings:
        recorded += figures_of(asdict(timing), _UNITS, passages=passages, retriever=timing.retriever)
    return recorded


def main() -> int:
    """Build, open, time, print and record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--retriever", action="append", help="repeat it for several")
    parser.add_argument("--folder", type=Path, help="keep the knowledge base there")
    parser.add_argument("--json", action="store_true")
    add_options(parser)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        temporary = stack.enter_context(tempfile.TemporaryDirectory())
        index, open_s = open_index(arguments, arguments.folder or Path(temporary), stack)
        near = index.search.near_passages(index.chunk_vectors[0], arguments.queries)
        questions = [" ".join(passage.text.split()[:12]) for passage in index.passages(near)]
        timings = [time_retriever(index, name, questions) for name in arguments.retriever or ["graph", ALONE, "rag"]]
        edges = int(index.step.nnz) // 2  # the matrix holds both directions
    peak = memory_mib("VmHWM")
    if arguments.json:
        rows = list(map(asdict, timings))
        document = {"passages": arguments.passages, "edges": edges, "open_s": open_s, "timed": rows}
        sys.stdout.write(json.dumps(document))
    else:
        sys.stdout.write(f"{arguments.passages:,} passages, {edges:,} edges, opened in {open_s:.2f} s, {peak:,} MiB\n")
        for timing in timings:
            sys.stdout.write(
                f"{timing.retriever:12} {timing.ms_median:7.1f} ms, p95 {timing.ms_p95:7.1f}; "
                f"{timing.passages:.1f} passages, {timing.facts:.1f} facts\n"
            )
    index_values = {"edges": edges, "open_s": open_s, "peak_mib": peak}
    record_run(arguments, "graph_query", figures(arguments.passages, index_values, timings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
