"""What `auto` decides: the kinds it sees in files of questions, and what its choice costs against the best one.

    python -m benchmarks.auto --questions "../shared/data/podcast/Kevin Scott Questions.csv" --set sets/popqa
    python -m benchmarks.auto --set sets/musique100 --set sets/popqa --regret

A set is a folder in BEIR's form (`python -m benchmarks.to_beir`), a file of questions a CSV with a column
`question_text`. Regret is the recall@5 that is lost against whichever of `dense` and `graph` does better on each
question, an oracle that no classifier reaches; beside it stands what always taking the one or the other would lose, and
milliseconds a question. A question that seems to be about the whole corpus goes to `graph` here: passages are counted.
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

from eval.retrieval.beir import Corpus, read_corpus
from eval.retrieval.measure import rank_all, values_of
from eval.statistics.stats import intervals
from kg.stores.sqlite.store import SqliteStore
from models.calls.chats import Chats
from models.factory import open_chat, open_encoder
from models.protocols import Encoder
from models.runtime.progress import SILENT
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.auto import AutoRetriever
from retrieval.retrievers.registry import open_retriever

BEHIND = {"single": "dense", "linked": "graph", "corpus": "graph"}


def kinds(auto: AutoRetriever, questions: Sequence[str]) -> dict[str, int]:
    """How many questions are of each kind."""
    return dict(Counter(auto.kind(question) for question in questions).most_common())


def regrets(index: GraphIndex, corpus: Corpus, auto: AutoRetriever) -> dict[str, object]:
    """Recall@5, regret and milliseconds of each choice."""
    ranked = {
        name: rank_all(open_retriever(name, index, index.encoder, {}), corpus, SILENT) for name in ("dense", "graph")
    }
    ranked["auto"] = rank_all(auto, corpus, SILENT)
    recall = {name: values_of(each, corpus.queries)["recall@5"] for name, each in ranked.items()}
    best = np.maximum(recall["dense"], recall["graph"])
    lost = intervals(np.stack([best - recall[name] for name in recall]))
    return {
        name: {
            "recall@5": float(recall[name].mean()),
            "regret": asdict(loss),
            "ms_median": float(np.median(ranked[name].seconds) * 1000),
            "failed": len(ranked[name].errors),
        }
        for name, loss in zip(recall, lost, strict=True)
    }


def open_set(corpus: Corpus, encoder: Encoder, home: Path, stack: ExitStack) -> tuple[GraphIndex, AutoRetriever]:
    """The index of a set, and `auto` on it."""
    store = stack.enter_context(closing(SqliteStore(home / "graph.sqlite")))
    with store.transaction():
        store.put(corpus.rows)
    index = GraphIndex.open(store, home / "index", encoder)
    chats = stack.enter_context(Chats(lambda name: closing(open_chat(name))))
    return index, cast(AutoRetriever, open_retriever("auto", index, encoder, {"retrievers": BEHIND}, chats))


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, action="append", default=[])
    parser.add_argument("--questions", type=Path, action="append", default=[])
    parser.add_argument("--regret", action="store_true")
    parser.add_argument("--encoder", default="minilm")
    args = parser.parse_args(argv)
    encoder = open_encoder(args.encoder)
    found: dict[str, object] = {}
    for folder in args.set:
        with ExitStack() as stack:
            corpus = read_corpus(folder)
            known = corpus if args.regret else Corpus(corpus.name, (), corpus.queries, {}, 0)
            home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            index, auto = open_set(known, encoder, home, stack)
            row: dict[str, object] = {"kinds": kinds(auto, [query.text for query in corpus.queries])}
            found[corpus.name] = row | (regrets(index, corpus, auto) if args.regret else {})
    for path in args.questions:
        with ExitStack() as stack, path.open(encoding="utf-8-sig", newline="") as file:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            _, auto = open_set(Corpus(path.stem, (), (), {}, 0), encoder, home, stack)
            found[path.stem] = {"kinds": kinds(auto, [row["question_text"] for row in csv.DictReader(file)])}
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
