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
from pathlib import Path as File

import numpy as np

from eval.statistics.stats import Interval, Values, intervals
from kg.language.sentences import count_tokens
from kg.schema import Chunk, Document, Entity, Evidence, Fact, Row, make_id
from models.errors import NOT_OF_THE_ITEM, InputError
from retrieval.types import Path, Retriever

PARTS = ("train.tsv", "dev.tsv", "test.tsv")
DEPTH = 5
"""Passages asked of a retriever."""
_TOPIC = re.compile(r"\[(.+)\]")


def read_graph(folder: File) -> list[Row]:
    """The graph of a folder as rows of a knowledge base; an entity without a name is called by its id.

    Raises:
        InputError: A file is missing, or a line has another number of columns.
    """
    names: dict[str, str] = dict(_columns(folder / "entity2text.txt", 2))
    relations: dict[str, str] = dict(_columns(folder / "relation2text.txt", 2))
    triples = sorted({tuple(row) for part in PARTS for row in _columns(folder / part, 3)})
    of_subject: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for subject, relation, object_ in triples:
        if relation not in relations:
            raise InputError(f"{folder}: the relation {relation!r} of a fact is not in relation2text.txt")
        of_subject[subject].append((relations[relation], object_))
    made = _Graph(names)
    for subject, told in of_subject.items():
        made.tell(subject, told)
    return [*made.rows, *made.entities()]


class _Graph:
    """Rows as they are made, and where each entity is named."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.rows: list[Row] = []
        self._names = names
        self._places: defaultdict[str, list[Evidence]] = defaultdict(list)

    def tell(self, subject: str, told: Sequence[tuple[str, str]]) -> None:
        """Add a subject's document, chunk and facts."""
        title = self._name(subject)
        sentences = [f"{title} {relation} {self._name(object_)}." for relation, object_ in told]
        text = " ".join(sentences)
        document = Document(make_id("d", subject, text), f"{subject}.txt", title, text)
        chunk = Chunk(make_id("c", document.id), document.id, 0, 0, len(text), text, count_tokens(text))
        self.rows += [document, chunk]
        start = 0
        for (relation, object_), sentence in zip(told, sentences, strict=True):
            span = Evidence(chunk.id, start, start + len(sentence))
            ends = make_id("e", subject), make_id("e", object_)
            self.rows.append(Fact(make_id("f", subject, relation, object_), ends[0], relation, ends[1], (span,)))
            self._places[object_].append(span)
            self._places[subject] = [*self._places[subject], span][:1]
            start += len(sentence) + 1

    def entities(self) -> Iterator[Entity]:
        """The entities that facts speak of."""
        for key, spans in self._places.items():
            yield Entity(make_id("e", key), self._name(key), "", (), tuple(sorted(set(spans))))

    def _name(self, key: str) -> str:
        return self._names.get(key, key)


def _columns(path: File, count: int) -> Iterator[list[str]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}; expected a folder in MetaQA's form") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            cells = line.rstrip("\r").split("\t")
            if len(cells) != count:
                raise InputError(f"{path}, line {number}: expected {count} columns, got {len(cells)}")
            yield cells


@dataclass(frozen=True, slots=True)
class Question:
    """A question as a retriever is given it, the name it starts from, and all its answers."""

    id: str
    text: str
    topic: str
    answers: frozenset[str]


def read_questions(path: File) -> list[Question]:
    """The questions of a file.

    Raises:
        InputError: The file cannot be read, or a question has no topic in brackets or no answer.
    """
    questions = []
    for number, (text, answers) in enumerate(_columns(path, 2), 1):
        topic = _TOPIC.search(text)
        if topic is None or not answers:
            raise InputError(f"{path}, question {number}: expected a topic in [brackets] and answers, got {text!r}")
        bare = f"{text[: topic.start()]}{topic[1]}{text[topic.end() :]}"
        questions.append(Question(f"{path.stem}-{number}", bare, topic[1], frozenset(answers.split("|"))))
    return questions


@dataclass(frozen=True, slots=True)
class Found:
    """What a retriever's paths say of one question.

    Attributes:
        best: The end of the best path, or "".
        ends: The ends of all paths along the relations of the best one.
        seconds: From the question's text to its paths.
        error: In words, where the retriever ended in one.
    """

    best: str
    ends: frozenset[str]
    seconds: float
    error: str = ""


def ask(retriever: Retriever, question: Question) -> Found:
    """Ask one question; one that fails is recorded as having found nothing.

    Raises:
        BudgetReached: A retriever that calls models used the budget up.
    """
    began, error = time.perf_counter(), ""
    paths: tuple[Path, ...] = ()
    try:
        paths = retriever.retrieve(question.text, DEPTH).paths
    except NOT_OF_THE_ITEM:
        raise
    except Exception as problem:  # a question's boundary: recorded, and counted as wrong
        error = f"{question.id}: {type(problem).__name__}: {problem}"
    seconds = time.perf_counter() - began
    walked = [walked_from(path, question.topic) for path in paths]
    ends = frozenset(end for relations, end in walked if relations == walked[0][0])
    return Found(walked[0][1] if walked else "", ends, seconds, error)


def walked_from(path: Path, topic: str) -> tuple[tuple[str, ...], str]:
    """The relations of a path, "^" before one walked backwards, and the name of its end.

    It starts at the topic, whatever its case; where the first fact does not hold it, at the end of that fact that the
    second one does not share, and of a single fact at its subject.
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
class Measured:
    """One retriever on the questions of one number of hops.

    Attributes:
        n: Questions asked: the denominator.
        failed: Questions on which it ended in an error; they count as wrong.
        hits: Share of questions whose best path ends at an answer, with its 95 % interval.
        f1: Mean F1 of the ends of the best path's relations and the answers, with its interval.
        ms_median: Milliseconds a question.
        ms_p95: 95th percentile of them.
        errors: The first few errors in words.
    """

    n: int
    failed: int
    hits: Interval
    f1: Interval
    ms_median: float
    ms_p95: float
    errors: tuple[str, ...]


def measure(found: Sequence[Found], questions: Sequence[Question]) -> Measured:
    """Means over questions."""
    pairs = list(zip(found, questions, strict=True))
    values: Values = np.array(
        [
            [float(each.best in asked.answers) for each, asked in pairs],
            [f1(each.ends, asked.answers) for each, asked in pairs],
        ]
    )
    hits, f1s = intervals(values)
    ms = np.array([each.seconds for each in found]) * 1000
    errors = [each.error for each in found if each.error]
    median, p95 = float(np.median(ms)), float(np.percentile(ms, 95))
    return Measured(len(pairs), len(errors), hits, f1s, median, p95, tuple(errors[:5]))


def f1(found: frozenset[str], answers: frozenset[str]) -> float:
    """Harmonic mean of precision and recall of a set of answers.

    Example:
        >>> f1(frozenset({"a", "b"}), frozenset({"a", "c"}))
        0.5
        >>> f1(frozenset(), frozenset({"a"}))
        0.0
    """
    return 2 * len(found & answers) / (len(found) + len(answers))
