import json

import pytest

from kg.config import ExtractConfig
from kg.examples import DOMAINS, extraction_prompt
from kg.extract import ChatExtractor
from kg.proposals import Answer, answer_schema, proposals
from kg.reading import Passage, Reading, by_chunk, passages_of
from kg.schema import Chunk, Document, Evidence, Triple
from kg.sentences import RuleSentences
from models.errors import OutputError
from models.protocols import Completion, Usage
from models.structured import parse_structured
from tests.kg.scripted import ScriptedChat

TEXT = "Ada Lorne founded Marrow in Torsby. Lorne sold Marrow to Harrow Mills. Torsby lies by Lake Oune."


def passage(text=TEXT, **more):
    chunk = Chunk("c:1", "d:1", 0, 0, len(text), text, len(text.split()))
    return Passage((chunk,), **{"title": "Mills", "date": "2031-05-01", **more})


def extractor(**chat):
    return ChatExtractor(ScriptedChat(**chat), RuleSentences(), 160)


def test_reads_names_and_facts_of_a_passage():
    reading = extractor()(passage())
    [extraction] = reading.extractions
    triples = {(t.subject, t.predicate, t.object) for t in extraction.triples}
    assert ("Ada Lorne", "founded", "Marrow") in triples
    assert ("Marrow", "to", "Harrow Mills") in triples
    assert ("Lake Oune", "organisation") in {(m.name, m.type) for m in extraction.mentions}
    assert extraction.chunk_id == "c:1"
    assert reading.usage == reading.spent != Usage()


def test_the_prompt_shows_title_date_and_the_passage_on_one_line():
    read = extractor()
    read(passage("One\nline here. Two here.", date=""))
    assert read.chat.asked == ["Title: Mills\nDate: unknown\nOne line here. Two here."]


def test_a_useless_answer_is_asked_for_again_in_halves():
    def loops(prompt):
        return OutputError("cut off", 1000, 100) if "founded" in prompt and "lies by" in prompt else None

    read = extractor(fail=loops)
    reading = read(passage())
    assert len(read.chat.asked) == 3
    assert ("Torsby", "lies by", "Lake Oune") in {
        (t.subject, t.predicate, t.object) for t in reading.extractions[0].triples
    }
    whole = extractor()(passage())
    assert set(reading.extractions[0].triples) == set(whole.extractions[0].triples)
    assert set(reading.extractions[0].mentions) == set(whole.extractions[0].mentions)
    assert reading.usage.tokens_in > 1000 > whole.usage.tokens_in


@pytest.mark.parametrize(("text", "calls"), [(TEXT, 2), ("Only one sentence by Ada Lorne.", 1)])
def test_a_passage_whose_halves_fail_too_fails(text, calls):
    read = extractor(fail=lambda prompt: OutputError("cut off", 5, 2))
    with pytest.raises(OutputError, match="cut off") as raised:
        read(passage(text))
    assert len(read.chat.asked) == calls
    assert (raised.value.tokens_in, raised.value.tokens_out) == (5 * calls, 2 * calls)


def test_the_key_follows_everything_the_reading_depends_on():
    read = extractor()
    other = ChatExtractor(ScriptedChat(), RuleSentences(), 320)
    keys = [
        read.key(passage()),
        read.key(passage(title="x")),
        read.key(passage(date="x")),
        read.key(passage("B.")),
        other.key(passage()),
    ]
    assert len(set(keys)) == 5
    assert read.key(passage()) == keys[0]


GOOD = "Ada Lorne (person) | founded | Marrow (organisation)"


@pytest.mark.parametrize(
    "fact",
    [
        "Ada Lorne | founded | Marrow",
        "Ada Lorne (dragon) | founded | Marrow (organisation)",
        "Ada Lorne (ship) (person) | founded | Marrow (organisation)",
        "Ada Lorne (person) | founded",
        "Ada (person) | a | b (thing) | c",
        "Ada (person) | a b c d e f g | Torsby (place)",
        "Ada {x} (person) | founded | Torsby (place)",
    ],
)
def test_the_schema_refuses_other_lines(fact):
    schema = answer_schema("full", 160)
    assert parse_structured(json.dumps({"facts": [GOOD]}), schema)
    with pytest.raises(OutputError):
        parse_structured(json.dumps({"facts": [fact]}), schema)


@pytest.mark.parametrize("style", ["full", "compact"])
def test_the_schema_bounds_the_answer(style):
    line = GOOD if style == "full" else "Ada | founded | Marrow | sold | it"
    assert parse_structured(json.dumps({"facts": [line] * 5}), answer_schema(style, 80))
    with pytest.raises(OutputError):
        parse_structured(json.dumps({"facts": [line] * 50}), answer_schema(style, 80))


def test_given_relations_and_types_are_the_only_ones():
    schema = answer_schema("full", 160, ["mill"], ["owns"])
    assert parse_structured(json.dumps({"facts": ["Ada (mill) | owns | Marrow (thing)"]}), schema)
    for fact in ("Ada (mill) | has | Marrow (thing)", "Ada (person) | owns | Marrow (thing)"):
        with pytest.raises(OutputError):
            parse_structured(json.dumps({"facts": [fact]}), schema)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("style", ["full", "compact"])
def test_the_examples_answer_as_the_schema_asks_and_both_styles_say_the_same(style, domain):
    prompt = extraction_prompt(ExtractConfig(style=style, domain=domain))
    answers = [text for role, text in prompt.turns if role == "assistant"]
    assert len(answers) == len(DOMAINS[domain])
    other = extraction_prompt(ExtractConfig(style="compact" if style == "full" else "full", domain=domain))
    for mine, theirs in zip(answers, [t for role, t in other.turns if role == "assistant"], strict=True):
        facts = parse_structured(mine, answer_schema(style, 80))["facts"]
        ends = {(p.subject, p.predicate, p.object) for p in proposals(Answer(facts=tuple(facts)))}
        assert len(ends) >= 4
        assert ends == {(p.subject, p.predicate, p.object) for p in proposals(Answer(**json.loads(theirs)))}


def test_gleaning_asks_once_more_and_keeps_both():
    asked = []

    class Gleans(ScriptedChat):
        def complete(self, request):
            asked.append([message.role for message in request.messages])
            fact = "Torsby (place) | lies by | Lake Oune (place)" if len(asked) > 1 else GOOD
            return Completion("{}", Usage(10, 5), "stop", 0.0, parsed={"facts": [fact]})

    reading = ChatExtractor(Gleans(), RuleSentences(), 160, ExtractConfig(gleaning="ask"))(passage())
    assert {triple.predicate for triple in reading.extractions[0].triples} == {"founded", "lies by"}
    assert asked[1] == [*asked[0], "assistant", "user"]
    assert reading.usage == Usage(20, 10)


def test_the_parser_adds_what_the_model_left_out_and_nothing_it_has():
    more = Triple("Ada Lorne", "is founder of", "Marrow", Evidence("c:1", 0, 5))
    new = Triple("Torsby", "lies by", "Lake Oune", Evidence("c:1", 71, 96))

    class Parser:
        def key(self, passage):
            return "parser"

        def __call__(self, passage):
            return Reading(by_chunk(passage, [], [more, new], 0))

    plain = extractor()
    read = ChatExtractor(ScriptedChat(), RuleSentences(), 160, ExtractConfig(gleaning="nlp"), Parser())
    assert read.key(passage()) != plain.key(passage())
    known = set(plain(passage()).extractions[0].triples)
    found = set(read(passage()).extractions[0].triples)
    assert more not in found
    assert found - known <= {new}


def chunks_of(document_id, *texts, repeat=0):
    """Chunks of a document; each begins `repeat` characters before the end of the one before."""
    made, start = [], 0
    for position, text in enumerate(texts):
        made.append(Chunk(f"{document_id}{position}", document_id, position, start, start + len(text), text, 10))
        start += len(text) - repeat
    return made


def test_neighbours_are_read_together_as_long_as_they_fit():
    two, one = Document("d:2", "b", "Two", ""), Document("d:1", "a", "One", "")
    chunks = [*chunks_of("d:2", "a", "b", "c"), *chunks_of("d:1", "x")]
    groups = [[chunk.text for chunk in each.chunks] for each in passages_of([one, two], chunks[::-1], 20)]
    assert groups == [["x"], ["a", "b"], ["c"]]
    assert [each.title for each in passages_of([one, two], chunks, 0)] == ["One", "Two", "Two", "Two"]


def test_what_is_read_together_is_kept_by_chunk_with_spans_of_its_own():
    first, second = chunks_of("d:1", "Ada Lorne founded Marrow. ", "Torsby lies by Lake Oune.")
    read = extractor()
    reading = read(Passage((first, second), "Mills", ""))
    assert len(read.chat.asked) == 1
    assert [each.chunk_id for each in reading.extractions] == [first.id, second.id]
    for chunk, extraction in zip((first, second), reading.extractions, strict=True):
        assert extraction.mentions
        assert len(extraction.triples) == 1
        for row in (*extraction.mentions, *extraction.triples):
            assert row.evidence.chunk_id == chunk.id
        for mention in extraction.mentions:
            assert chunk.text[mention.evidence.start : mention.evidence.end] == mention.name


def test_a_sentence_that_two_chunks_share_is_shown_once():
    shared = "Ada Lorne founded Marrow. "
    chunks = chunks_of("d:1", "It rained. " + shared, shared + "Torsby lies by Lake Oune.", repeat=len(shared))
    read = extractor()
    reading = read(Passage(tuple(chunks), "Mills", ""))
    assert read.chat.asked[0].endswith("It rained. Ada Lorne founded Marrow. Torsby lies by Lake Oune.")
    assert all(each.mentions for each in reading.extractions)
