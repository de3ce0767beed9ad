"""When an answer is withheld: fitting the threshold of `graft ask`, and what it does to questions without an answer.

    python -m benchmarks.abstention collect ../shared/data/hotpot_dev/first250.jsonl rows.jsonl --questions 60
    python -m benchmarks.abstention measure WORKSPACE examples/saltmarsh/questions.jsonl rows_demo.jsonl
    python -m benchmarks.abstention fit rows.jsonl rows_demo.jsonl
    python -m benchmarks.abstention measure WORKSPACE ../shared/data/falseqa/valid.csv rows_false.jsonl --questions 40

`collect` has the reader answer questions of HotpotQA from five of their paragraphs, every other time without those that
support the answer, and writes down what the confidence is computed from and whether the answer was right. `fit` prints
the weights of `retrieval.answering.confidence` and, of the thresholds that keep nine of ten right answers, the one of
best F1 of abstaining, both cross-validated. `measure` answers the questions of a file of items by `graft ask`'s own
steps: an item of the kind "never-happened", or a question of FalseQA with a false premise, should be abstained from,
any other be answered. Both append to their file, and a second run continues where it ends.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from app.opening import Spending, opened, session
from benchmarks.results import Figure, add_options, figures_of, record_run
from eval.arms.metrics import contains
from kg.language.sentences import count_tokens
from kg.schema import make_id
from models.calls.chats import Chats
from models.factory import open_chat
from models.files.jsonl import read_lines, read_objects
from models.protocols import ChatModel
from models.runtime.progress import SILENT
from retrieval.answering.answer import answer
from retrieval.answering.confidence import THRESHOLD, confidence, evidence_shares
from retrieval.answering.pack import pack
from retrieval.retrievers.registry import open_retriever
from retrieval.types import ContextLine, PackedContext, Passage, RetrievedEvidence

PASSAGES = 5
CONTEXT_TOKENS = 1000
UNANSWERABLE = "never-happened"
KEPT = 0.9
"""Share of the model's right answers below which the threshold may not bring them."""
_FOLDS = 5
_UNITS = {"withheld": "count", "precision": "share", "recall": "share", "f1": "share", "right answers kept": "share"}


@dataclass(frozen=True, slots=True)
class PosedQuestion:
    """A question, and whether what is searched holds its answer.

    Attributes:
        id: Unique within its file.
        text: The question.
        accepted: Right answers; none where there is none.
        answerable: Whether the corpus, or the given evidence, holds one.
        packed: The evidence, where it is given and not retrieved.
    """

    id: str
    text: str
    accepted: tuple[str, ...]
    answerable: bool
    packed: PackedContext | None = None


class AnsweredQuestion(BaseModel):
    """A line of the files that `collect` and `measure` write: the answer and all that its confidence rests on.

    Attributes:
        id: Of the question.
        answerable: Whether it has an answer.
        question: The question.
        found: Whether the model gave an answer.
        text: The answer, or "".
        right: Whether it contains an accepted answer.
        cited: Numbers of the lines it cites.
        lines: Lines of the evidence, the first of them number 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    answerable: bool
    question: str
    found: bool
    text: str
    right: bool
    cited: tuple[int, ...]
    lines: tuple[str, ...]

    def shares(self) -> tuple[float, ...]:
        """The shares that `retrieval.answering.confidence` weighs."""
        lines = [ContextLine(number, text, "", "") for number, text in enumerate(self.lines, start=1)]
        return evidence_shares(self.question, [line for line in lines if line.number in self.cited], lines)


Rule = Callable[[AnsweredQuestion], bool]
"""Whether an answer is given to the user."""


def answer_from(question: PosedQuestion, packed: PackedContext, chat: ChatModel) -> AnsweredQuestion:
    """Answer one question from its evidence; nothing is withheld."""
    answered = answer(question.text, packed, chat, threshold=0.0)
    return AnsweredQuestion(
        id=question.id,
        answerable=question.answerable,
        question=question.text,
        found=bool(answered.text),
        text=answered.text,
        right=bool(answered.text) and contains(answered.text, question.accepted) == 1.0,
        cited=tuple(citation.number for citation in answered.citations),
        lines=tuple(line.text for line in packed.lines),
    )


def hotpot(path: Path, count: int) -> Iterator[PosedQuestion]:
    """Questions of HotpotQA in IRCoT's form with five paragraphs, every other one without those of its answer."""
    for number, (_, row) in enumerate(read_objects(path)):
        if number == count:
            return
        answerable = number % 2 == 0
        gold = [paragraph for paragraph in row["contexts"] if paragraph["is_supporting"]]
        others = [paragraph for paragraph in row["contexts"] if not paragraph["is_supporting"]]
        chosen = [*(gold if answerable else []), *others][:PASSAGES]
        packed = pack(RetrievedEvidence(tuple(map(_passage, chosen))), CONTEXT_TOKENS, count_tokens)
        spans = tuple(span for answers in row["answers_objects"] for span in answers["spans"])
        yield PosedQuestion(row["question_id"], row["question_text"], spans, answerable, packed)


def _passage(paragraph: dict[str, Any]) -> Passage:
    title = paragraph["title"]
    return Passage(make_id("c", title), "", title, title, "", paragraph["paragraph_text"], 1.0)


def read_items(path: Path, count: int | None) -> list[PosedQuestion]:
    """The first questions of a file of items, or of a file of FalseQA.

    FalseQA is a CSV file with `question` and `label`: 1 has a false premise. The others are left out, since no corpus
    here answers them.
    """
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            texts = [row["question"] for row in csv.DictReader(file) if row["label"] == "1"]
        questions = [PosedQuestion(str(number), text, (), False) for number, text in enumerate(texts)]
    else:
        questions = [
            PosedQuestion(
                item["id"], item["question"], (item["choices"][item["answer"]],), item["kind"] != UNANSWERABLE
            )
            for _, item in read_objects(path)
        ]
    return questions[:count]


def collect(arguments: argparse.Namespace) -> list[Figure]:
    """Answer the questions of HotpotQA, and write a line for each."""
    with closing(open_chat(arguments.model)) as chat:

        def answer_given(question: PosedQuestion) -> AnsweredQuestion:
            assert question.packed is not None
            return answer_from(question, question.packed, chat)

        _append(arguments.rows, hotpot(arguments.set, arguments.questions), answer_given)
    return []


def measure(arguments: argparse.Namespace) -> list[Figure]:
    """Answer every item, and print precision and recall of abstaining without and with the shipped threshold."""
    with ExitStack() as stack:
        workspace, encoder, index = stack.enter_context(opened(arguments.workspace, SILENT))
        chats = stack.enter_context(Chats(stack.enter_context(session(workspace, Spending())).open_chat))
        retriever = open_retriever(arguments.retriever, index, encoder, {}, chats)

        def answer_retrieved(question: PosedQuestion) -> AnsweredQuestion:
            packed = pack(retriever.retrieve(question.text, PASSAGES), CONTEXT_TOKENS, count_tokens)
            return answer_from(question, packed, chats(arguments.model))

        _append(arguments.rows, read_items(arguments.set, arguments.questions), answer_retrieved)
    answered = _read(arguments.rows)
    right = np.array([one.right and one.answerable for one in answered])
    is_given = np.array([_passes_shipped(one) for one in answered])
    scores = score_abstention(answered, _passes_shipped)
    document = {
        "questions": len(answered),
        "unanswerable": sum(not one.answerable for one in answered),
        "threshold": THRESHOLD,
        "abstained_by_the_model": score_abstention(answered, lambda one: one.found),
        "with_the_threshold": scores,
        "right_of_all": float(right.mean()),
        "right_of_all_with_the_threshold": float((right & is_given).mean()),
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    # Without an unanswerable question, or without an answerable one, one of the two says nothing.
    values = {**scores, "right answers kept": _share_kept(answered, _passes_shipped) if right.any() else None}
    name = f"{arguments.set.parent.name}/{arguments.set.stem}"
    return figures_of(values, _UNITS, set=name, questions=len(answered))


def fit(arguments: argparse.Namespace) -> list[Figure]:
    """Print weights, threshold and what abstaining is worth with them, on questions they were not fitted to."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    questions = [one for path in arguments.rows for one in _read(path)]
    answered = [one for one in questions if one.found]
    features = np.array([one.shares() for one in answered])
    answerable = np.array([one.answerable for one in answered])
    model = LogisticRegression(C=1.0)
    # Confidence of each answer by a model that was fitted to the other folds.
    held_out = cross_val_predict(model, features, answerable, cv=_FOLDS, method="predict_proba")[:, 1]
    model.fit(features, answerable)
    # Rounded down to a hundredth: a threshold between two answers would fit their exact confidences.
    levels = np.unique(np.floor(held_out * 100) / 100).tolist()
    rules = {level: _above(answered, held_out, level) for level in levels}
    allowed = [level for level, rule in rules.items() if _share_kept(answered, rule) >= KEPT]
    best = max(allowed, key=lambda level: score_abstention(questions, rules[level])["f1"])
    is_given = rules[best]
    scores = score_abstention(questions, is_given)
    document = {
        "weights": [round(float(value), 3) for value in (*model.intercept_, *model.coef_[0])],
        "threshold": best,
        "questions": len(questions),
        "abstained_by_the_model": score_abstention(questions, _above(answered, held_out, 0.0)),
        "with_the_threshold": scores,
        "right_answers": {
            "given_by_the_model": sum(one.right for one in answered),
            "of": len(answered),
            "above_the_threshold": sum(one.right for one in answered if is_given(one)),
            "of_those": sum(map(is_given, answered)),
        },
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    values = {**scores, "right answers kept": _share_kept(answered, is_given)}
    names = " and ".join(path.stem for path in arguments.rows)
    return figures_of(values, _UNITS, set=names, questions=len(questions))


def score_abstention(questions: Sequence[AnsweredQuestion], is_given: Rule) -> dict[str, float]:
    """Precision and recall of abstaining, which is right where the evidence does not hold the answer."""
    withheld = [one for one in questions if not is_given(one)]
    rightly = sum(not one.answerable for one in withheld)
    unanswerable = sum(not one.answerable for one in questions)
    precision = rightly / len(withheld) if withheld else 0.0
    recall = rightly / unanswerable if unanswerable else 0.0
    both = precision + recall
    return {
        "withheld": len(withheld),
        "precision": round(precision, 3),
        "recall": round(recall, 3),
        "f1": round(2 * precision * recall / both, 3) if both else 0.0,
    }


def _share_kept(answered: Sequence[AnsweredQuestion], is_given: Rule) -> float:
    """Share of the right answers that are given."""
    right = [one for one in answered if one.right]
    return sum(map(is_given, right)) / max(len(right), 1)


def _passes_shipped(one: AnsweredQuestion) -> bool:
    return one.found and confidence(one.shares()) >= THRESHOLD


def _above(answered: Sequence[AnsweredQuestion], values: Any, level: float) -> Rule:
    """The rule that gives answers from a level of confidence on; what has no confidence is withheld."""
    ids = {one.id for one, value in zip(answered, values, strict=True) if value >= level}
    return lambda one: one.id in ids


def _append(
    path: Path, questions: Iterable[PosedQuestion], answer_one: Callable[[PosedQuestion], AnsweredQuestion]
) -> None:
    """Answer the questions that a file does not hold yet, and add each to it at once."""
    finished = {one.id for one in _read(path)}
    with path.open("a", encoding="utf-8") as out:
        for question in questions:
            if question.id not in finished:
                out.write(answer_one(question).model_dump_json() + "\n")
                out.flush()


def _read(path: Path) -> list[AnsweredQuestion]:
    if not path.exists():
        return []
    return [one for _, one in read_lines(path, AnsweredQuestion, "answers that collect or measure wrote")]


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, run the command and record its figures."""
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
    for command in (collecting, fitting, measuring):
        add_options(command)
    arguments = parser.parse_args(argv)
    record_run(arguments, "abstention", arguments.run(arguments), argv)


if __name__ == "__main__":
    main()
