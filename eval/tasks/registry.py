"""Reads files of questions into `Item`s; the dict `TASKS` names the formats.

`jsonl` is ours, one question a line:

    {"id": "q1", "question": "Who leads X?", "choices": ["Ann", "Bo"], "answer": 0, "kind": "single-hop",
     "evidence": [{"document": "articles/x.md", "quote": "Ann leads X"}], "date": "2031-03"}
    {"id": "q2", "question": "Who leads X?", "answers": ["Ann", "Ann Lee"]}

Ids and answers may be numbers, `answers` one text, `answer` the letter or the text of an option. A file is read whole
or not at all: a line that cannot be used is an error with its number, since every question counts.

`mmlu` and `realtimeqa` are as their publishers write them (eval/tasks/mmlu.py, eval/tasks/realtimeqa.py). A format of
your own is a function from a path to a tuple of items, named by its dotted path: `mypackage.mytask:load`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from eval.tasks.files import read_published
from eval.tasks.mmlu import load_mmlu
from eval.tasks.realtimeqa import load_realtimeqa
from eval.types import LETTERS, GoldEvidence, Item
from models.errors import ConfigError, InputError, describe_problems, unknown_name
from models.files.fields import known_fields
from models.files.jsonl import parse_objects
from models.runtime.dotted import is_dotted, load_dotted

Loader = Callable[[Path], tuple[Item, ...]]
"""Reads one file of questions; raises `InputError` with file and line where it is malformed."""


class _EvidenceEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    document: str = Field(min_length=1)
    quote: str = ""


def _as_text(value: Any) -> Any:
    """A number as the text that JSON writes for it; anything else as it is."""
    return json.dumps(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_texts(value: Any) -> Any:
    """A list of texts; one text alone is a list of it."""
    return [_as_text(each) for each in value] if isinstance(value, list) else [_as_text(value)]


_Text = Annotated[str, BeforeValidator(_as_text)]
_Texts = Annotated[list[str], BeforeValidator(_as_texts)]


class _QuestionLine(BaseModel):
    """One line of the `jsonl` format; null is as if the field were not there."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: Annotated[str, BeforeValidator(_as_text)] = Field(min_length=1, pattern=r"^\S+$")
    question: str = Field(min_length=1, pattern=r"\S")
    choices: _Texts = []
    answer: int | str = -1
    answers: _Texts = []
    kind: _Text = ""
    date: _Text = ""
    evidence: list[_EvidenceEntry] = []

    def item(self) -> Item:
        """The line as an item.

        Raises:
            ValueError: Neither a multiple-choice nor a short-answer question.
        """
        gold = tuple(GoldEvidence(gold.document, gold.quote) for gold in self.evidence)
        if self.choices:
            check_choices(self.choices)
            index = self._option()
            answers = tuple(self.answers) or (self.choices[index],)
            return Item(self.id, self.question, tuple(self.choices), index, answers, self.kind, self.date, gold)
        answers = tuple(self.answers)
        if not answers and isinstance(self.answer, str):
            answers = (self.answer,)
        if not answers or not all(answer.strip() for answer in answers):
            raise ValueError('Expected "choices" and "answer", or "answers" with one or more texts.')
        # A short answer has no index, whatever the line says.
        return Item(self.id, self.question, (), -1, answers, self.kind, self.date, gold)

    def _option(self) -> int:
        """Index of the right option, which may be named by its letter or its text."""
        answer, last = self.answer, len(self.choices) - 1
        if isinstance(answer, int):
            if not 0 <= answer <= last:
                raise ValueError(f'Expected as "answer" an index from 0 to {last}, found {answer}.')
            return answer
        meant = {index for index, choice in enumerate(self.choices) if choice.strip() == answer.strip()}
        if len(answer.strip()) == 1 and answer.strip() in LETTERS[: last + 1]:
            meant.add(LETTERS.index(answer.strip()))
        if len(meant) != 1:
            what = "names one option by its letter and another by its text" if meant else "names none of the options"
            raise ValueError(f'Expected as "answer" an index from 0 to {last}, found {answer!r}, which {what}.')
        return meant.pop()


def check_choices(choices: Sequence[str]) -> None:
    """Refuse options that cannot be asked for.

    Raises:
        ValueError: They are fewer than two, more than there are letters, equal or empty.
    """
    if len(choices) < 2 or len({choice.strip() for choice in choices}) < len(choices):
        raise ValueError('Expected two or more different options in "choices".')
    if len(choices) > len(LETTERS):
        raise ValueError(f'Expected at most {len(LETTERS)} options in "choices", one a letter, found {len(choices)}.')
    if not all(choice.strip() for choice in choices):
        raise ValueError('Expected a text for every option in "choices", found an empty one.')


def _reason(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return f"{describe_problems(error, 'row', partial(known_fields, _QuestionLine))}."
    return str(error)


def load_jsonl(path: Path) -> tuple[Item, ...]:
    """Read questions in our own format.

    Raises:
        InputError: A line is malformed; the message names file, line and what was expected.
    """
    items = []
    for number, line in parse_objects(read_published(path), str(path)):
        try:
            given = {name: value for name, value in line.items() if value is not None}
            items.append(_QuestionLine.model_validate(given).item())
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {_reason(error)} Correct the line.") from error
    return tuple(items)


TASKS: dict[str, Loader] = {"jsonl": load_jsonl, "mmlu": load_mmlu, "realtimeqa": load_realtimeqa}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which items of the files are answered.

    Attributes:
        limit: Maximum number of items, from the first on; None for all.
        kinds: Kinds of the items; empty for all kinds.
    """

    limit: int | None = None
    kinds: tuple[str, ...] = ()


def load_task(format_name: str, paths: Sequence[Path], selection: Selection | None = None) -> tuple[Item, ...]:
    """Read one or several files of a task.

    Args:
        format_name: A name of `TASKS`, or a dotted path to a loader.
        paths: The files, in order.
        selection: Which of their items are answered; None for all.
    Returns:
        The items, ids unique.
    Raises:
        ConfigError: An unknown format, or a kind that no item has.
        InputError: A malformed file, an id that comes twice, or no item left.
    """
    loader = _loader(format_name)
    items = tuple(item for path in paths for item in loader(path))
    _check(items)
    return _select(items, selection or Selection(), paths)


def _loader(format_name: str) -> Loader:
    if format_name in TASKS:
        return TASKS[format_name]
    if not is_dotted(format_name):
        raise ConfigError(unknown_name("task format", format_name, TASKS, "a path package.module:function"))
    loader: Loader = load_dotted(format_name)
    return loader


def _check(items: tuple[Item, ...]) -> None:
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            raise InputError(f'Expected unique ids within a task, but "{item.id}" comes twice. Rename one item.')
        if not item.id or item.id.split() != [item.id]:
            raise InputError(f'Expected ids without white space, at which TREC files are split, but found "{item.id}".')
        if len(item.choices) > len(LETTERS) or (item.choices and not 0 <= item.answer < len(item.choices)):
            raise InputError(
                f'Item "{item.id}": expected at most {len(LETTERS)} options and the index of one of them, '
                f"found {len(item.choices)} options and the index {item.answer}."
            )
        seen.add(item.id)


def _select(items: tuple[Item, ...], selection: Selection, paths: Sequence[Path]) -> tuple[Item, ...]:
    known = sorted({item.kind for item in items})
    unknown = sorted(set(selection.kinds) - set(known))
    if unknown:
        raise ConfigError(unknown_name("kind of question", unknown[0], known))
    chosen = [item for item in items if not selection.kinds or item.kind in selection.kinds][: selection.limit]
    if not chosen:
        names = ", ".join(path.name for path in paths)
        raise InputError(
            f"Expected one or more questions in {names}, but found none. Check the path and the selection."
        )
    return tuple(chosen)
