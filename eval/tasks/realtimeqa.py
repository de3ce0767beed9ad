"""Reads RealTimeQA: weekly news questions, and the articles found for each when it was published.

Questions are in `DATE_qa.jsonl` (`answer` is a list with the option's index as text), articles in
`DATE_gcs.jsonl` (`search_result[]` with text, title, publish_date, url). The articles become the knowledge
base: for each question, the newest few that had appeared by the day of its search, each article once. There
are no gold passages; an item's evidence is its own articles as whole documents.

Source: Kasai et al., "RealTime QA: What's the answer right now?", NeurIPS 2023.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.tasks.files import read_published
from eval.types import LETTERS, GoldEvidence, Item
from kg.language.text import normalise
from kg.schema import Document, make_id
from models.errors import InputError
from models.files.atomic import replace_text
from models.files.jsonl import parse_objects

FILE_NAME = "realtimeqa.jsonl"


def load_realtimeqa(path: Path) -> tuple[Item, ...]:
    """Read a file of questions; `kind` is the newspaper that published the question.

    Raises:
        InputError: A line has no question, fewer than two options, or no valid answer.
    """
    lines = parse_objects(read_published(path), str(path))
    return tuple(_item(path, number, line) for number, line in lines)


def _item(path: Path, number: int, line: dict[str, Any]) -> Item:
    choices, answer = line.get("choices"), line.get("answer")
    index = answer[0] if isinstance(answer, list) and len(answer) == 1 else None
    if not isinstance(choices, list) or len(choices) < 2 or not all(isinstance(choice, str) for choice in choices):
        raise InputError(f'{path}, line {number}: expected "choices", a list of two or more texts, found {choices!r}.')
    if len(choices) > len(LETTERS):
        raise InputError(f"{path}, line {number}: expected at most {len(LETTERS)} options, found {len(choices)}.")
    if not isinstance(index, str) or not index.isdecimal() or int(index) >= len(choices):
        raise InputError(
            f'{path}, line {number}: expected "answer", a list with the index of one of {len(choices)} options as '
            f"text, found {answer!r}. Remove the question or give its answer."
        )
    question, identifier = line.get("question_sentence"), line.get("question_id")
    if not isinstance(question, str) or not question.strip() or not isinstance(identifier, str) or not identifier:
        raise InputError(f'{path}, line {number}: expected "question_id" and "question_sentence", both texts.')
    options = tuple(choice.replace("\\'", "'") for choice in choices)
    date = str(line.get("question_date", "")).replace("/", "-")
    kind = str(line.get("question_source", ""))
    return Item(identifier, question, options, int(index), (options[int(index)],), kind, date)


@dataclass(frozen=True, slots=True)
class Articles:
    """The knowledge base of RealTimeQA.

    Attributes:
        documents: Articles, each once, in the order of the questions.
        of_question: Sources of the articles found for a question, newest first, by question id.
    """

    documents: tuple[Document, ...]
    of_question: dict[str, tuple[str, ...]]


def realtimeqa_documents(gcs_file: Path, newest: int = 3, max_characters: int | None = None) -> tuple[Document, ...]:
    """The articles of one file; see `collect_articles`."""
    return collect_articles([gcs_file], newest, max_characters).documents


def collect_articles(gcs_files: Sequence[Path], newest: int = 3, max_characters: int | None = None) -> Articles:
    """Choose each question's articles and merge them.

    Args:
        gcs_files: Files of search results.
        newest: Maximum number of articles of a question: the newest that had appeared by the day of its search.
        max_characters: Maximum length; longer articles are cut at the last space before it. None keeps them whole.
    Returns:
        The articles. Two with the same address, or the same text, are one document.
    Raises:
        InputError: A line is malformed.
    """
    documents: dict[str, Document] = {}
    same_text: dict[str, str] = {}
    of_question: dict[str, tuple[str, ...]] = {}
    for path in gcs_files:
        for number, line in parse_objects(read_published(path), str(path)):
            sources = []
            for article in _newest(path, number, line, newest):
                text = _cut(normalise(article["text"]).strip(), max_characters)
                # An article may have several addresses; equal texts are one document.
                key = same_text.setdefault(text, article["url"])
                if key not in documents:
                    documents[key] = _document(len(documents), article, text)
                sources.append(documents[key].source)
            of_question[line["question_id"]] = tuple(dict.fromkeys(sources))
    return Articles(tuple(documents.values()), of_question)


def _newest(path: Path, number: int, line: dict[str, Any], newest: int) -> list[dict[str, Any]]:
    results, time = line.get("search_result"), line.get("search_time")
    if not isinstance(results, list) or not isinstance(time, str) or not isinstance(line.get("question_id"), str):
        raise InputError(
            f'{path}, line {number}: expected "question_id", "search_time" (YYYY/MM/DD/HH:MM) and "search_result" '
            "(a list of articles). Is this the file of search results (*_gcs.jsonl)?"
        )
    usable = [
        article
        for article in results
        if isinstance(article, dict)
        and str(article.get("text") or "").strip()
        and article.get("url")
        and (article.get("publish_date") or "~") <= time[:10]  # "~" sorts after every date: undated is left out
    ]
    # By date, newest first, then by address: two stable sorts, since one key cannot go both ways.
    usable.sort(key=lambda article: article["url"])
    usable.sort(key=lambda article: article["publish_date"], reverse=True)
    return usable[:newest]


def _cut(text: str, max_characters: int | None) -> str:
    if max_characters is None or len(text) <= max_characters:
        return text
    space = max(text.rfind(" ", 0, max_characters + 1), text.rfind("\n", 0, max_characters + 1))
    return text[: space if space > 0 else max_characters].rstrip()


def _document(position: int, article: dict[str, Any], text: str) -> Document:
    source = f"{FILE_NAME}#{position + 1}"
    title = (article.get("title") or "").strip() or article["url"]
    return Document(make_id("d", source, text), source, title, text, article["publish_date"].replace("/", "-"))


def with_articles(items: Iterable[Item], articles: Articles) -> tuple[Item, ...]:
    """Give each item its own articles as evidence; an item without articles has none."""
    with_evidence = []
    for item in items:
        evidence = [GoldEvidence(source, "") for source in articles.of_question.get(item.id, ())]
        with_evidence.append(replace(item, evidence=tuple(evidence)))
    return tuple(with_evidence)


def write_sources(documents: Sequence[Document], folder: Path) -> Path:
    """Write documents as the one JSONL file of a folder that can be indexed; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = (
        {"id": document.source.partition("#")[2], "title": document.title, "text": document.text, "date": document.date}
        for document in documents
    )
    path = folder / FILE_NAME
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    # An unchanged file keeps its time stamp, so that nothing is indexed again.
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        replace_text(path, text)
    return folder
