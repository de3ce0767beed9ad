import pytest

from kg.resolution.names import alike, squash


@pytest.mark.parametrize(("one", "other"), [("मेला", "माला"), ("কাক", "কুক"), ("มา", "ม้า"), ("தாய்", "தீய்"), ("คำ", "คา")])
def test_names_that_differ_in_a_vowel_sign_are_two(one: str, other: str) -> None:
    assert squash((one,)) != squash((other,))
    assert not alike((one,), (other,), is_person=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Łomża", "lomza"), ("Ørsted", "orsted"), ("İnce-su", "incesu"), ("مُنى", "منى"), ("Wohn\u00adhaus", "wohnhaus")],
)
def test_names_that_differ_in_accents_and_hidden_signs_have_the_same_letters(one: str, other: str) -> None:
    assert squash((one,)) == squash((other,))
