"""Letters where no writing puts them, and the many places where writing does put them."""

from __future__ import annotations

import pytest

from kg.documents.mojibake import mojibake_share
from tests.kg.documents.encoding_samples import SENTENCES


@pytest.mark.parametrize("language", SENTENCES)
def test_sentences_of_every_language_have_no_odd_letter(language: str) -> None:
    text = "\n".join(SENTENCES[language])
    assert mojibake_share(text) == 0
    assert mojibake_share(text.upper()) == 0


@pytest.mark.parametrize(
    "text",
    [
        "“Quoted” text – with dashes — and ‘more’…",
        "20 °C, 5 €, 3 £, № 7, § 4 and Acme®",
        "col·legi, l’été, rock’n’roll",
        "GPU와 CPU, Python語, ＡＢＣ",
        "¿Qué? ¡No! «Sí»",
        "│ a │ b │\n├───┼───┤",
        "5 m² and 3 km³",
        "",
    ],
)
def test_usual_typography_is_not_odd(text: str) -> None:
    assert mojibake_share(text) == 0


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("vitа", "Latin with Cyrillic"),
        ("грaд", "Cyrillic with Latin"),
        ("prßED", "a capital after a small letter"),
        ("ka╪da", "the line of a table in a word"),
        ("nа¤na", "a currency sign in a word"),
        ("³ a ³", "a power of nothing"),
        ("\x9cuf", "a control character"),
        ("ﺍlef", "the form of a letter for screens"),
    ],
)
def test_misread_words_are_odd(text: str, right: str) -> None:
    assert mojibake_share(text) >= 0.5, right
