"""Retrievers held against gold passages, as a typed function: what `graft eval retrieval` calls."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.opening import Spending
from models.errors import ConfigError

if TYPE_CHECKING:
    from eval.retrieval.measure import Measured
    from eval.statistics.stats import Interval


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
        differences: To each retriever that the others are held against: by its name, theirs, and metric.
        index_seconds: To embed, count and lay out; little where an index was kept.
        peak_mib: Most memory of this process in MiB, the encoder's included.
    """

    name: str
    passages: int
    entities: int
    facts: int
    without_gold: int
    retrievers: tuple[Measured, ...]
    differences: dict[str, dict[str, dict[str, Interval]]]
    index_seconds: float
    peak_mib: int


@dataclass(frozen=True, slots=True)
class RankingSettings:
    """How retrievers are measured.

    Attributes:
        against: Names of the retrievers that the others are held against; none is the first.
        settings: Of retrievers, by name: {"graph": {"damping": 0.6}}.
        limit: Most queries.
        index_dir: Where the rows and arrays are kept; None for a folder that is removed again.
        runs: Folder for rankings in TREC's form.
    """

    against: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    limit: int | None = None
    index_dir: Path | None = None
    runs: Path | None = None


def measure_retrieval(
    folder: Path, names: Sequence[str], encoder: str, spending: Spending, asked: RankingSettings | None = None
) -> RetrievalMeasured:
    """Measure retrievers on a folder in BEIR's form.

    Args:
        folder: See `eval.retrieval.beir`.
        names: Of retrievers.
        encoder: Its name.
        spending: Budget and progress.
        asked: The rest.
    Raises:
        InputError: The folder is not in that form.
        ConfigError: No such retriever or encoder, or settings for a retriever that is not measured.
    """
    from eval.retrieval.beir import read_corpus
    from eval.retrieval.measure import differences, measure, peak_mib, rank_all, values_of, write_run
    from kg.schema import Chunk, Entity, Fact
    from kg.stores.sqlite.store import SqliteStore
    from models.calls.chats import Chats
    from models.calls.records import Records
    from models.factory import open_chat, open_encoder
    from retrieval.index.graph_index import GraphIndex
    from retrieval.retrievers.registry import open_retriever, planned_calls

    asked = asked or RankingSettings()
    if unknown := {*asked.against, *asked.settings} - {*names}:
        raise ConfigError(f"{', '.join(sorted(unknown))} is not measured: expected one of {', '.join(names)}.")
    for name in names:
        planned_calls(name, asked.settings.get(name, {}))  # what is wrong is said before anything is embedded
    corpus = read_corpus(folder)
    corpus = replace(corpus, queries=corpus.queries[: asked.limit])
    opened, budget = open_encoder(encoder, spending.progress), spending.budget()
    with ExitStack() as stack:
        home = asked.index_dir or Path(stack.enter_context(tempfile.TemporaryDirectory()))
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
            retriever = open_retriever(name, index, opened, asked.settings.get(name, {}), chats)
            ranked[name] = rank_all(retriever, corpus, spending.progress)
            if asked.runs:
                asked.runs.mkdir(parents=True, exist_ok=True)
                write_run(asked.runs / f"{name.replace(':', '-')}.trec", name, ranked[name], corpus.queries)
    counts = Counter(type(row) for row in corpus.rows)
    values = {name: values_of(rankings, corpus.queries) for name, rankings in ranked.items()}
    against = asked.against or tuple(values)[:1]
    return RetrievalMeasured(
        corpus.name,
        counts[Chunk],
        counts[Entity],
        counts[Fact],
        corpus.without_gold,
        tuple(measure(name, rankings, corpus.queries) for name, rankings in ranked.items()),
        {
            base: {name: differences(each, values[base]) for name, each in values.items() if name != base}
            for base in against
            if len(values) > 1
        },
        seconds,
        peak_mib(),
    )
