from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.errors import OutputError
from retrieval.answering.long_answer import MAX_CHARACTERS, Claim, LongAnswer, answer_at_length
from retrieval.answering.pack import PackSettings, pack
from retrieval.types import RetrievedEvidence, RetrievedFact, RetrievedPoint
from tests.retrieval.fakes import ScriptedChat, count_words, passage

QUESTION = "What is told about the bridge?"
FOUND = RetrievedEvidence((passage("The bridge crosses the Sel.", "Bridge"), passage("Ivo Tarn keeps bees.", "Tarn")))


def answer_with(
    *claims: tuple[str, list[int]], found: bool = True, evidence: RetrievedEvidence = FOUND, order: Any = "best_first"
) -> LongAnswer:
    packed = pack(evidence, 100, count_words, PackSettings(order=order))
    reply = {"claims": [{"text": text, "citations": cited} for text, cited in claims], "found": found}
    return answer_at_length(QUESTION, packed, ScriptedChat(reply))


def cited_numbers(claim: Claim) -> list[int]:
    return [citation.number for citation in claim.citations]


def test_sentences_keep_the_citations_that_support_them() -> None:
    reply = answer_with(("The bridge crosses the Sel.", [1, 2, 9]), ("Tarn has bees.", [2]))
    assert reply.text == "The bridge crosses the Sel. Tarn has bees."
    assert [cited_numbers(claim) for claim in reply.claims] == [[1], [2]]
    assert reply.claims[0].citations[0].quote == "The bridge crosses the Sel."
    assert reply.sources == {"Bridge.md", "Tarn.md"}
    assert not reply.abstained


def test_a_sentence_without_support_is_dropped_and_counted() -> None:
    reply = answer_with(("It cost nine millions.", [1]), ("Ivo Tarn keeps bees.", []), ("Ivo Tarn keeps bees.", [2]))
    assert [(claim.text, cited_numbers(claim)) for claim in reply.claims] == [("Ivo Tarn keeps bees.", [2])]
    assert reply.unsupported == 1


def test_no_sentence_mixes_what_two_lines_say_of_two_names() -> None:
    reply = answer_with(
        ("Ivo Tarn crosses the Sel.", [1, 2]), ("Ivo Tarn keeps bees near the Sel.", [2]), ("Tarn keeps.", [1])
    )
    assert [claim.text for claim in reply.claims] == ["Tarn keeps."]
    assert (reply.claims[0].citations[0].number, reply.unsupported) == (2, 2)


def test_names_of_a_point_must_stand_in_its_facts() -> None:
    fact = RetrievedFact("f", "Tarn", "keeps", "bees", "c", "He keeps bees.", 1.0, source="t.md")
    points = tuple(
        RetrievedPoint(text, "Animals", (fact,), 1.0) for text in ("Tarn keeps bees.", "Runa Fisk keeps bees.")
    )
    reply = answer_with(
        ("Tarn keeps bees.", [2]), ("Here Runa Fisk keeps bees.", [1]), evidence=RetrievedEvidence(points=points)
    )
    assert [claim.text for claim in reply.claims] == ["Tarn keeps bees."]


def test_a_point_counts_all_its_sources() -> None:
    facts = tuple(
        RetrievedFact(f"f{n}", "Tarn", "saw", "Sel", f"c:{n}", "He saw it.", 1.0, source=f"{n}.md") for n in range(3)
    )
    evidence = RetrievedEvidence(points=(RetrievedPoint("Tarn saw the Sel.", "Rivers", facts, 1.0),))
    assert answer_with(("Tarn saw the Sel.", [1]), evidence=evidence).sources == {"0.md", "1.md", "2.md"}


def test_a_sentence_that_the_limit_cut_ends_before_it() -> None:
    cut = f"The bridge crosses the Sel. It {'x' * MAX_CHARACTERS}"[:MAX_CHARACTERS]
    assert answer_with((cut, [1])).text == "The bridge crosses the Sel."
    cut = f"The bridge crosses the Sel{' and the bridge' * 30}"[:MAX_CHARACTERS]
    assert answer_with((cut, [1])).text == f"{' '.join(cut.split())}…"
    assert answer_with(("Tarn keeps bees.".ljust(MAX_CHARACTERS), [2])).text == "Tarn keeps bees."
    assert answer_with((" " * MAX_CHARACTERS, [1]), ("…", [1])).claims == ()


def test_points_that_the_reader_leaves_out_are_added_if_their_facts_support_them() -> None:
    facts = {
        text: (RetrievedFact(text, *text.rstrip(".").split(" ", 2), "c", text, 1.0, source="t.md"),)
        for text in ("Tarn keeps bees.", "Runa built boats.", "Odd sold nets.")
    }
    told = ("The village burnt down.", "Runa Fisk sings.", "Odd sold nets.", "Tarn keeps bees.", "Runa built boats.")
    points = tuple(RetrievedPoint(text, "Trades", facts.get(text, facts["Odd sold nets."]), 8.0) for text in told)
    for order in ("best_first", "best_last"):
        reply = answer_with(
            ("Tarn keeps many bees.", [1, 2, 3, 4]), evidence=RetrievedEvidence(points=points), order=order
        )
        said = [claim.text for claim in reply.claims]
        assert said == ["Tarn keeps many bees.", "Odd sold nets.", "Runa built boats."]
        assert reply.claims[1].citations[0].quote == "Odd sold nets." and reply.unsupported == 0
    reply = answer_with(("It cost nine millions.", [1]), evidence=RetrievedEvidence(points=points))
    assert (len(reply.claims), reply.unsupported) == (3, 1)
    assert answer_with(("Tarn keeps bees.", [1]), found=False, evidence=RetrievedEvidence(points=points)).abstained
    as_reports_say = tuple(replace(point, is_drawn=False) for point in points)
    reply = answer_with(("Tarn keeps bees.", [4]), evidence=RetrievedEvidence(points=as_reports_say))
    assert [claim.text for claim in reply.claims] == ["Tarn keeps bees."]


def test_nothing_found_or_shown_is_an_abstention() -> None:
    assert answer_with(("It may be so.", [1]), found=False).abstained
    empty = answer_with(evidence=RetrievedEvidence())
    assert empty.abstained and empty.usage.tokens_in == 0


def test_another_form_is_an_error() -> None:
    packed = pack(FOUND, 100, count_words)
    with pytest.raises(OutputError, match="claims"):
        answer_at_length(QUESTION, packed, ScriptedChat({"answer": "yes"}))
