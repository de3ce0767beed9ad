import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.language.spans import FoldedText, fold


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("Said Ada\n  Lorne.", "ada lorne", "Ada\n  Lorne"),
        ("the firm ‘Marrow’s End’ closed", "marrow's end", "Marrow’s End"),
        ("on 2031–32 terms", "2031-32", "2031–32"),
        ("Ｏｕｎｅ Barrage", "Oune barrage", "Ｏｕｎｅ Barrage"),
        ("the ﬁrm", "firm", "ﬁrm"),
        ("STRASSE", "Straße", "STRASSE"),
        ("北京大学在北京", "北京", "北京"),
        ("Annual Ann", "Ann", "Ann"),
        ("der Güter\u00adbahn\u00adhof.", "Güterbahnhof", "Güter\u00adbahn\u00adhof"),
        ("DİYARBAKIR'da", "Diyarbakır", "DİYARBAKIR"),
        ("قال مُحَمَّدٌ كلاما", "محمد", "مُحَمَّدٌ"),
        ("वह दिल्ली में है", "दिल्ली", "दिल्ली"),
        ("ﾄﾖﾀの車", "トヨタ", "ﾄﾖﾀ"),
        ("ไปเชียงใหม่แล้ว", "เชียงใหม่", "เชียงใหม่"),
        ("ΟΔΥΣΣΕΥΣ", "Οδυσσεύς", "ΟΔΥΣΣΕΥΣ"),
        ("سنة ١٩٤٨ م", "1948", "١٩٤٨"),
        ("го\u0301род Тверь", "город", "го\u0301род"),
        ("በባሕር፡ዳር፡ከተማ", "በባሕር ዳር", "በባሕር፡ዳር"),
    ],
)
def test_finds_what_a_reader_would_find(text, name, found):
    span = FoldedText(text).find(name)
    assert text[slice(*span)] == found


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("annual", "Ann"),
        ("Anna", "Ann"),
        ("4000", "400"),
        ("a b", ""),
        ("a", " "),
        ("दिल", "दि"),
        ("กิน", "ก"),
        ("सूरजमल", "सूरज"),
        ("10³", "10"),
    ],
)
def test_does_not_find_parts_of_words(text, name):
    assert FoldedText(text).find(name) is None


def test_stays_within_the_span():
    text = FoldedText("Ada. Ada.")
    assert text.find("ada", (3, 9)) == (5, 8)
    assert list(text.find_all("ada")) == [(0, 3), (5, 8)]
    assert text.find("ada", (1, 7)) is None


@given(st.text())
def test_a_prepared_text_is_folded_as_any_text_is(text):
    composed = unicodedata.normalize("NFC", text)
    assert " ".join(FoldedText(composed).folded.split()) == fold(composed)


@given(st.text(max_size=40), st.text(min_size=1, max_size=10), st.text(max_size=40))
def test_a_name_between_spaces_is_found_where_it_stands(before, name, after):
    text = unicodedata.normalize("NFC", f"{before} {name} {after}")
    if fold(name):
        span = FoldedText(text).find(name)
        assert span is not None
        assert fold(text[slice(*span)]) == fold(name)
