"""Gold quotes are found whatever the line breaks, and no letter of a context is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eval.report.highlight import highlight, split_lines

TEXT = st.text(alphabet="ab .\n", max_size=40)


@given(TEXT, st.lists(TEXT, max_size=3))
def test_pieces_are_the_whole_text(text: str, quotes: list[str]) -> None:
    pieces, found = highlight(text, quotes)
    assert "".join(piece.text for piece in pieces) == text
    assert found <= len(quotes)
    shown = "".join(piece.text for line in split_lines(pieces) for piece in line)
    assert "".join(shown.split()) == "".join(text.split())


def test_overlapping_quotes_are_highlighted_once() -> None:
    pieces, found = highlight("the old bridge opened", ["old bridge", "bridge opened"])
    assert [(piece.text, piece.gold) for piece in pieces] == [("the ", False), ("old bridge opened", True)]
    assert found == 2


def test_a_quote_is_not_a_regular_expression() -> None:
    assert highlight("cost (in 2031): 3.5?", ["(in 2031): 3.5?"])[1] == 1
    assert highlight("cost in 2031: 345", ["3.5"])[1] == 0
