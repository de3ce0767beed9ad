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
    check_ids,
    differences,
    measure_retriever,
    metrics_by_query,
    peak_mib,
    rank_all,
    write_run,
)
from kg.documents.window import embedded_passages, measure_reading, query_notices, reading_notices
from kg.schema import Chunk, Document, Entity, Fact, Row
from models.errors import ConfigError, unknown_name
from models.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from eval.statistics.stats import Interval
    from kg.stores.protocol import GraphStore
    from kg.summary import EncoderReading
    from models.calls.budget import Budget
    from models.protocols import Encoder


@dataclass(frozen=True, slots=True)
class QueryCounts:
    """Queries of a folder: read = measured + without_gold + beyond_limit.

    Attributes:
        read: Number of queries of the folder.
        measured: Number of queries that were asked; those that failed are among them.
        without_gold: Number of queries without a relevant passage.
        beyond_limit: Number of queries after the first `limit`.
    """

    read: int
    measured: int
    without_gold: int
    beyond_limit: int


@dataclass(frozen=True, slots=True)
class JudgementCounts:
    """Judgements of a folder: read = used + repeated + unknown_queries.

    Attributes:
        read: Number of lines with a judgement.
        used: Number of pairs of query and passage that they judge.
        repeated: Number of judgements that a later one on the same pair replaces.
        unknown_queries: Number of judgements on queries that are not there.
        unknown_passages: Number of relevant pairs used whose passage is not there; never found.
    """

    read: int
    used: int
    repeated: int
    unknown_queries: int
    unknown_passages: int


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
        encoder_read: What the encoder reads of the passages, which stay whole, by the ISO 639-1 code of their language.
        notices: What to know about the folder, and about what the encoder reads of passages and queries.
        queries: What became of the queries of the folder.
        judgements: What became of its judgements.
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
    encoder_read: Mapping[str, EncoderReading] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    queries: QueryCounts | None = None
    judgements: JudgementCounts | None = None


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
    if settings.runs:
        check_ids(corpus)
    told, with_gold = corpus.notices, len(corpus.queries)
    # Fewer queries, but the whole corpus: finding a passage among few would be easier.
    corpus = replace(corpus, queries=corpus.queries[: settings.limit])
    opened = open_encoder(encoder, progress)
    rankings, seconds = _rank_corpus(corpus, list(dict.fromkeys(names)), opened, budget, settings, progress)
    rows = Counter(type(row) for row in corpus.rows)
    documents = [row for row in corpus.rows if isinstance(row, Document)]
    chunks = [row for row in corpus.rows if isinstance(row, Chunk)]
    reading = measure_reading(opened, embedded_passages(documents, chunks, opened))
    notices = (
        *told,
        *reading_notices(opened, reading),
        *query_notices(opened, [query.text for query in corpus.queries]),
    )
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
        reading,
        notices,
        QueryCounts(
            with_gold + corpus.without_gold, len(corpus.queries), corpus.without_gold, with_gold - len(corpus.queries)
        ),
        JudgementCounts(
            corpus.judgements.lines,
            corpus.judgements.lines - corpus.judgements.repeated - corpus.judgements.unknown_queries,
            corpus.judgements.repeated,
            corpus.judgements.unknown_queries,
            corpus.judgements.unknown_passages,
        ),
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
