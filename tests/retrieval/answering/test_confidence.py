from __future__ import annotations

from retrieval.answering.answer import answer
from retrieval.answering.confidence import THRESHOLD, confidence, evidence_shares
from retrieval.answering.pack import pack
from retrieval.types import ContextLine, RetrievedEvidence
from tests.retrieval.fakes import ScriptedChat, count_words, passage

LINE = ContextLine(1, "Bridge: Ivo Tarn designed the Aldermoon Bridge.", "c:1", "passage")
OTHER = ContextLine(2, "Bees need flowers.", "c:2", "passage")


def test_shares_fall_with_what_the_lines_do_not_hold() -> None:
    lines = [LINE, OTHER]
    assert evidence_shares("Who designed the Aldermoon Bridge?", [LINE], lines) == (1.0, 1.0, 1.0)
    assert evidence_shares("Who burnt the Pellin Bridge?", [LINE], lines) == (0.0, 0.0, 1.0)
    assert evidence_shares("Who designed what flowers need?", [OTHER], lines) == (1.0, 1.0, 1.0)
    assert evidence_shares("Who designed it and lost it?", [OTHER], lines) == (1.0, 0.5, 1.0)


def test_a_name_counts_in_any_line_but_only_complete() -> None:
    assert evidence_shares("Was it near Bees?", [LINE], [LINE, OTHER])[0] == 1.0
    assert evidence_shares("Was it near Bee?", [LINE], [LINE, ContextLine(2, "Beehives.", "", "passage")])[0] == 0.0


def test_a_number_counts_in_cited_lines_alone() -> None:
    dated = ContextLine(3, "It burnt in 2031.", "c:3", "passage")
    assert [evidence_shares("Who burnt it in 2031?", cited, [LINE, dated])[2] for cited in ([LINE], [dated])] == [
        0.0,
        1.0,
    ]


def test_confidence_is_a_probability_that_rises_with_weighted_shares() -> None:
    weights = (-2.0, 1.0, 2.0, 0.0)
    low, high = confidence((0.0, 0.0, 1.0), weights), confidence((1.0, 1.0, 0.0), weights)
    assert 0 < low < 0.5 < high < 1


def test_the_shipped_weights_believe_what_the_lines_hold() -> None:
    assert confidence((1.0, 1.0, 1.0)) >= THRESHOLD > confidence((0.0, 1.0, 1.0))


def test_an_answer_below_the_threshold_is_withheld_and_kept_for_the_record() -> None:
    packed = pack(RetrievedEvidence((passage("Ivo Tarn designed it.", "Bridge"),)), 50, count_words)
    chat = ScriptedChat({"answer": "Ivo Tarn", "citations": [1], "found": True})
    given, withheld = (answer("Who designed it?", packed, chat, threshold) for threshold in (0.0, 1.0))
    assert (given.text, given.withheld, given.abstained) == ("Ivo Tarn", "", False)
    assert (withheld.text, withheld.withheld, withheld.abstained) == ("", "Ivo Tarn", True)
    assert given.confidence == withheld.confidence and withheld.citations == ()
