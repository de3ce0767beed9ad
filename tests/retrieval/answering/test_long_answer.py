from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.errors import OutputError
from retrieval.answering.long_answer import MOST_CHARACTERS, LongAnswer, answer_at_length
from retrieval.answering.pack import PackSettings, pack
from retrieval.types import FoundFact, FoundPoint, Retrieved
from tests.retrieval.fakes import ScriptedChat, count_words, passage

QUESTION = "What is told about the bridge?"
FOUND = Retrieved((passage("The bridge crosses the Sel.", "Bridge"), passage("Ivo Tarn keeps bees.", "Tarn")))


def ask(
    *claims: tuple[str, list[int]], found: bool = True, evidence: Retrieved = FOUND, order: Any = "best_first"
) -> LongAnswer:
    packed = pack(evidence, 100, count_words, PackSettings(order=order))
    said = {"claims": [{"text": text, "citations": cited} for text, cited in claims], "found": found}
    return answer_at_length(QUESTION, packed, ScriptedChat(said))


def test_sentences_keep_the_citations_that_bear_them_out() -> None:
    reply = ask(("The bridge crosses the Sel.", [1, 2, 9]), ("Tarn has bees.", [2]))
    assert reply.text == "The bridge crosses the Sel. Tarn has bees."
    assert [[cited.number for cited in claim.citations] for claim in reply.claims] == [[1], [2]]
    assert reply.claims[0].citations[0].quote == "The bridge crosses the Sel."
    assert reply.sources == {"Bridge.md", "Tarn.md"}
    assert not reply.abstained


def test_a_sentence_without_support_is_dropped_and_counted() -> None:
    reply = ask(("It cost nine millions.", [1]), ("Ivo Tarn keeps bees.", []), ("Ivo Tarn keeps bees.", [2]))
    assert [(claim.text, [each.number for each in claim.citations]) for claim in reply.claims] == [
        ("Ivo Tarn keeps bees.", [2])
    ]
    assert reply.unsupported == 1


def test_no_sentence_mixes_what_two_lines_say_of_two_names() -> None:
    reply = ask(("Ivo Tarn crosses the Sel.", [1, 2]), ("Ivo Tarn keeps bees near the Sel.", [2]), ("Tarn keeps.", [1]))
    assert [claim.text for claim in reply.claims] == ["Tarn keeps."]
    assert (reply.claims[0].citations[0].number, reply.unsupported) == (2, 2)


def test_names_of_a_point_must_stand_in_its_facts() -> None:
    fact = FoundFact("f", "Tarn", "keeps", "bees", "c", "He keeps bees.", 1.0, source="t.md")
    points = tuple(FoundPoint(text, "Animals", (fact,), 1.0) for text in ("Tarn keeps bees.", "Runa Fisk keeps bees."))
    reply = ask(("Tarn keeps bees.", [2]), ("Here Runa Fisk keeps bees.", [1]), evidence=Retrieved(points=points))
    assert [claim.text for claim in reply.claims] == ["Tarn keeps bees."]


def test_a_point_counts_all_its_sources() -> None:
    facts = tuple(
        FoundFact(f"f{n}", "Tarn", "saw", "Sel", f"c:{n}", "He saw it.", 1.0, source=f"{n}.md") for n in range(3)
    )
    evidence = Retrieved(points=(FoundPoint("Tarn saw the Sel.", "Rivers", facts, 1.0),))
    assert ask(("Tarn saw the Sel.", [1]), evidence=evidence).sources == {"0.md", "1.md", "2.md"}


def test_a_sentence_that_the_limit_cut_ends_before_it() -> None:
    cut = f"The bridge crosses the Sel. It {'x' * MOST_CHARACTERS}"[:MOST_CHARACTERS]
    assert ask((cut, [1])).text == "The bridge crosses the Sel."
    cut = f"The bridge crosses the Sel{' and the bridge' * 30}"[:MOST_CHARACTERS]
    assert ask((cut, [1])).text == f"{' '.join(cut.split())}…"
    assert ask(("Tarn keeps bees.".ljust(MOST_CHARACTERS), [2])).text == "Tarn keeps bees."
    assert ask((" " * MOST_CHARACTERS, [1]), ("…", [1])).claims == ()


def test_points_that_the_reader_leaves_out_stand_behind_what_it_says_if_their_facts_bear_them_out() -> None:
    facts = {
        text: (FoundFact(text, *text.rstrip(".").split(" ", 2), "c", text, 1.0, source="t.md"),)
        for text in ("Tarn keeps bees.", "Runa built boats.", "Odd sold nets.")
    }
    told = ("The village burnt down.", "Runa Fisk sings.", "Odd sold nets.", "Tarn keeps bees.", "Runa built boats.")
    points = tuple(FoundPoint(text, "Trades", facts.get(text, facts["Odd sold nets."]), 8.0) for text in told)
    for order in ("best_first", "best_last"):
        reply = ask(("Tarn keeps many bees.", [1, 2, 3, 4, 5]), evidence=Retrieved(points=points), order=order)
        said = [claim.text for claim in reply.claims]
        assert said == ["Tarn keeps many bees.", "Odd sold nets.", "Runa built boats."]
        assert reply.claims[1].citations[0].quote == "Odd sold nets." and reply.unsupported == 0
    reply = ask(("It cost nine millions.", [1]), evidence=Retrieved(points=points))
    assert (len(reply.claims), reply.unsupported) == (3, 1)
    assert ask(("Tarn keeps bees.", [1]), found=False, evidence=Retrieved(points=points)).abstained
    as_reports_say = tuple(replace(point, is_drawn=False) for point in points)
    reply = ask(("Tarn keeps bees.", [4]), evidence=Retrieved(points=as_reports_say))
    assert [claim.text for claim in reply.claims] == ["Tarn keeps bees."]


def test_nothing_found_or_shown_is_an_abstention() -> None:
    assert ask(("It may be so.", [1]), found=False).abstained
    empty = ask(evidence=Retrieved())
    assert empty.abstained and empty.usage.tokens_in == 0


def test_another_form_is_an_error() -> None:
    packed = pack(FOUND, 100, count_words)
    with pytest.raises(OutputError, match="claims"):
        answer_at_length(QUESTION, packed, ScriptedChat({"answer": "yes"}))
