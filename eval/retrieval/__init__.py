"""Measures retrievers: how well and how fast they find gold passages or the ends of gold paths.

- `comparison.py`: `compare_retrievers`, what `graft eval retrieval` calls: retrievers on one index of one corpus.
- `measure.py`: the rankings and metrics of one retriever.
- `beir.py`: reads corpora in BEIR's format, with facts if there are any.
- `metaqa.py`: questions whose answers are at the end of a path, in MetaQA's format, and their scores.

It knows retrievers only by the protocol `retrieval.types.Retriever`, and calls no reader. The contexts of an experiment
are measured by `eval.runs.summary`.
"""

from eval.retrieval.beir import Corpus, Query, read_corpus
from eval.retrieval.comparison import ComparisonSettings, RetrieverComparison, compare_retrievers
from eval.retrieval.measure import METRICS, RetrieverScores

__all__ = [
    "METRICS",
    "ComparisonSettings",
    "Corpus",
    "Query",
    "RetrieverComparison",
    "RetrieverScores",
    "compare_retrievers",
    "read_corpus",
]
