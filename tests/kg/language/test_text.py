"""Decoding, normalising, and names as keys."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.documents.encoding import decode
from kg.language.text import normalise, normalise_name
from models.errors import InputError

KOREAN = "안녕하세요. 서울은 대한민국의 수도이다. 한강이 그 가운데를 흐른다."
CHINESE = "北京是中国的首都。这座城市有三千年的历史。"
JAPANESE = "東京は日本の首都です。人口は千四百万人である。港から船が出る。"
RUSSIAN = "Москва стоит на реке. Это столица страны, и в ней много мостов."
FRENCH = "Le café de Zoë est fermé l’été, où qu’on aille."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "utf-8"),
        (KOREAN, "utf-8-sig"),
        (CHINESE, "utf-16"),
        ("Tide tables", "utf-16-le"),
        ("Tide tables", "utf-16-be"),
        (JAPANESE, "utf-32"),
        (KOREAN, "cp949"),
        (CHINESE, "gb18030"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (RUSSIAN, "cp1251"),
        (FRENCH, "cp1252"),
        ("Café", "latin-1"),
    ],
)
def test_decodes_the_encodings_files_come_in(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding), "note.txt") == text


def test_a_legacy_byte_far_into_a_long_file_is_found() -> None:
    text = "A line of plain English about the harbour.\n" * 60_000 + "Le café.\n" + "More plain lines.\n" * 1000
    assert decode(text.encode("cp1252"), "long.txt") == text


@pytest.mark.parametrize("data", [bytes(1000), bytes(range(256)) * 20, b"\x89PNG\r\n\x1a\n" + bytes(200) + b"IHDR"])
def test_binary_is_refused_and_named(data: bytes) -> None:
    with pytest.raises(InputError, match=r"^picture\.txt is binary"):
        decode(data, "picture.txt")


def test_a_truncated_utf16_file_is_refused() -> None:
    with pytest.raises(InputError, match="byte"):
        decode("tide".encode("utf-16")[:-1], "cut.txt")


def test_stray_controls_go_and_line_ends_become_one() -> None:
    messy = "a\x00b\r\nc\rd\u2028e\x0cf\x85g\ufeffh\ttab" + "x" * 100
    assert normalise(messy) == "ab\nc\nd\ne\nf\ngh\ttab" + "x" * 100
    assert decode(messy.encode(), "messy.txt") == normalise(messy)


def test_half_a_surrogate_pair_can_be_stored_afterwards() -> None:
    assert normalise("a\ud800b").encode() == "a\ufffdb".encode()


@given(st.text())
def test_normalise_is_idempotent_and_nfc(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize(
    "names",
    [
        (
            "The Saltmarsh Herald",
            "saltmarsh  herald",
            "“Saltmarsh Herald”",
            "the saltmarsh herald's",
            "SALTMARSH HERALD,",
        ),
        ("삼성전자", " 삼성전자 ", "「삼성전자」"),
        ("ＡＢＣ工業", "abc工業"),
        ("東京タワー", "（東京タワー）"),
        ("Café Zoë", "Cafe\u0301 Zoe\u0308"),
        ("Straße", "STRASSE"),
        ("O’Brien", "O'Brien"),
        ("An Otter", "otter"),
    ],
)
def test_spellings_of_one_name_meet(names: tuple[str, ...]) -> None:
    assert len({normalise_name(name) for name in names}) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("C#", "C"), ("C++", "C"), ("Mercury (planet)", "Mercury"), ("The", "A"), ("St. John", "John")]
)
def test_other_names_stay_apart(one: str, other: str) -> None:
    assert normalise_name(one) != normalise_name(other)


@pytest.mark.parametrize("name", ["!!!", "😀👩‍💻", "—", "「」", "…"])
def test_a_name_without_letters_stays_as_it_is(name: str) -> None:
    assert normalise_name(f" {name} ") == name


@given(st.text(min_size=1))
def test_a_name_is_never_lost_and_its_key_is_stable(name: str) -> None:
    key = normalise_name(name)
    assert key
    assert normalise_name(key) == key
