"""Reads the files of MINE: essays with the facts they state, and the graphs that other systems built from them.

Essays are `[{"topic", "content"}]`, facts `[[{"answer"}, ...]]` in the same order. A zip of graphs holds `K.json`
(`relations`: subject, predicate, object) and, with each, `K_results*.json`: what a GPT-4-class judge said of every
fact (`correct_answer`, `evaluation`). K is not the number of an essay: graphs and essays are matched by their facts.

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

from models.errors import InputError, describe_problems

RelationWords = tuple[str, str, str]
"""Subject, predicate and object of a graph's relation, in words."""

_NAME = re.compile(r"(?:.*/)?(\d+)(_results\w*)?\.json")


@dataclass(frozen=True, slots=True)
class Essay:
    """A text and the facts that a graph of it should keep.

    Attributes:
        topic: Title of the essay.
        text: Its text.
        facts: Facts that it states, a sentence each.
    """

    topic: str
    text: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredGraph:
    """A peer's graph of one text.

    Attributes:
        relations: Its relations, in the file's order.
        facts: Facts that the stored judge looked for in it; empty if no judgments are stored.
        kept: Whether the stored judge found each of them.
    """

    relations: tuple[RelationWords, ...]
    facts: tuple[str, ...] = ()
    kept: tuple[bool, ...] = ()


class _EssayEntry(BaseModel):
    topic: str = ""
    content: Annotated[str, Field(min_length=1)]


class _FactEntry(BaseModel):
    answer: Annotated[str, Field(min_length=1)]


class _GraphFile(BaseModel):
    relations: list[tuple[str, str, str]]


class _JudgmentEntry(BaseModel):
    correct_answer: str
    evaluation: Annotated[int, Field(ge=0, le=1)]


_ESSAYS = TypeAdapter(list[_EssayEntry])
_FACTS = TypeAdapter(list[Annotated[list[_FactEntry | str], Field(min_length=1)]])


def read_essays(essays: Path, facts: Path) -> list[Essay]:
    """Read essays with their facts.

    Raises:
        InputError: A file can't be read or has another form, or the two don't have as many entries.
    """
    texts, answers = _parse(_ESSAYS, essays), _parse(_FACTS, facts)
    if not texts or len(texts) != len(answers):
        raise InputError(
            f"Expected one or more essays and facts of as many, but {essays} has {len(texts)} essays, {facts} has "
            f"facts of {len(answers)}."
        )
    paired = []
    for essay, stated in zip(texts, answers, strict=True):
        sentences = [(fact if isinstance(fact, str) else fact.answer).strip() for fact in stated]
        # Some published essays come in a Markdown code fence, a trace of the model that wrote them.
        paired.append(Essay(essay.topic, essay.content.strip("`\n "), tuple(sentences)))
    return paired


def _parse(form: TypeAdapter[Any], path: Path) -> Any:
    try:
        return form.validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"Expected a file of MINE at {path}, but it cannot be read: {error.strerror or error}."
        ) from error
    except ValidationError as error:
        raise InputError(f"{path} has another form than MINE's: {describe_problems(error)}.") from error


def read_graphs(path: Path) -> list[StoredGraph]:
    """Every graph of a zip, with the judgments stored beside it, by number.

    Raises:
        InputError: No zip, no graph in it, or a file of another form.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"Expected a zip of graphs at {path}, but it cannot be read as a zip of graphs: {error}."
        ) from error
    graphs: dict[int, tuple[RelationWords, ...]] = {}
    judgments: dict[int, list[tuple[str, bool]]] = {}
    for name, data in content.items():
        match = _NAME.fullmatch(name)
        if match and match[2]:
            judgments[int(match[1])] = _judgments(path, name, data)
        elif match:
            graphs[int(match[1])] = _graph(path, name, data)
    if not graphs:
        raise InputError(f"Expected files named 1.json, 2.json, …, but {path} holds no graph.")
    stored = []
    for number in sorted(graphs):
        judged = judgments.get(number, [])
        facts, kept = tuple(fact for fact, _ in judged), tuple(is_kept for _, is_kept in judged)
        stored.append(StoredGraph(graphs[number], facts, kept))
    return stored


def _graph(path: Path, name: str, data: bytes) -> tuple[RelationWords, ...]:
    try:
        return tuple(_GraphFile.model_validate_json(data).relations)
    except ValidationError as error:
        raise InputError(f"{path}: {name} is no graph: {describe_problems(error)}.") from error


def _judgments(path: Path, name: str, data: bytes) -> list[tuple[str, bool]]:
    """Facts, and whether each was kept; entries without a fact, such as the accuracy at the end, are left out."""
    try:
        entries = [_JudgmentEntry.model_validate(entry) for entry in json.loads(data) if "correct_answer" in entry]
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: {name} holds no judgments: {error}.") from error
    return [(entry.correct_answer.strip(), entry.evaluation == 1) for entry in entries]


def graphs_of(essays: Sequence[Essay], graphs: Sequence[StoredGraph]) -> list[StoredGraph | None]:
    """The graph of every essay: the one that was judged by most of its facts; None if no graph was.

    If two graphs were judged by the same facts, as happens in the published files by an oversight, the one that shares
    more words with the essay is taken.
    """
    chosen: list[StoredGraph | None] = []
    for essay in essays:
        # More than half of the facts identify an essay; the number in the file's name does not.
        facts = set(essay.facts)
        same_facts = [graph for graph in graphs if 2 * len(facts & set(graph.facts)) > len(facts)]
        chosen.append(max(same_facts, key=lambda graph: _share_of_words(graph, essay.text), default=None))
    return chosen


def _share_of_words(graph: StoredGraph, text: str) -> float:
    """Share of the graph's longer words that the text has, in [0, 1]."""
    words: set[str] = set()
    for relation in graph.relations:
        words.update(re.findall(r"\w{4,}", " ".join(relation).casefold()))
    return len(words & set(re.findall(r"\w{4,}", text.casefold()))) / max(1, len(words))
