"""Retrievers held against gold passages, as a typed function: what `graft eval retrieval` calls."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.opening import Spending

if TYPE_CHECKING:
    from eval.retrieval import Measured
    from eval.stats import Interval


@dataclass(frozen=True, slots=True)
class RetrievalMeasured:
    """Retrievers on one corpus.

    Attributes:
        name: Of the corpus.
        passages: Their number.
        entities: Of the graph.
        facts: Of the graph.
        without_gold: Queries left out since they have no gold passage.
        retrievers: One each, in the order asked.
        differences: Of each but the first to the first, by name and metric.
        index_seconds: To embed, count and lay out; little where an index was kept.
        peak_mib: Most memory of this process in MiB, the encoder's included.
    """

    name: str
    passages: int
    entities: int
    facts: int
    without_gold: int
    retrievers: tuple[Measured, ...]
    differences: dict[str, dict[str, Interval]]
    index_seconds: float
    peak_mib: int


def measure_retrieval(
    folder: Path,
    names: Sequence[str],
    encoder: str,
    spending: Spending,
    limit: int | None = None,
    index_dir: Path | None = None,
    runs: Path | None = None,
) -> RetrievalMeasured:
    """Measure retrievers on a folder in BEIR's form.

    Args:
        folder: See `eval.beir`.
        names: Of retrievers; each is compared with the first.
        encoder: Its name.
        spending: Budget and progress.
        limit: Most queries.
        index_dir: Where the rows and arrays are kept; None for a folder that is removed again.
        runs: Folder for rankings in TREC's form.
    Raises:
        InputError: The folder is not in that form.
        ConfigError: No such retriever or encoder.
    """
    from eval.beir import read_corpus
    from eval.retrieval import differences, measure, peak_mib, rank_all, values_of, write_run
    from kg.schema import Chunk, Entity, Fact
    from kg.sqlite_store import SqliteStore
    from models.chats import Chats
    from models.factory import open_chat, open_encoder
    from models.records import Records
    from retrieval.index import GraphIndex
    from retrieval.retrievers import open_retriever, planned_calls

    for name in names:
        planned_calls(name, {})  # a wrong name is an error before anything is embedded
    corpus = read_corpus(folder)
    corpus = replace(corpus, queries=corpus.queries[:limit])
    opened, budget = open_encoder(encoder, spending.progress), spending.budget()
    with ExitStack() as stack:
        home = index_dir or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.mkdir(parents=True, exist_ok=True)
        store = stack.enter_context(closing(SqliteStore(home / "graph.sqlite")))
        records = stack.enter_context(closing(Records(home / "graph.sqlite")))
        chats = stack.enter_context(
            Chats(lambda name: closing(open_chat(name, records, budget, progress=spending.progress)))
        )
        began = time.perf_counter()
        with store.transaction():
            for kind in {type(row) for row in corpus.rows}:
                store.replace(kind, [row for row in corpus.rows if type(row) is kind])
        index = GraphIndex.open(store, home / "index", opened, spending.progress)
        seconds = time.perf_counter() - began
        ranked = {}
        for name in dict.fromkeys(names):
            ranked[name] = rank_all(open_retriever(name, index, opened, {}, chats), corpus, spending.progress)
            if runs:
                runs.mkdir(parents=True, exist_ok=True)
                write_run(runs / f"{name.replace(':', '-')}.trec", name, ranked[name], corpus.queries)
    counts = Counter(type(row) for row in corpus.rows)
    values = {name: values_of(rankings, corpus.queries) for name, rankings in ranked.items()}
    first, *others = values
    return RetrievalMeasured(
        corpus.name,
        counts[Chunk],
        counts[Entity],
        counts[Fact],
        corpus.without_gold,
        tuple(measure(name, rankings, corpus.queries) for name, rankings in ranked.items()),
        {name: differences(values[name], values[first]) for name in others},
        seconds,
        peak_mib(),
    )
