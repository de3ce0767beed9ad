"""Korean names lose their particles, and keep syllables that only look like one."""

from __future__ import annotations

import pytest

from kg.language import korean
from kg.language.korean import is_korean, names, without_particles
from models.errors import InputError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("정약용은 강진에서 책을 썼다.", ["정약용", "강진"]),
        ("한국은행과 대우조선이 만났다.", ["한국은행", "대우조선"]),
        ("제주도로 가는 배는 목포에서 떠난다.", ["제주도", "목포"]),
        ("박지원의 열하일기를 읽었다.", ["박지원", "열하일기"]),
        ("그곳은 경복궁이었다.", ["경복궁"]),
        ("독도와 울릉도는 섬이다.", ["독도", "울릉도"]),
        ("배가 떠났다.", []),
    ],
)
def test_names_stand_without_particles(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in names(text)] == found


@pytest.mark.parametrize(
    ("name", "sentence", "kept"),
    [
        ("부산광역시는", "부산광역시는 항구 도시이다.", "부산광역시"),
        ("박세은", "박세은 씨는 파리에서 춤춘다.", "박세은"),
        ("박세은", "박세은은 파리에서 춤춘다.", "박세은"),
        ("세종대왕이", "한글을 만든 이는 세종대왕이 맞다.", "세종대왕"),
        ("경주였습니다", "수도는 경주였습니다.", "경주"),
        ("경기도", "경기도 수원시에 산다.", "경기도"),
        ("허균과", "허균과 허난설헌은 남매이다.", "허균"),
    ],
)
def test_a_name_loses_what_sticks_to_it(name: str, sentence: str, kept: str) -> None:
    assert without_particles(name, sentence, sentence.index(name)) == kept


def test_a_text_is_korean_by_most_of_its_letters() -> None:
    assert is_korean("KBS는 1927년에 시작된 방송국이다.")
    assert not is_korean("The palace 경복궁 was built in 1395 by the first king.")
    assert not is_korean("1927")


def test_without_its_package_korean_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(korean, "find_spec", lambda name: None)
    assert korean.version() == ""
    with pytest.raises(InputError, match=r"graftlab\[korean\]"):
        names("처음 보는 문장으로 부여를 말한다.")
