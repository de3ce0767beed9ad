import pytest

from models.errors import OutputError
from retrieval.answering.answer import answer
from retrieval.answering.pack import pack
from retrieval.types import PackedContext, RetrievedEvidence
from tests.retrieval.fakes import ScriptedChat, count_words, passage

QUESTION = "Where was Ivo Tarn born?"
BIRTH = passage("He keeps bees. Ivo Tarn was born in Pellin.", title="Tarn")
FOUND = RetrievedEvidence((BIRTH, passage("The harbour was dredged.", title="Harbour")))


@pytest.fixture
def packed() -> PackedContext:
    return pack(FOUND, 100, count_words)


def _reply(text: str, citations: list[int], found: bool = True) -> ScriptedChat:
    return ScriptedChat({"answer": text, "citations": citations, "found": found})


def test_an_answer_cites_the_line_and_quotes_its_sentence(packed: PackedContext) -> None:
    chat = _reply("Pellin", [2])
    reply = answer(QUESTION, packed, chat)
    (citation,) = reply.citations
    assert (reply.text, reply.abstained, reply.dropped_citations) == ("Pellin", False, 0)
    assert (citation.number, citation.chunk_id, citation.title) == (2, BIRTH.chunk_id, "Tarn")
    assert citation.quote == "Ivo Tarn was born in Pellin."
    assert reply.usage.tokens_in == 100 and reply.context == packed


def test_the_model_sees_question_and_numbered_lines_under_a_schema(packed: PackedContext) -> None:
    chat = _reply("Pellin", [2])
    answer(QUESTION, packed, chat)
    (request,) = chat.requests
    assert packed.text in request.messages[-1].content and QUESTION in request.messages[-1].content
    assert request.schema is not None and request.temperature == 0
    assert request.template.startswith("answer@")


def test_citations_of_no_line_are_dropped_and_counted(packed: PackedContext) -> None:
    reply = answer(QUESTION, packed, _reply("Pellin", [2, 9, 0, 2]))
    assert [citation.number for citation in reply.citations] == [2]
    assert reply.dropped_citations == 2


def test_an_uncited_answer_gets_the_line_that_holds_its_words(packed: PackedContext) -> None:
    reply = answer(QUESTION, packed, _reply("He was born in Pellin", [7]))
    assert [citation.number for citation in reply.citations] == [2]


def test_a_citation_of_the_wrong_line_gives_way_to_the_line_that_holds_the_answer(packed: PackedContext) -> None:
    assert [citation.number for citation in answer(QUESTION, packed, _reply("Pellin", [1])).citations] == [2]
    assert [citation.number for citation in answer(QUESTION, packed, _reply("Pellin", [1, 2])).citations] == [2]
    assert [citation.number for citation in answer(QUESTION, packed, _reply("Yes", [1])).citations] == [1]


def test_an_uncited_answer_that_no_line_holds_is_an_abstention(packed: PackedContext) -> None:
    reply = answer(QUESTION, packed, _reply("Brimmerton", []))
    assert (reply.abstained, reply.text, reply.citations) == (True, "", ())


@pytest.mark.parametrize(("text", "found"), [("Pellin", False), ("", True), ("   ", True)])
def test_not_found_and_empty_answers_are_abstentions(packed: PackedContext, text: str, found: bool) -> None:
    reply = answer(QUESTION, packed, _reply(text, [2], found))
    assert reply.abstained and reply.text == "" and not reply.citations


def test_no_evidence_is_an_abstention_without_a_call() -> None:
    chat = _reply("Pellin", [1])
    reply = answer(QUESTION, pack(RetrievedEvidence(), 100, count_words), chat)
    assert reply.abstained and chat.requests == [] and reply.usage.tokens_in == 0


@pytest.mark.parametrize("parsed", [None, {"answer": "Pellin"}, {"answer": "x", "citations": ["two"], "found": True}])
def test_a_reply_of_another_form_is_an_error(packed: PackedContext, parsed: object) -> None:
    with pytest.raises(OutputError, match="Expected"):
        answer(QUESTION, packed, ScriptedChat(parsed))


def test_braces_in_a_passage_are_not_fields() -> None:
    chat = _reply("yes", [1])
    answer(QUESTION, pack(RetrievedEvidence((passage("Set {question} here."),)), 100, count_words), chat)
    assert "Set {question} here." in chat.requests[0].messages[-1].content
