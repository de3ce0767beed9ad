import json
from dataclasses import replace

import pytest

from kg.config import ExtractConfig
from kg.extraction.chat import ChatExtractor
from kg.extraction.examples import DOMAINS, extraction_prompt
from kg.extraction.nlp import NlpExtractor
from kg.extraction.proposals import ExtractionReply, Proposal, format_chained, proposals, reply_schema
from kg.extraction.protocol import ExtractionInput, ExtractionOutcome, by_chunk, extraction_inputs
from kg.language.sentences import RuleSentences
from kg.schema import Chunk, Document, Evidence, Triple
from models.calls.structured import parse_fitting, parse_structured
from models.errors import InputError, OutputError, RefusedPromptError, TooLongError
from models.protocols import Completion, Usage
from tests.kg.scripted import ScriptedChat

TEXT = "Ada Lorne founded Marrow in Torsby. Lorne sold Marrow to Harrow Mills. Torsby lies by Lake Oune."


def passage(text=TEXT, **more):
    chunk = Chunk("c:1", "d:1", 0, 0, len(text), text, len(text.split()))
    return ExtractionInput((chunk,), **{"title": "Mills", "date": "2031-05-01", **more})


ALONE = ExtractConfig(gleaning="none")


def extractor(**chat):
    return ChatExtractor(ScriptedChat(**chat), RuleSentences(), ALONE)


def test_reads_names_and_facts_of_a_passage():
    reading = extractor()(passage())
    [extraction] = reading.extractions
    triples = {(t.subject, t.predicate, t.object) for t in extraction.triples}
    assert ("Ada Lorne", "founded", "Marrow") in triples
    assert ("Marrow", "to", "Harrow Mills") in triples
    assert ("Lake Oune", "organisation") in {(m.name, m.type) for m in extraction.mentions}
    assert extraction.chunk_id == "c:1"
    assert reading.usage == reading.new_usage != Usage()


def test_the_prompt_shows_the_title_and_the_passage_on_one_line():
    read = extractor()
    read(passage("One\nline here. Two here."))
    assert read.chat.asked == ["Title: Mills\nOne line here. Two here."]


class Says:
    """Gives the same lines to every request."""

    name, digest = "says", "says-1"

    def __init__(self, *lines):
        self.lines = list(lines)

    def complete(self, request):
        return Completion("", Usage(10, 10), "stop", 0.1, parsed={"facts": self.lines})


@pytest.mark.models
def test_kinds_that_no_style_asks_for_come_from_the_recogniser(parser):
    text = "Ada Lorne joined the United Nations in 1971 and praised Apollo 11."
    chat = Says("Ada Lorne | joined | United Nations", "Ada Lorne | praised | Apollo 11", "Ada Lorne | joined | 1971")
    [row] = ChatExtractor(chat, RuleSentences())(passage(text)).extractions
    kinds = {mention.name: mention.type for mention in row.mentions}
    assert (kinds["Ada Lorne"], kinds["United Nations"], kinds["1971"]) == ("person", "organisation", "value")
    assert len({mention.evidence for mention in row.mentions}) == len(row.mentions)


def test_the_key_names_the_splitter_and_the_second_prompt(monkeypatch):
    class Other(RuleSentences):
        name = "other"

    asking = ExtractConfig(gleaning="ask")
    keys = {ChatExtractor(ScriptedChat(), sentences(), asking).key(passage()) for sentences in (RuleSentences, Other)}
    monkeypatch.setattr("kg.extraction.chat.load_prompt", lambda name: extraction_prompt(ExtractConfig(domain="none")))
    keys.add(ChatExtractor(ScriptedChat(), RuleSentences(), asking).key(passage()))
    assert len(keys) == 3


def test_a_rejected_reply_counts_as_new_usage_unless_it_is_on_record():
    def fails(recorded):
        def fail(prompt):
            long = "founded" in prompt and "lies by" in prompt
            return OutputError("cut off", 1000, 100, recorded) if long else None

        return extractor(fail=fail)(passage())

    now, replayed = fails(recorded=False), fails(recorded=True)
    assert now.new_usage == now.usage == replayed.usage
    assert now.new_usage.tokens_in - replayed.new_usage.tokens_in == 1000


def test_a_rejected_reply_is_followed_by_a_call_for_each_half():
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
    other = ChatExtractor(ScriptedChat(), RuleSentences(), ExtractConfig(gleaning="none", density=30))
    keys = [
        read.key(passage()),
        read.key(passage(title="x")),
        read.key(passage("B.")),
        other.key(passage()),
    ]
    assert len(set(keys)) == 4
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
        "Ada (person) | in 2019, with Tom Hale, sold to | Torsby (place)",
        f"Ada (person) | {'a ' * 20} | Torsby (place)",
        "Ada {x} (person) | founded | Torsby (place)",
    ],
)
def test_the_schema_refuses_other_lines(fact):
    schema = reply_schema("full", 160)
    assert parse_structured(json.dumps({"facts": [GOOD]}), schema)
    with pytest.raises(OutputError):
        parse_structured(json.dumps({"facts": [fact]}), schema)


LINES = {
    "full": GOOD,
    "lines": "Ada Lorne | founded | Marrow",
    "compact": "Ada | founded | Marrow",
    "chained": "Ada | founded | Marrow | sold | it",
}


@pytest.mark.parametrize(("kind", "calls"), [(RefusedPromptError, 1), (TooLongError, 3)])
def test_a_refused_passage_is_sent_in_halves_only_where_it_is_too_long(kind, calls):
    read = extractor(fail=lambda prompt: kind("no") if "founded" in prompt and "lies by" in prompt else None)
    if kind is RefusedPromptError:
        with pytest.raises(RefusedPromptError):
            read(passage())
    else:
        assert read(passage()).extractions[0].triples
    assert len(read.chat.asked) == calls


def test_lines_beyond_the_most_that_a_reply_may_have_count_as_dropped():
    class Talkative(ScriptedChat):
        def complete(self, request):
            return replace(super().complete(request), surplus=3)

    talking, terse = (ChatExtractor(chat, RuleSentences(), ALONE) for chat in (Talkative(), ScriptedChat()))
    dropped = [read(passage()).extractions[0].dropped for read in (talking, terse)]
    assert dropped[0] == dropped[1] + 3


@pytest.mark.parametrize("style", LINES)
def test_the_schema_bounds_the_answer_by_the_length_of_the_passage(style):
    schema = reply_schema(style, 200, density=2.5)
    five = {"facts": [LINES[style]] * 5}
    assert parse_fitting(json.dumps(five), schema) == (five, 0)
    assert parse_fitting(json.dumps({"facts": [LINES[style]] * 7}), schema) == (five, 2)
    assert reply_schema(style, 200) != reply_schema(style, 400)


def test_a_subject_of_many_facts_has_as_many_lines_as_they_need():
    facts = [Proposal("Ada", "sold", f"mill {number}") for number in range(8)]
    lines = format_chained(facts)
    assert [line.count("sold") for line in lines] == [6, 2]
    assert parse_structured(json.dumps({"facts": lines}), reply_schema("chained", 160))
    assert list(proposals(ExtractionReply(facts=tuple(lines)))) == facts


def test_given_relations_and_types_are_the_only_ones():
    schema = reply_schema("full", 160, ["mill"], ["owns"])
    assert parse_structured(json.dumps({"facts": ["Ada (mill) | owns | Marrow (thing)"]}), schema)
    for fact in ("Ada (mill) | has | Marrow (thing)", "Ada (person) | owns | Marrow (thing)"):
        with pytest.raises(OutputError):
            parse_structured(json.dumps({"facts": [fact]}), schema)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("style", ["full", "compact", "chained"])
def test_the_examples_satisfy_the_schema_and_all_styles_state_the_same_facts(style, domain):
    def replies(style):
        turns = extraction_prompt(ExtractConfig(style=style, domain=domain)).turns
        return [text for role, text in turns if role == "assistant"]

    assert len(replies(style)) == len(DOMAINS[domain])
    for reply, reply_in_lines in zip(replies(style), replies("lines"), strict=True):
        facts = parse_structured(reply, reply_schema(style, 100, density=9))["facts"]
        ends = {(p.subject, p.predicate, p.object) for p in proposals(ExtractionReply(facts=tuple(facts)))}
        assert len(ends) >= 4
        lines = parse_structured(reply_in_lines, reply_schema("lines", 100, density=9))["facts"]
        assert ends == {tuple(line.split(" | ")) for line in lines}


def test_the_parser_says_what_kind_of_thing_a_name_is_where_the_model_does_not(parser):
    class Names(ScriptedChat):
        def complete(self, request):
            facts = ["Ada Lorne | founded | Marrow", "Torsby | lies by | Lake Oune"]
            return Completion("{}", Usage(10, 5), "stop", 0.0, parsed={"facts": facts})

    [row] = ChatExtractor(Names(), RuleSentences(), ALONE)(passage()).extractions
    assert {mention.name: mention.type for mention in row.mentions}["Ada Lorne"] == "person"


def test_another_language_is_left_to_the_model_alone(parser):
    text = (
        "Der Rhein ist ein Strom, der in der Schweiz entspringt und durch Deutschland und die Niederlande in die "
        "Nordsee strömt. Er ist eine der verkehrsreichsten Wasserstraßen der Welt und überaus lang."
    )

    class German(ScriptedChat):
        def complete(self, request):
            return Completion("{}", Usage(10, 5), "stop", 0.0, parsed={"facts": ["Rhein | entspringt | Schweiz"]})

    [row] = ChatExtractor(German(), RuleSentences(), ExtractConfig(gleaning="nlp"))(passage(text)).extractions
    assert [(t.subject, t.predicate, t.object) for t in row.triples] == [("Rhein", "entspringt", "Schweiz")]
    with pytest.raises(InputError, match="this text is in German"):
        NlpExtractor(RuleSentences())(passage(text))


def test_gleaning_asks_once_more_and_keeps_both():
    asked = []

    class Gleans(ScriptedChat):
        def complete(self, request):
            asked.append([message.role for message in request.messages])
            fact = "Torsby (place) | lies by | Lake Oune (place)" if len(asked) > 1 else GOOD
            return Completion("{}", Usage(10, 5), "stop", 0.0, parsed={"facts": [fact]})

    reading = ChatExtractor(Gleans(), RuleSentences(), ExtractConfig(gleaning="ask"))(passage())
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
            return ExtractionOutcome(by_chunk(passage, [], [more, new], 0))

    plain = extractor()
    read = extractor()
    read.parser = Parser()
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
    inputs = extraction_inputs([one, two], chunks[::-1], 20)
    groups = []
    for item in inputs:
        groups.append(" ".join(chunk.text for chunk in item.chunks))
    assert groups == ["x", "a b", "c"]
    assert [item.title for item in extraction_inputs([one, two], chunks, 0)] == ["One", "Two", "Two", "Two"]


def test_what_is_read_together_is_kept_by_chunk_with_spans_of_its_own():
    first, second = chunks_of("d:1", "Ada Lorne founded Marrow. ", "Torsby lies by Lake Oune.")
    read = extractor()
    reading = read(ExtractionInput((first, second), "Mills", ""))
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
    reading = read(ExtractionInput(tuple(chunks), "Mills", ""))
    assert read.chat.asked[0].endswith("It rained. Ada Lorne founded Marrow. Torsby lies by Lake Oune.")
    assert all(each.mentions for each in reading.extractions)
