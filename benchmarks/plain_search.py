"""What plain search costs here beside its libraries called directly: bm25s, and sentence-transformers' semantic search.

Both search the same made-up passages (`benchmarks.graph_query`) in one process, turn about, with the same questions,
from the question's text (BM25) or its vector (dense) to the ten best passages with their scores. bm25s is called with
its own tokenizer on the same texts. Ours also gives ids in an order that does not depend on the machine.

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

from benchmarks.graph_query import ChecksumEncoder, rows
from kg.schema import Chunk, Document
from kg.stores.sqlite.store import SqliteStore
from retrieval.index.graph_index import GraphIndex

_LIMIT = 10
Search = Callable[[Any], Sequence[int]]


def opened(passages: int, home: Path) -> tuple[GraphIndex, list[str], SqliteStore]:
    """An index of passages without a graph, their texts in row order, and the store behind it."""
    store = SqliteStore(home / "graph.sqlite")
    made = [row for row in rows(passages, np.random.default_rng(0)) if isinstance(row, Document | Chunk)]
    with store.transaction():
        for kind in (Document, Chunk):
            store.replace(kind, [row for row in made if type(row) is kind])
    index = GraphIndex.open(store, home / "index", ChecksumEncoder())
    texts = {row.id: row.text for row in made if isinstance(row, Chunk)}
    return index, [texts[each.decode()] for each in index.chunk_ids.tolist()], store


def bm25_library(texts: Sequence[str]) -> Search:
    """bm25s, with its own tokenizer."""
    import bm25s

    tokens = bm25s.tokenize(list(texts), stopwords="en", show_progress=False)
    model = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
    model.index(tokens, show_progress=False)

    def search(question: str) -> list[int]:
        asked = bm25s.tokenize([question], stopwords="en", show_progress=False, return_ids=False)
        found, _ = model.retrieve(asked, k=_LIMIT, show_progress=False)
        return [int(row) for row in found[0]]

    return search


def dense_library(vectors: np.ndarray) -> Search:
    """sentence-transformers' exact search."""
    import torch
    from sentence_transformers.util import dot_score, semantic_search

    corpus = torch.from_numpy(np.array(vectors))

    def search(vector: np.ndarray) -> list[int]:
        found = semantic_search(torch.from_numpy(vector[None]), corpus, top_k=_LIMIT, score_function=dot_score)
        return [int(row["corpus_id"]) for row in found[0]]

    return search


def timed(ours: Search, library: Search, asked: Sequence[Any]) -> dict[str, float]:
    """Median and p95 milliseconds of both, turn about, their ratio, and how much of what they find is the same."""
    spent: dict[str, list[float]] = {"ours": [], "library": []}
    shared = []
    for question in [*asked[:5], *asked]:  # the first ones warm up
        found = []
        for name, search in (("ours", ours), ("library", library)):
            began = time.perf_counter()
            found.append(set(search(question)))
            spent[name].append(1000 * (time.perf_counter() - began))
        shared.append(len(found[0] & found[1]) / _LIMIT)
    values = {name: np.array(each[5:]) for name, each in spent.items()}
    result = {
        f"{name}_{word}": round(float(np.percentile(each, level)), 3)
        for name, each in values.items()
        for word, level in (("median_ms", 50), ("p95_ms", 95))
    }
    ratio = round(float(np.median(values["ours"] / values["library"])), 3)
    return {**result, "ratio": ratio, "shared": round(float(np.mean(shared[5:])), 3)}


def main() -> int:
    """Build, search and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=100)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        index, texts, store = opened(asked.passages, Path(folder))
        with closing(store):
            draw = np.random.default_rng(1)
            chosen = draw.choice(len(texts), asked.queries, replace=False).tolist()
            questions = [" ".join(texts[row].split()[:12]) for row in chosen]
            vectors = index.encoder.encode(questions, "query")
            place = {each.decode(): row for row, each in enumerate(index.chunk_ids.tolist())}

            def matching(question: str) -> list[int]:
                return [place[item.id] for item in index.search.matching_passages(question, _LIMIT)]

            def near(vector: np.ndarray) -> list[int]:
                return [place[item.id] for item in index.search.near_passages(vector, _LIMIT)]

            found = {
                "passages": len(texts),
                "bm25": timed(matching, bm25_library(texts), questions),
                "dense": timed(near, dense_library(index.chunk_vectors), list(vectors)),
            }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
