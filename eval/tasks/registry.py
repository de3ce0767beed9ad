"""Reads files of questions into `Item`s; the dict `TASKS` names the formats.

`jsonl` is ours, one question a line:

    {"id": "q1", "question": "Who leads X?", "choices": ["Ann", "Bo"], "answer": 0, "kind": "single-hop",
     "evidence": [{"document": "articles/x.md", "quote": "Ann leads X"}], "date": "2031-03"}
    {"id": "q2", "question": "Who leads X?", "answers": ["Ann", "Ann Lee"]}

`mmlu` and `realtimeqa` are as their publishers write them (eval/tasks/mmlu.py, eval/tasks/realtimeqa.py). A format of
your own is a function from a path to a tuple of items, named by its dotted path: `mypackage.mytask:load`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eval.tasks.mmlu import load_mmlu
from eval.tasks.realtimeqa import load_realtimeqa
from eval.types import GoldEvidence, Item
from models.errors import ConfigError, InputError, describe_problems, unknown_name
from models.files.jsonl import read_objects
from models.runtime.dotted import is_dotted, load_dotted

Loader = Callable[[Path], tuple[Item, ...]]
"""Reads one file of questions; raises `InputError` with file and line where it is malformed."""


class _EvidenceEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    document: str = Field(min_length=1)
    quote: str = ""


class _QuestionLine(BaseModel):
    """One line of the `jsonl` format."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str = Field(min_length=1, pattern=r"^\S+$")
    question: str = Field(min_length=1)
    choices: list[str] = []
    answer: int = -1
    answers: list[str] = []
    kind: str = ""
    date: str = ""
    evidence: list[_EvidenceEntry] = []

    def item(self) -> Item:
        """The line as an item.

        Raises:
            ValueError: Neither a multiple-choice nor a short-answer question.
        """
        if self.choices:
            if len(self.choices) < 2 or len(set(self.choices)) < len(self.choices):
                raise ValueError('Expected two or more different options in "choices".')
            if not 0 <= self.answer < len(self.choices):
                raise ValueError(
                    f'Expected as "answer" an index from 0 to {len(self.choices) - 1}, found {self.answer}.'
                )
        elif not self.answers or not all(answer.strip() for answer in self.answers):
            raise ValueError('Expected "choices" and "answer", or "answers" with one or more texts.')
        answers = tuple(self.answers) or (self.choices[self.answer],)
        gold = tuple(GoldEvidence(gold.document, gold.quote) for gold in self.evidence)
        # A short answer has no index, whatever the line says.
        index = self.answer if self.choices else -1
        return Item(self.id, self.question, tuple(self.choices), index, answers, self.kind, self.date, gold)


def _reason(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return f"{describe_problems(error, 'row')}."
    return str(error)


def load_jsonl(path: Path) -> tuple[Item, ...]:
    """Read questions in our own format.

    Raises:
        InputError: A line is malformed; the message names file, line and what was expected.
    """
    items = []
    for number, line in read_objects(path):
        try:
            items.append(_QuestionLine.model_validate(line).item())
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
    _unique(items)
    return _select(items, selection or Selection(), paths)


def _loader(format_name: str) -> Loader:
    if format_name in TASKS:
        return TASKS[format_name]
    if not is_dotted(format_name):
        raise ConfigError(unknown_name("task format", format_name, TASKS, "a path package.module:function"))
    loader: Loader = load_dotted(format_name)
    return loader


def _unique(items: tuple[Item, ...]) -> None:
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            raise InputError(f'Expected unique ids within a task, but "{item.id}" comes twice. Rename one item.')
        if not item.id or item.id.split() != [item.id]:
            raise InputError(f'Expected ids without white space, at which TREC files are split, but found "{item.id}".')
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
