"""How often a retriever's best path ends at an answer, on MetaQA's graph of films and its questions of 1 to 3 hops.

    python -m benchmarks.metaqa ../shared/data/metaqa --hops 1 2 3 --retriever paths --retriever coe
    python -m benchmarks.metaqa ../shared/data/metaqa --retriever paths --examples 9000 --index-dir /tmp/metaqa_index

Hits@1 is the share of questions whose best path ends at one of the answers; F1 that of all ends of the best path's
relations. A retriever gets the question's text alone and finds the name in it; `--topic-given` tells it the name, and
`--known-hops` how many steps to take, as published figures assume. Intervals are bootstrapped over questions.

With `--examples` both learn from that many questions made here (`benchmarks.metaqa_questions`): paths of relations that
exist around entities drawn from the graph, worded by hand-written phrases. No question of the set, and no answer, is
among them, but whoever wrote the phrases had seen some hundred of its questions. Figures are recorded by
`benchmarks.results`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from benchmarks.metaqa_questions import write_examples
from benchmarks.results import Figure, add_options, figures_of, record_run
from eval.retrieval.metaqa import PathQuestion, PathScores, answer_question, measure_paths, read_graph, read_questions
from eval.statistics.stats import Interval
from kg.schema import Entity
from kg.stores.sqlite.store import SqliteStore
from models.factory import open_encoder
from retrieval.index.graph_index import GraphIndex
from retrieval.index.search import Search
from retrieval.retrievers.registry import open_retriever
from retrieval.types import Retriever


class TopicSearch:
    """The search of an index that is told which name a question is about."""

    def __init__(self, search: Search, rows: dict[str, int], questions: Sequence[PathQuestion]) -> None:
        self._search = search
        self._rows = {question.text: [rows[question.topic]] for question in questions if question.topic in rows}

    def named_entities(self, question: str) -> list[int]:
        """The row of the question's name."""
        return self._rows.get(question, [])

    def __getattr__(self, name: str) -> object:
        return getattr(self._search, name)


def open_index(folder: Path, home: Path, stack: ExitStack) -> GraphIndex:
    """The graph of a folder, indexed; what lies in `home` from an earlier run is used again."""
    home.mkdir(parents=True, exist_ok=True)
    is_new = not (home / "graph.sqlite").exists()
    store = stack.enter_context(closing(SqliteStore(home / "graph.sqlite")))
    if is_new:
        with store.transaction():
            store.put(read_graph(folder))
    return GraphIndex.open(store, home / "index", open_encoder("minilm"))


def run(arguments: argparse.Namespace) -> Iterator[tuple[str, int, PathScores]]:
    """Every retriever on the questions of every number of hops."""
    with ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        index = open_index(arguments.folder, arguments.index_dir or temporary, stack)
        sets = {
            hops: read_questions(arguments.folder / f"{hops}hop_500.txt")[: arguments.limit] for hops in arguments.hops
        }
        if arguments.topic_given:
            ids = [key.decode("ascii") for key in index.entity_ids.tolist()]
            rows = {entity.name: row for row, entity in enumerate(index.store.read(Entity, ids))}
            index.search = TopicSearch(index.search, rows, list(chain(*sets.values())))  # type: ignore[assignment]
        learnt: dict[str, object] = {}
        if arguments.examples:
            write_examples(temporary / "examples.jsonl", index, arguments.examples)
            learnt = {"questions": str(temporary / "examples.jsonl")}
        for name in arguments.retriever:
            # A retriever that learns is opened once for all questions, unless it is told the number of steps.
            opened: dict[int, Retriever] = {}
            for hops, questions in sets.items():
                settings: dict[str, object] = {"hops": hops, "least_hops": hops} if arguments.known_hops else {}
                settings |= learnt
                told_hops = hops if arguments.known_hops else 0
                retriever = opened.setdefault(told_hops, open_retriever(name, index, index.encoder, settings))
                answer_question(retriever, questions[0])  # what is made once for all questions is not timed
                answers = [answer_question(retriever, question) for question in questions]
                yield name, hops, measure_paths(answers, questions)


def figures(arguments: argparse.Namespace, name: str, hops: int, scores: PathScores) -> list[Figure]:
    """The figures of a retriever on the questions of one length, by what it was told of them."""
    told = ["name"] * arguments.topic_given + ["number of steps"] * arguments.known_hops
    values: dict[str, float | Interval | None] = {
        "hits@1": scores.hits,
        "f1": scores.f1,
        "ms_median": scores.ms_median,
        "ms_p95": scores.ms_p95,
        "failed": scores.failed,
    }
    return figures_of(
        values,
        {"hits@1": "share", "f1": "share", "ms_median": "ms", "ms_p95": "ms", "failed": "count"},
        retriever=name,
        examples=arguments.examples,
        questions=scores.n,
        hops=hops,
        told=" and ".join(told) or "nothing",
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, print a table or one JSON document, and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hops", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--retriever", action="append", choices=["paths", "coe"], required=True)
    parser.add_argument("--examples", type=int, default=0, help="questions made to learn from; 0 for none")
    parser.add_argument("--known-hops", action="store_true", help="tell the retriever how many steps to take")
    parser.add_argument("--topic-given", action="store_true", help="tell it the name that the question is about")
    parser.add_argument("--index-dir", type=Path, help="kept and used again; a folder that is removed without it")
    parser.add_argument("--limit", type=int, help="maximum number of questions of each number of hops")
    parser.add_argument("--json", action="store_true")
    add_options(parser)
    arguments = parser.parse_args(argv)
    rows, measured = [], []
    if not arguments.json:
        sys.stdout.write("retriever  hops    n  failed  Hits@1 (95 %)         F1     ms   p95\n")
    for name, hops, scores in run(arguments):
        rows.append({"retriever": name, "hops": hops, **asdict(scores)})
        measured += figures(arguments, name, hops, scores)
        sys.stderr.write("".join(f"{error}\n" for error in scores.errors))
        if not arguments.json:
            sys.stdout.write(_line(name, hops, scores))
            sys.stdout.flush()
    if arguments.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    record_run(arguments, "metaqa", measured, argv)


def _line(name: str, hops: int, scores: PathScores) -> str:
    hits = f"{scores.hits.mean:.3f} ({scores.hits.low:.3f}–{scores.hits.high:.3f})"
    times = f"{scores.ms_median:6.0f} {scores.ms_p95:5.0f}"
    return f"{name:9}  {hops:4} {scores.n:4}  {scores.failed:6}  {hits}  {scores.f1.mean:.3f} {times}\n"


if __name__ == "__main__":
    main()
