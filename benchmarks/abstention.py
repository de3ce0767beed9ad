"""When an answer is withheld: fitting the threshold of `graft ask`, and what it does to questions without an answer.

    python -m benchmarks.abstention collect ../shared/data/hotpot_dev/first250.jsonl rows.jsonl --questions 60
    python -m benchmarks.abstention measure WORKSPACE examples/saltmarsh/questions.jsonl rows_demo.jsonl
    python -m benchmarks.abstention fit rows.jsonl rows_demo.jsonl
    python -m benchmarks.abstention measure WORKSPACE ../shared/data/falseqa/valid.csv rows_false.jsonl --questions 40

`collect` asks the reader questions of HotpotQA with five of their paragraphs, every other time without those that
support the answer, and writes down what the confidence is computed from and whether the answer was right. `fit` prints
the weights of `retrieval.answering.confidence` and, of the thresholds that keep nine of ten right answers, that of best
F1 of abstaining, both cross-validated. `measure` asks the questions of a file of items through `graft ask`'s own steps:
an item of the kind "never-happened", or a question of FalseQA with a false premise, should be abstained from, any other
be answered. What is collected or measured is appended to its file and gone on with there.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np

from app.opening import Spending, opened, session
from eval.arms.metrics import contains
from kg.language.sentences import count_tokens
from kg.schema import make_id
from models.calls.chats import Chats
from models.factory import open_chat
from models.protocols import ChatModel
from models.runtime.progress import SILENT
from retrieval.answering.answer import answer
from retrieval.answering.confidence import THRESHOLD, confidence, shares
from retrieval.answering.pack import pack
from retrieval.retrievers.registry import open_retriever
from retrieval.types import ContextLine, PackedContext, Passage, Retrieved

PASSAGES = 5
CONTEXT_TOKENS = 1000
UNANSWERABLE = "never-happened"
KEPT = 0.9
"""Share of the model's right answers that the threshold may not go below."""
_FOLDS = 5


def ask(question: str, packed: PackedContext, accepted: Sequence[str], chat: ChatModel) -> dict[str, Any]:
    """One question: the answer, if the model found one, whether it is right, and all that its confidence rests on."""
    reply = answer(question, packed, chat, threshold=0.0)
    return {
        "question": question,
        "found": bool(reply.text),
        "text": reply.text,
        "right": bool(reply.text) and contains(reply.text, accepted) == 1.0,
        "cited": [each.number for each in reply.citations],
        "lines": [line.text for line in packed.lines],
    }


def shares_of(row: dict[str, Any]) -> tuple[float, ...]:
    """The shares of `retrieval.answering.confidence` for a question that was asked."""
    lines = [ContextLine(number, text, "", "") for number, text in enumerate(row["lines"], start=1)]
    return shares(row["question"], [line for line in lines if line.number in row["cited"]], lines)


def hotpot(path: Path, count: int) -> Iterator[tuple[str, str, PackedContext, list[str], bool]]:
    """Id, question, evidence, accepted answers, and whether the evidence holds the answer."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows[:count]):
        holds = number % 2 == 0
        gold = [each for each in row["contexts"] if each["is_supporting"]]
        others = [each for each in row["contexts"] if not each["is_supporting"]]
        chosen = [*(gold if holds else []), *others][:PASSAGES]
        passages = tuple(
            Passage(make_id("c", each["title"]), "", each["title"], each["title"], "", each["paragraph_text"], 1.0)
            for each in chosen
        )
        packed = pack(Retrieved(passages), CONTEXT_TOKENS, count_tokens)
        spans = [span for each in row["answers_objects"] for span in each["spans"]]
        yield row["question_id"], row["question_text"], packed, spans, holds


def collect(args: argparse.Namespace) -> None:
    """Ask, and write a row for every question."""
    known = {row["id"] for row in _rows(args.rows)}
    with closing(open_chat(args.model)) as chat, args.rows.open("a", encoding="utf-8") as out:
        for key, question, packed, accepted, holds in hotpot(args.set, args.questions):
            if key not in known:
                row = ask(question, packed, accepted, chat)
                out.write(json.dumps({"id": key, "answerable": holds, **row}) + "\n")
                out.flush()


def fit(args: argparse.Namespace) -> None:
    """Print weights, threshold and what abstaining is worth with them, on questions they were not fitted to."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    rows = [row for path in args.rows for row in _rows(path)]
    answered = [row for row in rows if row["found"]]
    features = np.array([shares_of(row) for row in answered])
    held = np.array([row["answerable"] for row in answered])
    model = LogisticRegression(C=1.0)
    held_out = cross_val_predict(model, features, held, cv=_FOLDS, method="predict_proba")[:, 1]
    model.fit(features, held)
    levels = np.unique(np.floor(held_out * 100) / 100)
    kept = [level for level in levels.tolist() if _right(answered, _at(answered, held_out, level)) >= KEPT]
    best = max(kept, key=lambda level: _abstention(rows, _at(answered, held_out, level))["f1"])
    is_given = _at(answered, held_out, best)
    found = {
        "weights": [round(float(value), 3) for value in (*model.intercept_, *model.coef_[0])],
        "threshold": best,
        "questions": len(rows),
        "abstained_by_the_model": _abstention(rows, _at(answered, held_out, 0.0)),
        "with_the_threshold": _abstention(rows, is_given),
        "right_answers": {
            "given_by_the_model": sum(row["right"] for row in answered),
            "of": len(answered),
            "above_the_threshold": sum(row["right"] for row in answered if is_given(row)),
            "of_those": sum(map(is_given, answered)),
        },
    }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


def read_items(path: Path, count: int | None) -> list[dict[str, Any]]:
    """Id, question, accepted answers and whether a corpus holds one, of the first items of a file.

    FalseQA is a CSV file with `question` and `label`: 1 has a false premise. The others are left out: no corpus of ours
    answers them.
    """
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row["question"] for row in csv.DictReader(file) if row["label"] == "1"]
        found = [{"id": f"{n}", "question": text, "accepted": [], "holds": False} for n, text in enumerate(rows)]
    else:
        items = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found = [
            {
                "id": item["id"],
                "question": item["question"],
                "accepted": [item["choices"][item["answer"]]],
                "holds": item["kind"] != UNANSWERABLE,
            }
            for item in items
        ]
    return found[:count]


def _right(answered: list[dict[str, Any]], given: Callable[[dict[str, Any]], bool]) -> float:
    """Share of the right answers that are given."""
    right = [row for row in answered if row["right"]]
    return sum(map(given, right)) / max(len(right), 1)


def measure(args: argparse.Namespace) -> None:
    """Ask every item, and print precision and recall of abstaining without and with the shipped threshold."""
    items = read_items(args.set, args.questions)
    known = {row["id"] for row in _rows(args.rows)}
    with ExitStack() as stack:
        workspace, encoder, index = stack.enter_context(opened(args.workspace, SILENT))
        chats = stack.enter_context(Chats(stack.enter_context(session(workspace, Spending())).open_chat))
        retriever = open_retriever(args.retriever, index, encoder, {}, chats)
        with args.rows.open("a", encoding="utf-8") as out:
            for item in items:
                if item["id"] not in known:
                    found = retriever.retrieve(item["question"], PASSAGES)
                    packed = pack(found, CONTEXT_TOKENS, count_tokens)
                    row = ask(item["question"], packed, item["accepted"], chats(args.model))
                    out.write(json.dumps({"id": item["id"], "answerable": item["holds"], **row}) + "\n")
                    out.flush()
    rows = _rows(args.rows)
    shown = {
        "questions": len(rows),
        "unanswerable": sum(not row["answerable"] for row in rows),
        "threshold": THRESHOLD,
        "abstained_by_the_model": _abstention(rows, lambda row: row["found"]),
        "with_the_threshold": _abstention(rows, _is_given),
        "right_of_all": float(np.mean([row["right"] and row["answerable"] for row in rows])),
        "right_of_all_with_the_threshold": float(
            np.mean([row["right"] and row["answerable"] and _is_given(row) for row in rows])
        ),
    }
    sys.stdout.write(json.dumps(shown, indent=2) + "\n")


def _is_given(row: dict[str, Any]) -> bool:
    return bool(row["found"]) and confidence(shares_of(row)) >= THRESHOLD


def _at(answered: list[dict[str, Any]], values: Any, level: float) -> Callable[[dict[str, Any]], bool]:
    """Whether a row's answer is given at a level of confidence."""
    given = {row["id"] for row, value in zip(answered, values, strict=True) if value >= level}
    return lambda row: row["id"] in given


def _abstention(rows: list[dict[str, Any]], given: Callable[[dict[str, Any]], bool]) -> dict[str, float]:
    """Precision and recall of abstaining, where abstaining is right if the evidence does not hold the answer."""
    withheld = [row for row in rows if not given(row)]
    rightly = sum(not row["answerable"] for row in withheld)
    unanswerable = sum(not row["answerable"] for row in rows)
    precision = rightly / len(withheld) if withheld else 0.0
    recall = rightly / unanswerable if unanswerable else 0.0
    both = precision + recall
    return {
        "withheld": len(withheld),
        "precision": round(precision, 3),
        "recall": round(recall, 3),
        "f1": round(2 * precision * recall / both, 3) if both else 0.0,
    }


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen-1.5b")
    commands = parser.add_subparsers(required=True)
    collecting = commands.add_parser("collect")
    collecting.add_argument("set", type=Path)
    collecting.add_argument("rows", type=Path)
    collecting.add_argument("--questions", type=int, default=100)
    collecting.set_defaults(run=collect)
    fitting = commands.add_parser("fit")
    fitting.add_argument("rows", type=Path, nargs="+")
    fitting.set_defaults(run=fit)
    measuring = commands.add_parser("measure")
    measuring.add_argument("workspace", type=Path)
    measuring.add_argument("set", type=Path)
    measuring.add_argument("rows", type=Path)
    measuring.add_argument("--questions", type=int, help="the first of them only")
    measuring.add_argument("--retriever", default="graph")
    measuring.set_defaults(run=measure)
    args = parser.parse_args(argv)
    args.run(args)


if __name__ == "__main__":
    main()
