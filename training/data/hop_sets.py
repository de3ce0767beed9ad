"""What a hop encoder learns from: passages, and questions with the passages that answer them, in order.

    corpus.jsonl      {"_id", "title", "text"}, as in BEIR's form
    hops.jsonl        {"question", "first", "passages"}: ids that the question leads to at once, and all that it needs

A question over two passages gives an example from the question to the first and one from question and first to the
second; the passages of a comparison are both first. With three or more passages, steps from two are learnt too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.errors import InputError
from models.files.jsonl import read_lines
from retrieval.text.texts import headed
from retrieval.traversal.chains import hop_text

QUESTIONS = "hops.jsonl"
_FORM = f"a folder with corpus.jsonl and {QUESTIONS}"


class HopQuestion(BaseModel):
    """A question and the ids of its passages.

    Attributes:
        question: As asked.
        first: Those that it leads to at once, at least one.
        passages: All that it needs, `first` among them.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    question: str = Field(min_length=1)
    first: tuple[str, ...] = Field(min_length=1)
    passages: tuple[str, ...]

    @model_validator(mode="after")
    def _firsts_are_needed(self) -> HopQuestion:
        if not set(self.first) <= set(self.passages):
            raise ValueError("first names a passage that passages does not")
        return self


class _Passage(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field(alias="_id", min_length=1)
    title: str = ""
    text: str


@dataclass(frozen=True, slots=True)
class HopSet:
    """Passages by id, as embedded, and questions over them."""

    name: str
    passages: Mapping[str, str]
    questions: tuple[HopQuestion, ...]


@dataclass(frozen=True, slots=True)
class HopExample:
    """One step to learn.

    Attributes:
        text: The question with the passages found so far.
        corpus: Number of the set whose passages are to choose from.
        wanted: Rows of the passages that come next.
        needed: Rows of all passages of the question: those not wanted now count neither for nor against.
        found: Passages behind the question.
    """

    text: str
    corpus: int
    wanted: tuple[int, ...]
    needed: tuple[int, ...]
    found: int


def read_hop_set(folder: Path) -> HopSet:
    """Read a folder.

    Raises:
        InputError: A file is missing or malformed, or a question names a passage that is not there.
    """
    passages = {
        row.id: headed(row.title, "", row.text) for _, row in read_lines(folder / "corpus.jsonl", _Passage, _FORM)
    }
    questions = []
    for number, row in read_lines(folder / QUESTIONS, HopQuestion, _FORM):
        if missing := [key for key in row.passages if key not in passages]:
            raise InputError(
                f"{folder / QUESTIONS}, line {number}: no passage {', '.join(map(repr, missing))} in corpus.jsonl"
            )
        questions.append(row)
    if not questions:
        raise InputError(f"{folder / QUESTIONS} holds no question: there is nothing to learn")
    return HopSet(folder.resolve().name, passages, tuple(questions))


def examples_of(sets: Sequence[HopSet]) -> list[HopExample]:
    """Every step of every question, in the order of the sets."""
    return [
        example
        for corpus, each in enumerate(sets)
        for row in [{key: place for place, key in enumerate(each.passages)}]
        for question in each.questions
        for example in _steps(question, corpus, each.passages, row)
    ]


def _steps(
    question: HopQuestion, corpus: int, passages: Mapping[str, str], row: Mapping[str, int]
) -> Iterator[HopExample]:
    needed = tuple(row[key] for key in question.passages)
    for found in _prefixes(question):
        wanted = question.first if not found else [key for key in question.passages if key not in found]
        if wanted:
            text = hop_text(question.question, [passages[key] for key in found])
            yield HopExample(text, corpus, tuple(row[key] for key in wanted), needed, len(found))


def _prefixes(question: HopQuestion) -> Iterator[tuple[str, ...]]:
    """What may be found before a step: nothing, a first passage, a first passage and one more."""
    yield ()
    yield from ((key,) for key in question.first)
    if len(question.passages) > 2:
        yield from (pair for pair in itertools.permutations(question.passages, 2) if pair[0] in question.first)
