"""What a hop encoder learns from: passages, and questions with the passages that answer them, in order.

    corpus.jsonl      {"_id", "title", "text"}, as in BEIR's form
    hops.jsonl        {"question", "first", "passages"}: ids that the question leads to at once, and all that it needs

A question over two passages gives an example from the question to the first and one from question and first to the
second; the passages of a comparison are both first. With three or more passages, steps from two are learnt too. Knows
nothing of encoders.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.errors import InputError
from models.files.jsonl import read_lines
from retrieval.text.texts import with_heading
from retrieval.traversal.chains import hop_text

QUESTIONS = "hops.jsonl"
_FORM = f"a folder with corpus.jsonl and {QUESTIONS}"


class HopQuestion(BaseModel):
    """A question and the ids of its passages.

    Attributes:
        question: Its text.
        first: Ids of the passages that it leads to at once, at least one.
        passages: Ids of all passages that it needs, `first` among them.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    question: str = Field(min_length=1)
    first: tuple[str, ...] = Field(min_length=1)
    passages: tuple[str, ...]

    @model_validator(mode="after")
    def _firsts_are_needed(self) -> HopQuestion:
        if not set(self.first) <= set(self.passages):
            raise ValueError("Expected ids of passages in first, got one that passages does not have.")
        return self


class _CorpusLine(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field(alias="_id", min_length=1)
    title: str = ""
    text: str


@dataclass(frozen=True, slots=True)
class HopSet:
    """Passages and questions over them.

    Attributes:
        name: Name of the set.
        passages: Texts, as they are embedded, by id.
        questions: Questions whose passages are among these.
    """

    name: str
    passages: Mapping[str, str]
    questions: tuple[HopQuestion, ...]


@dataclass(frozen=True, slots=True)
class HopExample:
    """One step to learn.

    Attributes:
        text: The question with the passages found so far.
        corpus: Number of the set whose passages there are to choose from.
        wanted: Rows of the passages that come next.
        needed: Rows of all passages of the question: those not wanted now count neither for nor against.
        found: Number of passages behind the question.
    """

    text: str
    corpus: int
    wanted: tuple[int, ...]
    needed: tuple[int, ...]
    found: int


def read_hop_set(folder: Path) -> HopSet:
    """Read a folder.

    Raises:
        InputError: A file is missing or malformed, or a question names a passage that is missing.
    """
    lines = (line for _, line in read_lines(folder / "corpus.jsonl", _CorpusLine, _FORM))
    passages = {line.id: with_heading(line.title, "", line.text) for line in lines}
    questions = []
    for number, question in read_lines(folder / QUESTIONS, HopQuestion, _FORM):
        if missing := [key for key in question.passages if key not in passages]:
            raise InputError(
                f"{folder / QUESTIONS}, line {number}: there is no passage {', '.join(map(repr, missing))} in "
                "corpus.jsonl."
            )
        questions.append(question)
    if not questions:
        raise InputError(f"{folder / QUESTIONS} holds no question: expected at least one to learn from.")
    return HopSet(folder.resolve().name, passages, tuple(questions))


def examples_of(sets: Sequence[HopSet]) -> list[HopExample]:
    """Every step of every question, in the order of the sets."""
    examples: list[HopExample] = []
    for number, hop_set in enumerate(sets):
        row_of = {key: row for row, key in enumerate(hop_set.passages)}
        for question in hop_set.questions:
            examples += _steps(question, number, hop_set.passages, row_of)
    return examples


def _steps(
    question: HopQuestion, corpus: int, passages: Mapping[str, str], row_of: Mapping[str, int]
) -> Iterator[HopExample]:
    needed = tuple(row_of[key] for key in question.passages)
    for found in _prefixes(question):
        # At first those that the question leads to, then whatever is still missing, in any order.
        wanted = question.first if not found else [key for key in question.passages if key not in found]
        if wanted:
            text = hop_text(question.question, [passages[key] for key in found])
            yield HopExample(text, corpus, tuple(row_of[key] for key in wanted), needed, len(found))


def _prefixes(question: HopQuestion) -> Iterator[tuple[str, ...]]:
    """What may be found before a step: nothing, a first passage, a first passage and one more."""
    yield ()
    # Only first passages: a step from a later one would be asked of the encoder with what it cannot know yet.
    yield from ((key,) for key in question.first)
    if len(question.passages) > 2:
        yield from (pair for pair in itertools.permutations(question.passages, 2) if pair[0] in question.first)
