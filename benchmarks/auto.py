"""What `auto` decides: the kinds it sees in files of questions, and what its choice costs against the best one.

    python -m benchmarks.auto --questions "../shared/data/podcast/Kevin Scott Questions.csv" --set sets/popqa
    python -m benchmarks.auto --set sets/musique100 --set sets/popqa --regret

A set is a folder in BEIR's form (`python -m benchmarks.to_beir`), a file of questions a CSV with a column
`question_text`. Regret is the recall@5 that is lost against whichever of `dense` and `graph` does better on each
question, an oracle that no classifier reaches; beside it stands what always taking the one or the other would lose, and
milliseconds a question. A question that seems to be about the whole corpus goes to `graph` here, since what is measured
are passages, which `global` does not return. Figures are recorded by `benchmarks.results`.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import cast

import numpy as np

from benchmarks.results import Figure, add_options, figures_of, record_run
from eval.retrieval.beir import Corpus, read_corpus
from eval.retrieval.judgements import Judgements
from eval.retrieval.measure import metrics_by_query, rank_all
from eval.statistics.stats import Interval, intervals
from kg.stores.sqlite.store import SqliteStore
from models.calls.chats import Chats
from models.factory import open_chat, open_encoder
from models.protocols import Encoder
from models.runtime.progress import SILENT
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.auto import AutoRetriever
from retrieval.retrievers.registry import open_retriever

BEHIND = {"single": "dense", "linked": "graph", "corpus": "graph"}
"""Retriever by kind of question."""
_UNITS = {"recall@5": "share", "regret": "share", "ms_median": "ms", "failed": "count"}


def count_kinds(auto: AutoRetriever, questions: Sequence[str]) -> dict[str, int]:
    """Number of questions of each kind, the commonest first."""
    return dict(Counter(auto.kind(question) for question in questions).most_common())


def measure_regret(index: GraphIndex, corpus: Corpus, auto: AutoRetriever) -> dict[str, dict[str, float | Interval]]:
    """Recall@5, regret and milliseconds of each choice."""
    ranked = {
        name: rank_all(open_retriever(name, index, index.encoder, {}), corpus, SILENT) for name in ("dense", "graph")
    }
    ranked["auto"] = rank_all(auto, corpus, SILENT)
    recall = {name: metrics_by_query(rankings, corpus.queries)["recall@5"] for name, rankings in ranked.items()}
    best = np.maximum(recall["dense"], recall["graph"])
    regrets = intervals(np.stack([best - recall[name] for name in recall]))
    return {
        name: {
            "recall@5": float(recall[name].mean()),
            "regret": regret,
            "ms_median": float(np.median(ranked[name].seconds) * 1000),
            "failed": len(ranked[name].errors),
        }
        for name, regret in zip(recall, regrets, strict=True)
    }


def open_set(corpus: Corpus, encoder: Encoder, home: Path, stack: ExitStack) -> tuple[GraphIndex, AutoRetriever]:
    """The index of a set, and `auto` on it."""
    store = stack.enter_context(closing(SqliteStore(home / "graph.sqlite")))
    with store.transaction():
        store.put(corpus.rows)
    index = GraphIndex.open(store, home / "index", encoder)
    chats = stack.enter_context(Chats(lambda name: closing(open_chat(name))))
    return index, cast(AutoRetriever, open_retriever("auto", index, encoder, {"retrievers": BEHIND}, chats))


def figures(name: str, kinds: dict[str, int], regrets: dict[str, dict[str, float | Interval]]) -> list[Figure]:
    """The figures of a set: questions by kind, and what each retriever loses."""
    recorded: list[Figure] = []
    for kind, count in {**kinds, "all": sum(kinds.values())}.items():
        recorded += figures_of({"questions": count}, {"questions": "count"}, set=name, kind=kind)
    for retriever, values in regrets.items():
        recorded += figures_of(values, _UNITS, set=name, retriever=retriever)
    return recorded


def read_column(path: Path) -> list[str]:
    """The column `question_text` of a CSV file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row["question_text"] for row in csv.DictReader(file)]


_NO_JUDGEMENTS = Judgements("test", 0, 0, 0, 0, {})
"""For questions whose kinds alone are wanted."""


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, print JSON and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, action="append", default=[])
    parser.add_argument("--questions", type=Path, action="append", default=[])
    parser.add_argument("--regret", action="store_true")
    parser.add_argument("--encoder", default="minilm")
    add_options(parser)
    arguments = parser.parse_args(argv)
    encoder = open_encoder(arguments.encoder)
    document: dict[str, object] = {}
    measured: list[Figure] = []
    listed: list[tuple[Corpus, list[str], bool]] = []
    for folder in arguments.set:
        corpus = read_corpus(folder)
        listed.append((corpus, [query.text for query in corpus.queries], arguments.regret))
    for path in arguments.questions:
        listed.append((Corpus(path.stem, (), (), {}, 0, _NO_JUDGEMENTS), read_column(path), False))
    for corpus, questions, has_regret in listed:
        with ExitStack() as stack:
            # Kinds are seen in the questions alone, so that nothing need be indexed for them.
            indexed = corpus if has_regret else Corpus(corpus.name, (), corpus.queries, {}, 0, _NO_JUDGEMENTS)
            home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            index, auto = open_set(indexed, encoder, home, stack)
            kinds = count_kinds(auto, questions)
            regrets = measure_regret(index, corpus, auto) if has_regret else {}
            rows = _plain(regrets)
            document[corpus.name] = {"kinds": kinds, **rows}
            measured += figures(corpus.name, kinds, regrets)
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    record_run(arguments, "auto", measured, argv)


def _plain(regrets: dict[str, dict[str, float | Interval]]) -> dict[str, dict[str, object]]:
    """Values as JSON has them."""
    return {
        name: dict(zip(values, map(_plain_value, values.values()), strict=True)) for name, values in regrets.items()
    }


def _plain_value(value: float | Interval) -> object:
    return asdict(value) if isinstance(value, Interval) else value


if __name__ == "__main__":
    main()
