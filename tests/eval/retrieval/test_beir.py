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
        ("queries.jsonl", {"_id": "q9", "text": " \t"}, "line 4: .*text"),
        ("corpus.jsonl", '{"_id": "p9", "text": "half \\ud83d"}', "line 5: .*does not parse"),
        (
            "facts.jsonl",
            {"passage_id": "p9", "subject": "a", "predicate": "b", "object": "c"},
            "line 6: expected the id of a passage in corpus.jsonl, got 'p9'",
        ),
        ("queries.jsonl", {"_id": "q9", "text": None}, "line 4: .*text"),
        ("corpus.jsonl", {"_id": True, "text": "x"}, "line 5: .*_id"),
        ("corpus.jsonl", {"_id": "", "text": "x"}, "line 5: .*_id"),
        ("qrels/test.tsv", "q1\tp1\thigh", "line 6: expected query-id, corpus-id and score"),
        ("qrels/test.tsv", "q1\tp1\t0.5", "line 6: .* with a whole number as score"),
        ("qrels/test.tsv", "q1\tp1\tnan", "line 6: .* with a whole number as score"),
        ("qrels/test.tsv", "q1\tp1", "line 6: expected 3 columns as in the first line, got 2"),
        ("qrels/test.tsv", "q1 0 p1 1", "line 6: expected 3 columns as in the first line, got 4"),
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


def write_qrels(folder: Path, text: str, part: str = "test", encoding: str = "utf-8") -> Path:
    """A folder with judgements of one's own."""
    write_folder(folder)
    (folder / "qrels" / "test.tsv").unlink()
    (folder / "qrels" / f"{part}.tsv").write_bytes(text.encode(encoding))
    return folder


BOTH = {"q1": {"p1": 1, "p2": 2}, "q2": {"p3": 1}}


@pytest.mark.parametrize(
    "text",
    [
        "query-id\tcorpus-id\tscore\nq1\tp1\t1\nq1\tp2\t2\nq2\tp3\t1\n",
        "q1\tp1\t1\nq1\tp2\t2\nq2\tp3\t1",
        "q1 0 p1 1\nq1 0 p2 2\nq2 0 p3 1\n",
        "q1\tQ0\tp1\t1\nq1\tQ0\tp2\t2\nq2\tQ0\tp3\t1\n",
        "q1 p1 1\nq1  p2   2\nq2 p3 1\n",
        "query-id\tcorpus-id\tscore\r\nq1\tp1\t1\r\nq1\tp2\t2\r\n\r\nq2\tp3\t1\r\n\r\n",
        "q1\tp1\t1.0\nq1\tp2\t2.0\nq2\tp3\t1e0\n",
        "q1\tp1\t1\nq1\tp2\t2\nq1\tp3\t-1\nq2\tp3\t1\nq2\tp1\t0\n",
        "Query_ID\tdocid\tlabel\nq1\tp1\t1\nq1\tp2\t2\nq2\tp3\t1\n",
        "score\tcorpus-id\tquery-id\n1\tp1\tq1\n2\tp2\tq1\n1\tp3\tq2\n",
        "frage\tabschnitt\twert\nq1\tp1\t1\nq1\tp2\t2\nq2\tp3\t1\n",
        "qid\titer\tdocno\trel\nq1\t0\tp1\t1\nq1\t0\tp2\t2\nq2\t0\tp3\t1\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_judgements_are_read_in_every_form_they_are_published_in(tmp_path: Path, text: str, encoding: str) -> None:
    corpus = read_corpus(write_qrels(tmp_path / "a", text, encoding=encoding))
    assert {query.id: query.grades for query in corpus.queries} == BOTH
    assert not corpus.notices


def test_judgements_that_lead_nowhere_are_counted_and_told(tmp_path: Path) -> None:
    lines = ["q1\tp1\t1", "q1\tlost\t1", "q1\talso lost\t0", "q8\tp1\t1", "q9\tp1\t1", "q2\tp3\t1", "q2\tp3\t2"]
    corpus = read_corpus(write_qrels(tmp_path / "a", "\n".join(lines)))
    assert {query.id: query.grades for query in corpus.queries} == {"q1": {"p1": 1, "lost": 1}, "q2": {"p3": 2}}
    told = corpus.judgements
    assert (told.lines, told.repeated, told.unknown_queries, told.unknown_passages) == (7, 1, 2, 1)
    assert corpus.notices == [
        "1 judgement is on a passage that is not in the corpus; it counts as never found, as in BEIR.",
        "2 judgements are on a query that is not in queries.jsonl; left out.",
        "1 judgement is on a pair that is judged again later; the last one counts.",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p1\tq1\t1\np3\tq2\t1\n", "none of its queries is in queries.jsonl; the first is 'p1'"),
        ("q1\tx\t1\nq2\ty\t1\n", "none of its passages is in corpus.jsonl; the first is 'x'"),
        ("q1\tp1\t0\n", "no line on a known query has a score above 0"),
        ("query-id\tcorpus-id\tscore\n", "but it is empty"),
        ("q1\n", "line 1: expected query-id, corpus-id and score"),
        ("q7\tp1\thigh\nq1\tp1\t1\n", "line 1: .* a whole number as score"),
    ],
)
def test_judgements_of_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_corpus(write_qrels(tmp_path / "a", text))


@pytest.mark.parametrize("part", ["dev", "train"])
def test_another_part_is_read_and_told(tmp_path: Path, part: str) -> None:
    corpus = read_corpus(write_qrels(tmp_path / "a", "q1\tp1\t1\n", part))
    assert corpus.notices == [f"There is no qrels/test.tsv; qrels/{part}.tsv is measured."]


def rewrite(path: Path, *rows: dict[str, Any]) -> None:
    path.write_text("\ufeff" + "".join(f"{json.dumps(row)}\r\n\r\n" for row in rows), encoding="utf-8")


def test_marks_numbers_nulls_and_further_fields_are_read(tmp_path: Path) -> None:
    folder = write_qrels(tmp_path / "a", "7\t1\t1\n8\t3\t1\n")
    (folder / "facts.jsonl").unlink()
    passages = [{"_id": 1, "title": None, "text": "One.", "metadata": {"url": "x"}}, {"_id": 2, "text": None}]
    rewrite(folder / "corpus.jsonl", *passages, {"_id": 3, "title": "Three", "text": ""})
    rewrite(folder / "queries.jsonl", {"_id": 7, "text": "one?", "metadata": {}}, {"_id": 8, "text": "three?"})
    corpus = read_corpus(folder)
    assert [(query.id, query.grades) for query in corpus.queries] == [("7", {"1": 1}), ("8", {"3": 1})]
    assert sorted(corpus.passage_of.values()) == ["1", "2", "3"]
    assert corpus.notices == ["1 of 3 passages have neither title nor text."]


@pytest.mark.parametrize(
    ("passage", "key", "text"),
    [
        ({"_id": " p9 ", "text": "Swans."}, "p9", "Swans."),
        ({"_id": 9, "title": 1984, "text": "A film."}, "9", "A film."),
        ({"_id": "p9", "title": None, "text": 12.5}, "p9", "12.5"),
        ({"_id": "p 9", "title": "", "text": "Swans."}, "p 9", "Swans."),
        ({"_id": 'p"9', "text": "Swans."}, 'p"9', "Swans."),
    ],
)
def test_ids_and_texts_are_read_as_tables_of_others_give_them(
    tmp_path: Path, passage: dict[str, Any], key: str, text: str
) -> None:
    folder = write_folder(tmp_path)
    with (folder / "corpus.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(passage) + "\n")
    quoted = key.replace('"', '""')
    (folder / "qrels" / "test.tsv").write_text(f'"q1"\t"{quoted}"\t"1"\n"q2"\t"p3"\t"1"\n', encoding="utf-8")
    corpus = read_corpus(folder)
    assert [dict(query.grades) for query in corpus.queries] == [{key: 1}, {"p3": 1}]
    assert text in next(row.text for row in corpus.rows if isinstance(row, Chunk) and corpus.passage_of[row.id] == key)


def test_a_query_that_is_a_passage_is_left_out_of_its_ranking(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a")
    with (folder / "corpus.jsonl").open("a") as lines:
        lines.write(json.dumps({"_id": "q2", "title": "", "text": "Who is the mayor of Pellin?"}) + "\n")
    corpus = read_corpus(folder)
    assert [(query.id, query.own) for query in corpus.queries] == [("q1", ""), ("q2", "q2")]
    assert "1 query is a passage of the corpus by id" in corpus.notices[0]


def test_queries_and_passages_that_are_both_numbered_are_not_taken_for_each_other(tmp_path: Path) -> None:
    folder = write_qrels(tmp_path / "a", "1\t1\t1\n2\t3\t1\n")
    (folder / "facts.jsonl").unlink()
    rewrite(folder / "corpus.jsonl", *({"_id": number, "text": f"Number {number}."} for number in (1, 2, 3)))
    rewrite(folder / "queries.jsonl", *({"_id": number, "text": f"Which? {number}"} for number in (1, 2)))
    assert [query.own for query in read_corpus(folder).queries] == ["", ""]
