from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.retrieval.beir import read_corpus
from kg.schema import Chunk, Entity, Fact
from models.errors import InputError
from tests.eval.beir_folder import write_folder


def test_passages_stay_whole_and_facts_join_names(tmp_path: Path) -> None:
    corpus = read_corpus(write_folder(tmp_path))
    chunks = {corpus.passage_of[row.id]: row for row in corpus.rows if isinstance(row, Chunk)}
    assert chunks["p1"].text == "The Aldermoon Bridge was designed by Ivo Tarn."
    entities = {row.name: row for row in corpus.rows if isinstance(row, Entity)}
    assert set(entities) == {"Aldermoon Bridge", "Ivo Tarn", "Pellin", "Runa Fisk"}
    tarn = entities["Ivo Tarn"]
    assert tarn.aliases == ("ivo tarn.",)
    assert {corpus.passage_of[each.chunk_id] for each in tarn.evidence} == {"p1", "p2"}
    facts = [row for row in corpus.rows if isinstance(row, Fact)]
    assert sorted(row.predicate for row in facts) == ["designed", "is mayor of", "was born in"]
    assert [(query.id, query.gold) for query in corpus.queries] == [("q1", {"p1", "p2"}), ("q2", {"p3"})]
    assert (corpus.name, corpus.without_gold) == (tmp_path.name, 1)


def test_facts_are_optional(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "facts.jsonl").unlink()
    assert not [row for row in read_corpus(folder).rows if isinstance(row, Entity | Fact)]


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("corpus.jsonl", {"_id": "p1", "text": "again"}, "line 5: expected unique ids, but the id 'p1' is there twice"),
        ("corpus.jsonl", {"id": "p9", "text": "x"}, "line 5: .*_id"),
        ("corpus.jsonl", "{", "line 5: "),
        ("queries.jsonl", {"_id": "q9", "text": ""}, "line 4: .*text"),
        (
            "facts.jsonl",
            {"passage_id": "p9", "subject": "a", "predicate": "b", "object": "c"},
            "line 6: expected the id of a passage in corpus.jsonl, got 'p9'",
        ),
        (
            "qrels/test.tsv",
            "q1\tp9\t1",
            "line 6: expected ids of queries.jsonl and corpus.jsonl, but 'q1' or 'p9' is not there",
        ),
        ("qrels/test.tsv", "q1 p1 1", "line 6: expected query-id, corpus-id and score"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, file: str, line: Any, message: str) -> None:
    folder = write_folder(tmp_path)
    with (folder / file).open("a", encoding="utf-8") as lines:
        lines.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
    with pytest.raises(InputError, match=message):
        read_corpus(folder)


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_missing_or_empty_file_is_named(tmp_path: Path, file: str) -> None:
    folder = write_folder(tmp_path)
    (folder / file).write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=file):
        read_corpus(folder)
    (folder / file).unlink()
    with pytest.raises(InputError, match=file):
        read_corpus(folder)
