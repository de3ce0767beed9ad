"""Which language a text is in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.language.identify import UNKNOWN, language_name, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The harbour master counted eleven boats before the fog came in from the sea.", "en"),
        ("Die Fischer zählten elf Boote, bevor der Nebel vom Meer hereinzog.", "de"),
        ("Les pêcheurs ont compté onze bateaux avant que le brouillard ne vienne de la mer.", "fr"),
        ("Los pescadores contaron once barcos antes de que llegara la niebla desde el mar.", "es"),
        ("Rybacy policzyli jedenaście łodzi, zanim mgła nadeszła znad morza.", "pl"),
        ("Balıkçılar denizden sis gelmeden önce on bir tekne saydılar.", "tr"),
        ("Ngư dân đếm được mười một chiếc thuyền trước khi sương mù từ biển tràn vào.", "vi"),
        ("Рыбаки насчитали одиннадцать лодок, прежде чем с моря пришёл туман.", "ru"),
        ("Рибалки нарахували одинадцять човнів, перш ніж з моря прийшов туман.", "uk"),
        ("أحصى الصيادون أحد عشر قاربا قبل أن يأتي الضباب من البحر.", "ar"),
        ("ماهیگیران پیش از آنکه مه از دریا بیاید یازده قایق شمردند.", "fa"),
        ("समुद्र से कोहरा आने से पहले मछुआरों ने ग्यारह नावें गिनीं।", "hi"),
        ("어부들은 바다에서 안개가 오기 전에 배 열한 척을 세었다.", "ko"),
        ("海から霧が来る前に漁師たちは十一隻の船を数えた。", "ja"),
        ("渔民们在海上起雾之前数了十一条船。", "zh"),
        ("ชาวประมงนับเรือได้สิบเอ็ดลำก่อนหมอกจะมา", "th"),
        ("Οι ψαράδες μέτρησαν έντεκα βάρκες πριν έρθει η ομίχλη.", "el"),
    ],
)
def test_languages_by_script_and_letters(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Harbour Software Suite 버전은 항구의 배를 기록하는 프로그램이다", "ko"),
        ("Harbour Suite は港の船を記録するプログラムです", "ja"),
        ("1904 – 1931 ⚓🚢 Город стоит на широкой реке, и мост старый.", "ru"),
        ("ＨＡＲＢＯＵＲ ｍａｓｔｅｒｓ ｃｏｕｎｔ ｔｈｅ ｂｏａｔｓ ｂｅｆｏｒｅ ｔｈｅ ｆｏｇ", "en"),
        ("ﾌﾈ", "ja"),
    ],
)
def test_mixed_and_unusual_letters(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize("text", ["", " \n", "42 + 7 = 49", "⚓🚢", "Pellin", "Мост"])
def test_too_few_letters_decide_nothing(text: str) -> None:
    assert language_of(text) == UNKNOWN


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_has_one_answer(text: str) -> None:
    assert language_of(text) == language_of(text)
    assert language_name(language_of(text))


@pytest.mark.parametrize(
    "text",
    [
        "Maria Moreno studies in Santa Fe, Argentina.",
        "Real Sociedad lost to Borussia Dortmund 2-1",
        "femur, tibia, fibula, patella, humerus, radius, ulna, scapula",
        "Marko Novak played doubles with Luka Babić in Split and Zadar.",
        "Table 7 Chromium Manganese Cobalt Nickel Copper Zinc",
        "Mila Petrović (Serbian Cyrillic: Мила Петровић) is a painter.",
        "Rina Sato (佐藤 里奈, Satō Rina) acts in films and on stage.",
    ],
)
def test_english_with_foreign_names_is_no_foreign_language(text: str) -> None:
    assert language_of(text) in ("en", UNKNOWN)
