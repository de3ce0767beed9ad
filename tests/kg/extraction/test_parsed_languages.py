"""How the parser reads a text, by its language."""

import pytest

from kg.extraction.parsed_languages import foreign_words, is_latin, parsed_language, unread


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The council of Rouen met in the old hall.", "en"),
        ("Rouen", "en"),
        ("Le conseil de Rouen est dans la vieille salle.", "fr"),
        ("Elle a été élue à Rouen, où le conseil ne se réunit pas.", "fr"),
        ("Mayor Le Brun was elected in Rouen and is in the council.", "en"),
        ("La sala del consiglio è in centro.", "en"),  # and refused, or read for names, later
        ("의회는 전주에서 열렸다.", "ko"),
        ("의회는 전주(Jeonju)에서 열렸다.", "ko"),
        ("The council (의회) met in Jeonju.", "en"),
        ("議会は京都で開かれた。", "en"),
        ("", "en"),
        ("Le Guin wrote Rocannon.", "en"),
        ("Le Mans beat La Rochelle.", "en"),
        ("Florent dirige le conseil.", "fr"),
        ("Il consiglio ha scelto Ines Varga.", "en"),
    ],
)
def test_english_is_what_is_neither_french_nor_korean(text: str, language: str) -> None:
    assert parsed_language(text) == language


@pytest.mark.parametrize(
    ("text", "small"),
    [
        ("Der Rat tagt in der alten Halle am Fluss.", "der"),
        ("El consejo se reunió en la sala de la ciudad.", "la"),
        ("Rådet möttes i den gamla salen och det var kallt.", "och"),
        ("De raad kwam bijeen in de oude zaal van het huis.", "het"),
        ("A tanács a régi teremben ült össze és nem döntött.", "és"),
    ],
)
def test_a_foreign_text_has_small_words(text: str, small: str) -> None:
    assert small in foreign_words(text)


@pytest.mark.parametrize(
    "text",
    [
        "The council met in the old hall.",
        "Ines Varga leads Bellwick Mill.",
        "Torsby",
        "42",
        "Inés Muñoz met Los Olivos mayor.",
        "Luis de la Vega owns La Casa de Piedra in San Juan de Los Lagos.",
        "Piet van der Meer painted Het Huis.",
    ],
)
def test_english_has_none(text: str) -> None:
    assert foreign_words(text) == frozenset()


def test_a_refusal_names_the_language() -> None:
    assert "in Polish" in str(unread("Rada miasta zebrała się w starym ratuszu i nie podjęła żadnej decyzji."))
    assert "in another language" in str(unread("?"))


def test_half_of_the_letters_decide_the_script() -> None:
    assert is_latin("Rouen (Руан)")
    assert not is_latin("Руан (Rouen)  город")
    assert is_latin("42")
