"""Both sides of `benchmarks.plain_search` find the same passages."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from benchmarks.plain_search import bm25_library, dense_library, opened, timed


def test_ours_and_the_libraries_find_the_same(tmp_path: Path) -> None:
    index, texts, store = opened(300, tmp_path)
    with closing(store):
        place = {each.decode(): row for row, each in enumerate(index.chunk_ids.tolist())}
        questions = [" ".join(text.split()[:12]) for text in texts[:10]]
        words = timed(
            lambda question: [place[item.id] for item in index.search.matching_passages(question, 10)],
            bm25_library(texts),
            questions,
        )
        vectors = timed(
            lambda vector: [place[item.id] for item in index.search.near_passages(vector, 10)],
            dense_library(index.chunk_vectors),
            list(index.encoder.encode(questions, "query")),
        )
    assert words["shared"] > 0.9 and vectors["shared"] == 1.0
    assert words["ratio"] > 0 and vectors["ours_p95_ms"] >= vectors["ours_median_ms"] > 0
