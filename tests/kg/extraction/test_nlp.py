"""The parser as an extractor: names and facts with the places that show them, pronouns tied to names."""

from __future__ import annotations

import pytest

from kg.documents.chunk import chunk
from kg.extraction.nlp import NlpExtractor
from kg.extraction.protocol import ExtractionInput, ExtractionOutcome
from kg.language.sentences import RuleSentences
from kg.schema import Document, Triple
from models.errors import InputError

pytestmark = pytest.mark.models

TEXT = (
    "Ines Varga became head of Harrow Mill in 2031. She sold the mill to Marrow & Finch.\n\n"
    "Herons eat frogs. They build nests in trees.\n"
)


@pytest.fixture(scope="module")
def extractor(parser: object) -> NlpExtractor:
    return NlpExtractor(RuleSentences())


def read(extractor: NlpExtractor, text: str) -> tuple[ExtractionOutcome, ExtractionInput]:
    document = Document("d:1", "a.md", "Mills", text)
    passage = ExtractionInput(chunk(document, 400, RuleSentences()), "Mills", "")
    return extractor(passage), passage


def facts(reading: ExtractionOutcome) -> dict[str, Triple]:
    return {f"{t.subject} | {t.predicate} | {t.object}": t for row in reading.extractions for t in row.triples}


def test_every_name_stands_at_its_place_and_every_fact_in_its_sentence(extractor: NlpExtractor) -> None:
    reading, passage = read(extractor, TEXT)
    texts = {row.id: row.text for row in passage.chunks}
    found = facts(reading)
    assert len(found) >= 5
    for row in reading.extractions:
        for mention in row.mentions:
            place = mention.evidence
            assert " ".join(texts[place.chunk_id][place.start : place.end].split()) == mention.name
        for triple in row.triples:
            place = triple.evidence
            sentence = texts[place.chunk_id][place.start : place.end]
            assert triple.subject in sentence
            assert triple.object in sentence
    assert reading.usage.tokens_in == reading.usage.tokens_out == 0


def test_a_pronoun_stands_for_the_name_before_it(extractor: NlpExtractor) -> None:
    found = facts(read(extractor, TEXT)[0])
    assert found["Ines Varga | sold | mill"].evidence.start == 0
    assert "Herons | build | nests" in found
    assert not any(key.startswith(("She", "They")) for key in found)


def test_a_pronoun_without_a_name_is_dropped_and_counted(extractor: NlpExtractor) -> None:
    reading, _ = read(extractor, "They sold the mill.")
    assert facts(reading) == {}
    assert reading.extractions[0].dropped == 1


def test_dates_and_claims_are_kept_with_the_fact(extractor: NlpExtractor) -> None:
    found = facts(
        read(extractor, "Tom Hale led Bellwick Mill from 2011 to 2019. Bo Finch allegedly robbed Tom Hale.")[0]
    )
    led, robbed = found["Tom Hale | led | Bellwick Mill"], found["Bo Finch | robbed | Tom Hale"]
    assert (led.valid_from, led.valid_to, led.kind) == ("2011", "2019", "relation")
    assert (robbed.kind, robbed.status) == ("claim", "suspected")


def test_the_key_tells_texts_apart(extractor: NlpExtractor) -> None:
    one, other = read(extractor, "Herons eat frogs.")[1], read(extractor, "Herons eat fish.")[1]
    assert extractor.key(one) == extractor.key(one) != extractor.key(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "``` \n",
        "a " * 3000,
        "x" * 5000,
        "Members: " + "Ada Lorne, Tom Hale, " * 20,
        "ADA: Hugely important. TOM: Yes.",
    ],
)
def test_no_text_is_too_strange(extractor: NlpExtractor, text: str) -> None:
    reading, passage = read(extractor, text)
    assert len(reading.extractions) == len(passage.chunks)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("東京都は日本の首都です。", "Japanese"),
        ("上海是中国最大的城市。", "Chinese"),
        ("Η Αθήνα είναι η πρωτεύουσα.", "Greek"),
        ("กรุงเทพมหานครเป็นเมืองหลวง", "Thai"),
        ("Волга впадает в Каспийское море и течёт через Казань.", "Russian"),
    ],
)
def test_another_script_is_refused_by_name_however_short(extractor: NlpExtractor, text: str, language: str) -> None:
    with pytest.raises(InputError, match=f"reads English and French.* in {language}"):
        read(extractor, text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Ada Lorne did not leave Lund or visit Torsby.", {"did not leave", "did not visit"}),
        ("Ada Lorne was not hired or paid by Microsoft.", {"was not paid by"}),
        ("Ada Lorne owns no mill in Torsby.", set()),
        ("Neither Tom Hale nor Ada Lorne founded Bellwick Mill.", set()),
        ("Ada Lorne was acquitted of murdering Tom Hale.", {"was acquitted of murdering"}),
        ("Nobody in London knew Ada Lorne.", set()),
        ("Ada Lorne founded Bellwick Mill because Tom Hale moved to London.", {"founded", "moved to"}),
    ],
)
def test_what_is_denied_is_never_stated(extractor: NlpExtractor, text: str, wanted: set[str]) -> None:
    assert {fact.predicate for fact in facts(read(extractor, text)[0]).values()} == wanted


def test_a_pronoun_that_may_be_either_of_two_people_is_nobody(extractor: NlpExtractor) -> None:
    reading, _ = read(extractor, "Tom Hale married Ada Lorne. She founded Bellwick Mill.")
    assert set(facts(reading)) == {"Tom Hale | married | Ada Lorne"}


def test_who_was_he_is_not_she(extractor: NlpExtractor) -> None:
    text = "Tom Hale lives in Torsby. He sold the mill to Google. She praised Microsoft."
    assert not any(key.endswith("praised | Microsoft") for key in facts(read(extractor, text)[0]))


def test_names_are_joined_by_the_words_between_them(extractor: NlpExtractor) -> None:
    found = facts(read(extractor, "Ines Varga is a Norwegian chemist. Ada Lorne bought Bellwick Mill in Torsby.")[0])
    assert {"Ines Varga | is chemist | Norwegian", "Ada Lorne | bought mill in | Torsby"} <= set(found)


def test_a_pronoun_without_a_name_may_stand_for_the_person_of_the_title(extractor: NlpExtractor) -> None:
    text = "He sold the mill to Marrow & Finch. It lies in Torsby."
    chunks = chunk(Document("d:1", "a.md", "Tom Hale", text), 400, RuleSentences())
    reading = extractor(ExtractionInput(chunks, "Tom Hale (chemist)", ""))
    sold = facts(reading)["Tom Hale | sold | mill"]
    assert text[sold.evidence.start : sold.evidence.end].startswith("He sold")
    assert any(mention.name == "Tom Hale" for row in reading.extractions for mention in row.mentions)
    assert "Tom Hale | lies in | Torsby" not in facts(reading)
    place = facts(extractor(ExtractionInput(chunks, "Torsby", "")))
    assert not any(key.startswith("Torsby | sold") for key in place)


def test_his_and_her_join_as_he_and_she_do(extractor: NlpExtractor) -> None:
    found = facts(read(extractor, "Tom Hale lives in Torsby. His brother Bo Finch left Harrow Mill.")[0])
    assert any(fact.subject == "Tom Hale" and fact.object == "Bo Finch" for fact in found.values()), list(found)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("신채호는 대전에서 태어났다.", ["신채호", "대전"]),
        ("광주광역시의 인구가 늘었다고 전라남도가 밝혔다.", ["광주광역시", "전라남도"]),
        ("현대자동차와 카카오가 판교에 연구소를 지었다.", ["현대자동차", "카카오", "판교"]),
        ("여기가 바로 제주도입니다.", ["제주도"]),
        ("허난설헌이 쓴 시를 허균은 명나라로 보냈다.", ["허난설헌", "허균", "명나라"]),
    ],
)
def test_korean_names_lose_their_particles(extractor: NlpExtractor, text: str, names: list[str]) -> None:
    reading, passage = read(extractor, text)
    mentions = [mention for row in reading.extractions for mention in row.mentions]
    assert [mention.name for mention in mentions] == names
    for mention in mentions:
        assert passage.chunks[0].text[mention.evidence.start : mention.evidence.end] == mention.name


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Camille Claudel a travaillé à Paris avec un sculpteur.", "Camille Claudel | a travaillé à | Paris"),
        ("Gustave Courbet, né à Ornans, est un peintre du XIXe siècle.", "Gustave Courbet | né à | Ornans"),
        ("Rouen est la capitale de la Normandie.", "Rouen | est la capitale de | Normandie"),
        ("Michelin est dirigé par Florent Menegaux depuis la ville.", "Michelin | est dirigé par | Florent Menegaux"),
        ("Simone Veil a présidé le Parlement européen.", "Simone Veil | a présidé | Parlement européen"),
    ],
)
def test_french_is_read_by_its_own_parser(extractor: NlpExtractor, text: str, fact: str) -> None:
    assert fact in facts(read(extractor, text)[0])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("La ciudad de Lima es la capital del Perú.", {"Lima", "Perú"}),
        ("Die Stadt Bremen liegt an der Weser.", {"Stadt Bremen", "Weser"}),
        ("Roma è la capitale e si trova nel Lazio.", {"Roma", "Lazio"}),
        ("Zij woont in Utrecht en werkt bij de gemeente.", {"Utrecht"}),
        ("Hon är född i Lund och bor i Malmö.", {"Lund", "Malmö"}),
    ],
)
def test_a_short_sentence_in_another_language_states_nothing(
    extractor: NlpExtractor, text: str, names: set[str]
) -> None:
    reading, _ = read(extractor, text)
    assert facts(reading) == {}
    found = {mention.name for row in reading.extractions for mention in row.mentions}
    assert found == names


def test_what_french_denies_is_no_fact(extractor: NlpExtractor) -> None:
    assert facts(read(extractor, "Camille Claudel n'a pas fondé une société avec Michelin.")[0]) == {}
