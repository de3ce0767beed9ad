import json
from pathlib import Path

import pytest

from eval.extraction.detokenise import detokenise
from eval.extraction.gold_triples import Relation, docred_relation, name_key, read_gold
from models.errors import ConfigError, InputError

SHARED = Path(__file__).parents[4] / "shared" / "data"
DOCRED = {
    "title": "Oune",
    "sents": [["Ada", "Lorne", "(", "born", "3", "May", "2001", ")", "runs", "Oune", "."], ["Lorne", "is", "28", "."]],
    "vertexSet": [
        [{"name": "Ada Lorne", "type": "PER"}, {"name": "Lorne", "type": "PER"}],
        [{"name": "Oune", "type": "ORG"}],
    ],
    "labels": [{"r": "P108", "h": 0, "t": 1, "evidence": [0]}, {"r": "P9999", "h": 0, "t": 1}],
}


def write(path: Path, rows, lines=False):
    text = "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "tokens, text",
    [
        (["It", "'s", "5", "%", "of", "$", "10", "."], "It's 5% of $10."),
        (["He", "said", "“", "no", "”", ";", "1998", "–", "2002"], "He said “no”; 1998–2002"),
        (["the", "singers", "'", "guild"], "the singers' guild"),
        (["“", "A", "–", "B", "”"], "“A – B”"),
        (['"', "One", '"', "and", '"', "two", '"'], '"One" and "two"'),
        (["well", "-", "known", "\xa0", "and", "/", "or"], "well-known and/or"),
    ],
)
def test_tokens_are_written_as_a_person_would(tokens, text):
    assert detokenise(tokens) == text


def test_docred_gives_text_clusters_and_relations_in_words(tmp_path):
    (document,) = read_gold("docred", write(tmp_path / "dev.json", [DOCRED]))
    assert document.text == "Ada Lorne (born 3 May 2001) runs Oune. Lorne is 28."
    assert document.entities == (("Ada Lorne", "Lorne"), ("Oune",))
    assert document.triples == ((0, Relation("employed by", "employs"), 1), (0, Relation("p9999"), 1))


def test_a_part_without_labels_is_refused(tmp_path):
    bare = {name: value for name, value in DOCRED.items() if name != "labels"}
    with pytest.raises(InputError, match="document 2 has no labels"):
        read_gold("redocred", write(tmp_path / "test.json", [DOCRED, bare]))


@pytest.mark.parametrize("lines", [True, False])
def test_webnlg_names_are_one_thing_wherever_they_stand(tmp_path, lines):
    row = {
        "tokens": ["Oune", "F.C", ".", "is", "in", "Varn", "."],
        "spo_list": [["Oune F.C .", "locationCity", "Varn"]],
    }
    other = {"tokens": ["x"], "spo_list": [["A", "r", "B"], ["the A", "s", "A"]]}
    one, two = read_gold("webnlg", write(tmp_path / "dev.json", [row, other], lines))
    assert (one.text, one.triples) == ("Oune F.C. is in Varn.", ((0, Relation("location city"), 1),))
    assert two.entities == (("A",), ("B",))
    assert [(s, o) for s, _, o in two.triples] == [(0, 1), (0, 0)]


def test_jsonl_takes_any_name_of_a_thing(tmp_path):
    row = {"text": "t", "triples": [["Lorne", "leads", "Oune"]], "entities": [["Ada Lorne", "Lorne"]]}
    (document,) = read_gold("jsonl", write(tmp_path / "a.jsonl", [row], lines=True))
    assert document.entities == (("Ada Lorne", "Lorne"), ("Oune",))
    assert document.triples == ((0, Relation("leads"), 1),)


@pytest.mark.parametrize(
    "content, message",
    [
        ("[]", "has no document"),
        ("{", "line 1: expected one JSON object, but it does not parse"),
        ("[{", "begins as a JSON list, but does not parse"),
        ('{"text": "t"}', "document 1 is not of the form jsonl: .*triples"),
        ('{"text": "", "triples": []}\n{"text": "t", "triples": [["a", "b"]]}', "document 1"),
    ],
)
def test_a_malformed_document_is_an_error_that_names_it(tmp_path, content, message):
    path = tmp_path / "x.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_gold("jsonl", path)
    with pytest.raises(ConfigError, match="Unknown format of gold triples 'tacred'"):
        read_gold("tacred", path)


def test_a_label_of_no_entity_is_an_error(tmp_path):
    with pytest.raises(InputError, match="entity 7, but there are 2"):
        read_gold("docred", write(tmp_path / "x.json", [{**DOCRED, "labels": [{"r": "P17", "h": 0, "t": 7}]}]))


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the development data in ../shared/data")
@pytest.mark.parametrize("form, name", [("redocred", "re_docred/dev_revised.json"), ("webnlg", "webnlg_re/dev.json")])
def test_published_sets_are_read_and_their_names_stay_in_the_text(form, name):
    documents = read_gold(form, SHARED / name, limit=40)
    assert len(documents) == 40
    assert all(document.triples for document in documents)
    names = [(name, document) for document in documents for names in document.entities for name in names]
    missing = [name for name, document in names if name_key(name) not in name_key(document.text.replace(" ", ""))]
    assert len(missing) < 0.01 * len(names)
    relations = {relation.name for document in documents for _, relation, _ in document.triples}
    assert not any(relation.startswith("p") and relation[1:].isdigit() for relation in relations)


def test_every_docred_relation_reads_both_ways():
    assert docred_relation("P26") == Relation("married to", "married to")
    assert docred_relation("P112") == Relation("founded by", "founded")
