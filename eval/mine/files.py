"""The files of MINE: essays with the facts they state, and the graphs that other systems built from them.

Essays are `[{"topic", "content"}]`, facts `[[{"answer"}, ...]]` in the same order. A zip of graphs holds `K.json`
(`relations`: subject, predicate, object) and, with each, `K_results*.json`: what a GPT-4-class judge said of every
fact (`correct_answer`, `evaluation`). K is no number of an essay: graphs and essays meet by the texts of the facts.

Source: Mo et al., "KGGen: Extracting Knowledge Graphs from Plain Text with Language Models", 2025; MIT licence.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from models.errors import InputError, describe

RelationWords = tuple[str, str, str]
"""Subject, predicate and object of a graph's relation, in words."""

_NAME = re.compile(r"(?:.*/)?(\d+)(_results\w*)?\.json")


@dataclass(frozen=True, slots=True)
class Essay:
    """A text and the facts that a graph of it should keep."""

    topic: str
    text: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredGraph:
    """A peer's graph of one text.

    Attributes:
        relations: Its relations, in the file's order.
        facts: The facts that it was asked for; empty where no judgments are stored.
        kept: What the stored judge said of each.
    """

    relations: tuple[RelationWords, ...]
    facts: tuple[str, ...] = ()
    kept: tuple[bool, ...] = ()


class _Essay(BaseModel):
    topic: str = ""
    content: Annotated[str, Field(min_length=1)]


class _Fact(BaseModel):
    answer: Annotated[str, Field(min_length=1)]


class _Graph(BaseModel):
    relations: list[tuple[str, str, str]]


class _Judgment(BaseModel):
    correct_answer: str
    evaluation: Annotated[int, Field(ge=0, le=1)]


_ESSAYS, _FACTS = TypeAdapter(list[_Essay]), TypeAdapter(list[Annotated[list[_Fact | str], Field(min_length=1)]])


def read_essays(essays: Path, facts: Path) -> list[Essay]:
    """Read essays with their facts.

    Raises:
        InputError: A file can't be read or has another form, or the two don't have as many entries.
    """
    texts, answers = _parse(_ESSAYS, essays), _parse(_FACTS, facts)
    if not texts or len(texts) != len(answers):
        raise InputError(
            f"{essays} has {len(texts)} essays, {facts} has facts of {len(answers)}: expected as many, and one or more"
        )
    return [
        Essay(
            essay.topic,
            essay.content.strip("`\n "),
            tuple((row if isinstance(row, str) else row.answer).strip() for row in stated),
        )
        for essay, stated in zip(texts, answers, strict=True)
    ]


def _parse(form: TypeAdapter[Any], path: Path) -> Any:
    try:
        return form.validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValidationError as error:
        raise InputError(f"{path} has another form than MINE's: {describe(error)}") from error


def read_graphs(path: Path) -> list[StoredGraph]:
    """Every graph of a zip, with the judgments stored beside it, by number.

    Raises:
        InputError: No zip, no graph in it, or a file of another form.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"cannot read {path} as a zip of graphs: {error}") from error
    named = {name: match for name in content if (match := _NAME.fullmatch(name))}
    judged = {int(match[1]): _judgments(path, name, content[name]) for name, match in named.items() if match[2]}
    graphs = {int(match[1]): _graph(path, name, content[name]) for name, match in named.items() if not match[2]}
    if not graphs:
        raise InputError(f"{path} holds no graph: expected files named 1.json, 2.json, …")
    return [
        StoredGraph(graphs[number], *zip(*judged.get(number, ()), strict=True)) if judged.get(number)
        else StoredGraph(graphs[number])
        for number in sorted(graphs)
    ]  # fmt: skip


def _graph(path: Path, name: str, data: bytes) -> tuple[RelationWords, ...]:
    try:
        return tuple(_Graph.model_validate_json(data).relations)
    except ValidationError as error:
        raise InputError(f"{path}: {name} is no graph: {describe(error)}") from error


def _judgments(path: Path, name: str, data: bytes) -> list[tuple[str, bool]]:
    """Rows without an answer, such as the accuracy at the end, are not judgments."""
    try:
        rows = [_Judgment.model_validate(row) for row in json.loads(data) if "correct_answer" in row]
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: {name} holds no judgments: {error}") from error
    return [(row.correct_answer.strip(), row.evaluation == 1) for row in rows]


def graphs_of(essays: Sequence[Essay], graphs: Sequence[StoredGraph]) -> list[StoredGraph | None]:
    """The graph of every essay: the one asked for most of its facts, one or more; None where there is none.

    Where two were asked for the same facts, as happens in the published files by an oversight, the one whose words
    are more often the essay's is taken.
    """
    chosen: list[StoredGraph | None] = []
    for essay in essays:
        facts = set(essay.facts)
        asked = [graph for graph in graphs if 2 * len(facts & set(graph.facts)) > len(facts)]
        chosen.append(max(asked, key=lambda graph: _share_of_words(graph, essay.text), default=None))
    return chosen


def _share_of_words(graph: StoredGraph, text: str) -> float:
    found = {word for relation in graph.relations for word in re.findall(r"\w{4,}", " ".join(relation).casefold())}
    return len(found & set(re.findall(r"\w{4,}", text.casefold()))) / max(1, len(found))
