"""Questions whose answers stand at the end of a path of relations, in MetaQA's form, and how well retrievers find them.

    entity2text.txt      id  name, tab-separated
    relation2text.txt    id  relation in words
    train.tsv, …         subject  relation  object, by id; all parts together are the graph
    1hop_500.txt, …      question with its topic in [brackets]  answer|answer|…

A subject with all its facts is one document of one chunk, a sentence a fact, so that every fact has its evidence. The
brackets are taken off a question: a retriever has to find the name itself. Source: Zhang et al., AAAI 2018 (MetaQA).
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.statistics.stats import Interval, Values, intervals
from eval.tasks.files import read_published
from kg.language.sentences import count_tokens
from kg.schema import Chunk, Document, Entity, Evidence, Fact, Row, make_id
from models.errors import RUN_ENDING_ERRORS, InputError, describe_error
from retrieval.types import FactPath, Retriever

PARTS = ("train.tsv", "dev.tsv", "test.tsv")
DEPTH = 5
"""Number of passages that a retriever is asked to return."""
_TOPIC = re.compile(r"\[(.+)\]")
_SHOWN_ERRORS = 5


def read_graph(folder: Path) -> list[Row]:
    """The graph of a folder as rows of a knowledge base; an entity without a name is called by its id.

    Raises:
        InputError: A file is missing, or a line has another number of columns.
    """
    names: dict[str, str] = dict(_columns(folder / "entity2text.txt", 2))
    relations: dict[str, str] = dict(_columns(folder / "relation2text.txt", 2))
    # The parts overlap, and a fact must be in the graph once.
    triples = {tuple(columns) for part in PARTS for columns in _columns(folder / part, 3)}
    by_subject: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for subject, relation, object_ in sorted(triples):
        if relation not in relations:
            raise InputError(
                f"{folder}: expected every relation of a fact in relation2text.txt, but {relation!r} is not there."
            )
        by_subject[subject].append((relations[relation], object_))
    builder = _GraphBuilder(names)
    for subject, facts in by_subject.items():
        builder.add_subject(subject, facts)
    return [*builder.rows, *builder.entities()]


class _GraphBuilder:
    """Rows as they are made, and the evidence of each entity."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.rows: list[Row] = []
        self._names = names
        self._evidence: defaultdict[str, list[Evidence]] = defaultdict(list)

    def add_subject(self, subject: str, facts: Sequence[tuple[str, str]]) -> None:
        """Add a subject's document, chunk and facts, given as pairs of relation and object."""
        title = self._name(subject)
        sentences = [f"{title} {relation} {self._name(object_)}." for relation, object_ in facts]
        text = " ".join(sentences)
        document = Document(make_id("d", subject, text), f"{subject}.txt", title, text)
        chunk = Chunk(make_id("c", document.id), document.id, 0, 0, len(text), text, count_tokens(text))
        self.rows += [document, chunk]
        start = 0
        for (relation, object_), sentence in zip(facts, sentences, strict=True):
            span = Evidence(chunk.id, start, start + len(sentence))
            ends = make_id("e", subject), make_id("e", object_)
            self.rows.append(Fact(make_id("f", subject, relation, object_), ends[0], relation, ends[1], (span,)))
            self._evidence[object_].append(span)
            # A subject is named in every sentence of its own document; the first of them is evidence enough.
            self._evidence[subject] = [*self._evidence[subject], span][:1]
            start += len(sentence) + 1

    def entities(self) -> Iterator[Entity]:
        """The entities that facts mention."""
        for key, spans in self._evidence.items():
            yield Entity(make_id("e", key), self._name(key), "", (), tuple(sorted(set(spans))))

    def _name(self, key: str) -> str:
        return self._names.get(key, key)


def _columns(path: Path, count: int) -> Iterator[list[str]]:
    lines = read_published(path, "a folder in MetaQA's form").split("\n")
    for number, line in enumerate(lines, 1):
        if line.strip():
            columns = line.rstrip("\r").split("\t")
            if len(columns) != count:
                raise InputError(f"{path}, line {number}: expected {count} columns, got {len(columns)}.")
            yield columns


@dataclass(frozen=True, slots=True)
class PathQuestion:
    """A question whose answers stand at the end of a path of relations.

    Attributes:
        id: Unique within its file.
        text: The question as a retriever is given it, without brackets.
        topic: Name of the entity that the path starts from.
        answers: Names of all right answers.
    """

    id: str
    text: str
    topic: str
    answers: frozenset[str]


def read_questions(path: Path) -> list[PathQuestion]:
    """The questions of a file.

    Raises:
        InputError: The file cannot be read, or a question has no topic in brackets or no answer.
    """
    questions = []
    for number, (text, answers) in enumerate(_columns(path, 2), 1):
        topic = _TOPIC.search(text)
        if topic is None or not answers:
            raise InputError(f"{path}, question {number}: expected a topic in [brackets] and answers, got {text!r}.")
        bare = f"{text[: topic.start()]}{topic[1]}{text[topic.end() :]}"
        questions.append(PathQuestion(f"{path.stem}-{number}", bare, topic[1], frozenset(answers.split("|"))))
    return questions


@dataclass(frozen=True, slots=True)
class PathAnswers:
    """The answers to one question that a retriever's paths lead to.

    Attributes:
        best: Name at the end of the best path, or "".
        ends: Names at the ends of all paths along the relations of the best one.
        seconds: Time from the question's text to its paths.
        error: The error in words if the retriever ended in one, else "".
    """

    best: str
    ends: frozenset[str]
    seconds: float
    error: str = ""


def answer_question(retriever: Retriever, question: PathQuestion) -> PathAnswers:
    """Answer one question by the retriever's paths; one that fails is recorded as having found nothing.

    Raises:
        BudgetError: A retriever that calls models used the budget up.
    """
    began, error = time.perf_counter(), ""
    paths: tuple[FactPath, ...] = ()
    try:
        paths = retriever.retrieve(question.text, DEPTH).paths
    except RUN_ENDING_ERRORS:
        raise
    except Exception as problem:  # a question's boundary: recorded, and counted as wrong
        error = f"{question.id}: {describe_error(problem)}"
    seconds = time.perf_counter() - began
    walked = [walked_from(path, question.topic) for path in paths]
    ends = frozenset(end for relations, end in walked if relations == walked[0][0])
    return PathAnswers(walked[0][1] if walked else "", ends, seconds, error)


def walked_from(path: FactPath, topic: str) -> tuple[tuple[str, ...], str]:
    """The relations of a path, "^" before one walked backwards, and the name at its end.

    The path starts at the topic, whatever its case. If its first fact does not contain the topic, it starts at the end
    of that fact that the second fact does not share; a path of one fact then starts at the fact's subject.
    """
    first, *others = path.facts
    here = next((name for name in (first.subject, first.object) if name.lower() == topic.lower()), first.subject)
    if here.lower() != topic.lower() and others and first.subject in (others[0].subject, others[0].object):
        here = first.object
    relations = []
    for fact in path.facts:
        forward = fact.subject == here
        relations.append(fact.predicate if forward else f"^{fact.predicate}")
        here = fact.object if forward else fact.subject
    return tuple(relations), here


@dataclass(frozen=True, slots=True)
class PathScores:
    """One retriever on the questions of one number of hops.

    Attributes:
        n: Number of questions: the denominator of every mean.
        failed: Number of questions on which it ended in an error; they count as wrong.
        hits: Share of questions whose best path ends at an answer, with its 95 % interval.
        f1: Mean F1 of the ends of the best path's relations and the answers, with its interval.
        ms_median: Median time of a question in milliseconds.
        ms_p95: 95th percentile of the same times.
        errors: The first few errors in words.
    """

    n: int
    failed: int
    hits: Interval
    f1: Interval
    ms_median: float
    ms_p95: float
    errors: tuple[str, ...]


def measure_paths(found: Sequence[PathAnswers], questions: Sequence[PathQuestion]) -> PathScores:
    """Means over questions.

    Args:
        found: Answers to each question, in the same order.
        questions: The questions.
    """
    best_is_right, f1_of_ends = [], []
    for answers, question in zip(found, questions, strict=True):
        best_is_right.append(float(answers.best in question.answers))
        f1_of_ends.append(f1(answers.ends, question.answers))
    values: Values = np.array([best_is_right, f1_of_ends])
    hits, f1s = intervals(values)
    milliseconds = np.array([answers.seconds for answers in found]) * 1000
    errors = [answers.error for answers in found if answers.error]
    return PathScores(
        n=len(found),
        failed=len(errors),
        hits=hits,
        f1=f1s,
        ms_median=float(np.median(milliseconds)),
        ms_p95=float(np.percentile(milliseconds, 95)),
        errors=tuple(errors[:_SHOWN_ERRORS]),
    )


def f1(found: frozenset[str], answers: frozenset[str]) -> float:
    """Harmonic mean of precision and recall of a set of answers.

    Example:
        >>> f1(frozenset({"a", "b"}), frozenset({"a", "c"}))
        0.5
        >>> f1(frozenset(), frozenset({"a"}))
        0.0
    """
    # 2PR / (P + R) with P = hits / found and R = hits / answers; this form of it needs no case for "nothing found".
    return 2 * len(found & answers) / (len(found) + len(answers))
