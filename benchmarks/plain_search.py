"""What plain search costs here beside its libraries called directly: bm25s, and sentence-transformers' semantic search.

Both search the same made-up passages (`benchmarks.graph_query`) in one process, in turn, with the same questions, from
the question's text (BM25) or its vector (dense) to the ten best passages with their scores. bm25s is called with its
own tokenizer on the same texts. Ours also returns ids in an order that does not depend on the machine.

    python -m benchmarks.plain_search --passages 100000
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.graph_query import ChecksumEncoder, make_rows
from benchmarks.results import Figure, add_options, figures_of, record_run
from kg.schema import Chunk, Document
from kg.stores.sqlite.store import SqliteStore
from retrieval.index.graph_index import GraphIndex

_LIMIT = 10
_WARM_UP = 5
_UNITS = {"median_ms": "ms", "p95_ms": "ms"}
Search = Callable[[Any], Sequence[int]]
"""From a question or its vector to rows of passages."""


def open_passages(passages: int, home: Path) -> tuple[GraphIndex, list[str], SqliteStore]:
    """An index of passages without a graph, their texts in row order, and the store behind it."""
    store = SqliteStore(home / "graph.sqlite")
    made = [row for row in make_rows(passages, np.random.default_rng(0)) if isinstance(row, Document | Chunk)]
    with store.transaction():
        for kind in (Document, Chunk):
            store.replace(kind, [row for row in made if type(row) is kind])
    index = GraphIndex.open(store, home / "index", ChecksumEncoder())
    texts = {row.id: row.text for row in made if isinstance(row, Chunk)}
    return index, [texts[key.decode()] for key in index.chunk_ids.tolist()], store


def bm25_library(texts: Sequence[str]) -> Search:
    """bm25s, with its own tokenizer."""
    import bm25s

    tokens = bm25s.tokenize(list(texts), stopwords="en", show_progress=False)
    model = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
    model.index(tokens, show_progress=False)

    def search(question: str) -> list[int]:
        words = bm25s.tokenize([question], stopwords="en", show_progress=False, return_ids=False)
        rows, _ = model.retrieve(words, k=_LIMIT, show_progress=False)
        return [int(row) for row in rows[0]]

    return search


def dense_library(vectors: NDArray[Any]) -> Search:
    """sentence-transformers' exact search."""
    import torch
    from sentence_transformers.util import dot_score, semantic_search

    corpus = torch.from_numpy(np.array(vectors))

    def search(vector: NDArray[Any]) -> list[int]:
        hits = semantic_search(torch.from_numpy(vector[None]), corpus, top_k=_LIMIT, score_function=dot_score)
        return [int(hit["corpus_id"]) for hit in hits[0]]

    return search


def time_both(ours: Search, library: Search, questions: Sequence[Any]) -> dict[str, float]:
    """Median and p95 milliseconds of both, in turn, their ratio, and the share of the passages that both find."""
    milliseconds: dict[str, list[float]] = {"ours": [], "library": []}
    shared = []
    for question in [*questions[:_WARM_UP], *questions]:
        hits: list[set[int]] = []
        for name, search in (("ours", ours), ("library", library)):
            began = time.perf_counter()
            hits.append(set(search(question)))
            milliseconds[name].append(1000 * (time.perf_counter() - began))
        shared.append(len(hits[0] & hits[1]) / _LIMIT)
    values = {name: np.array(times[_WARM_UP:]) for name, times in milliseconds.items()}
    result: dict[str, float] = {}
    for name, times in values.items():
        result[f"{name}_median_ms"] = round(float(np.percentile(times, 50)), 3)
        result[f"{name}_p95_ms"] = round(float(np.percentile(times, 95)), 3)
    # The median of ratios, not the ratio of medians: what else runs slows both sides of a pair.
    ratio = round(float(np.median(values["ours"] / values["library"])), 3)
    return {**result, "ratio": ratio, "shared": round(float(np.mean(shared[_WARM_UP:])), 3)}


def figures(passages: int, searches: dict[str, dict[str, float]]) -> list[Figure]:
    """The figures of a run, by what was searched by (BM25, dense) and by whom (ours, library)."""
    recorded: list[Figure] = []
    for name, times in searches.items():
        for side in ("ours", "library"):
            values = {unit: times[f"{side}_{unit}"] for unit in _UNITS}
            recorded += figures_of(values, _UNITS, passages=passages, search=name, by=side)
        recorded += figures_of(times, {"ratio": "", "shared": "share"}, passages=passages, search=name)
    return recorded


def main() -> int:
    """Build, search, print and record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=100)
    add_options(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        index, texts, store = open_passages(arguments.passages, Path(folder))
        with closing(store):
            draw = np.random.default_rng(1)
            chosen = draw.choice(len(texts), arguments.queries, replace=False).tolist()
            questions = [" ".join(texts[row].split()[:12]) for row in chosen]
            vectors = index.encoder.encode(questions, "query")
            row_of = {key.decode(): row for row, key in enumerate(index.chunk_ids.tolist())}

            def matching(question: str) -> list[int]:
                return [row_of[item.id] for item in index.search.matching_passages(question, _LIMIT)]

            def near(vector: NDArray[Any]) -> list[int]:
                return [row_of[item.id] for item in index.search.near_passages(vector, _LIMIT)]

            searches = {
                "bm25": time_both(matching, bm25_library(texts), questions),
                "dense": time_both(near, dense_library(index.chunk_vectors), list(vectors)),
            }
    sys.stdout.write(json.dumps({"passages": len(texts), **searches}, indent=2) + "\n")
    record_run(arguments, "plain_search", figures(len(texts), searches))
    return 0


if __name__ == "__main__":
    sys.exit(main())
