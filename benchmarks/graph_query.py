"""Milliseconds of a whole query without a model: candidates, seeds, walk, merging and the reading of what was found.

    python -m benchmarks.graph_query --passages 100000
    python -m benchmarks.graph_query --retriever ppr        # first joins names of near vectors: 200,000 take minutes

The knowledge base is made up: passages of words drawn by Zipf's law, four facts a passage between entities of which few
have many. Its vectors are drawn by chance from a text's checksum, so no encoder's time is measured, in the steps of
chains neither; what that takes is printed by `graft eval retrieval` on real text. `graph` is measured with chains and
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
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.memory import memory_mib
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
class Timed:
    """Milliseconds a query of one retriever."""

    retriever: str
    ms_median: float
    ms_p95: float
    passages: float
    facts: float


def rows(passages: int, draw: np.random.Generator) -> Iterator[Row]:
    """Documents of one chunk each, entities, two for a passage, and facts between them."""
    words = (draw.zipf(1.3, (passages, 60)) - 1) % _WORDS
    texts = [" ".join(f"w{word}" for word in row) for row in words.tolist()]
    documents = [Document(make_id("d", number), f"{number}.md", f"t{number}", t) for number, t in enumerate(texts)]
    chunks = [Chunk(make_id("c", row.id), row.id, 0, 0, len(row.text), row.text, 60) for row in documents]
    yield from documents
    yield from chunks
    entities = 2 * passages
    ids = [make_id("e", number) for number in range(entities)]
    ends = ((draw.random((passages * _FACTS, 2)) ** 3) * entities).astype(int)  # the first of them are in many facts
    places: list[set[Evidence]] = [set() for _ in range(entities)]
    facts = []
    for number, (subject, object_) in enumerate(ends.tolist()):
        chunk = chunks[number // _FACTS]
        span = Evidence(chunk.id, 0, len(chunk.text))
        places[subject].add(span)
        places[object_].add(span)
        facts.append(Fact(make_id("f", number), ids[subject], f"r{number % 40}", ids[object_], (span,)))
    for number, spans in enumerate(places):
        yield Entity(ids[number], f"w{number % _WORDS} n{number}", "", (), tuple(sorted(spans)))
    yield from facts


def measure(index: GraphIndex, name: str, questions: Sequence[str]) -> Timed:
    """Time one retriever; "graph alone" is `graph` without chains."""
    settings = {"hops": {"adapter": "none"}} if name == ALONE else {}
    retriever = open_retriever("graph" if name == ALONE else name, index, index.encoder, settings)
    for question in questions[:5]:
        retriever.retrieve(question, _LIMIT)
    milliseconds, found = [], []
    for question in questions[5:]:
        began = time.perf_counter()
        found.append(retriever.retrieve(question, _LIMIT))
        milliseconds.append(1000 * (time.perf_counter() - began))
    return Timed(
        name,
        float(np.median(milliseconds)),
        float(np.percentile(milliseconds, 95)),
        float(np.mean([len(each.passages) for each in found])),
        float(np.mean([len(each.facts) for each in found])),
    )


def main() -> int:
    """Build, open and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--retriever", action="append", help="may be given again")
    parser.add_argument("--folder", type=Path, help="keep the knowledge base there")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    draw = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as temporary:
        home = asked.folder or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        is_new = not (home / "graph.sqlite").exists()
        with closing(SqliteStore(home / "graph.sqlite")) as store:
            if is_new:
                made = list(rows(asked.passages, draw))
                with store.transaction():
                    for kind in (Document, Chunk, Entity, Fact):
                        store.replace(kind, [row for row in made if type(row) is kind])
            GraphIndex.open(store, home / "index", ChecksumEncoder())
            began = time.perf_counter()
            index = GraphIndex.open(store, home / "index", ChecksumEncoder())
            opened = time.perf_counter() - began
            texts = [
                row.text for row in index.passages(index.search.near_passages(index.chunk_vectors[0], asked.queries))
            ]
            questions = [" ".join(text.split()[:12]) for text in texts]
            timed = [measure(index, name, questions) for name in asked.retriever or ["graph", ALONE, "rag"]]
    edges = int(index.step.nnz) // 2
    if asked.json:
        sys.stdout.write(
            json.dumps(
                {"passages": asked.passages, "edges": edges, "open_s": opened, "timed": list(map(asdict, timed))}
            )
        )
        return 0
    most = memory_mib("VmHWM")
    sys.stdout.write(f"{asked.passages:,} passages, {edges:,} edges, opened in {opened:.2f} s, {most:,} MiB\n")
    for each in timed:
        sys.stdout.write(
            f"{each.retriever:12} {each.ms_median:7.1f} ms, p95 {each.ms_p95:7.1f}; {each.passages:.1f} passages, "
            f"{each.facts:.1f} facts\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
