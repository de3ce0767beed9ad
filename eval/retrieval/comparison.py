"""Retrievers run over the same corpus in BEIR's form and compared: what `graft eval retrieval` prints.

Stores the corpus as a knowledge base, builds one index, opens every retriever on it and runs every query. Reading the
corpus is left to `eval.retrieval.beir`, the metrics to `eval.retrieval.measure`.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.retrieval.beir import Corpus, read_corpus
from eval.retrieval.measure import (
    Rankings,
    RetrieverScores,
    differences,
    measure_retriever,
    metrics_by_query,
    peak_mib,
    rank_all,
    write_run,
)
from kg.schema import Chunk, Entity, Fact, Row
from models.errors import ConfigError, unknown_name
from models.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from eval.statistics.stats import Interval
    from kg.stores.protocol import GraphStore
    from models.calls.budget import Budget
    from models.protocols import Encoder


@dataclass(frozen=True, slots=True)
class RetrieverComparison:
    """Retrievers on one corpus.

    Attributes:
        name: Name of the corpus.
        passages: Number of passages.
        entities: Number of entities of its graph.
        facts: Number of facts of its graph.
        without_gold: Number of queries left out because they have no gold passage.
        retrievers: One entry a retriever, in the order of their names in the request.
        differences: Paired differences by name of the baseline, name of the retriever, and metric.
        index_seconds: Time to embed, count and lay out the corpus; short where an index was kept.
        peak_mib: Peak memory of this process in MiB, the encoder's included.
    """

    name: str
    passages: int
    entities: int
    facts: int
    without_gold: int
    retrievers: tuple[RetrieverScores, ...]
    differences: dict[str, dict[str, dict[str, Interval]]]
    index_seconds: float
    peak_mib: int


@dataclass(frozen=True, slots=True)
class ComparisonSettings:
    """How retrievers are compared.

    Attributes:
        against: Names of the baselines that the other retrievers are compared with; the first retriever if empty.
        settings: Settings of retrievers by name: {"graph": {"damping": 0.6}}.
        limit: Maximum number of queries.
        index_dir: Folder that keeps the rows and arrays; None for a temporary one.
        runs: Folder for rankings in TREC's form; None to write none.
    """

    against: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    limit: int | None = None
    index_dir: Path | None = None
    runs: Path | None = None


def compare_retrievers(
    folder: Path,
    names: Sequence[str],
    encoder: str,
    budget: Budget,
    settings: ComparisonSettings | None = None,
    progress: Progress = SILENT,
) -> RetrieverComparison:
    """Measure retrievers on a folder in BEIR's form.

    Args:
        folder: See `eval.retrieval.beir`.
        names: Names of the retrievers.
        encoder: Name of the encoder that embeds passages and queries.
        budget: Limits on the calls of retrievers that need a chat model.
        settings: Baselines, settings of retrievers and folders.
        progress: Where progress is shown.
    Raises:
        InputError: The folder is not in that form.
        ConfigError: No such retriever or encoder, or settings for a retriever that is not measured.
        BudgetReached: A retriever that calls models used the budget up.
    """
    from models.factory import open_encoder

    settings = settings or ComparisonSettings()
    _check_names(names, settings)
    corpus = read_corpus(folder)
    # Fewer queries, but the whole corpus: finding a passage among few would be easier.
    corpus = replace(corpus, queries=corpus.queries[: settings.limit])
    opened = open_encoder(encoder, progress)
    rankings, seconds = _rank_corpus(corpus, list(dict.fromkeys(names)), opened, budget, settings, progress)
    rows = Counter(type(row) for row in corpus.rows)
    return RetrieverComparison(
        corpus.name,
        rows[Chunk],
        rows[Entity],
        rows[Fact],
        corpus.without_gold,
        tuple(measure_retriever(name, ranking, corpus.queries) for name, ranking in rankings.items()),
        _paired_differences(rankings, corpus, settings.against),
        seconds,
        peak_mib(),
    )


def _check_names(names: Sequence[str], settings: ComparisonSettings) -> None:
    """Refuse wrong names and settings before anything is embedded, which may take minutes."""
    from retrieval.retrievers.registry import planned_calls

    for name in (*settings.against, *settings.settings):
        if name not in names:
            raise ConfigError(unknown_name("measured retriever", name, names))
    for name in names:
        planned_calls(name, settings.settings.get(name, {}))


def _rank_corpus(
    corpus: Corpus,
    names: Sequence[str],
    encoder: Encoder,
    budget: Budget,
    settings: ComparisonSettings,
    progress: Progress,
) -> tuple[dict[str, Rankings], float]:
    """Rankings of every retriever on one index of the corpus, and the seconds that the index took."""
    from kg.stores.sqlite.store import SqliteStore
    from models.calls.chats import Chats
    from models.calls.records import Records
    from models.factory import open_chat
    from retrieval.index.graph_index import GraphIndex
    from retrieval.retrievers.registry import open_retriever

    rankings: dict[str, Rankings] = {}
    with ExitStack() as stack:
        home = settings.index_dir or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.mkdir(parents=True, exist_ok=True)
        store = stack.enter_context(closing(SqliteStore(home / "graph.sqlite")))
        records = stack.enter_context(closing(Records(home / "graph.sqlite")))
        chats = stack.enter_context(Chats(lambda name: closing(open_chat(name, records, budget, progress=progress))))
        began = time.perf_counter()
        _store_rows(store, corpus)
        index = GraphIndex.open(store, home / "index", encoder, progress)
        seconds = time.perf_counter() - began
        for name in names:
            retriever = open_retriever(name, index, encoder, settings.settings.get(name, {}), chats)
            rankings[name] = rank_all(retriever, corpus, progress)
            if settings.runs:
                settings.runs.mkdir(parents=True, exist_ok=True)
                # A dotted path, such as "package.module:Class", has a ":", which not every file system allows.
                write_run(settings.runs / f"{name.replace(':', '-')}.trec", name, rankings[name], corpus.queries)
    return rankings, seconds


def _store_rows(store: GraphStore, corpus: Corpus) -> None:
    rows: defaultdict[type[Row], list[Row]] = defaultdict(list)
    for row in corpus.rows:
        rows[type(row)].append(row)
    with store.transaction():
        for kind, of_kind in rows.items():
            store.replace(kind, of_kind)


def _paired_differences(
    rankings: Mapping[str, Rankings], corpus: Corpus, against: Sequence[str]
) -> dict[str, dict[str, dict[str, Interval]]]:
    """Differences of every retriever to every baseline, by baseline, retriever and metric."""
    if len(rankings) < 2:
        return {}
    metrics = {name: metrics_by_query(ranking, corpus.queries) for name, ranking in rankings.items()}
    paired: dict[str, dict[str, dict[str, Interval]]] = {}
    for base in against or tuple(metrics)[:1]:
        others = [name for name in metrics if name != base]
        paired[base] = {name: differences(metrics[name], metrics[base]) for name in others}
    return paired
