import json

import pytest

from kg.extract import Extractor, Passage, answer_schema
from kg.prompt import load_prompt
from kg.schema import Chunk
from kg.sentences import RuleSentences
from models.errors import OutputError
from models.protocols import Usage
from models.structured import parse_structured
from tests.kg.scripted import ScriptedChat

TEXT = "Ada Lorne founded Marrow in Torsby. Lorne sold Marrow to Harrow Mills. Torsby lies by Lake Oune."


def passage(text=TEXT, **more):
    chunk = Chunk("c:1", "d:1", 0, 0, len(text), text, len(text.split()))
    return Passage(chunk, **{"title": "Mills", "date": "2031-05-01", **more})


def extractor(**chat):
    return Extractor(ScriptedChat(**chat), RuleSentences(), 160)


def test_reads_names_and_facts_of_a_passage():
    reading = extractor()(passage())
    triples = {(t.subject, t.predicate, t.object) for t in reading.extraction.triples}
    assert ("Ada Lorne", "founded", "Marrow") in triples
    assert ("Marrow", "to", "Harrow Mills") in triples
    assert ("Lake Oune", "organisation") in {(m.name, m.type) for m in reading.extraction.mentions}
    assert reading.extraction.chunk_id == "c:1"
    assert reading.usage == reading.spent != Usage()


def test_the_prompt_shows_title_date_and_the_passage_on_one_line():
    read = extractor()
    read(passage("One\nline here. Two here.", date=""))
    assert read.chat.asked == ["Title: Mills\nDate: unknown\nOne line here. Two here."]


def test_a_useless_answer_is_asked_for_again_in_halves():
    def loops(prompt):
        return OutputError("cut off") if "founded" in prompt and "lies by" in prompt else None

    read = extractor(fail=loops)
    reading = read(passage())
    assert len(read.chat.asked) == 3
    assert ("Torsby", "lies by", "Lake Oune") in {
        (t.subject, t.predicate, t.object) for t in reading.extraction.triples
    }
    whole = extractor()(passage())
    assert set(reading.extraction.triples) == set(whole.extraction.triples)
    assert set(reading.extraction.mentions) == set(whole.extraction.mentions)


@pytest.mark.parametrize(("text", "calls"), [(TEXT, 2), ("Only one sentence by Ada Lorne.", 1)])
def test_a_passage_whose_halves_fail_too_fails(text, calls):
    read = extractor(fail=lambda prompt: OutputError("cut off"))
    with pytest.raises(OutputError, match="cut off"):
        read(passage(text))
    assert len(read.chat.asked) == calls


def test_the_key_follows_everything_the_reading_depends_on():
    read = extractor()
    other = Extractor(ScriptedChat(), RuleSentences(), 320)
    keys = [
        read.key(passage()),
        read.key(passage(title="x")),
        read.key(passage(date="x")),
        read.key(passage("B.")),
        other.key(passage()),
    ]
    assert len(set(keys)) == 5
    assert read.key(passage()) == keys[0]


@pytest.mark.parametrize(
    ("names", "facts"),
    [
        (["Ada Lorne"], []),
        (["Ada Lorne (dragon)"], []),
        (["Ada Lorne (ship) (person)"], []),
        ([], ["Ada Lorne | founded"]),
        ([], ["Ada | a | b | c"]),
        ([], [" | ".join(["Ada", "a b c d e f g", "Torsby"])]),
        ([], ["Ada {x} | founded | Torsby"]),
        (["Ada (person)"] * 100, []),
    ],
)
def test_the_schema_refuses_other_answers(names, facts):
    with pytest.raises(OutputError):
        parse_structured(json.dumps({"names": names, "facts": facts}), answer_schema(160))


def test_the_schema_takes_what_the_example_of_the_prompt_answers():
    example = next(text for role, text in load_prompt("extract").turns if role == "assistant")
    assert len(parse_structured(example, answer_schema(160))["facts"]) == 7


def test_the_schema_bounds_every_list():
    schema = answer_schema(160)
    assert all(0 < part["maxItems"] < 30 for part in schema["properties"].values())
