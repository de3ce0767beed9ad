"""Judgements of relevance as they are published: BEIR's three columns, TREC's four, with a header or without.

    query-id  corpus-id  score            BEIR, separated by tabs
    q1        p7         1
    q1        0          p7        1      TREC, separated by white space

As in trec_eval, a score from 1 on is relevant and is the gain of nDCG; 0 and less are judged as not relevant. As in
BEIR, a judgement on a passage that is not in the corpus stays: the passage can never be found.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from eval.tasks.files import read_published
from models.errors import InputError

PARTS = ("test", "dev", "train")
"""Names of the parts of a data set; the first that is there is read."""
_QUERY = {"query-id", "query_id", "queryid", "qid", "query", "topic"}
_PASSAGE = {"corpus-id", "corpus_id", "corpusid", "doc-id", "doc_id", "docid", "docno", "pid", "passage-id", "document"}
_SCORE = {"score", "relevance", "rel", "label", "relevancy", "grade"}
_FORMS = "query-id, corpus-id and score, or TREC's query, 0, passage and score"


@dataclass(frozen=True, slots=True)
class Judgements:
    """The judgements of one part of a data set.

    Attributes:
        part: "test", "dev" or "train".
        lines: Number of lines with a judgement.
        repeated: Number of them on a pair that a later line judges again; the last counts.
        unknown_queries: Number of them on queries that are not in queries.jsonl, which are left out.
        unknown_passages: Number of pairs used whose passage is not in the corpus, and that are relevant.
        grades: Relevance by passage, by query; of pairs that are judged as relevant alone.
    """

    part: str
    lines: int
    repeated: int
    unknown_queries: int
    unknown_passages: int
    grades: dict[str, dict[str, int]]

    @property
    def notices(self) -> list[str]:
        """What a user should know about them, in sentences."""
        told = []
        if self.part != PARTS[0]:
            told.append(f"There is no qrels/{PARTS[0]}.tsv; qrels/{self.part}.tsv is measured.")
        if self.unknown_passages:
            told.append(
                f"{_judgements(self.unknown_passages)} on a passage that is not in the corpus; "
                "it counts as never found, as in BEIR."
            )
        if self.unknown_queries:
            told.append(f"{_judgements(self.unknown_queries)} on a query that is not in queries.jsonl; left out.")
        if self.repeated:
            told.append(f"{_judgements(self.repeated)} on a pair that is judged again later; the last one counts.")
        return told


def _judgements(number: int) -> str:
    return f"{number:,} judgement is" if number == 1 else f"{number:,} judgements are"


def read_judgements(folder: Path, queries: Container[str], passages: Container[str]) -> Judgements:
    """Read the judgements of a folder in BEIR's form.

    Args:
        folder: The folder; the file is `qrels/test.tsv`, or that of another of `PARTS`.
        queries: Ids of all queries.
        passages: Ids of all passages.
    Raises:
        InputError: There is no such file, a line is no judgement, or none is on a query and a passage that are there.
    """
    part = next((part for part in PARTS if (folder / "qrels" / f"{part}.tsv").is_file()), PARTS[0])
    path = folder / "qrels" / f"{part}.tsv"
    scores: dict[tuple[str, str], int] = {}
    lines = 0
    for query, passage, score in _rows(path, queries, passages):
        lines += 1
        scores[query, passage] = score
    known = {pair: score for pair, score in scores.items() if pair[0] in queries}
    _check_ids(path, scores, known, passages)
    grades: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (query, passage), score in known.items():
        if score > 0:
            grades[query][passage] = score
    missing = sum(passage not in passages for graded in grades.values() for passage in graded)
    return Judgements(part, lines, lines - len(scores), len(scores) - len(known), missing, dict(grades))


def _check_ids(
    path: Path, scores: Mapping[tuple[str, str], int], known: Mapping[tuple[str, str], int], passages: Container[str]
) -> None:
    """Refuse judgements of other files: a few that lead nowhere are usual, but not all of them."""
    if not scores:
        raise InputError(f"Expected judgements in {path}, but it is empty.")
    query, passage = next(iter(scores))
    if not known:
        raise InputError(
            f"{path}: none of its queries is in queries.jsonl; the first is {query!r}. "
            f"Expected {_FORMS}, in this order."
        )
    if not any(score > 0 for score in known.values()):
        raise InputError(f"Expected gold passages in {path}, but no line on a known query has a score above 0.")
    if not any(passage in passages for _, passage in known):
        raise InputError(f"{path}: none of its passages is in corpus.jsonl; the first is {passage!r}. Check the files.")


def _rows(path: Path, queries: Container[str], passages: Container[str]) -> Iterator[tuple[str, str, int]]:
    """Query, passage and score of every line."""
    text = read_published(path, "judgements")
    width = 0
    order: tuple[int, int, int] | None = None
    for number, line in enumerate(text.split("\n"), 1):
        columns = [_unquoted(column.strip()) for column in line.strip().split("\t")]
        if len(columns) < 3:
            columns = line.split()
        if not columns or columns == [""]:
            continue
        place = f"{path}, line {number}"
        if not width:
            width = len(columns)
            named = _header(columns)
            order = named or {3: (0, 1, 2), 4: (0, 2, 3)}.get(width)
            if order is None:
                raise InputError(f"{place}: expected {_FORMS}, got {line.strip()!r}.")
            query, passage, written = (columns[position] for position in order)
            if _score(written) is None and (named or (query not in queries and passage not in passages)):
                continue  # a header
        if order is None or len(columns) != width:
            raise InputError(f"{place}: expected {width} columns as in the first line, got {len(columns)}: {line!r}.")
        query, passage, written = (columns[position] for position in order)
        score = _score(written)
        if score is None or not query or not passage:
            raise InputError(
                f"{place}: expected {_FORMS}, with a whole number as score, got {line.strip()!r}. Correct the line."
            )
        yield query, passage, score


def _unquoted(column: str) -> str:
    """A column without the quotes that BEIR's own reader takes off."""
    return column[1:-1].replace('""', '"') if len(column) > 1 and column[0] == column[-1] == '"' else column


def _header(columns: list[str]) -> tuple[int, int, int] | None:
    """Positions of query, passage and score that a header names; None if it is none."""
    names = [column.lower().strip("\"'#") for column in columns]
    places = []
    for known in (_QUERY, _PASSAGE, _SCORE):
        found = [position for position, name in enumerate(names) if name in known]
        if len(found) != 1:
            return None
        places.append(found[0])
    return places[0], places[1], places[2]


def _score(text: str) -> int | None:
    """A whole number, also as "1.0"; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if math.isfinite(value) and value == int(value) else None
