"""Both sides of `benchmarks.plain_search` find the same passages."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from benchmarks.plain_search import bm25_library, dense_library, figures, open_passages, time_both


def test_ours_and_the_libraries_find_the_same(tmp_path: Path) -> None:
    index, texts, store = open_passages(300, tmp_path)
    with closing(store):
        row_of = {key.decode(): row for row, key in enumerate(index.chunk_ids.tolist())}
        questions = [" ".join(text.split()[:12]) for text in texts[:10]]
        words = time_both(
            lambda question: [row_of[item.id] for item in index.search.matching_passages(question, 10)],
            bm25_library(texts),
            questions,
        )
        vectors = time_both(
            lambda vector: [row_of[item.id] for item in index.search.near_passages(vector, 10)],
            dense_library(index.chunk_vectors),
            list(index.encoder.encode(questions, "query")),
        )
    assert words["shared"] > 0.9 and vectors["shared"] == 1.0
    assert words["ratio"] > 0 and vectors["ours_p95_ms"] >= vectors["ours_median_ms"] > 0
    recorded = figures(300, {"bm25": words, "dense": vectors})
    settings = [figure.setting for figure in recorded if figure.name == "median_ms"]
    assert {(setting["search"], setting["by"]) for setting in settings} == {
        ("bm25", "ours"),
        ("bm25", "library"),
        ("dense", "ours"),
        ("dense", "library"),
    }
