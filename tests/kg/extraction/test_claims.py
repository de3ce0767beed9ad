"""Words that make a statement somebody's claim."""

from __future__ import annotations

import pytest

from kg.extraction.claims import claim


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        ("Varga is accused of theft.", ("claim", "suspected")),
        ("Hale denies that he sold it.", ("claim", "denied")),
        ("Finch said that the mill burnt.", ("claim", "asserted")),
        ("Finch said little.", ("relation", "")),
        ("The presaid thatch roof burnt.", ("relation", "")),
        ("Allegedly denied by all.", ("claim", "denied")),
        ("", ("relation", "")),
    ],
)
def test_cues(sentence: str, wanted: tuple[str, str]) -> None:
    assert claim(sentence) == wanted
