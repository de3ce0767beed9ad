"""Facts from files: tied to the chunks that hold them, counted where they don't."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kg.documents.chunk import chunk
from kg.extraction.imported import ImportExtractor, read_fact_file, read_facts
from kg.extraction.protocol import ExtractionInput, ExtractionOutcome
from kg.language.sentences import RuleSentences
from kg.schema import Document
from models.errors import ConfigError

MILL = "Harrow Mill stands in Torsby. Ines Varga has led it since 2031. The mill sells flour to Marrow & Finch."
LAKE = "Lake Varn lies north of Torsby. The ferry Grey Heron crosses the lake from spring to autumn, every hour."


def read(path: Path, text: str = MILL, source: str = "mill.md", title: str = "Mills") -> ExtractionOutcome:
    document = Document("d:1", source, title, text)
    chunks = chunk(document, 16, RuleSentences())
    assert len(chunks) > 1
    return ImportExtractor(path, RuleSentences())(ExtractionInput(chunks, title, "", source))


def facts(reading: ExtractionOutcome) -> set[tuple[str, str, str]]:
    return {(t.subject, t.predicate, t.object) for row in reading.extractions for t in row.triples}


def dropped(reading: ExtractionOutcome) -> int:
    return sum(row.dropped for row in reading.extractions)


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_json_lines_with_a_source_belong_to_that_document(tmp_path: Path) -> None:
    row = {"subject": "harrow mill", "predicate": "Stands In", "object": "torsby", "source": "mill.md"}
    other = {"subject": "Ines Varga", "predicate": "owns", "object": "Bellwick", "source": "mill.md"}
    path = write(tmp_path / "facts.jsonl", [row, {**row, "source": "lake.md"}, other])
    reading = read(path)
    assert facts(reading) == {("Harrow Mill", "stands in", "Torsby")}
    assert dropped(reading) == 1  # no chunk holds both ends
    (triple,) = (t for row in reading.extractions for t in row.triples)
    assert (triple.evidence.start, triple.evidence.end) == (0, len("Harrow Mill stands in Torsby."))


def test_a_fact_without_a_source_is_looked_for_everywhere_and_never_missed_there(tmp_path: Path) -> None:
    path = tmp_path / "facts.tsv"
    path.write_text("Lake Varn\tlies north of\tTorsby\nHarrow Mill\tis in\tTorsby\n", encoding="utf-8")
    assert facts(read(path)) == {("Harrow Mill", "is in", "Torsby")}
    lake = read(path, LAKE, "lake.md")
    assert facts(lake) == {("Lake Varn", "lies north of", "Torsby")}
    assert dropped(lake) == 0


def test_an_openie_cache_is_known_by_its_passages(tmp_path: Path) -> None:
    docs = [
        {
            "passage": f"Mills\n{MILL}",
            "extracted_triples": [["Mills", "sell", "flour"], ["Nobody", "is", "here"], ["x"]],
        },
        {"passage": f"Lakes\n{LAKE}", "extracted_triples": [["Harrow Mill", "is", "Torsby"]]},
    ]
    path = tmp_path / "openie.json"
    path.write_text(json.dumps({"docs": docs}), encoding="utf-8")
    reading = read(path)
    assert facts(reading) == {("Mills", "sell", "flour")}  # the subject is the title
    assert dropped(reading) == 1


def test_names_in_other_scripts_are_found(tmp_path: Path) -> None:
    path = write(tmp_path / "f.jsonl", [{"subject": "한강", "predicate": "흐른다", "object": "서울"}])
    text = "한강은 서울을 흐른다. " + "Grey Heron crosses the lake every hour of every day from spring to autumn."
    assert facts(read(path, text)) == {("한강", "흐른다", "서울")}


def test_dates_are_normalised(tmp_path: Path) -> None:
    row = {"subject": "Ines Varga", "predicate": "leads", "object": "2031", "valid_from": "4 March 2031"}
    (fact,), _ = read_facts(write(tmp_path / "f.jsonl", [row]))
    assert (fact.valid_from, fact.valid_to) == ("2031-03-04", "")


@pytest.mark.parametrize("text", ['{"subject": "a", "object": "b"}', "one\ttwo", '{"docs": [{"text": "x"}]}', '["a"]'])
def test_what_is_no_fact_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"(Line 1|Document 0) of the"):
        read_facts(path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_facts(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    "text",
    [
        "Harrow Mill is old. It is made of stone and oak, and it has four floors. Harrow Mill stands in Torsby.",
        "Harrow fields are wide and flat, and they end at a river. Now Harrow Mill stands in Torsby, they say.",
        "The Harrow road is long. Harrow hill is high and bare. Harrow lake is deep. Harrow Mill is in Torsby.",
        "Harrow Mill burnt once, and it was rebuilt soon after. Harrow Mill flooded twice. In Torsby is Harrow Mill.",
        "Harrow Mill, and again Harrow Mill, and then Harrow Mill, all of one name. One Harrow Mill is in Torsby.",
    ],
)
def test_a_fact_without_a_source_is_found_in_whichever_chunk_holds_it(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "f.jsonl", [{"subject": "Harrow Mill", "predicate": "stands in", "object": "Torsby"}])
    assert facts(read(path, text)) == {("Harrow Mill", "stands in", "Torsby")}


def test_a_fact_without_a_source_whose_subject_is_the_title_alone_is_found(tmp_path: Path) -> None:
    path = write(
        tmp_path / "f.jsonl", [{"subject": "Old Mill", "predicate": "sells flour to", "object": "Marrow & Finch"}]
    )
    assert facts(read(path, title="Old Mill")) == {("Old Mill", "sells flour to", "Marrow & Finch")}


def test_every_entry_of_a_file_is_a_fact_a_failure_or_a_skip(tmp_path: Path) -> None:
    path = tmp_path / "facts.tsv"
    path.write_text(
        "subject\tpredicate\tobject\nA\tis\tB\n\na\tIS\tb\nC\tis\tC\nD\tis\tE\u2028F\nD\tis\nG\t\u00ad\tH\n",
        encoding="utf-8",
    )
    file = read_fact_file(path)
    assert file.places == ("line 2", "line 6")
    assert [skip.item.partition(":")[0] for skip in file.skips] == ["line 4", "line 5"]
    assert [failure.item for failure in file.failures] == ["line 7", "line 8"]


def test_a_list_of_facts_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps([{"subject": "A", "predicate": "is", "object": "B"}], indent=1), encoding="utf-8")
    assert len(read_fact_file(path).facts) == 1


def test_a_triple_of_a_cache_that_is_none_is_a_failure(tmp_path: Path) -> None:
    triples = [["A", "is", "B"], ["A", "is"], ["A", "is", None], "A is B", ["A", "is", "B"], ["A", "was", "a"]]
    path = tmp_path / "openie.json"
    path.write_text(json.dumps({"docs": [{"passage": "A is B.", "extracted_triples": triples}]}), encoding="utf-8")
    file = read_fact_file(path)
    assert (len(file.facts), len(file.failures), len(file.skips)) == (1, 3, 2)
